"""Every notebook becomes HTML and PDF without the network."""

import re
import shutil
import socket
from pathlib import Path

import nbformat
import pytest
from nbconvert import HTMLExporter, PDFExporter

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@every_notebook
def test_html_holds_every_figure(path):
    page, _ = HTMLExporter().from_filename(str(path))
    cells = nbformat.read(path, as_version=4).cells
    figures = sum("image/png" in output.get("data", {}) for cell in cells for output in cell.get("outputs", []))
    assert len(re.findall(r"<img[^>]*src=\"data:image/png;base64,", page)) == figures > 0


@every_notebook
def test_no_image_in_markdown_is_remote(path):
    """LaTeX stops at one; it leaves out an <img>."""
    for cell in nbformat.read(path, as_version=4).cells:
        assert not re.search(r"!\[[^\]]*\]\(https?://", cell.source) or cell.cell_type != "markdown", cell.source


@pytest.mark.skipif(not (shutil.which("xelatex") and shutil.which("pandoc")), reason="needs XeLaTeX and pandoc")
def test_a_notebook_becomes_a_pdf_by_latex():
    (path,) = (path for path in NOTEBOOKS if path.stem.startswith("09"))
    pdf, _ = PDFExporter().from_filename(str(path))
    assert pdf.startswith(b"%PDF")
