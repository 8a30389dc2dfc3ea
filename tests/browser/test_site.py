"""Every page of the site: no accessibility violation, no request that leaves it, formulas drawn, no dead link."""

import functools
import http.server
import threading
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import SHOTS

ROOT = Path(__file__).parents[2]
SITE = ROOT / "build" / "site"
PAGES = sorted(
    path.relative_to(SITE).as_posix() for path in SITE.rglob("*.html") if not {"_static", "lite"} & {*path.parts}
)
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], "resultTypes": ["violations"]}
SETTLED = "() => Promise.allSettled(document.getAnimations().map(animation => animation.finished)).then(() => true)"


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def site():
    """Address of the built site."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=SITE))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def test_the_site_has_a_page_for_every_notebook_and_the_pages_across_them():
    notebooks = {f"notebooks/{path.stem}.html" for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert notebooks | {"index.html", "papers.html", "gallery.html", "confusions.html", "glossary.html"} <= set(PAGES)


@pytest.fixture(scope="module", params=PAGES)
def opened(request, site, chromium):
    """Name of a page, the page with its formulas drawn, and the addresses that it asked for."""
    page, asked = chromium.new_page(), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(site + request.param)
    page.wait_for_function("!window.MathJax || window.MathJax.startup.promise.then(() => true)")
    yield request.param, page, asked
    page.close()


def test_axe_finds_no_violation_of_wcag_2_1_a_or_aa(opened):
    name, page, _ = opened
    found = []
    for theme in ("light", "dark"):
        page.evaluate("theme => { document.documentElement.dataset.theme = theme }", theme)
        page.evaluate(SETTLED)  # colours fade from theme to theme: judge them when they have arrived
        page.screenshot(path=SHOTS / f"site-{Path(name).stem}-{theme}.png")
        violations = Axe().run(page, options=WCAG).response["violations"]
        found += [(theme, v["id"], n["html"][:300], n["failureSummary"]) for v in violations for n in v["nodes"]]
    assert not found, "\n".join(map(str, found))


def test_the_page_asks_nobody_else_and_draws_its_formulas(site, opened):
    _, page, asked = opened
    assert not [url for url in asked if not url.startswith((site, "data:", "blob:"))]
    assert page.locator(".math").count() == 0 or page.locator("mjx-container").count() > 0
    assert page.locator("mjx-merror").count() == 0


def test_every_figure_has_alt_text_and_every_notebook_its_buttons(opened):
    name, page, _ = opened
    assert all(len(alt or "") > 3 for alt in page.eval_on_selector_all("article img", "e => e.map(i => i.alt)"))
    if name.startswith("notebooks/"):
        colab = "https://colab.research.google.com/github/"
        assert page.locator(f"a[href^='{colab}'][href$='/{name.replace('.html', '.ipynb')}']").count() > 0
        assert page.locator("button.copybtn").count() > 3


def test_every_slider_moves_by_keys_and_says_so(opened):
    _, page, _ = opened
    for figure in page.locator("figure.slider").all():
        ruler, words = figure.locator("input"), figure.locator("output")
        before, frame = words.inner_text(), figure.locator("img").screenshot()
        ruler.press("End" if ruler.input_value() == "0" else "Home")
        page.wait_for_function("Array.from(document.images).every(i => i.complete || i.loading == 'lazy')")
        assert words.inner_text() != before and figure.locator("img").screenshot() != frame


def test_no_link_is_dead(site, opened):
    name, page, _ = opened
    ids = {}
    for link in set(page.eval_on_selector_all("a[href]", "e => e.map(a => a.getAttribute('href'))")):
        target, fragment = urldefrag(urljoin(site + name, link))
        if target.startswith(site):
            path = SITE / unquote(urlsplit(target).path.lstrip("/") or "index.html")
            assert path.is_file(), f"{name} links to {link}"
            if fragment and path.suffix == ".html":
                text = ids.setdefault(path, path.read_text(encoding="utf-8"))
                assert f'id="{unquote(fragment)}"' in text, f"{name} links to {link}"
