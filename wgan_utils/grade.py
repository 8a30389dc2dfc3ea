"""``wgan-grade``: the verdicts of the checks on a folder of submissions, as a table.

    wgan-grade submissions --assignment build/student/01_compare_distributions.ipynb --into grades

A submission is a notebook, a .py file, or a folder of these; only what an answer ``my_...`` needs is run of it, in
processes of its own in an empty folder, with a limit of time, memory and file size. An answer that never ends or takes
its process down is named, and the others are still judged. So one submission does not spoil another's row. It is no
sandbox: the process may read, write and connect as its user may, and one that sets out to deceive can forge its own
verdicts. Grade strangers' code in a container, and read what you grade.

Writes grades.csv and grades.json. Exit status: 0 when every answer is correct, 1 when one is not, 2 on bad input.
"""

import argparse
import ast
import contextlib
import csv
import io
import json
import os
import queue
import re
import secrets
import signal
import subprocess
import symtable
import sys
import tempfile
import threading
import tokenize
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from wgan_utils import checks

CORRECT, NOT_YET, MISSING = "correct", "not attempted yet", "not found"
ANSWERS = [f"my_{name}" for names in checks.THEMES.values() for name in names]
WRITTEN = ("grades.csv", "grades.json")
MEGABYTE = 2**20
START_SECONDS = 60  # to start Python and to import PyTorch, on a slow machine
CHILD = """import json, sys
sys.path[:] = json.loads(sys.stdin.readline())
from wgan_utils.grade import work
work(json.loads(sys.stdin.readline()))"""


# --- Reading a submission: in its own process, since a file may be made to upset whoever reads it ------------------


def cells_of(data: bytes) -> list[str]:
    """The code cells of a notebook, of nbformat 3 or 4."""
    try:
        notebook = json.loads(data)
        cells = [c for sheet in notebook.get("worksheets", [notebook]) for c in sheet["cells"]]
        sources = [cell.get("source", cell.get("input", "")) for cell in cells if cell["cell_type"] == "code"]
        return ["".join(source) for source in sources]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a notebook: {first_line(error)}") from error


def parsed(cell: str) -> list[ast.stmt]:
    """The statements of a cell; lines for IPython alone (%, !, a name with ?) stand for nothing."""
    try:
        return understood(ast.parse(cell))
    except SyntaxError:
        for_ipython = r"^(\s*)(?:[%!?].*|[\w.]+\?\??\s*)$"
        return understood(ast.parse(re.sub(for_ipython, r"\1pass", cell, flags=re.M)))


def understood(module: ast.Module) -> list[ast.stmt]:
    """Its statements, or a SyntaxError that parsing does not find: two arguments of one name, say."""
    for statement in module.body:
        names_in(statement)
    return module.body


def statements_of(path: Path) -> tuple[list[ast.stmt], dict[str, str]]:
    """The statements of a submission in order, and what is wrong with answers in cells that are no Python.

    Raises:
        ValueError: the file is no notebook, or no Python.
    """
    if path.stat().st_size > 50 * MEGABYTE:
        raise ValueError(f"expected at most 50 MB, found {path.stat().st_size / MEGABYTE:.0f}")
    data = path.read_bytes()
    if not data.strip():
        raise ValueError("an empty file")
    if path.suffix == ".py":
        try:
            encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
            return parsed(data.decode(encoding)), {}
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise ValueError(f"not Python: {about(error)}") from error
    statements, broken = [], {}
    for cell in cells_of(data):
        try:
            statements += parsed(cell)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            for name in re.findall(r"^(?:def\s+)?(my_\w+)", cell, flags=re.M):
                broken[name] = f"its cell is not Python: {about(error)}"
    return statements, broken


def names_in(statement: ast.stmt) -> tuple[set[str], set[str]]:
    """The global names that a statement binds, or sets a part of, and those that it reads, in its functions too."""
    binds, reads = set(), set()

    def visit(table: symtable.SymbolTable, top: bool) -> None:
        for symbol in table.get_symbols():
            if top and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
                binds.add(symbol.get_name())
            if symbol.is_referenced() and (top or symbol.is_global()):
                reads.add(symbol.get_name())
        for child in table.get_children():
            visit(child, False)

    visit(symtable.symtable(ast.unparse(statement), "submission", "exec"), True)
    for target in getattr(statement, "targets", []):
        while isinstance(target, ast.Subscript | ast.Attribute):
            target = target.value
        if isinstance(target, ast.Name):
            binds.add(target.id)
    return binds, reads


