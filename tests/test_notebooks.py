"""The promises the notebooks make: what they show is what we ship, cells can be copied, outputs are from a real run.

That the notebooks run, and print what they show, is nbval's part: make test
"""

import ast
import builtins
import itertools
import re
import shutil
import subprocess
import symtable
import sys
from pathlib import Path

import nbformat
import pytest
from IPython.core.inputtransformer2 import TransformerManager

from wgan_utils import checks

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
DEFS = (ast.FunctionDef, ast.ClassDef)
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4).cells


def tagged(path, tag):
    return [cell for cell in read(path) if tag in cell.metadata.get("tags", [])]


def code_cells(path):
    """Source of each code cell as plain Python (IPython turns % and ! lines into calls)."""
    for cell in read(path):
        if cell.cell_type == "code":
            yield TransformerManager().transform_cell(cell.source)


def is_guard(statement):
    """`if ...: raise ...`, or nothing but calls of private helpers, as in `p, q = _checked_pair(p, q)`."""
    if isinstance(statement, ast.If):
        return len(statement.body) == 1 and isinstance(statement.body[0], ast.Raise) and not statement.orelse
    calls = getattr(statement, "value", None) if isinstance(statement, ast.Assign | ast.Expr) else None
    return all(
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id.startswith("_")
        for call in (calls.elts if isinstance(calls, ast.Tuple) else [calls])
    )


def comparable(node):
    """The definition with its docstring cut to the first line, and without guards, which a page may leave out."""
    node = ast.parse(ast.unparse(node)).body[0]
    if isinstance(node, ast.FunctionDef):
        node.body = [statement for statement in node.body if not is_guard(statement)] or [ast.Pass()]
    if doc := ast.get_docstring(node):
        node.body[0] = ast.Expr(ast.Constant(doc.splitlines()[0]))
    return ast.unparse(node)


SHIPPED = {
    node.name: comparable(node)
    for path in (ROOT / "wgan_utils").glob("*.py")
    for node in ast.parse(path.read_text()).body
    if isinstance(node, DEFS)
}


@every_notebook
def test_same_name_means_same_code(path):
    for source in code_cells(path):
        for node in ast.parse(source).body:
            if isinstance(node, DEFS) and node.name in SHIPPED:
                assert comparable(node) == SHIPPED[node.name], f"{node.name} differs from wgan_utils"


def test_one_name_means_one_thing_across_the_notebooks():
    found = {}
    for path in NOTEBOOKS:
        for source in code_cells(path):
            for node in ast.parse(source).body:
                if isinstance(node, DEFS) and not node.name.startswith("my_"):
                    found.setdefault(node.name, {}).setdefault(comparable(node), set()).add(path.stem[:2])
    several = {name: sorted(map(sorted, codes.values())) for name, codes in found.items() if len(codes) > 1}
    assert not several


def n_words(prose):
    """Words to be read in one go: a formula counts as one, and a table is looked up, not read."""
    lines = [line for line in prose.splitlines() if not line.startswith("|")]
    return len(re.sub(r"\$\$.+?\$\$|\$.+?\$", "formula", " ".join(lines)).split())


@every_notebook
def test_code_fits_the_page_and_prose_comes_in_small_pieces(path):
    for cell in read(path):
        if cell.cell_type == "code":
            assert max(map(len, cell.source.splitlines())) <= 88, cell.source
        else:
            assert n_words(cell.source) <= 120, f"{n_words(cell.source)} words:\n{cell.source}"


def assigned(tree):
    return {n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}


def globals_read(source):
    """Names that the functions defined in this cell read from outside themselves."""

    def inside(table):
        for child in table.get_children():
            yield from (s.get_name() for s in child.get_symbols() if s.is_global() and s.is_referenced())
            yield from inside(child)

    return set(inside(symtable.symtable(source, "cell", "exec")))


