"""Prepare what runs in the reader's browser: build/lite, which `jupyter lite build` turns into build/site/lite.

    python docs/lite.py

The notebooks of theory come with a wheel of the helper files that they need, which import no torch; Python, numpy,
scipy and matplotlib come from Pyodide's own address when a reader opens one.
"""

import base64
import hashlib
import re
import shutil
import zipfile
from pathlib import Path

import nbformat
from pages import IN_BROWSER, PROJECT, REPOSITORY, ROOT

HELPERS = ("__init__.py", "distances.py", "transport.py", "plots.py", "checks/*.py")


def lite_notebooks(root: Path) -> list[Path]:
    """The notebooks that run in the browser."""
    return [path for path in sorted((root / "notebooks").glob("*.ipynb")) if path.name.startswith(IN_BROWSER)]


def write_wheel(root: Path, into: Path) -> Path:
    """The helper files as a wheel that asks for numpy, scipy, matplotlib and pillow alone."""
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for pattern in HELPERS
        for path in sorted((root / "wgan_utils").glob(pattern))
    }
    name = f"wgan_utils-{PROJECT['version']}"
    floors = re.findall(r'"((?:numpy|scipy|matplotlib|pillow)>=[\d.]+)"', (root / "pyproject.toml").read_text("utf-8"))
    metadata = ["Metadata-Version: 2.1", "Name: wgan-utils", f"Version: {PROJECT['version']}"]
    metadata += [f"Requires-Dist: {floor}" for floor in floors]
    files[f"{name}.dist-info/METADATA"] = "\n".join([*metadata, ""]).encode()
    files[f"{name}.dist-info/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).decode().rstrip("=")
        record += f"{path},sha256={digest},{len(content)}\n"
    files[f"{name}.dist-info/RECORD"] = f"{record}{name}.dist-info/RECORD,,\n".encode()
    into.mkdir(parents=True, exist_ok=True)
    wheel = into / f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path), content)  # of 1980: the same files, the same wheel
    return wheel


def lite_notebook(path: Path) -> nbformat.NotebookNode:
    """The notebook as it is committed; what does not come along is linked where the repository keeps it."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\]\(\.\./", f"]({REPOSITORY}/", cell.source)
            cell.source = re.sub(
                rf"\]\((?!{'|'.join(IN_BROWSER)})(\d\d_\w+\.ipynb)", rf"]({REPOSITORY}/notebooks/\1", cell.source
            )
    return notebook


def prepare(root: Path, into: Path) -> None:
    """Write what JupyterLite reads into a folder of its own."""
    shutil.rmtree(into, ignore_errors=True)
    write_wheel(root, into / "wheels")
    (into / "contents").mkdir()
    for path in lite_notebooks(root):
        nbformat.write(lite_notebook(path), into / "contents" / path.name)


if __name__ == "__main__":
    prepare(ROOT, ROOT / "build" / "lite")
