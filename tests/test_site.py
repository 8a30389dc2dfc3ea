"""The pages that point into the notebooks point at the right cells. (The built site: make test-browser.)"""

import re
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from pages import notebook_cells, paper_index, papers_page, prepare

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
        assert all(f"({cell.label})=" in text for cell in notebook_cells(path))
