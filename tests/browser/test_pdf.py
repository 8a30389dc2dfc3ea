"""A notebook printed by the browser, without the network."""

from pathlib import Path

from nbconvert import HTMLExporter

NOTEBOOK = next((Path(__file__).parents[2] / "notebooks").glob("09_*.ipynb"))


def test_a_notebook_becomes_a_pdf_without_the_network(chromium, tmp_path):
    page = chromium.new_page()
    page.route("http*://**", lambda route: route.abort())
    html, _ = HTMLExporter().from_filename(str(NOTEBOOK))
    (tmp_path / "page.html").write_text(html)
    page.goto(f"file://{tmp_path}/page.html")
    figures = page.locator("img[src^='data:image/png']")
    assert figures.count() > 5
    assert all(image.evaluate("image => image.naturalWidth") > 100 for image in figures.all())
    assert page.pdf().startswith(b"%PDF")
    page.close()
