"""Every notebook survives its users: each cell run twice in a row, from another folder, by papermill. Long."""

from pathlib import Path

import nbformat
import papermill
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_cell_runs_twice_in_a_row_in_another_folder_under_papermill(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    for index, cell in reversed(list(enumerate(notebook.cells))):
        if cell.cell_type == "code":
            again = nbformat.v4.new_code_cell(cell.source, metadata=cell.metadata)
            notebook.cells.insert(index + 1, again)
    nbformat.write(notebook, tmp_path / "twice.ipynb")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = tmp_path / "done.ipynb"
    papermill.execute_notebook(tmp_path / "twice.ipynb", done, cwd=elsewhere, kernel_name="python3", progress_bar=False)
    counts = [cell.execution_count for cell in nbformat.read(done, as_version=4).cells if cell.cell_type == "code"]
    assert counts == list(range(1, 1 + 2 * sum(cell.cell_type == "code" for cell in nbformat.read(path, 4).cells)))
    assert not list(elsewhere.iterdir())
