"""Write the notebooks as students get them, without solutions and outputs, and an instructor key with the solutions.

python tools/write_student_copies.py --into build    # build/student/*.ipynb and build/instructor_key.md
"""

import argparse
import re
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
SOLUTION = re.compile(r"<details><summary>Solution[^<]*</summary>\s*(.*?)\s*</details>\s*", flags=re.DOTALL)
TASK = re.compile(r"^(?=\*\*(?:Exercise )?\d+\.\*\* |## Exercise$)", flags=re.MULTILINE)


def student_copy(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The notebook without solutions, outputs and counts; a cell that held a solution alone is left out."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        else:
            cell.source = SOLUTION.sub("", cell.source).strip()
    copy.cells = [cell for cell in copy.cells if cell.source]
    return copy


def key(notebook: nbformat.NotebookNode) -> str:
    """Title of the notebook, then each task with its solution, whether it stands in the text or at the end."""
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    title = text.splitlines()[0]
    parts = SOLUTION.split(text)  # what leads to a task, and the task; its solution; and so on; what follows the last
    pairs = [(TASK.split(lead)[-1].strip(), solution) for lead, solution in zip(parts[::2], parts[1::2], strict=False)]
    return f"{title}\n\n" + "\n\n".join(f"{task}\n\n> Solution\n\n{solution}" for task, solution in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--into", type=Path, required=True, help="folder to write to")
    into = parser.parse_args().into.expanduser()
    (into / "student").mkdir(parents=True, exist_ok=True)
    keys = []
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        nbformat.write(student_copy(notebook), into / "student" / path.name)
        keys.append(key(notebook))
    (into / "instructor_key.md").write_text("\n\n".join(keys) + "\n", encoding="utf-8")
    print(f"{len(keys)} notebooks in {into / 'student'}, the key in {into / 'instructor_key.md'}")


if __name__ == "__main__":
    main()
