"""The pages that point into the notebooks point at the right cells. (The built site: make test-browser.)"""

import ast
import base64
import html
import io
import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from lite import lite_notebook, lite_notebooks, write_wheel
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from packaging.requirements import Requirement
from pages import figures, gallery_page, notebook_cells, paper_index, papers_page, prepare, site_notebook
from PIL import Image

from wgan_utils.plots import moving_picture, slider

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
KIND = "Equation|Example|Assumption|Theorem|Proposition|Corollary|Figure|Algorithm"


@pytest.fixture
def made(tmp_path):
    """Writes a notebook of (source, papers) pairs; what begins with "x =" is code."""

    def make(*cells):
        notebook = new_notebook()
        for source, papers in cells:
            new = new_code_cell if source.startswith("x =") else new_markdown_cell
            notebook.cells.append(new(source, metadata={"papers": papers} if papers else {}))
        nbformat.write(notebook, tmp_path / "03_made.ipynb")
        return [tmp_path / "03_made.ipynb"]

    return make


def test_a_cell_is_listed_under_what_its_metadata_name_and_in_the_section_where_it_stands(made):
    index = paper_index(
        made(
            ("# 3 · Title", []),
            ("Theorem 1 of the WGAN paper in words alone", []),
            ("## Exhibit 1 · First\n\n```\n# no heading\n```", ["WGAN Theorem 2"]),
            ("x = 1", ["WGAN Theorem 2", "WGAN-GP Algorithm 1, line 7"]),
            ("text\n\n## Last", ["WGAN Theorem 2"]),
        )
    )
    assert [cell.section for cell in index["WGAN"]["Theorem 2"]] == ["First", "First", "Last"]
    assert [cell.section for cell in index["WGAN-GP"]["Algorithm 1, line 7"]] == ["First"]
    assert [len(items) for items in index.values()] == [1, 1]


def test_a_section_is_linked_once_at_its_first_cell(made):
    notebooks = made(("# 3 · A", ["WGAN Theorem 2"]), ("x = 1", ["WGAN Theorem 2"]), ("## B", ["WGAN Theorem 2"]))
    first, _, last = notebook_cells(notebooks[0])
    assert f"| [3 · A](#{first.label})<br>[3 · B](#{last.label}) |" in papers_page(notebooks)


def test_an_item_that_nobody_described_stops_the_build(made):
    with pytest.raises(ValueError, match=r"03_made\.ipynb, .* names 'WGAN Theorem 77'"):
        paper_index(made(("# 3 · Title", ["WGAN Theorem 77"])))


def test_the_index_finds_what_a_reader_found():
    """(paper, item, notebook) as read by eye."""
    index = paper_index(NOTEBOOKS)
    for paper, item, numbers in [
        ("WGAN", "Example 1", {"01", "04", "09"}),
        ("WGAN", "Theorem 1", {"01"}),
        ("WGAN", "Theorem 2", {"01"}),
        ("WGAN", "Theorem 3", {"03", "04"}),
        ("WGAN", "Corollary 1", {"01"}),
        ("WGAN", "Figure 2", {"04"}),
        ("WGAN", "Algorithm 1, line 7", {"06", "09"}),
        ("WGAN-GP", "Proposition 1", {"03", "05", "07", "10"}),
        ("WGAN-GP", "Figure 1a", {"06", "07"}),
        ("WGAN-GP", "Figure 1b", {"06", "07"}),
        ("WGAN-GP", "Algorithm 1, line 6", {"03", "07", "08", "10"}),
    ]:
        assert numbers <= {cell.path.name[:2] for cell in index[paper][item]}, (paper, item)


def test_a_cell_speaks_of_what_it_is_listed_under():
    for items in paper_index(NOTEBOOKS).values():
        for item, cells in items.items():
            assert all(re.search(rf"(?i){item.split()[0]}|line", cell.source) for cell in cells), item


def test_a_cell_that_names_an_item_of_a_paper_in_full_is_listed_under_it():
    for cell in (cell for path in NOTEBOOKS for cell in notebook_cells(path)):
        text = re.split(r"^## Sources|\*\*Sources", cell.source, flags=re.M)[0]
        for kind, number, paper in re.findall(rf"({KIND}) (\d+[a-c]?) of the (WGAN|WGAN-GP) paper", text, flags=re.I):
            name = f"{paper} {kind.capitalize()} {number}"
            assert name in cell.papers, f"{cell.path.name}, {cell.id}: add {name!r} to the cell's metadata"


def test_every_link_into_a_notebook_has_its_cell(tmp_path):
    prepare(ROOT, tmp_path / "docs")
    labels = {cell.label for path in NOTEBOOKS for cell in notebook_cells(path)}
    assert len(labels) == sum(len(notebook_cells(path)) for path in NOTEBOOKS)
    for name in ("papers", "confusions", "glossary"):
        text = (tmp_path / "docs" / f"{name}.md").read_text(encoding="utf-8")
        links = re.findall(r"\]\(#(.*?)\)", text)
        assert len(links) >= 12 and set(links) <= labels
        assert not re.search(r"\]\(\d\d: |\{\w+ table\}", text)
    (museum,) = (path for path in NOTEBOOKS if path.name.startswith("08"))
    exhibits = len(re.findall(r"## Exhibit \d+ ", museum.read_text(encoding="utf-8")))
    confusions = (tmp_path / "docs" / "confusions.md").read_text(encoding="utf-8")
    assert len(re.findall(r"\[exhibit \d+\]", confusions)) == exhibits >= 12
    for path in NOTEBOOKS:
        text = "\n".join(c.source for c in nbformat.read(tmp_path / "docs" / "notebooks" / path.name, 4).cells)
        assert (f"lite/notebooks/index.html?path={path.name}" in text) == (path in lite_notebooks(ROOT))
        assert all(f"({cell.label})=" in text for cell in notebook_cells(path))


