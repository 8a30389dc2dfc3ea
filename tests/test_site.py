"""The pages that point into the notebooks point at the right cells. (The built site: make test-browser.)"""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
from pages import ITEMS, WGAN, WGAN_GP, Cell, mentions, notebook_cells, paper_index, prepare

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def said(source, number="03", kind="markdown"):
    return [found[:2] for found in mentions(Cell(Path(f"{number}_x.ipynb"), "cell-00", kind, source, ""))]


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("equation 2 of the WGAN paper", [(WGAN, "Equation 2")]),
        ("(Peyré and Cuturi, equation 2.11; equation 1 of the WGAN paper)", [(WGAN, "Equation 1")]),
        ("Theorem 1 of the GAN paper, and Theorem 2 of the WGAN paper", [(WGAN, "Theorem 2")]),
        ("WGAN paper: Figures 2 to 4", [(WGAN, f"Figure {n}") for n in (2, 3, 4)]),
        ("the WGAN-GP paper, Figure 1b", [(WGAN_GP, "Figure 1b")]),
        ("Theorem 1", []),  # nobody said whose
        ("arXiv:1306.0895, Algorithm 1", []),
        ("Proposition 4.1 of the WGAN paper", []),  # no such number
        ("# Source: Gulrajani et al. 2017, Algorithm 1, lines 6-7", [(WGAN_GP, "Algorithm 1")]
            + [(WGAN_GP, f"Algorithm 1, line {n}") for n in (6, 7)]),
        ("text\n\n## Sources\n\n- arXiv:1701.07875: Theorem 3", []),
    ],
)  # fmt: skip
def test_a_mention_belongs_to_the_paper_that_is_named_with_it(source, found):
    assert said(source) == found


def test_the_paper_is_the_one_of_the_notebook():
    assert said("Figure 1 of the paper", "01") == [(WGAN, "Figure 1")]
    assert said("Figure 1 of the paper", "07") == [(WGAN_GP, "Figure 1")]


def test_code_and_tables_go_line_by_line():
    assert said("x = 1  # line 3\nz = 2  # line 4", "09", "code") == [(WGAN, f"Algorithm 1, line {n}") for n in (3, 4)]
    assert said("| line | the paper says |\n|---|---|\n| 7 | clip |", "06") == [(WGAN, "Algorithm 1, line 7")]


def test_a_mention_stands_in_the_section_above_it():
    source = """Theorem 1 of the WGAN paper.

## Exhibit 1 · Second

```
# no heading
```

Theorem 2 of the WGAN paper.

## Theorem 3 of the WGAN paper"""
    found = mentions(Cell(Path("03_x.ipynb"), "cell-00", "markdown", source, "First"))
    sections = ["First", "Second", "Theorem 3 of the WGAN paper"]
    assert found == [(WGAN, f"Theorem {n}", section) for n, section in enumerate(sections, 1)]


def test_the_index_finds_what_a_reader_found():
    """(paper, item, notebook) as read by eye."""
    index = paper_index(NOTEBOOKS)
    for paper, item, numbers in [
        (WGAN, "Example 1", {"01", "04", "09"}),
        (WGAN, "Theorem 1", {"01"}),
        (WGAN, "Theorem 2", {"01"}),
        (WGAN, "Theorem 3", {"03", "04"}),
        (WGAN, "Corollary 1", {"01"}),
        (WGAN, "Figure 2", {"04"}),
        (WGAN, "Algorithm 1, line 7", {"06", "09"}),
        (WGAN_GP, "Proposition 1", {"03", "05", "07", "10"}),
        (WGAN_GP, "Figure 1a", {"06", "07"}),
        (WGAN_GP, "Figure 1b", {"06", "07"}),
        (WGAN_GP, "Algorithm 1, line 6", {"03", "07", "08", "10"}),
    ]:
        assert numbers <= {cell.path.name[:2] for cell, _ in index[paper][item]}, (paper, item)
    for items in index.values():
        for item, cells in items.items():
            assert all(re.search(rf"(?i){item.split()[0]}|line", cell.source) for cell, _ in cells)


def test_an_item_that_nobody_described_stops_the_build(tmp_path):
    path = tmp_path / "01_compare_distributions.ipynb"
    shutil.copy(NOTEBOOKS[1], path)
    path.write_text(path.read_text(encoding="utf-8").replace("Theorem 2 of the paper", "Theorem 77 of the paper"))
    with pytest.raises(ValueError, match="Theorem 77"):
        paper_index([path])
    assert "Theorem 77" not in ITEMS[WGAN]


def test_every_link_into_a_notebook_has_its_cell(tmp_path):
    prepare(ROOT, tmp_path / "docs")
    labels = {cell.label for path in NOTEBOOKS for cell in notebook_cells(path)}
    assert len(labels) == sum(len(notebook_cells(path)) for path in NOTEBOOKS)
    for name in ("papers", "confusions", "glossary"):
        text = (tmp_path / "docs" / f"{name}.md").read_text(encoding="utf-8")
        links = re.findall(r"\]\(#(.*?)\)", text)
        assert len(links) >= 12 and set(links) <= labels
        assert not re.search(r"\]\(\d\d: |\{\w+ table\}", text)
    assert len(re.findall(r"\[exhibit \d+\]", (tmp_path / "docs" / "confusions.md").read_text(encoding="utf-8"))) == 12
    for path in NOTEBOOKS:
        text = "\n".join(c.source for c in nbformat.read(tmp_path / "docs" / "notebooks" / path.name, 4).cells)
        assert all(f"({cell.label})=" in text for cell in notebook_cells(path))
