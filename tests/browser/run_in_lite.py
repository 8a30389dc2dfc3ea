"""Run All in the reader's browser, with Pyodide from its own address: the printed text is the committed one.

make site && .venv/bin/python tests/browser/run_in_lite.py    # needs a network; a job of the pages workflow
"""

import functools
import http.server
import os
import shutil
import sys
import threading
from pathlib import Path

import nbformat
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "docs"), str(ROOT / "notebooks")]  # before this folder, which has a conftest too

from conftest import Text  # noqa: E402
from lite import lite_notebooks  # noqa: E402

MODEL = "window.jupyterapp?.shell.currentWidget?.context?.model?.toJSON()"


def exposed(route) -> None:
    """Answer with the settings as they are, and the application where a script can reach it."""
    settings = route.fetch().json()
    settings.setdefault("jupyter-config-data", {})["exposeAppInBrowser"] = True
    route.fulfill(json=settings)


def printed(notebook: dict) -> list[str]:
    """What each code cell after the setup printed, or the name of its error."""
    _, *cells = (cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    streams = [[output for output in cell["outputs"] if output.get("name") != "stderr"] for cell in cells]
    return ["".join("".join(o.get("text", "")) + o.get("ename", "") for o in outputs) for outputs in streams]


def n_differing(page, address: str, path: Path) -> int:
    """Open one notebook, run all its cells, and count those whose printed text is not the committed one."""
    page.goto(f"{address}notebooks/index.html?path={path.name}")
    page.wait_for_function(f"() => ({MODEL})?.cells.length > 20")
    for command in ("notebook:clear-all-cell-outputs", "notebook:run-all-cells"):
        page.evaluate("command => window.jupyterapp.commands.execute(command)", command)  # waits until it is done
    found, expected = printed(page.evaluate(f"() => {MODEL}")), printed(nbformat.read(path, as_version=4))
    differing = [k for k, (a, b) in enumerate(zip(found, expected, strict=True)) if Text(a) != b]
    for k in differing:
        print(f"{path.name}, code cell {k + 2}\n  printed: {found[k]!r}\n  committed: {expected[k]!r}")
    print(f"{path.name}: {len(found) - len(differing)} of {len(found)} cells print the committed text")
    return len(differing)


def main() -> int:
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=ROOT / "build" / "site" / "lite")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM") or shutil.which("chromium"))
        context = browser.new_context(service_workers="block")  # so that the settings pass by the route below
        context.set_default_timeout(600_000)
        context.route("**/jupyter-lite.json*", exposed)
        page = context.new_page()
        address = f"http://127.0.0.1:{server.server_port}/"
        return sum(n_differing(page, address, path) for path in lite_notebooks(ROOT))


if __name__ == "__main__":
    sys.exit(min(main(), 1))