def needed(name: str, statements: list[ast.stmt], names: list[tuple[set[str], set[str]]]) -> list[ast.stmt]:
    """The statements that bind a name, and those that bind what these need; nothing else of the submission is run.

    What comes after the answer and its check binds no name anew: the check did not see it.
    """
    bound = [k for k, (binds, _) in enumerate(names) if name in binds]
    checked = [k for k, (_, reads) in enumerate(names) if {name, f"check_{name.removeprefix('my_')}"} <= reads]
    last = max(bound + checked) if checked else len(names)
    before = set().union(*(binds for binds, _ in names[: last + 1]))
    makes = [binds if k <= last else binds - before for k, (binds, _) in enumerate(names)]
    wanted, kept = {name}, set()
    while more := {k for k, binds in enumerate(makes) if binds & wanted and k not in kept}:
        kept |= more
        wanted = set().union(*(names[k][1] for k in more))
    stars = {k for k, s in enumerate(statements) if isinstance(s, ast.ImportFrom) and s.names[0].name == "*"}
    return [statements[k] for k in sorted(kept | stars)]


# --- Judging: in the submission's process ------------------------------------------------------------------------


def first_line(error: BaseException) -> str:
    """What an error says, or its kind when it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def about(error: BaseException) -> str:
    """Kind and text of an error, in one line."""
    return f"{type(error).__name__}: {first_line(error)}"


def judge(name: str, check: Callable[[object], str], statements: list[ast.stmt]) -> str:
    """The verdict on one answer, made anew from the statements that it needs."""
    namespace = {"__name__": "submission", "display": lambda *_, **__: None}
    for statement in statements:
        try:
            exec(compile(ast.Module([statement], []), "submission", "exec"), namespace)
        except BaseException as error:
            if not (isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"):
                return f"what it needs cannot be made: {about(error)}"
    try:
        return check(namespace[name]) if name in namespace else MISSING
    except BaseException as error:  # KeyboardInterrupt, which the checks let pass
        return f"your function raised {about(error)}"


def limit_this_process(seconds: int) -> None:
    """Bounds that the operating system holds, where it has them; what the process starts inherits them."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return
    wanted = {"RLIMIT_DATA": 4096 * MEGABYTE, "RLIMIT_FSIZE": 64 * MEGABYTE, "RLIMIT_CORE": 0, "RLIMIT_CPU": seconds}
    for name, most in wanted.items():
        with contextlib.suppress(ValueError, OSError):  # a lower limit is set already, or this system knows none
            resource.setrlimit(getattr(resource, name), (most, most))


def one_line(text: str) -> str:
    """The text as one printable line of at most 300 characters."""
    line = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return line if len(line) <= 300 else f"{line[:297]}..."


def work(job: dict) -> None:
    """What the process of a submission does: it says with which answer it starts, and each verdict."""
    mine, out = os.getpid(), os.dup(1)
    with open(os.devnull, "r+b") as nothing:
        for number in (0, 1, 2):
            os.dup2(nothing.fileno(), number)

    def say(*words: str) -> None:
        if os.getpid() == mine:  # not in a copy that the submission makes of itself
            os.write(out, f"\n{job['secret']} {json.dumps(words)}\n".encode())

    limit_this_process(job["cpu_seconds"])
    try:
        statements, broken = statements_of(Path(job["file"]))
        names = [names_in(statement) for statement in statements]
    except (ValueError, SyntaxError, RecursionError, MemoryError, OSError) as error:
        say("problem", "", one_line(first_line(error)))
        os._exit(0)
    found = set(broken).union(*(binds for binds, _ in names))
    left = [name for name in ANSWERS if name in found and name not in job["known"]]
    check_of = {name: getattr(checks, f"check_{name.removeprefix('my_')}") for name in left}
    # Whatever the submission imports of the package, and overwrites, it is another copy than the one that judges it.
    aside = [sys.modules.pop(name) for name in list(sys.modules) if name.partition(".")[0] == "wgan_utils"]
    for name in left:
        say("start", name, "")
        verdict = judge(name, check_of[name], needed(name, statements, names))
        say("verdict", name, one_line(verdict if is_correct(verdict) else broken.get(name, verdict)))
    say("done", "", f"{len(aside)} modules")
    os._exit(0)  # threads that the submission left behind do not keep the process


