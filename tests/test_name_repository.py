"""A notebook and its helper never drift apart: `make links` names one repository and one release everywhere."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from name_repository import UNNAMED, remote_name, source_line, write_links
from pages import IN_BROWSER

ROOT = Path(__file__).parents[1]
LINKED = [
    "pyproject.toml",
    "CITATION.cff",
    "README.md",
    *(f"notebooks/{p.name}" for p in ROOT.glob("notebooks/*.ipynb")),
]


@pytest.fixture
def copy(tmp_path):
    """The files that carry links, where a test may rewrite them."""
    (tmp_path / "notebooks").mkdir()
    for name in LINKED:
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def contents(root):
    return {name: (root / name).read_bytes() for name in LINKED}


def project(root):
    """The repository's name and the version that pyproject.toml states."""
    lines = dict(line.split(" = ", 1) for line in (root / "pyproject.toml").read_text().splitlines() if " = " in line)
    return lines["Repository"].strip('"').removeprefix("https://github.com/"), lines["version"].strip('"')


def test_the_tree_is_as_make_links_writes_it(copy):
    before = contents(copy)
    write_links(copy, project(copy)[0])
    assert contents(copy) == before


def test_every_badge_and_setup_cell_names_the_repository_and_the_tag(copy):
    write_links(copy, "someone/course")
    assert project(copy)[0] == "someone/course"
    tag, readme = f"v{project(copy)[1]}", (copy / "README.md").read_text()
    for name in LINKED:
        text = (copy / name).read_text()
        assert UNNAMED not in text and "OWNER." not in text
        if name.startswith("notebooks/"):
            badge = f"https://colab.research.google.com/github/someone/course/blob/{tag}/{name}"
            first, second = json.loads(text)["cells"][:2]
            assert f'"{badge}"' in "".join(first["source"]) and f"({badge})" in readme
            assert source_line("someone/course", tag) in "".join(second["source"]).splitlines()
            assert f'"git+https://github.com/someone/course@{tag}"' in "".join(second["source"])
    linked = re.findall(r"https://someone\.github\.io/course/lite/notebooks/index\.html\?path=(\w+)", readme)
    assert sorted(linked) == sorted(Path(name).stem for name in LINKED if Path(name).name.startswith(IN_BROWSER))


def test_only_the_linked_lines_change_and_a_way_back_restores_every_byte(copy):
    write_links(copy, UNNAMED)
    before = contents(copy)
    write_links(copy, "someone/course")
    for name, text in contents(copy).items():
        pairs = list(zip(before[name].split(b"\n"), text.split(b"\n"), strict=True))
        n_changed = sum(old != new for old, new in pairs)
        n_linked = sum(UNNAMED.encode() in old or b"source = os.environ" in old for old, _ in pairs)
        assert 0 < n_changed <= n_linked
    write_links(copy, UNNAMED)
    assert contents(copy) == before


def test_a_new_version_moves_every_tag(copy):
    path = copy / "pyproject.toml"
    path.write_text(path.read_text().replace(f'version = "{project(copy)[1]}"', 'version = "9.8.7"'))
    write_links(copy, "someone/course")
    for name in LINKED[2:]:
        assert "blob/v9.8.7/" in (copy / name).read_text()
    assert yaml.safe_load((copy / "CITATION.cff").read_text())["version"] == "9.8.7"


def test_a_copy_without_a_name_says_what_to_set():
    source = "import os\nif True:\n" + source_line(UNNAMED, "v1")
    namespace = {}
    with pytest.raises(KeyError, match="WGAN_UTILS_SOURCE"):
        exec(source.replace("os.environ", "{}"), namespace)
    assert "set it to a clone or a wheel" in source


@pytest.mark.parametrize("name", ["course", "https://github.com/someone/course", "some one/course", ""])
def test_a_name_that_is_none_is_refused(copy, name):
    before = contents(copy)
    with pytest.raises(ValueError, match="owner/name"):
        write_links(copy, name)
    assert contents(copy) == before


def test_a_notebook_without_its_setup_line_is_named(copy):
    path = copy / "notebooks" / "00_start_here.ipynb"
    path.write_text(path.read_text().replace("source = os.environ", "source = environ"))
    with pytest.raises(ValueError, match="00_start_here"):
        write_links(copy, "someone/course")


URLS = [
    "https://github.com/someone/course.git",
    "https://github.com/someone/course",
    "git@github.com:someone/course.git",
]


@pytest.mark.parametrize("url", URLS)
def test_the_default_is_the_git_remote(tmp_path, url):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    with pytest.raises(ValueError, match=r"not set.*REPOSITORY=owner/name"):
        remote_name(tmp_path)
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", url], check=True)
    assert remote_name(tmp_path) == "someone/course"


def test_citation_and_changelog_are_of_this_version():
    name, version = project(ROOT)
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert (citation["version"], citation["repository-code"]) == (version, f"https://github.com/{name}")
    assert f"\n## {version}\n" in (ROOT / "CHANGELOG.md").read_text()
