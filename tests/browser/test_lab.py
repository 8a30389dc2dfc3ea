"""JupyterLab, as `make lab` starts it, runs a notebook in a real browser, and the slider moves the figure."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import time
from pathlib import Path

import nbformat
import pytest
from conftest import SHOTS

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "notebooks" / "01_compare_distributions.ipynb"


def lab_command():
    """What `make lab` runs, without the notebook's name."""
    lines = subprocess.run(["make", "-n", "lab"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (command,) = [line for line in lines.splitlines() if "jupyter lab" in line]
    assert command.endswith("notebooks/00_start_here.ipynb")
    return shlex.split(command)[:-1]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """Address of a JupyterLab, and the copy of the notebook, without outputs, that it shows."""
    folder = tmp_path_factory.mktemp("lab")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    nbformat.write(notebook, folder / NOTEBOOK.name)
    settings = [
        "--no-browser",
        "--allow-root",
        "--port=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={folder}",
    ]
    environment = {
        **os.environ,
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "s"),
    }
    log = folder / "lab.log"
    with log.open("w") as file:
        server = subprocess.Popen(
            lab_command() + settings, cwd=ROOT, stdout=file, stderr=file, env=environment, start_new_session=True
        )
    try:
        deadline = time.monotonic() + 300
        while not (found := re.search(r"http://localhost:\d+", log.read_text())):
            assert server.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.5)
        yield found[0], folder / NOTEBOOK.name
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
        shutil.rmtree(folder / "config", ignore_errors=True)


def saved(page, path):
    """The notebook as it is on the disk after *Save Notebook*."""
    page.keyboard.press("Control+s")
    page.wait_for_timeout(2000)
    return nbformat.read(path, as_version=4)


def test_run_all_cells_numbers_every_cell_and_the_slider_moves_the_figure(lab, chromium):
    page = chromium.new_page()
    address, path = lab
    page.goto(f"{address}/lab/tree/{path.name}?reset")
    page.locator(".jp-Notebook .jp-Cell").first.wait_for()
    page.get_by_text(re.compile(r"Python 3.*\| Idle")).first.wait_for()
    page.screenshot(path=SHOTS / "lab-opened.png")
    page.locator(".jp-Notebook .jp-MarkdownCell").first.click()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    deadline = time.monotonic() + 1200
    while True:
        cells = [cell for cell in saved(page, path).cells if cell.cell_type == "code"]
        errors = [output for cell in cells for output in cell.outputs if output.output_type == "error"]
        assert not errors, errors
        if all(cell.execution_count for cell in cells):
            break
        assert time.monotonic() < deadline, [cell.source for cell in cells if not cell.execution_count]
        page.wait_for_timeout(2000)
    page.screenshot(path=SHOTS / "lab-ran.png")
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))

    ruler, words = page.locator("figure.slider input").first, page.locator("figure.slider output").first
    picture = page.locator("figure.slider img").first
    scroller = page.locator(".jp-WindowedPanel-outer")
    for way in range(0, 200_000, 600):  # JupyterLab draws a cell when it comes into view
        if ruler.count() and ruler.is_visible():
            break
        at_end = scroller.evaluate("(e, y) => { e.scrollTop = y; return y > e.scrollHeight }", way)
        assert not at_end, "no slider in the notebook"
        page.wait_for_timeout(400)
    ruler.scroll_into_view_if_needed()
    page.wait_for_timeout(3000)
    picture.scroll_into_view_if_needed()
    before, said = picture.screenshot(), words.inner_text()
    page.screenshot(path=SHOTS / "lab-slider-before.png")
    ruler.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    page.wait_for_timeout(1000)
    page.screenshot(path=SHOTS / "lab-slider-after.png")
    assert words.inner_text() != said and picture.screenshot() != before
