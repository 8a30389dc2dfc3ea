"""The site that runs the theory in the reader's browser, opened without any network.

What needs one, Pyodide from its own address and Run All, is run_in_lite.py, a job of the pages workflow.
"""

import functools
import http.server
import json
import threading
import zipfile
from pathlib import Path

import pytest
from conftest import SHOTS
from jupyterlite_pyodide_kernel.constants import PYODIDE_VERSION
from lite import lite_notebooks

ROOT = Path(__file__).parents[2]
LITE = ROOT / "build" / "site" / "lite"
NAMES = [path.name for path in lite_notebooks(ROOT)]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def address():
    """Of the built site for the browser."""
    handler = functools.partial(Quiet, directory=LITE)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


@pytest.fixture
def page(chromium, address):
    page = chromium.new_page()
    page.route(lambda url: not url.startswith(address), lambda route: route.abort())
    yield page
    page.close()


def test_the_three_notebooks_are_there(page, address):
    assert len(NAMES) == 3
    page.goto(f"{address}lab/index.html")
    for name in NAMES:
        page.locator(".jp-DirListing-item", has_text=name).wait_for()
    page.screenshot(path=SHOTS / "lite-lab.png")


@pytest.mark.parametrize("name", NAMES)
def test_each_opens_by_its_link_with_its_figures(page, address, name):
    page.goto(f"{address}notebooks/index.html?path={name}")
    page.locator(".jp-Notebook h1").first.wait_for()
    page.locator(".jp-OutputArea img").first.wait_for()
    page.screenshot(path=SHOTS / f"lite-{name[:2]}.png")


def test_the_helper_files_are_those_of_the_package():
    (wheel,) = LITE.rglob("wgan_utils-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        files = [name for name in archive.namelist() if name.startswith("wgan_utils/")]
        assert all(archive.read(name) == (ROOT / name).read_bytes() for name in files)
    assert {"wgan_utils/distances.py", "wgan_utils/plots.py", "wgan_utils/checks/duality.py"} <= set(files)
    index = json.loads((wheel.parent / "all.json").read_text())
    assert index["wgan-utils"]["releases"]


def test_it_asks_for_the_pyodide_whose_packages_the_tests_know():
    assert json.loads((ROOT / "tests" / "pyodide-lock.json").read_text())["pyodide"] == PYODIDE_VERSION
