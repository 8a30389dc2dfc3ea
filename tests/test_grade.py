"""wgan-grade: a right answer is found right, and whatever else a submission does spoils only its own row."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from write_student_copies import student_copy

from wgan_utils import grade

ROOT = Path(__file__).parents[1]
LINES = ROOT / "notebooks" / "01_compare_distributions.ipynb"
NAMES = ["my_total_variation", "my_kl_divergence", "my_js_divergence", "my_theta_step"]
SECONDS = 6


def solutions(path):
    """The solutions of a notebook by the name of the answer."""
    text = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "markdown")
    blocks = re.findall(r"<summary>Solution[^<]*</summary>.*?```python\n(.*?)```.*?</details>", text, flags=re.S)
    return {re.search(r"^def (my_\w+)", block, flags=re.M)[1]: block for block in blocks}


def filled(path, answers):
    """The student's copy of a notebook with answers in place of stubs, of 01 no stubs but NAMES."""
    copy = student_copy(nbformat.read(path, as_version=4))
    for cell in [*copy.cells]:
        if "exercise" in cell.metadata.get("tags", []):
            name = re.search(r"def (my_\w+)", cell.source)[1]
            cell.source = answers.get(name, cell.source)
            if path == LINES and name not in NAMES:
                copy.cells.remove(cell)
    return nbformat.writes(copy)


RIGHT = {name: solutions(LINES)[name] for name in NAMES}
ALL = "\n\n".join(RIGHT.values())
TV = RIGHT["my_total_variation"]
OTHERS = "\n\n".join(RIGHT[name] for name in NAMES[1:])


def instead(body, before=""):
    """All answers right but the first, which does something else."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    return f"import numpy as np\n{before}\n\ndef my_total_variation(p, q):\n{lines}\n\n{OTHERS}"


CHEAT = "import wgan_utils.checks as c, wgan_utils.checks.answer as a\n"
CHEAT += "for name in c.THEME_OF:\n    setattr(c, name, lambda f: 'correct')\n"
CHEAT += "a.judge = a._judge = lambda e, f: 'correct'\na.same = lambda *args: True\n"
COPIES = """import os, time
if not os.path.exists('copied'):
    open('copied', 'w').close()
    if not os.fork():
        time.sleep(600)
    copy = os.fork()
    if not copy:
        return 0
    os.waitpid(copy, 0)
