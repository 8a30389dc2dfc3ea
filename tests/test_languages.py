"""The Chinese and the Russian page say what the English pages say, or a test names the paragraph that moved on."""

import hashlib
import re
import subprocess
from pathlib import Path

import nbformat
import pytest
from pages import prepare

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "docs" / name for name in ("chinese.md", "russian.md")]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


def followed(readme: str, start: str) -> dict[str, str]:
    """The paragraphs that are translated, by their sums: the README's first screen, and the words of the start page."""
    text = readme.partition("\n## ")[0] + "\n\n" + start.partition("```{toctree}")[0]
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n")]
    kept = [part for part in paragraphs if part and not re.match(r"#|\[中文|\{", part)]
    return {hashlib.sha256(part.encode()).hexdigest()[:8]: part for part in kept}


def now() -> dict[str, str]:
    return followed(*((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/index.md")))


@every_page
def test_no_paragraph_of_the_original_has_moved_on(page):
    """By content, so that it holds in a shallow clone."""
    (stated,) = re.findall(r"^<!-- follows (.+) -->$", page.read_text(encoding="utf-8"), flags=re.M)
    original = now()
    new = [text for found, text in original.items() if found not in stated.split()]
    assert stated == " ".join(original), f"translate {new}, then write: follows {' '.join(original)}"


@every_page
def test_it_names_a_commit_and_follows_what_stood_there(page):
    text = page.read_text(encoding="utf-8")
    (commit,) = re.findall(r"`([0-9a-f]{7})`", text)
    stood = []
    for name in ("README.md", "docs/index.md"):
        shown = subprocess.run(["git", "show", f"{commit}:{name}"], cwd=ROOT, capture_output=True, encoding="utf-8")
        stood.append(shown.stdout)
    if all(stood):  # a shallow clone does not have it
        assert f"<!-- follows {' '.join(followed(*stood))} -->" in text


@every_page
def test_it_lists_every_notebook_and_shows_the_same_picture(page):
    text = page.read_text(encoding="utf-8")
    rows = re.findall(r"^\| \[(\d+) · .+\]\(\.\./notebooks/(.+)\) \| (.+) \|$", text, flags=re.M)
    titles = [nbformat.read(path, as_version=4).cells[0].source.splitlines()[0] for path in NOTEBOOKS]
    assert [name for _, name, _ in rows] == [path.name for path in NOTEBOOKS]
    assert [f"# {number} · {title}" for number, _, title in rows] == titles
    for shown in re.findall(r'(?:src|srcset)="docs/(.+?)"', (ROOT / "README.md").read_text(encoding="utf-8")):
        assert f'="{shown}"' in text and (page.parent / shown).is_file()


@every_page
def test_the_english_page_links_it_and_its_links_lead_somewhere(page, tmp_path):
    assert f"](docs/{page.name})" in (ROOT / "README.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        assert link in ("papers.md", "gallery.md") or (page.parent / link).is_file(), link  # the site makes these
    prepare(ROOT, tmp_path / "docs")
    for link in re.findall(r"\]\(([^)]+)\)", (tmp_path / "docs" / page.name).read_text(encoding="utf-8")):
        assert (tmp_path / "docs" / link).is_file(), link


def test_a_changed_word_is_seen_and_a_changed_line_end_is_not():
    one = followed("# T\n\none\ntwo\n\n## Next\n\nlater", "# S\n\nthree\n\n{table}\n\n```{toctree}\nx")
    assert list(one.values()) == ["one two", "three"]
    assert followed("# T\n\none two\n\n## Other", "three") == one
    assert followed("# T\n\none too\n\n## Next", "three") != one