@every_notebook
def test_definitions_read_no_notebook_variables(path):
    trees = {source: ast.parse(source) for source in code_cells(path)}
    variables = set().union(*(assigned(tree) for tree in trees.values())) - set(dir(builtins))
    imported = {
        alias.asname or alias.name.split(".")[0]
        for tree in trees.values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    for source, tree in trees.items():
        if any(isinstance(node, DEFS) for node in tree.body):
            hidden = (globals_read(source) & variables) - imported
            assert not hidden, f"{path.name}: pass {sorted(hidden)} as arguments\n{source}"


@every_notebook
def test_every_cell_was_executed_in_order_by_one_kernel(path):
    counts = [cell.execution_count for cell in read(path) if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert any(cell.get("outputs") for cell in read(path)), "a stripped notebook passes nbval and checks nothing"


@every_notebook
def test_outputs_hold_no_error_warning_path_or_timestamp(path):
    for cell in read(path):
        assert "execution" not in cell.metadata
        for output in cell.get("outputs", []):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output
            texts = [output.get("text", ""), *map(str, output.get("data", {}).values())]
            texts = [re.sub(r"base64,[\w+/=]+", "", text) for text in texts if not text.startswith("iVBOR")]
            for text in texts:
                assert not re.search(r"warning", text, flags=re.I), text
                assert not re.search(r"(?<![\w.:])/(?:[\w.-]+/)+|[A-Z]:\\|0x[0-9a-f]{6}", text), text


@every_notebook
def test_no_cell_is_empty_or_holds_a_leftover_of_editing(path):
    for cell in read(path):
        assert cell.source.strip() and not re.search(r"@@|%% |\bTODO\b", cell.source), cell.source


@every_notebook
def test_size_stays_under_a_megabyte(path):
    assert path.stat().st_size < 1_000_000


@every_notebook
def test_every_figure_has_alt_text(path):
    for cell in read(path):
        if any("image/png" in output.get("data", {}) for output in cell.get("outputs", [])):
            assert len(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")) > 30, cell.source


def opening(path):
    return next(iter(read(path))).source


@every_notebook
def test_opening_says_what_you_will_do_learn_and_need(path):
    text = opening(path)
    assert re.match(rf"# {int(path.stem[:2])} · \S", text)
    assert all(f"**What you'll {verb}.**" in text for verb in ("do", "learn", "need"))
    assert re.search(r"\d+ (?:s|seconds) on two CPU cores", text)


@every_notebook
def test_closing_has_its_parts(path):
    text = "\n".join(cell.source for cell in read(path) if cell.cell_type == "markdown")
    assert all(re.search(rf"(?:## |\*\*){part}", text) for part in ("Exercise", "In short", "Next", "Sources"))


def test_each_notebook_leads_to_the_one_before_and_the_one_after():
    title = {path.name: opening(path).splitlines()[0].removeprefix("# ") for path in NOTEBOOKS}
    links = {name: f"[{text}]({name})" for name, text in title.items()}
    for before, after in itertools.pairwise(NOTEBOOKS):
        assert f"**Next:** {links[after.name]}" in "\n".join(cell.source for cell in read(before))
        assert f"**Previous:** {links[before.name]}" in "\n".join(cell.source for cell in read(after))


@every_notebook
def test_links_to_other_notebooks_lead_somewhere(path):
    text = "\n".join(cell.source for cell in read(path) if cell.cell_type == "markdown")
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (path.parent / link).exists(), link


@every_notebook
def test_setup_cell_is_short_and_the_same_everywhere(path):
    first = next(cell for cell in read(path) if cell.cell_type == "code").source
    others = {next(cell for cell in read(other) if cell.cell_type == "code").source for other in NOTEBOOKS}
    assert others == {first}
    assert (
        "WGAN_UTILS_SOURCE" in first and len(first.split("\n")) - first.count("\n\n") <= 6
    )  # the formatter's blank line


def names_defined(source):
    return [node.name for node in ast.parse(source).body if isinstance(node, DEFS)]


def run_alone(code, folder):
    """Run code in that folder by a Python that finds no wgan_utils; return what it wrote to stderr."""
    lone = f"import glob, runpy, sys\nsys.modules['wgan_utils'] = None  # an import of it fails\n{code}"
    run = subprocess.run([sys.executable, "-I", "-c", lone], cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stderr


@every_notebook
def test_cells_to_copy_run_alone_in_an_empty_folder(path, tmp_path):
    cells = tagged(path, "copy")
    assert cells or path.stem.startswith("00")
    for number, cell in enumerate(cells):
        assert cell.source.startswith(("import ", "from ")), cell.source
        assert names_defined(cell.source), cell.source
        assert re.search(r"# .*(?:arXiv:\d{4}\.\d{4,5}|doi:10\.)", cell.source), f"name the source:\n{cell.source}"
        kind = "program" if "program" in cell.metadata["tags"] else "cell"
        (tmp_path / f"{kind}_{number}.py").write_text(cell.source + "\n")
    run_alone("for name in sorted(glob.glob('cell_*.py')): runpy.run_path(name)", tmp_path)
    if cells:
        command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "F821", "."]
        subprocess.run(command, cwd=tmp_path, check=True)


PROGRAMS = [(path, cell.source) for path in NOTEBOOKS for cell in tagged(path, "program")]
every_program = pytest.mark.parametrize(("path", "source"), PROGRAMS, ids=[path.stem for path, _ in PROGRAMS])
FEW_STEPS = """
import math, matplotlib
matplotlib.use("agg")
left = runpy.run_path("program.py")
assert len(left["estimates"]) == 2 and all(map(math.isfinite, left["estimates"])), left["estimates"]
(image,) = left["plt"].gca().images
assert image.get_array().shape == (280, 280) and image.get_array().std() > 0
"""
NO_NETWORK = """
import socket
def refuse(*args, **kwargs): raise OSError("no network")
socket.getaddrinfo = refuse
try:
    runpy.run_path("program.py")
except RuntimeError as error:
    print(error, file=sys.stderr)
"""


@every_program
def test_a_program_to_copy_has_some_sixty_lines_and_needs_only_torch_torchvision_and_matplotlib(path, source):
    assert "copy" in next(cell for cell in read(path) if cell.source == source).metadata["tags"]
    assert len(source.splitlines()) <= 66
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {getattr(node, "module", None) or alias.name for node in nodes for alias in node.names}
    assert {name.split(".")[0] for name in names} <= {"torch", "torchvision", "matplotlib", *sys.stdlib_module_names}


@every_program
def test_a_program_to_copy_trains_and_draws_in_a_folder_that_holds_the_data_alone(path, source, tmp_path):
    few, count = re.subn(r"^n_steps = \d+$", "n_steps = 2", source, flags=re.M)
    assert count == 1
    (tmp_path / "program.py").write_text(few)
    (tmp_path / "data" / "MNIST" / "raw").mkdir(parents=True)
    for packed in (ROOT / "data" / "MNIST" / "raw").glob("*.gz"):
        shutil.copy(packed, tmp_path / "data" / "MNIST" / "raw")
    run_alone(FEW_STEPS, tmp_path)


@every_program
def test_a_program_to_copy_says_what_is_missing_when_there_is_neither_data_nor_network(path, source, tmp_path):
    (tmp_path / "program.py").write_text(source)
    assert "Error downloading train-images-idx3-ubyte.gz" in run_alone(NO_NETWORK, tmp_path)


def solution(path, name):
    """The code of the solution: the first ```python block in <details> that defines the name."""
    for cell in read(path):
        for block in re.findall(r"<details>.*?```python\n(.*?)```.*?</details>", cell.source, flags=re.S):
            if name in names_defined(block):
                return block
    raise AssertionError(f"no solution defines {name}")


@every_notebook
def test_exercises_wait_for_an_answer_and_their_solutions_are_correct(path):
    stubs = tagged(path, "exercise")
    assert stubs
    for cell in stubs:
        (name,) = names_defined(cell.source)
        assert name.startswith("my_")
        check = getattr(checks, f"check_{name.removeprefix('my_')}")
        for source, expected in [(cell.source, "not attempted yet"), (solution(path, name), "correct")]:
            namespace = {}
            exec(source, namespace)
            assert check(namespace[name]) == expected