return abs(p - q).sum() / 2"""
FLOOD = "import os\nfor n in range(3, 40):\n    try: os.write(n, b'x' * 9**6)\n    except OSError: pass\n"
FLOOD += "return abs(p - q).sum() / 2"
OLD = {
    "metadata": {},
    "nbformat": 3,
    "nbformat_minor": 0,
    "worksheets": [{"metadata": {}, "cells": [{"cell_type": "code", "input": ALL.splitlines(keepends=True)}]}],
}
MAGICS = nbformat.v4.new_notebook(
    cells=[
        nbformat.v4.new_code_cell(text) for text in ("%matplotlib inline\n!ls\n" + TV, "def my_kl_divergence(p, q:\n")
    ]
)

# Name of the file: what it holds, the verdict on its first answer, how many of the four are right, and what is wrong
# with the file as a whole; a pattern each.
SUBMISSIONS = {
    "right.ipynb": (filled(LINES, RIGHT), "correct", 4, ""),
    "right.py": (ALL, "correct", 4, ""),
    "half.ipynb": (filled(LINES, {name: RIGHT[name] for name in NAMES[:2]}), "correct", 2, ""),
    "untouched.ipynb": (filled(LINES, {}), "not attempted yet", 0, ""),
    "slip.py": (instead("return abs(p - q).sum()"), "the half is missing|twice|/ 2|half", 3, ""),
    "helper.py": (
        instead("return half(p, q)", "HALF = 0.5\ndef half(p, q): return HALF * np.abs(p - q).sum()"),
        "correct",
        4,
        "",
    ),
    "prints.py": ("print('correct')\n" + instead("print('correct')\nreturn 'correct'"), "expected numbers", 3, ""),
    "patches.py": (CHEAT + instead(CHEAT + "return 0"), "absolute values", 3, ""),
    "exits.py": ("import sys\nsys.exit(0)\n" + instead("import sys\nsys.exit(0)"), "SystemExit", 3, ""),
    "leaves.py": (instead("import os\nos._exit(0)"), "it ended the process", 3, ""),
    "endless.py": ("while True: pass\n" + instead("while True: pass"), f"no answer within {SECONDS} s", 3, ""),
    "forks.py": (
        instead(COPIES),
        "correct",
        4,
        "",
    ),
    "memory.py": (instead("np.zeros(2**30)\nreturn 0"), "MemoryError", 3, ""),
    "writes.py": (
        instead("open('grades.csv', 'w').write('correct')\nraise KeyboardInterrupt"),
        "KeyboardInterrupt",
        3,
        "",
    ),
    "import.py": (
        instead("return help_me(p, q)", "from nowhere import help_me"),
        "needs .* No module named 'nowhere'",
        3,
        "",
    ),
    "syntax.py": (ALL + "\ndef broken(:\n", "not found", 0, "not Python: SyntaxError"),
    "magics.ipynb": (nbformat.writes(MAGICS), "correct", 1, ""),
    "binary.ipynb": (bytes(range(256)) * 9, "not found", 0, "not a notebook"),
    "empty.ipynb": ("", "not found", 0, "an empty file"),
    "latin.py": (f"# é\n{ALL}".encode("latin-1"), "not found", 0, "not Python"),
    "old.ipynb": (json.dumps(OLD), "correct", 4, ""),
    "essay.pdf": ("%PDF", "not found", 0, "neither a notebook nor a .py file"),
    "floods.py": (instead(FLOOD), "correct", 4, ""),
    "deep.py": ("x = " + "-" * 200_000 + "1", "not found", 0, "not Python|ended the process"),
    "deep.ipynb": ("[" * 10**6, "not found", 0, "not a notebook|ended the process"),
}


def test_a_submission_spoils_only_its_own_row(tmp_path):
    (tmp_path / "submissions").mkdir()
    for name, (text, *_) in SUBMISSIONS.items():
        (tmp_path / "submissions" / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    (tmp_path / "assignment.ipynb").write_text(filled(LINES, {}), encoding="utf-8")
    before = sorted(tmp_path.rglob("*"))
    command = [sys.executable, "-m", "wgan_utils.grade", "submissions", "--assignment", "assignment.ipynb"]
    done = subprocess.run(
        [*command, "--into", "out", "--seconds", str(SECONDS)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and not done.stderr
    rows = {row["submission"]: row for row in json.loads((tmp_path / "out" / "grades.json").read_text("utf-8"))}
    assert list(rows) == sorted(SUBMISSIONS) and len(rows) >= 20
    for name, (_, first, n_right, problem) in SUBMISSIONS.items():
        row = rows[name]
        assert re.search(first, row[NAMES[0]]), row
        assert (row["correct"], row["of"]) == (n_right, 4), row
        assert re.search(problem, row["problem"]) and bool(problem) == bool(row["problem"]), row
        assert f"{name}: {row['correct']} of 4 correct" in done.stdout
    assert [path for path in sorted(tmp_path.rglob("*")) if "out" not in path.parts] == before


def grades(folder, files):
    """The status and the rows of a folder with these files, of which some may lie deeper."""
    for name, text in files.items():
        (folder / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "in" / name).write_text(text, encoding="utf-8")
    status = grade.main([str(folder / "in"), "--into", str(folder)])
    return status, json.loads((folder / "grades.json").read_text(encoding="utf-8"))


def test_of_a_folder_the_best_answer_counts_and_hidden_files_do_not(tmp_path):
    files = {"team/a.py": TV, "team/b.py": instead("return None"), "team/.ipynb_checkpoints/c.py": "("}
    status, (row,) = grades(tmp_path, files)
    assert status == 0 and row["submission"] == "team" and row["correct"] == 4 and not row["problem"]


OTHER_CELLS = [
    "def count():\n    n = 1\n    global n",
    "def f(a, a):\n    pass",
    "my_total_variation?",
    "my_total_variation is half of the sum, because ...",
    "def my_total_variation(p, q):\n    return abs(p - q",
]


@pytest.mark.parametrize("cell", OTHER_CELLS)
def test_a_cell_that_is_no_python_costs_no_other_cell_its_mark(cell, tmp_path):
    cells = [nbformat.v4.new_code_cell(source) for source in (cell, TV)]
    status, (row,) = grades(tmp_path, {"a.ipynb": nbformat.writes(nbformat.v4.new_notebook(cells=cells))})
    assert status == 0 and row["correct"] == 1 and not row["problem"]


def test_an_answer_is_judged_with_what_stood_there_when_it_was_checked(tmp_path):
    cells = [
        "half = {'a': 3}\nhalf['a'] = .5\ndef add(x): return x.sum()",
        "my_total_variation?\ndef my_total_variation(p, q):\n    display(p)\n    return half['a'] * add(abs(p - q))",
        "print(check_total_variation(my_total_variation))",
        "half = 3\ndef add(x): return 7",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in cells]
    _, (row,) = grades(tmp_path, {"a.ipynb": nbformat.writes(nbformat.v4.new_notebook(cells=cells))})
    assert row["my_total_variation"] == "correct"


def test_grades_are_written_row_by_row(tmp_path, monkeypatch):
    for name in ("a.py", "b.py", "grades.smith.py"):
        (tmp_path / name).write_text(TV)

    def grade_one(entry, seconds):
        if entry.name == "b.py":
            raise KeyboardInterrupt
        return grade.Row(entry.name, {NAMES[0]: "correct"}, "")

    monkeypatch.setattr(grade, "grade", grade_one)
    with pytest.raises(KeyboardInterrupt):
        grade.main([str(tmp_path), "--into", str(tmp_path / "grades")])
    assert [row["submission"] for row in json.loads((tmp_path / "grades" / "grades.json").read_text())] == ["a.py"]
    (tmp_path / "b.py").unlink()
    assert grade.main([str(tmp_path), "--into", str(tmp_path / "grades")]) == 0
    names = [row["submission"] for row in json.loads((tmp_path / "grades" / "grades.json").read_text())]
    assert names == ["a.py", "grades.smith.py"]


def test_the_csv_says_what_the_json_says_and_holds_no_formula(tmp_path):
    status, rows = grades(tmp_path, {"=HYPERLINK(1).py": TV, "b.py": "1"})
    assert status == 1 and [row["correct"] for row in rows] == [1, 0]
    with open(tmp_path / "grades.csv", encoding="utf-8-sig", newline="") as file:
        found = list(csv.DictReader(file))
    assert found[0].pop("submission") == "'=HYPERLINK(1).py"
    assert found == [{k: str(v) for k, v in row.items() if k != "submission" or v == "b.py"} for row in rows]


def test_a_module_beside_the_submissions_is_not_imported(tmp_path, monkeypatch):
    (tmp_path / "numpy.py").write_text("raise SystemExit('taken')")
    (tmp_path / "a.py").write_text(TV)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert grade.grade_file(tmp_path / "a.py", SECONDS) == ({NAMES[0]: "correct"}, "")


def test_the_environment_of_the_caller_stays_unread(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_OF_CI", "12345")
    (tmp_path / "a.py").write_text(
        "import os\ndef my_epochs(*args):\n    raise ValueError([k for k in os.environ if k in 'HOME SECRET_OF_CI'])\n"
    )
    verdict = grade.grade_file(tmp_path / "a.py", SECONDS)[0]["my_epochs"]
    assert "HOME" in verdict and "SECRET_OF_CI" not in verdict


@pytest.mark.parametrize("number", ["00", "07", "10"])
def test_every_solution_of_a_notebook_with_torch_is_right(number, tmp_path, capsys):
    (path,) = (ROOT / "notebooks").glob(f"{number}*.ipynb")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / path.name).write_text(filled(path, solutions(path)), encoding="utf-8")
    assert grade.main([str(tmp_path / "in"), "--into", str(tmp_path)]) == 0, capsys.readouterr().out


def test_a_wrong_call_ends_in_one_sentence_and_status_2(tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.py").write_text("x = 1")
    for arguments, sentence in [
        (["nowhere"], "expected a folder of submissions, found nowhere"),
        ([str(tmp_path / "empty")], "found none"),
        ([str(tmp_path), "--seconds", "0"], "--seconds must be more than 0 and at most a day, 86400, found 0"),
        ([str(tmp_path), "--seconds", "inf"], "at most a day, 86400, found inf"),
        ([str(tmp_path), "--into", str(tmp_path / "a.py")], "--into"),
        ([str(tmp_path), "--assignment", str(tmp_path / "a.py")], "expected notebooks that ask for my_..."),
    ]:
        with pytest.raises(SystemExit) as stopped:
            grade.main(arguments)
        assert stopped.value.code == 2 and sentence in capsys.readouterr().err


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_the_answers_of_an_assignment_are_its_stubs(path):
    stubs = {
        n for c in nbformat.read(path, as_version=4).cells for n in re.findall(r"^def (my_\w+)", c.source, flags=re.M)
    }
    assert set(grade.answers_of(path)) == stubs & set(grade.ANSWERS)


def test_only_what_an_answer_needs_is_run():
    source = (
        "import a\nb = a.f\nb()\nx = c = 1\ndef d(x): return b + x\ndef my_epochs(x, y=c): return d(y)\ne.f = 2\nz = 3"
    )
    statements = grade.ast.parse(source).body
    kept = grade.needed("my_epochs", statements, [grade.names_in(statement) for statement in statements])
    assert [grade.ast.unparse(s).splitlines()[0] for s in kept] == [
        "import a",
        "b = a.f",
        "x = c = 1",
        "def d(x):",
        "def my_epochs(x, y=c):",
    ]
