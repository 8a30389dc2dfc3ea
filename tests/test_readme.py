"""The README says what is so: its table, its hours, its tree, its picture and its commands."""

import math
import re
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from draw_moving_picture import DESCRIPTION, PICTURE, code_sum, program
from pages import picture
from PIL import Image

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROWS = re.findall(
    r"^\| \[(.+?)\]\(notebooks/(.+?)\) \| \[!\[.*?\]\(.*?\)\]\((\S*?)\)[^|]* \| (\d+) \|", README, flags=re.M
)


def sources(path, kind):
    return "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == kind)


def test_the_table_lists_every_notebook_by_its_title_with_its_badge():
    assert [name for _, name, _, _ in ROWS] == [path.name for path in NOTEBOOKS]
    for (title, name, badge, _), path in zip(ROWS, NOTEBOOKS, strict=True):
        assert sources(path, "markdown").splitlines()[0] == f"# {title}"
        assert badge in sources(path, "markdown") and badge.endswith(f"/notebooks/{name}")


def test_the_minutes_are_those_that_the_notebooks_state():
    for (_, _, _, minutes), path in zip(ROWS, NOTEBOOKS, strict=True):
        seconds = re.search(r"(\d+) (?:s|seconds) on two CPU cores", sources(path, "markdown"))[1]
        assert int(minutes) == math.ceil(int(seconds) / 60), path.name


def test_the_hours_are_those_that_notebook_00_gives_each_notebook():
    rows = re.findall(
        r"^\|.*\| (?:(\d+) h)? ?(\d+)?(?: min)? \| \d+ min \|$", sources(NOTEBOOKS[0], "markdown"), flags=re.M
    )
    hours = [int(whole or 0) + int(minutes or 0) / 60 for whole, minutes in rows]
    assert len(hours) == len(NOTEBOOKS)
    whole, short = re.search(r"takes about (\d+) hours.*the short path takes about (\w+)\.", README).groups()
    assert sum(hours) == pytest.approx(int(whole), abs=0.6)
    assert hours[0] + hours[9] + hours[10] == pytest.approx({"five": 5}[short], abs=0.25)


def test_it_is_read_in_a_few_minutes():
    assert len(README.split()) < 1200


def test_the_first_screen_has_a_picture_that_moves_drawn_by_the_cell_that_it_links():
    first = README.partition("\n## ")[0]
    assert "](notebooks/11_everything_in_one_cell.ipynb)" in first
    still, moving = re.findall(r'(?:srcset|src)="(.+?)"', first)  # a reader who wants no motion sees the still
    assert moving == PICTURE.relative_to(ROOT).as_posix() and (ROOT / still).suffix == ".png"
    assert PICTURE.stat().st_size <= 300_000
    with Image.open(PICTURE) as moving:
        assert moving.n_frames >= 20 and moving.info["loop"] == 0
        assert moving.getexif()[DESCRIPTION] == code_sum(program()), "say make refresh, or tools/draw_moving_picture.py"
        shown = []
        for k in range(moving.n_frames):
            moving.seek(k)
            shown.append(moving.convert("L").tobytes())
    assert len(set(shown)) == len(shown)


def test_the_picture_of_the_site_is_the_one_that_the_notebook_committed():
    assert (ROOT / "docs" / "_static" / "series.png").read_bytes() == picture(NOTEBOOKS), "run docs/pages.py --picture"


def test_the_distance_after_a_minute_is_that_of_the_benchmarks():
    measured = (ROOT / "benchmarks" / "LOG.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:its own|AVX2|the oldest), \d \| (.+) \|$", measured, flags=re.M)
    found = sorted(float(number) for row in rows for number in row.split(", "))
    assert len(rows) == 4 and len(found) >= 20
    assert f"a Frechet distance of {found[0]:.0f} to {found[-1]:.0f}" in README.replace("\n", " ")


def test_the_tree_names_every_file_and_nothing_else():
    tree = re.search(r"## The tree\n\n```\n(.*?)```", README, flags=re.S)[1]
    top = set(re.findall(r"^(\S+)", tree, flags=re.M))
    inside = set(re.findall(r"^  (\S+)", tree, flags=re.M))
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    plain = {"README.md", "LICENSE", "LICENSE-TEXT", ".gitignore", ".pre-commit-config.yaml", ".github/"}
    assert top == {name.split("/")[0] + "/" * ("/" in name) for name in tracked} - plain
    modules = {name.removeprefix("wgan_utils/") for name in tracked if name.startswith("wgan_utils/")}
    modules = {re.sub(r"/.*", "/", name) for name in modules} - {"__init__.py"}
    assert inside == modules


def test_the_make_commands_exist():
    blocks = "\n".join(re.findall(r"```\n(.*?)```", README, flags=re.S))
    commands = set(re.findall(r"^make .*?(?=\s*(?:#|$))", blocks, flags=re.M)) | set(
        re.findall(r"`(make [\w-]+)`", README)
    )
    assert {"make run", "make test", "make student", "make site"} <= commands
    for command in commands:
        subprocess.run([*shlex.split(command), "-n"], cwd=ROOT, check=True, capture_output=True)


def test_the_training_command_is_understood():
    (command,) = re.findall(r"^\S*wgan-train (.*)$", README, flags=re.M)
    options = re.findall(r"--[\w-]+", command)
    text = subprocess.run(
        [sys.executable, "-m", "wgan_utils.cli", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert options and all(option in text for option in options)


def test_the_install_commands_name_real_extras_and_files():
    extras = set(re.findall(r"^(\w+) = \[", (ROOT / "pyproject.toml").read_text(encoding="utf-8"), flags=re.M))
    ((extra, notebook),) = re.findall(r"^uv run --extra (\w+) jupyter lab (\S+)$", README, flags=re.M)
    assert extra in extras and (ROOT / notebook).is_file()
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    name = re.match(r"# conda env create -f environment\.yml && conda activate ([\w-]+) && pip install", text)[1]
    assert f"\nname: {name}\n" in text
