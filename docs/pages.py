"""Prepare the pages of the site: the notebooks as they are committed, and the pages that point into them.

    python docs/pages.py              # writes build/docs, which Sphinx turns into build/site
    python docs/pages.py --picture    # writes the README's picture, from a notebook's committed output

A page may point at a cell by a phrase that stands in it: ``[notebook 1](01: cost of the cheapest plan)``. The index of
the papers is read off the cells' metadata: ``"papers": ["WGAN Theorem 2", "WGAN-GP Algorithm 1, line 7"]``.
"""

import base64
import html
import io
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import nbformat
from PIL import Image

ROOT = Path(__file__).parents[1]
PROJECT = dict(re.findall(r'^(\w+) = "(.+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), flags=re.M))
REPOSITORY = f"{PROJECT['Repository']}/blob/v{PROJECT['version']}"
IN_BROWSER = ("01", "02", "03")  # the numbers of the notebooks that need no torch

TITLES = {
    "WGAN": "Wasserstein GAN (arXiv:1701.07875)",
    "WGAN-GP": "Improved Training of Wasserstein GANs (arXiv:1704.00028)",
}
ITEMS = {  # what each item says, in our words; a cell that names one which is missing here stops the build
    "WGAN": {
        "Equation 1": "the earth mover distance: the cost of the cheapest plan",
        "Equation 2": "Kantorovich-Rubinstein duality: the best reading of a critic of slope at most 1",
        "Equation 3": "the same maximum over the critics that a network can be",
        "Example 1": "two parallel lines, where only the earth mover distance has a useful slope",
        "Assumption 1": "the generator is locally Lipschitz, with constants of finite mean",
        "Theorem 1": "the earth mover distance is continuous in the generator's parameters",
        "Corollary 1": "feedforward networks satisfy the assumption",
        "Theorem 2": "which distance tends to 0 whenever another does",
        "Theorem 3": "the generator's gradient is read off the best critic",
        "Figure 1": "earth mover distance and Jensen-Shannon divergence on the parallel lines",
        "Figure 2": "the best discriminator and the best critic on two Gaussians",
        "Figure 3": "the estimate falls while the samples improve",
        "Figure 4": "the Jensen-Shannon estimate of a GAN tells little about its samples",
        "Figure 5": "WGAN and GAN with the DCGAN generator",
        "Figure 6": "WGAN and GAN with a generator without batch norm",
        "Figure 7": "WGAN and GAN with a multilayer perceptron as generator",
        "Algorithm 1": "WGAN with weight clipping",
        "Algorithm 1, line 1": "until the generator has converged",
        "Algorithm 1, line 2": "several critic steps for each generator step",
        "Algorithm 1, line 3": "draw data",
        "Algorithm 1, line 4": "draw noise",
        "Algorithm 1, line 5": "the gradient of the gap between mean scores",
        "Algorithm 1, line 6": "RMSProp on the critic",
        "Algorithm 1, line 7": "clip the critic's weights",
        "Algorithm 1, line 8": "the critic's loop ends",
        "Algorithm 1, line 9": "draw new noise",
        "Algorithm 1, line 10": "the gradient of the generator's loss",
        "Algorithm 1, line 11": "RMSProp on the generator",
        "Algorithm 1, line 12": "the outer loop ends",
    },
    "WGAN-GP": {
        "Equation 1": "the game of the 2014 GAN",
        "Equation 2": "the game of the WGAN",
        "Equation 3": "the critic's loss with the gradient penalty",
        "Proposition 1": "the best critic has slope 1 along the segments of a cheapest plan",
        "Corollary 1": "so its gradient has norm 1 almost everywhere under both laws",
        "Figure 1": "what clipping does to a critic's surface, gradients and weights",
        "Figure 1a": "value surfaces of critics, clipped and penalised",
        "Figure 1b": "gradients that explode or die under clipping, and weights at the walls",
        "Figure 5": "critic losses during training, and overfitting",
        "Figure 5a": "the critic's loss on images falls while samples improve",
        "Figure 5b": "with little data, training and validation losses part",
        "Algorithm 1": "WGAN with gradient penalty",
        "Algorithm 1, line 1": "until the generator has converged",
        "Algorithm 1, line 2": "several critic steps for each generator step",
        "Algorithm 1, line 3": "for each sample of the batch",
        "Algorithm 1, line 4": "draw a data point, noise, and eps uniform on [0, 1]",
        "Algorithm 1, line 5": "the fake made from the noise",
        "Algorithm 1, line 6": "the point between the two",
        "Algorithm 1, line 7": "the loss: gap of scores plus penalty",
        "Algorithm 1, line 8": "the batch ends",
        "Algorithm 1, line 9": "Adam on the critic",
        "Algorithm 1, line 10": "the critic's loop ends",
        "Algorithm 1, line 11": "draw new noise",
        "Algorithm 1, line 12": "Adam on the generator",
    },
}


class Cell(NamedTuple):
    """A cell of a notebook: where it stands and what it says."""

    path: Path
    id: str
    source: str
    section: str  # its first heading, or the one above it
    papers: list[str]  # what it treats, a paper's short name and an item each

    @property
    def label(self) -> str:
        """The name of the cell on the site, which Sphinx resolves."""
        return f"notebook-{self.path.stem[:2]}-{self.id}"


def headings(text: str) -> list[str]:
    """The headings of a Markdown text, without the number that a title or an exhibit carries."""
    text = re.sub(r"```.*?```", "", text, flags=re.S)  # a comment in code is no heading
    return [line.partition(" · ")[2] or line for line in re.findall(r"^#{1,3} (.+)$", text, flags=re.M)]


def notebook_cells(path: Path) -> list[Cell]:
    """All cells of a notebook."""
    cells, above = [], ""
    for cell in nbformat.read(path, as_version=4).cells:
        own = headings(cell.source) if cell.cell_type == "markdown" else []
        cells.append(Cell(path, cell.id, cell.source, [*own, above][0], cell.metadata.get("papers", [])))
        above = [above, *own][-1]
    return cells


def paper_index(notebooks: list[Path]) -> dict[str, dict[str, list[Cell]]]:
    """Paper to item to the cells that treat it, items in the order of ITEMS.

    Raises:
        ValueError: a cell names an item that ITEMS does not describe.
    """
    known = {f"{paper} {item}": [] for paper, items in ITEMS.items() for item in items}
    for cell in (cell for path in notebooks for cell in notebook_cells(path)):
        for name in cell.papers:
            if name not in known:
                raise ValueError(f"{cell.path.name}, {cell.id} names {name!r}: describe it in docs/pages.py")
            known[name].append(cell)
    return {
        paper: {item: cells for item in items if (cells := known[f"{paper} {item}"])} for paper, items in ITEMS.items()
    }


def papers_page(notebooks: list[Path]) -> str:
    """The index of the two papers: item, what it says, and the sections of the notebooks that treat it."""
    text = "# From the papers to the cells\n\nWhere the series treats what the two papers state.\n"
    for paper, items in paper_index(notebooks).items():
        text += f"\n## {TITLES[paper]}\n\n| item | what it says | where |\n|---|---|---|\n"
        for item, cells in items.items():
            first_of_section = {(cell.path, cell.section): cell for cell in reversed(cells)}
            shown = sorted(first_of_section.values(), key=cells.index)
            links = "<br>".join(f"[{int(cell.path.stem[:2])} · {cell.section}](#{cell.label})" for cell in shown)
            text += f"| {item} | {ITEMS[paper][item]} | {links} |\n"
    return text


def cell_with(notebooks: list[Path], number: str, phrase: str) -> Cell:
    """The first cell of notebook ``number`` in which the phrase stands."""
    for cell in (cell for path in notebooks if path.name.startswith(number) for cell in notebook_cells(path)):
        if phrase in cell.source:
            return cell
    raise ValueError(f"no cell of notebook {number} says {phrase!r}")


def museum_table(notebooks: list[Path]) -> str:
    """Notebook 8's table of confusions, each exhibit linked to its cell."""
    table = cell_with(notebooks, "08", "| symptom | cause | cure |").source
    rows = re.findall(r"^\| .*\|$", table, flags=re.M)[1:]

    def linked(row: str) -> str:
        *_, exhibit, _ = (part.strip() for part in row.split("|"))
        heading = f"## Exhibit {exhibit} " if exhibit.isdigit() else f"## {exhibit.capitalize()}"
        cell = cell_with(notebooks, "08", heading)
        name = f"exhibit {exhibit}" if exhibit.isdigit() else exhibit
        return re.sub(r"\| [^|]*\|$", f"| [{name}](#{cell.label}) |", row)

    return "\n".join(map(linked, rows))


def notebook_table(root: Path) -> str:
    """The README's table of notebooks, without the badges: each page has a button."""
    rows = re.findall(
        r"^\|.*\|$", (root / "README.md").read_text(encoding="utf-8").partition("## The notebooks")[2], flags=re.M
    )
    table = [row for row in rows if "notebook |" in row or "---" in row or "](notebooks/" in row]
    return "\n".join(re.sub(r"^(\|[^|]*\|)[^|]*\|", r"\1", row) for row in table)


def resolve(text: str, root: Path, notebooks: list[Path]) -> str:
    """The page with its pointers to phrases turned into links to cells, and the tables put in."""

    def link(match: re.Match) -> str:
        return f"[{match[1]}](#{cell_with(notebooks, match[2], match[3]).label})"

    text = text.replace("{museum table}", museum_table(notebooks)).replace("{notebook table}", notebook_table(root))
    return re.sub(r"\[([^]]+)\]\((\d\d): ([^)]+)\)", link, text)


def figures(cell: nbformat.NotebookNode) -> list[tuple[bytes, str]]:
    """The pictures of a cell, each as bytes and its alt text; of a slider the one shown first."""
    found = []
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if coded := data.get("image/png"):
            alt = output.metadata.get("image/png", {}).get("alt") or cell.metadata.mystnb.image.alt
            found.append((base64.b64decode(coded), alt))
        elif slider := re.search(r'<img src="data:image/webp;base64,(.*?)" alt="(.*?)"', data.get("text/html", "")):
            found.append((base64.b64decode(slider[1]), html.unescape(slider[2])))
    return found


def gallery_page(notebooks: list[Path], thumbnails: Path) -> str:
    """Every figure as a thumbnail, written into a folder, with its alt text and a link to its cell."""
    thumbnails.mkdir(parents=True)
    text = "# All figures\n\nEach leads to the cell that draws it.\n"
    for path in notebooks:
        text += f'\n## {notebook_cells(path)[0].source.splitlines()[0].removeprefix("# ")}\n\n<ul class="gallery">\n'
        for cell, read in zip(nbformat.read(path, as_version=4).cells, notebook_cells(path), strict=True):
            for number, (coded, alt) in enumerate(figures(cell)):
                small = Image.open(io.BytesIO(coded)).convert("RGB")
                small.thumbnail((320, 240))
                name = f"{read.label}-{number}.webp"
                small.save(thumbnails / name)
                section = html.escape(re.sub(r"[$*`]", "", read.section))
                text += (
                    f'<li><a href="notebooks/{path.stem}.html#{read.label}">'
                    f'<img src="_static/{thumbnails.name}/{name}" '
                    f'alt="{html.escape(alt)}" width="{small.width}" height="{small.height}" loading="lazy">'
                    f"<span>{section}</span></a></li>\n"
                )
        text += "</ul>\n"
    return text


def stoppable(png: bytes, alt: str) -> str:
    """A moving picture as HTML: it can be folded away, and stands still for readers who want no motion."""
    still = io.BytesIO()
    Image.open(io.BytesIO(png)).save(still, "PNG", save_all=False)
    moving, still = (f"data:image/png;base64,{base64.b64encode(data).decode()}" for data in (png, still.getvalue()))
    return (
        '<details open class="moving"><summary>It moves: fold it away to stop it</summary><picture>'
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{still}">'
        f'<img src="{moving}" alt="{html.escape(alt)}">'
        "</picture></details>"
    )


def site_notebook(path: Path) -> nbformat.NotebookNode:
    """The notebook for the site: every cell has its label, what moves can be stopped, dead widgets are left out."""
    notebook = nbformat.read(path, as_version=4)
    cells = []
    for cell, read in zip(notebook.cells, notebook_cells(path), strict=True):
        label = f"({read.label})=\n"
        if cell.cell_type == "markdown":
            source = re.sub(r"^<a href=.https://colab.*\n", "", cell.source, flags=re.M)  # the page has a button for it
            source = re.sub(r"\]\(\.\./", f"]({REPOSITORY}/", source)
            if not cells and path.name.startswith(IN_BROWSER):
                source += (
                    f'\n\n<a href="../lite/notebooks/index.html?path={path.name}">Run this page in your browser</a>: '
                    "nothing is installed; Python arrives once, about 50 MB and half a minute."
                )
            folded = re.match(r"(?:<details>.*?</details>\s*)?", source, flags=re.S)[0]  # raw HTML can bear no label
            cell.source = folded + label + source[len(folded) :]
        else:
            cells.append(nbformat.v4.new_markdown_cell(label))
            cell.outputs = [
                o for o in cell.outputs if "application/vnd.jupyter.widget-view+json" not in o.get("data", {})
            ]
            for output in cell.outputs:
                png = base64.b64decode(output.get("data", {}).get("image/png", ""))
                if b"acTL" in png[:100]:
                    output.data = {"text/html": stoppable(png, output.metadata["image/png"]["alt"])}
        cells.append(cell)
    notebook.cells = cells
    return notebook


def picture(notebooks: list[Path]) -> bytes:
    """The README's picture as a PNG: the curve with samples that notebook 10 committed."""
    wanted = cell_with(notebooks, "10", "plot_training(result.history")
    (cell,) = (cell for cell in nbformat.read(wanted.path, as_version=4).cells if cell.id == wanted.id)
    return base64.b64decode(next(o.data["image/png"] for o in cell.outputs if "image/png" in o.get("data", {})))


def prepare(root: Path, into: Path) -> None:
    """Write everything that Sphinx reads into a folder of its own."""
    shutil.rmtree(into, ignore_errors=True)
    shutil.copytree(root / "docs", into, ignore=shutil.ignore_patterns("__pycache__", "pages.py"))
    notebooks = sorted((root / "notebooks").glob("*.ipynb"))
    (into / "notebooks").mkdir()
    for path in notebooks:
        nbformat.write(site_notebook(path), into / "notebooks" / path.name)
    for page in into.glob("*.md"):
        page.write_text(resolve(page.read_text(encoding="utf-8"), root, notebooks), encoding="utf-8")
    (into / "papers.md").write_text(papers_page(notebooks), encoding="utf-8")
    (into / "gallery.md").write_text(gallery_page(notebooks, into / "_static" / "gallery"), encoding="utf-8")


if __name__ == "__main__":
    if "--picture" in sys.argv:
        (ROOT / "docs" / "_static" / "series.png").write_bytes(picture(sorted((ROOT / "notebooks").glob("*.ipynb"))))
    else:
        prepare(ROOT, ROOT / "build" / "docs")