# --- Figures ----------------------------------------------------------------------------------------------------------


def dot(value):
    plt.figure(figsize=(2, 1)).text(value, 0.5, "o")


@pytest.fixture
def drawn(tmp_path):
    """A notebook with a still figure, a slider and a moving picture, each with its alt text."""
    still = io.BytesIO()
    Image.new("RGB", (800, 400), "red").save(still, "PNG")
    moving, metadata = moving_picture(dot, [0, 0.3, 0.6], "A dot <moves>.")._repr_mimebundle_()
    outputs = [
        ({"image/png": base64.b64encode(still.getvalue()).decode()}, {}),
        ({"text/html": slider(dot, [0, 0.3, 0.6], "x", 'A "dot" & more.').data}, {}),
        (moving, metadata),
    ]
    notebook = new_notebook(cells=[new_markdown_cell("# 3 · Title")])
    for data, metadata in outputs:
        cell = new_code_cell("x = 1", metadata={"mystnb": {"image": {"alt": "A red sheet."}}})
        cell.outputs = [new_output("display_data", data, metadata=metadata)]
        notebook.cells.append(cell)
    nbformat.write(notebook, tmp_path / "03_made.ipynb")
    return tmp_path / "03_made.ipynb"


def test_the_gallery_shows_every_figure_small_with_its_alt_text_and_its_cell(drawn, tmp_path):
    text = gallery_page([drawn], tmp_path / "small")
    found = re.findall(r'href="notebooks/03_made.html#(.*?)"><img src="_static/small/(.*?)" alt="(.*?)"', text)
    assert [link for link, _, _ in found] == [cell.label for cell in notebook_cells(drawn)[1:]]
    assert [html.unescape(alt) for _, _, alt in found] == ["A red sheet.", 'A "dot" & more.', "A dot <moves>."]
    assert [Image.open(tmp_path / "small" / name).size[0] for _, name, _ in found] == [320, 200, 200]


def test_every_figure_of_the_course_is_in_the_gallery(tmp_path):
    n_figures = sum(len(figures(cell)) for path in NOTEBOOKS for cell in nbformat.read(path, as_version=4).cells)
    page = gallery_page(NOTEBOOKS, tmp_path / "small")
    assert n_figures == page.count("<img") == len(list((tmp_path / "small").iterdir())) > 60


def test_a_picture_that_moves_can_be_stopped_and_stands_still_for_who_wants_no_motion(drawn):
    still, _, moving = (cell.outputs[0] for cell in site_notebook(drawn).cells if cell.cell_type == "code")
    assert list(still.data) == ["image/png"] and list(moving.data) == ["text/html"]
    text = moving.data["text/html"]
    assert text.startswith("<details open") and 'alt="A dot &lt;moves&gt;."' in text
    reduced, usual = re.search(r'reduced-motion: reduce\)" srcset="(.*?)".*?<img src="(.*?)"', text).groups()
    counts = [Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))).n_frames for url in (reduced, usual)]
    assert counts == [1, 3]


# --- In the reader's browser ------------------------------------------------------------------------------------------

LOCK = json.loads((ROOT / "tests" / "pyodide-lock.json").read_text())
MODULES = {module: name for name, package in LOCK["packages"].items() for module in package["imports"]}


def imported(source):
    """The modules that the source imports when it runs, and the lines that do it; those inside functions come later."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.Import):
            yield from ((alias.name, ast.unparse(node)) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield node.module, ast.unparse(node)


def cells_of(path):
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and "%pip" not in cell.source:
            yield cell.source


def test_what_the_pages_in_the_browser_import_comes_with_pyodide_or_with_the_course():
    sources = [source for path in lite_notebooks(ROOT) for source in cells_of(path)]
    sources += [(ROOT / "wgan_utils" / f"{name}.py").read_text("utf-8") for name in ("distances", "transport", "plots")]
    tops = {name.partition(".")[0] for source in sources for name, _ in imported(source)}
    assert tops - set(MODULES) - set(sys.stdlib_module_names) == {"wgan_utils"}


def test_pyodide_is_at_or_above_our_floors(tmp_path):
    with zipfile.ZipFile(write_wheel(ROOT, tmp_path)) as archive:
        (metadata,) = (archive.read(name).decode() for name in archive.namelist() if name.endswith("METADATA"))
    needs = [Requirement(line) for line in re.findall(r"Requires-Dist: (.+)", metadata)]
    assert {need.name for need in needs} == {"numpy", "scipy", "matplotlib", "pillow"}
    for need in needs:
        assert need.specifier.contains(LOCK["packages"][need.name]["version"]), need


def test_the_wheel_alone_serves_the_three_notebooks_without_torch(tmp_path):
    lines = {
        line for path in lite_notebooks(ROOT) for s in cells_of(path) for name, line in imported(s) if "wgan" in name
    }
    assert any("checks" in line for line in lines)
    code = f"import sys\nsys.path.insert(0, {str(write_wheel(ROOT, tmp_path))!r})\n"
    code += "sys.modules['torch'] = sys.modules['torchvision'] = None\n" + "\n".join(sorted(lines))
    code += "\nassert '.whl' in sys.modules['wgan_utils'].__file__, sys.modules['wgan_utils'].__file__"
    subprocess.run([sys.executable, "-I", "-c", code], check=True, cwd=tmp_path)


def test_a_notebook_in_the_browser_links_only_to_what_is_there():
    here = {path.name for path in lite_notebooks(ROOT)}
    for path in lite_notebooks(ROOT):
        text = "\n".join(cell.source for cell in lite_notebook(path).cells if cell.cell_type == "markdown")
        links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
        assert set(links) <= here and links, set(links) - here
