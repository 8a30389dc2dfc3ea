"""Figures that move, in Chromium: a slider dragged, by keys, without scripts, and a moving picture made to stand still.

What a slider draws and says is what the formula gives.
"""

import io
import re

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import SHOTS
from pages import stoppable
from PIL import Image

from wgan_utils.distances import parallel_lines_distances
from wgan_utils.plots import moving_picture, slider

THETAS = np.linspace(-1, 1, 21).round(2)


def draw(theta):
    """A bar as long as W1 between the two parallel lines, and W1 and JS in words."""
    found = parallel_lines_distances(theta)
    fig = plt.figure(figsize=(4, 1))
    fig.add_axes((0, 0, 1, 1), xlim=(0, 2), ylim=(0, 1)).set_axis_off()
    fig.axes[0].barh(0.5, found["W1"], color="black", height=0.5)
    return f"W1 {found['W1']:.4f}, JS {found['JS']:.4f}"


@pytest.fixture(scope="module")
def html():
    text = slider(draw, THETAS, "theta (data units)", "A bar as long as W1.", start=10).data
    return f'<!doctype html><html lang="en"><title>slider</title><main><h1>A slider</h1>{text}</main></html>'


@pytest.fixture
def page(html, chromium):
    page = chromium.new_page()
    page.set_content(html)
    yield page
    page.close()


def shown(page):
    """Theta, W1 and JS as the page says them, and W1 as the length of the bar that it draws."""
    page.wait_for_function("document.querySelector('img').complete")
    words = page.locator("output").inner_text()
    assert page.locator("input").get_attribute("aria-valuetext") == words
    picture = Image.open(io.BytesIO(page.locator("img").screenshot())).convert("L")
    length = (np.asarray(picture)[picture.height // 2] < 128).mean() * 2
    return *map(float, re.findall(r"-?\d+(?:\.\d+)?", words.replace("W1", "").replace("JS", ""))), length


def agrees(page):
    """Whether all that is shown is what the formula gives; returns theta."""
    theta, w1, js, length = shown(page)
    exact = parallel_lines_distances(theta)
    assert abs(w1 - exact["W1"]) < 5e-5 and abs(js - exact["JS"]) < 5e-5 and abs(length - exact["W1"]) < 0.02
    return theta


def test_dragging_shows_the_distance_of_every_theta_on_the_way(page):
    assert agrees(page) == 0
    box = page.locator("input").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    thetas = []
    for share in np.linspace(0, 0.5, 11):
        page.mouse.move(x + share * box["width"], y)
        thetas.append(agrees(page))
    page.mouse.up()
    page.screenshot(path=SHOTS / "slider-dragged.png")
    assert thetas == sorted(thetas) and thetas[-1] == 1 and len(set(thetas)) >= 8


def test_keys_move_it_one_value_and_to_the_ends(page):
    page.locator("input").focus()
    for key, theta in [("ArrowRight", 0.1), ("ArrowLeft", 0.0), ("End", 1.0), ("Home", -1.0)]:
        page.keyboard.press(key)
        assert agrees(page) == theta


def test_two_on_a_page_move_apart(html, chromium):
    page = chromium.new_page()
    page.set_content(html + html)
    page.locator("input").first.focus()
    page.keyboard.press("End")
    assert [text.split(";")[0][-1] for text in page.locator("output").all_inner_texts()] == ["1", "0"]
    page.close()


def test_without_scripts_the_first_picture_stands(html, chromium):
    context = chromium.browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.set_content(html)
    box = page.locator("img").bounding_box()
    assert (box["width"], box["height"]) == (400, 100)  # one frame, not the sheet
    context.close()


def test_on_a_phone_the_picture_keeps_its_shape_and_the_page_its_width(html, chromium):
    context = chromium.browser.new_context(viewport={"width": 320, "height": 600})
    page = context.new_page()
    page.set_content(html.replace("<title>", '<meta name="viewport" content="width=device-width"><title>'))
    page.locator("input").focus()
    page.keyboard.press("End")
    box = page.locator("img").bounding_box()
    assert abs(box["width"] / box["height"] - 4) < 0.05 and box["width"] <= 320
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert agrees(page) == 1
    page.screenshot(path=SHOTS / "slider-phone.png")
    context.close()


def test_axe_finds_no_violation(page):
    violations = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
    assert not violations, violations


def test_a_moving_picture_stands_still_for_who_wants_no_motion_and_can_be_folded_away(chromium):
    html = stoppable(moving_picture(draw, THETAS, "A bar.", seconds=1).data, "A bar.")
    page = chromium.new_page()
    page.set_content(html)
    picture = page.locator("img")
    looks = {picture.screenshot()}
    for _ in range(100):  # the last frame rests, and a busy machine may miss a round
        page.wait_for_timeout(50)
        looks.add(picture.screenshot())
        if len(looks) > 1:
            break
    assert len(looks) > 1, "nothing moves"
    page.emulate_media(reduced_motion="reduce")
    page.wait_for_function("document.querySelector('img').currentSrc == document.querySelector('source').srcset")
    page.wait_for_timeout(300)
    before = picture.screenshot()
    page.wait_for_timeout(600)
    assert picture.screenshot() == before
    page.locator("summary").click()
    assert not picture.is_visible()
    page.close()
