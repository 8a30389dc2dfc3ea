"""The rules of CONTRIBUTING.md hold: imports run one way, and no cell has a tag that nobody explains."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[1]
RULES = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
LEAVES = {"distances", "transport", "losses", "models", "muon", "data", "metrics", "plots", "processes"}
LOWER = {"losses", "models", "data"}
MAY_IMPORT = {name: set() for name in LEAVES} | {"fast": LOWER, "algorithms": LOWER}
MAY_IMPORT |= {"training": {"algorithms", "fast", "muon", "processes"} | LOWER, "checks": LEAVES | {"fast"}}
MAY_IMPORT |= {name: {"training", "algorithms", "fast", "checks"} | LEAVES for name in ("cli", "studies")}
FILES = sorted((ROOT / "wgan_utils").rglob("*.py"))


def module_of(path: Path) -> str:
    """The module of the package that a file belongs to: its own name, or that of its folder."""
    return path.relative_to(ROOT / "wgan_utils").with_suffix("").parts[0]


def siblings(source: str, path: Path) -> set[str]:
    """The other modules of the package that a file imports, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            package = ["wgan_utils", *path.relative_to(ROOT / "wgan_utils").parts[:-1]]
            base = package[: len(package) + 1 - node.level] if node.level else []
            start = ".".join([*base, *filter(None, [node.module])])
            found |= {f"{start}.{alias.name}" for alias in node.names}
    names = {name.split(".")[1] for name in found if name.startswith("wgan_utils.")}
    return names - {module_of(path)}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_run_one_way(path):
    module = module_of(path)
    if module == "__init__":
        assert not siblings(path.read_text(encoding="utf-8"), path)
        return
    assert module in MAY_IMPORT, f"say in CONTRIBUTING.md and here what {module} may import"
    forbidden = siblings(path.read_text(encoding="utf-8"), path) - MAY_IMPORT[module]
    assert not forbidden, f"{module} may not import {', '.join(sorted(forbidden))}"


def test_every_way_of_importing_a_sibling_is_seen():
    path = ROOT / "wgan_utils" / "checks" / "theme.py"
    for line in [
        "import wgan_utils.data",
        "import wgan_utils.data as d",
        "from wgan_utils.data import draw_batch",
        "from wgan_utils import data",
        "from ..data import draw_batch",
        "from .. import data",
        "def late():\n    from wgan_utils.data import draw_batch",
    ]:
        assert siblings(line, path) == {"data"}, line
    assert not siblings("import torch\nfrom .answer import core\nfrom wgan_utils.checks.answer import core", path)
    assert siblings("from .data import draw_batch", ROOT / "wgan_utils" / "models.py") == {"data"}


def test_the_rule_is_free_of_circles_and_the_document_names_every_module():
    left = dict(MAY_IMPORT)
    while free := [name for name, others in left.items() if not others & set(left)]:
        left = {name: others for name, others in left.items() if name not in free}
    assert not left
    table = RULES.partition("## Imports")[2].partition("## ")[0]
    assert set(MAY_IMPORT) == set(re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.*?) \|", table, flags=re.M))))


TAGS = re.findall(r"^\| `([\w-]+)` \|", RULES.partition("## Cell tags")[2].partition("## ")[0], flags=re.M)


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_tag_of_a_cell_is_explained(path):
    for cell in nbformat.read(path, as_version=4).cells:
        unknown = set(cell.metadata.get("tags", [])) - set(TAGS)
        assert not unknown, f"{cell.id} has the tags {unknown}; CONTRIBUTING.md lists {', '.join(TAGS)}"


def test_the_tags_are_in_one_table_once_each():
    assert len(TAGS) == len(set(TAGS)) >= 7
