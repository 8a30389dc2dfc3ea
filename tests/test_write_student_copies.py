"""Students get no solution and no output, instructors get every solution."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The home of someone who says ~/course."""
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, ROOT / "tools" / "write_student_copies.py", "--into=~/course"]
    environment = {**os.environ, "HOME": str(home), "USERPROFILE": str(home)}
    subprocess.run(command, check=True, cwd=home, env=environment)
    assert [path.name for path in home.iterdir()] == ["course"]
    return home / "course"


def solutions(path):
    text = "\n\n".join(c.source for c in nbformat.read(path, as_version=4).cells if c.cell_type == "markdown")
    return re.findall(r"<summary>Solution[^<]*</summary>(.*?)</details>", text, flags=re.S)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_copy_has_every_cell_but_no_solution_and_no_output(folder, path):
    original, copy = nbformat.read(path, as_version=4), nbformat.read(folder / "student" / path.name, as_version=4)
    assert solutions(path) and not any("<summary>Solution" in cell.source for cell in copy.cells)
    code = [cell for cell in copy.cells if cell.cell_type == "code"]
    assert [cell.source for cell in code] == [c.source for c in original.cells if c.cell_type == "code"]
    assert not any(cell.outputs or cell.execution_count for cell in code)
    assert [c.metadata for c in code] == [c.metadata for c in original.cells if c.cell_type == "code"]
    text = "".join(cell.source for cell in copy.cells if cell.cell_type == "markdown")
    for cell in original.cells:
        if cell.cell_type == "markdown" and "<summary>Solution" not in cell.source:
            assert cell.source.strip() in text


def test_the_key_has_every_solution(folder):
    key = (folder / "instructor_key.md").read_text(encoding="utf-8")
    for path in NOTEBOOKS:
        assert nbformat.read(path, as_version=4).cells[0].source.splitlines()[0] in key
        for solution in solutions(path):
            assert solution.strip() in key
    assert key.count("> Solution\n") == sum(len(solutions(path)) for path in NOTEBOOKS)
