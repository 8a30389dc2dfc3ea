"""A headless Chromium for the tests of this folder; without one they fail, they do not skip."""

import os
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

SHOTS = Path(__file__).parents[2] / "build" / "screenshots"


@pytest.fixture(scope="session")
def chromium():
    """The browser: that of the environment variable CHROMIUM, or chromium or Chrome on the path."""
    names = ("chromium", "chromium-browser", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    assert path, f"no browser: none of {', '.join(names)} is on the path (Debian: apt-get install chromium)"
    SHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        context = browser.new_context(viewport={"width": 1400, "height": 1000})
        context.set_default_timeout(300_000)  # for busy machines: a page that never loads fails all the same
        context.set_default_navigation_timeout(300_000)
        yield context
        browser.close()