# --- Watching: in the process that keeps the table ---------------------------------------------------------------


def said_by(process: subprocess.Popen, secret: str, seconds: float) -> Iterator[list[str]]:
    """What the process says, three words at a time; the last is "done", "problem", "ended" or "late"."""
    lines: queue.Queue = queue.Queue()

    def read() -> None:
        with process.stdout:
            for line in iter(lambda: process.stdout.readline(MEGABYTE), b""):
                if line.startswith(f"{secret} ".encode()):
                    with contextlib.suppress(ValueError, RecursionError):
                        words = json.loads(line[len(secret) :])
                        if isinstance(words, list) and len(words) == 3 and all(isinstance(w, str) for w in words):
                            lines.put(words)

    def watch() -> None:
        process.wait()
        reader.join(1)  # what it still said; no longer, since a copy of the process may hold the pipe open
        lines.put(["ended", "", ""])

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    threading.Thread(target=watch, daemon=True).start()
    wait, words = START_SECONDS + seconds, [""]
    while words[0] not in ("done", "problem", "ended", "late"):
        try:
            words = lines.get(timeout=wait)
        except queue.Empty:
            words = ["late", "", ""]
        wait = seconds
        yield words


def stop(process: subprocess.Popen) -> None:
    """End the process and, where the operating system keeps them together, what it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()
    process.wait()
    process.stdin.close()


def search_path() -> list[str]:
    """Where a judging process finds modules: as this one does, but in no folder from which it was called."""
    package = str(Path(__file__).resolve().parents[1])
    others = [str(Path(place).resolve()) for place in sys.path if place]
    return [package, *(place for place in others if place not in (package, os.getcwd()))]


def grade_file(file: Path, seconds: float) -> tuple[dict[str, str], str]:
    """The verdicts on a file by answer, and what is wrong with the file as a whole."""
    verdicts: dict[str, str] = {}
    while True:  # once, and once more for the answers that are left when one took the process down
        secret, running, problem = secrets.token_hex(16), "", ""
        job = {"file": str(file.resolve()), "known": sorted(verdicts), "secret": secret}
        job["cpu_seconds"] = int(START_SECONDS + (seconds + 1) * len(ANSWERS))
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as empty:
            kept = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG")
            settings = {name: os.environ[name] for name in kept if name in os.environ}  # and no secret of a CI
            settings |= {name: empty for name in ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP")}
            settings |= {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg"}
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
            command = [sys.executable, "-c", CHILD]
            process = subprocess.Popen(command, cwd=empty, env=settings, start_new_session=True, **pipes)
            try:
                process.stdin.write(f"{json.dumps(search_path())}\n{json.dumps(job)}\n".encode())
                process.stdin.flush()
                for kind, name, text in said_by(process, secret, seconds):
                    if kind == "start":
                        running = name
                    elif kind == "verdict" and name in ANSWERS:
                        verdicts[name], running = one_line(text), ""
                    elif kind == "problem":
                        problem = one_line(text)
            finally:
                stop(process)
        ending = {"late": f"no answer within {seconds:g} s", "ended": "it ended the process"}.get(kind, "")
        if not running or running in verdicts:
            return verdicts, problem or ending
        verdicts[running] = ending


class Row(NamedTuple):
    """A submission: its name, the verdict on each answer, and what is wrong with its files."""

    submission: str
    verdicts: dict[str, str]
    problem: str


def rank(verdict: str) -> int:
    """The better of two verdicts on the same answer has the lower rank."""
    return 0 if is_correct(verdict) else {NOT_YET: 2, MISSING: 3}.get(verdict, 1)


def is_correct(verdict: str) -> bool:
    """Whether the answer is right; the check may add a sentence."""
    return verdict == CORRECT or verdict.startswith(f"{CORRECT}: ")


def files_of(entry: Path) -> list[Path]:
    """The notebooks and .py files of a submission; what is hidden, or left by an archive, is none of it."""
    files = sorted(entry.rglob("*")) if entry.is_dir() else [entry]
    seen = [f for f in files if not any(part.startswith((".", "__")) for part in f.relative_to(entry.parent).parts)]
    return [file for file in seen if file.suffix in (".ipynb", ".py") and file.is_file()]


def grade(entry: Path, seconds: float) -> Row:
    """The row of a submission; of several files with one answer, the best counts."""
    verdicts: dict[str, str] = {}
    problems = [] if files_of(entry) else ["neither a notebook nor a .py file"]
    for file in files_of(entry):
        found, problem = grade_file(file, seconds)
        for name, verdict in found.items():
            verdicts[name] = min(verdicts.get(name, MISSING), verdict, key=rank)
        if problem:
            problems.append(f"{file.relative_to(entry)}: {problem}" if entry.is_dir() else problem)
    return Row(one_line(entry.name), verdicts, one_line("; ".join(problems)))


def answers_of(assignment: Path) -> list[str]:
    """The answers that a notebook asks for, or a folder of notebooks; they are read, not run."""
    statements = [statement for file in files_of(assignment) for statement in statements_of(file)[0]]
    binds = set().union(*(names_in(statement)[0] for statement in statements))
    if not binds & set(ANSWERS):
        raise ValueError(f"expected notebooks that ask for my_..., found none in {assignment}")
    return [name for name in ANSWERS if name in binds]


def table(rows: list[Row], answers: list[str]) -> list[dict[str, object]]:
    """A dictionary for each submission, one entry a column."""
    columns = []
    for row in rows:
        verdicts = {name: row.verdicts.get(name, MISSING) for name in answers}
        right = sum(map(is_correct, verdicts.values()))
        head = {"submission": row.submission, "correct": right, "of": len(answers), "problem": row.problem}
        columns.append(head | verdicts)
    return columns


def cell(value: object) -> object:
    """The value for a spreadsheet, which must not take a name for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@")) else value


def write(rows: list[dict[str, object]], into: Path) -> None:
    """Write grades.csv and grades.json."""
    with open(into / "grades.csv", "w", newline="", encoding="utf-8-sig") as file:  # so that Excel sees the encoding
        writer = csv.writer(file)
        writer.writerow(rows[0])
        writer.writerows([cell(value) for value in row.values()] for row in rows)
    text = json.dumps(rows, indent=1, ensure_ascii=False)
    (into / "grades.json").write_text(text + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser("wgan-grade", description="Judge a folder of submissions by the course's checks.")
    parser.add_argument("folder", type=Path, help="its notebooks, .py files and folders are the submissions")
    parser.add_argument(
        "--assignment", type=Path, help="notebook, or folder, whose answers are asked for (default: all)"
    )
    parser.add_argument("--seconds", type=float, default=30, help="time for one answer (default: 30)")
    parser.add_argument(
        "--into", type=Path, default=Path("."), help="folder for grades.csv and grades.json (default: .)"
    )
    args = parser.parse_args(arguments)
    if not args.folder.is_dir():
        parser.error(f"expected a folder of submissions, found {args.folder}")
    if not 0 < args.seconds <= 86_400:
        parser.error(f"--seconds must be more than 0 and at most a day, 86400, found {args.seconds:g}")
    names = [e.name for e in sorted(args.folder.iterdir()) if (args.folder / e.name).resolve() != args.into.resolve()]
    entries = [args.folder / name for name in names if not name.startswith((".", "__")) and name not in WRITTEN]
    if not entries:
        parser.error(f"expected submissions in {args.folder}, found none")
    try:
        answers = answers_of(args.assignment) if args.assignment else []
    except (OSError, ValueError) as error:
        parser.error(f"--assignment {args.assignment}: {first_line(error)}")
    try:
        args.into.mkdir(parents=True, exist_ok=True)  # before the work, so that its grades have a place
        for name in WRITTEN:
            (args.into / name).open("a").close()
    except OSError as error:
        parser.error(f"--into {args.into}: {first_line(error)}")
    sys.stdout.reconfigure(errors="replace")
    rows = []
    for entry in entries:
        rows.append(grade(entry, args.seconds))
        asked = answers or [name for name in ANSWERS if any(name in row.verdicts for row in rows)]
        written = table(rows, asked)
        write(written, args.into)  # each time, so that a run broken off keeps its grades
        shown = table(rows[-1:], answers or [name for name in ANSWERS if name in rows[-1].verdicts])[0]
        of = "of {of} correct" if answers else "correct, of {of} found"
        print(f"{{submission}}: {{correct}} {of}{{0}}".format(shown["problem"] and f"; {shown['problem']}", **shown))
        for name in list(shown)[4:]:
            if not is_correct(shown[name]):
                print(f"  {name}: {shown[name]}", flush=True)
    return 0 if asked and all(row["correct"] == row["of"] for row in written) else 1


if __name__ == "__main__":
    sys.exit(main())
