import base64
import io
import json
import re
from copy import deepcopy
from html.parser import HTMLParser

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image
from run_notebooks import compact
from torch import nn

from wgan_utils import plots


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def test_each_image_lies_in_its_own_tile_and_bytes_and_floats_look_the_same():
    images = torch.zeros(5, 1, 4, 4, dtype=torch.uint8)
    images[3] = 255
    picture = plots.tile_images(images, n_columns=3)
    assert picture.shape == (2 * 6 + 2, 3 * 6 + 2, 3)
    assert (picture[8:12, 2:6] == 0).all()  # the fourth image, all ink: second row, first column
    assert (picture[2:6, 2:6] == 1).all() and (picture[2:6, 14:18] == 1).all()  # paper
    assert (picture[:2] == np.float32(0.85)).all()  # the line between
    np.testing.assert_allclose(plots.tile_images(images / 127.5 - 1, n_columns=3), picture)


@pytest.mark.parametrize(
    ("shape", "n_columns", "message"),
    [
        ((5, 28, 28), 3, r"images must be \(n, 1 or 3, height, width\), found \(5, 28, 28\)"),
        ((5, 2, 28, 28), 3, r"found \(5, 2, 28, 28\)"),
        ((0, 1, 28, 28), 3, r"found \(0, 1, 28, 28\)"),
        ((5, 1, 28, 28), 0, "n_columns must be at least 1, found 0"),
    ],
)
def test_what_is_no_batch_of_images_is_refused(shape, n_columns, message):
    with pytest.raises(ValueError, match=message):
        plots.tile_images(torch.zeros(shape), n_columns)


@pytest.mark.parametrize(
    ("images", "found"),
    [
        (torch.ones(2, 1, 4, 4).bool(), "torch.bool up to True"),
        (torch.full((2, 1, 4, 4), 255.0), "torch.float32 up to 255"),
        (torch.full((2, 1, 4, 4), torch.nan), "torch.float32 up to nan"),
    ],
)
def test_pixels_of_another_kind_or_range_are_refused(images, found):
    with pytest.raises(ValueError, match=rf"uint8, or floats in \[-1, 1\].* found {found}"):
        plots.tile_images(images, 2)


def test_a_critic_is_drawn_in_evaluation_mode_and_left_as_it_was():
    critic = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Dropout(0.5), nn.Linear(8, 1))
    critic[2].eval()
    before = deepcopy(critic.state_dict())
    seen = []
    critic.register_forward_hook(lambda *args: seen.append(args[-1]))
    for ax in plt.subplots(1, 2)[1]:
        plots.show_critic(critic, torch.zeros(3, 2), torch.zeros(0, 2), ax)
    assert torch.equal(*seen) and all(torch.equal(value, before[name]) for name, value in critic.state_dict().items())
    assert critic.training and critic[1].training and not critic[2].training


def test_colours_of_data_and_fakes_differ_for_every_kind_of_eye():
    """Blue and vermilion stay apart in brightness-free hue for the common deficiencies: they differ in blue."""
    assert abs(to_rgb(plots.REAL)[2] - to_rgb(plots.FAKE)[2]) > 0.5


def test_the_curve_shows_every_row_and_the_samples_their_steps():
    history = [{"step": 10 * k, "estimate": float(k)} for k in range(1, 9)]
    samples = [torch.zeros(12, 1, 28, 28) for _ in history]
    fig = plots.plot_training(history, samples, "estimate", n_shown=4)
    curve, *grids = fig.axes
    assert list(curve.lines[0].get_xdata()) == [row["step"] for row in history]
    assert [ax.get_title() for ax in grids] == ["step 10", "step 30", "step 60", "step 80"]
    low, high = curve.get_ylim()
    assert low <= 1 and high >= 8  # nothing is hidden
    assert curve.get_yscale() == "log"


@pytest.mark.parametrize(("n_rows", "n_samples"), [(8, 5), (0, 0), (8, 0), (3, 8)])
def test_samples_that_belong_to_other_moments_are_refused(n_rows, n_samples):
    history = [{"step": k, "estimate": 1.0} for k in range(n_rows)]
    with pytest.raises(ValueError, match=f"found {n_samples} samples for {n_rows} rows"):
        plots.plot_training(history, [torch.zeros(12, 1, 28, 28)] * n_samples, "estimate", n_shown=4)


def pixels(dark):
    """A figure with an exact line, as its PNG looks; the dark style is chosen before ours, after it, or never."""
    with plt.style.context({}):  # leaves the styles as they were
        if dark == "before":
            plt.style.use("dark_background")
        plots.use_style()
        if dark == "after":
            plt.style.use("dark_background")
        if dark == "transparent":
            plt.rcParams.update({"figure.facecolor": (0, 0, 0, 0), "savefig.transparent": True})
        fig, ax = plt.subplots()
        ax.plot([0, 1], [0, 1], color=plots.EXACT)
        ax.set(title="exact", xlabel="x")
        png = io.BytesIO()
        fig.savefig(png)
    return np.asarray(Image.open(png).convert("RGBA"))


@pytest.mark.parametrize("dark", ["before", "after", "transparent"])
def test_exact_values_stay_black_on_white_under_a_dark_style(dark):
    usual, found = pixels("never"), pixels(dark)
    assert (usual[0, 0] == 255).all() and (usual[:, :, :3].sum(axis=2) == 0).sum() > 500
    np.testing.assert_array_equal(found, usual)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_critic_is_asked_in_the_precision_of_its_data(dtype):
    asked = []
    _, ax = plt.subplots()
    plots.show_critic(
        lambda x: asked.append(x.dtype) or x[:, :1], torch.zeros(3, 2, dtype=dtype), torch.zeros(0, 2), ax
    )
    assert asked == [dtype]


def test_samples_of_the_shown_moments_alone_are_drawn_under_their_steps():
    history = [{"step": k, "estimate": 1.0} for k in range(1, 101)]
    samples = [torch.full((12, 1, 28, 28), -1.0 + k) for k in range(3)]  # white, grey and black paper
    fig = plots.plot_training(history, samples, "estimate", n_shown=3)
    _, *grids = fig.axes
    assert [ax.get_title() for ax in grids] == ["step 1", "step 51", "step 100"]
    shades = [ax.images[0].get_array()[5, 5, 0] for ax in grids]
    assert shades == sorted(shades, reverse=True) and len(set(shades)) == 3


def test_a_critic_is_drawn_bright_where_its_scores_are_high_and_its_points_where_they_are():
    fig, ax = plt.subplots(figsize=(4, 4))
    plots.show_critic(lambda x: x[:, :1], torch.tensor([[0.0, 1.5]]), torch.zeros(0, 2), ax, reach=2.0)
    fig.canvas.draw()
    picture = np.asarray(fig.canvas.buffer_rgba())[:, :, :3].astype(float)

    def color(x, y):
        column, row = ax.transData.transform((x, y))
        return picture[round(len(picture) - row), round(column)]

    assert color(1.6, 0).sum() > color(0, 0).sum() > color(-1.6, 0).sum()  # x runs to the right
    assert np.abs(color(0, 1.5) / 255 - to_rgb(plots.REAL)).max() < 0.1  # y runs up


# --- Figures that move ------------------------------------------------------------------------------------------------

VALUES = [-1.0, -0.25, 0.5]


def draw(value):
    """A dot at (value, 0); its words."""
    _, ax = plt.subplots(figsize=(3, 2))
    ax.plot(value, 0, "o", color=plots.FAKE, markersize=12)
    ax.set(xlim=(-2, 2), ylim=(-1, 1))
    return f'x < "{value + 2}"'


def dot(picture):
    """The column where the vermilion dot stands, as a share of the width."""
    pixels = np.asarray(picture.convert("RGB")).astype(int)
    found = np.abs(pixels - [round(255 * part) for part in to_rgb(plots.FAKE)]).sum(axis=2) == 0
    assert found.sum() > 30
    return np.nonzero(found)[1].mean() / picture.width


def elements(text):
    """Tag to attributes; what stands in <output> under "words"."""
    found = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            found[tag] = dict(attributes)

        def handle_data(self, data):
            found["words"] = data

    Reader().feed(text)
    return found


def unpacked(address):
    return Image.open(io.BytesIO(base64.b64decode(address.removeprefix("data:image/webp;base64,"))))


def test_a_slider_holds_one_frame_per_value_in_order_and_shows_the_chosen_one_first():
    html = plots.slider(draw, VALUES, "x", "A dot on a line.", start=1).data
    found = elements(html)
    first, sheet = unpacked(found["img"]["src"]), unpacked(found["input"]["data-frames"])
    assert first.size == (300, 200) and sheet.size == (300, 600)
    dots = [dot(sheet.crop((0, 200 * k, 300, 200 * k + 200))) for k in range(3)]
    assert dots[0] < dots[1] < dots[2] and dot(first) == dots[1]
    np.testing.assert_allclose(np.diff(dots), [dots[1] - dots[0]] * 2, atol=0.01)  # equal steps of x
    assert found["img"]["alt"] == "A dot on a line."


def test_a_slider_can_be_used_by_keyboard_and_says_its_value():
    found = elements(plots.slider(draw, VALUES, "x", "A dot on a line.").data)
    ruler = found["input"]
    assert (ruler["type"], ruler["min"], ruler["max"], ruler["value"]) == ("range", "0", "2", "0")
    assert ruler["data-lm-suppress-shortcuts"] == "true"  # JupyterLab has the arrow keys for itself otherwise
    assert ruler["aria-label"] == "x" and ruler["aria-valuetext"] == found["words"] == 'x: -1; x < "1.0"'
    assert json.loads(ruler["data-words"]) == ['x: -1; x < "1.0"', 'x: -0.25; x < "1.75"', 'x: 0.5; x < "2.5"']


def test_all_sliders_together_have_little_script_and_no_address_of_another_place():
    html = plots.slider(draw, VALUES, "x", "A dot on a line.").data
    assert (
        len(plots.MOVE) < 1000 and "<script" not in html and not re.search("http|//", re.sub('base64,[^"]*', "", html))
    )


def test_the_colours_with_meanings_survive_among_few():
    def many(value):
        _, ax = plt.subplots(figsize=(3, 2))
        ax.imshow(np.random.default_rng(0).random((50, 50, 3)))
        ax.plot(value, 10, "o", color=plots.REAL)

    frames, words = plots.draw_frames(many, [10, 20])
    pixels = np.asarray(frames[0].convert("RGB")).reshape(-1, 3)
    for color in (plots.REAL, plots.EXACT, "#FFFFFF"):
        assert (pixels == [round(255 * part) for part in to_rgb(color)]).all(axis=1).any(), color
    assert len(np.unique(pixels, axis=0)) <= plots.N_COLOURS and words == ["", ""]


def test_white_paper_stays_white_among_shades_of_pale():
    def pale(value):
        fig, ax = plt.subplots(figsize=(3, 2))
        fig.patch.set_facecolor("white")
        ax.imshow(np.linspace(0.97, 1, 50)[:, None] * np.ones(50), cmap="gray", vmin=0, vmax=1)

    frames, _ = plots.draw_frames(pale, [0, 1])
    assert all(frame.convert("RGB").getpixel((1, 1)) == (255, 255, 255) for frame in frames)


def test_a_moving_picture_has_all_frames_loops_and_keeps_four_stills_below():
    shown = plots.moving_picture(draw, np.linspace(-1, 1, 7), "A dot moves.", seconds=5)
    data, metadata = shown._repr_mimebundle_()
    assert metadata["image/png"] == {"alt": "A dot moves."} and list(data) == ["image/png"]
    moving = Image.open(io.BytesIO(shown.data))
    assert moving.n_frames == 7 and moving.info["loop"] == 0
    dots, seconds = [], 0
    for k in range(7):
        moving.seek(k)
        seconds += moving.info["duration"] / 1000
        dots.append(dot(moving.crop((0, 0, 300, 200))))
        stills = moving.convert("RGB").crop((0, 200, 300, moving.height))
        columns = [stills.crop((75 * c, 0, 75 * c + 75, stills.height)) for c in range(4)]
        vermilion = [np.asarray(column).astype(int) - [213, 94, 0] for column in columns]
        places = [np.nonzero(np.abs(part).sum(axis=2) < 60)[1].mean() for part in vermilion]
        assert places == sorted(set(places))
    assert dots == sorted(set(dots)) and abs(seconds - 5) < 0.05


def test_a_moving_picture_moves_on_when_a_notebook_is_written():
    png = base64.b64encode(plots.moving_picture(draw, VALUES, "A dot moves.").data).decode()
    assert Image.open(io.BytesIO(base64.b64decode(compact(png)))).n_frames == 3


def test_frames_leave_no_figure_open_and_a_figure_before_them_alone():
    mine = plt.figure().number
    plots.slider(draw, VALUES, "x", "A dot on a line.")
    assert plt.get_fignums() == [mine]


def no_figure(value):
    pass


def two_figures(value):
    draw(value), draw(value)


def other_sizes(value):
    plt.figure(figsize=(3 + value, 2))


def noise(value):
    plt.figure(figsize=(6, 6)).figimage(np.random.default_rng(VALUES.index(value)).random((600, 600, 3)))


@pytest.mark.parametrize(
    "make", [lambda d, v: plots.slider(d, v, "x", "alt"), lambda d, v: plots.moving_picture(d, v, "")]
)
@pytest.mark.parametrize(
    ("bad", "values", "message"),
    [
        (no_figure, VALUES, r"draw must make one figure and leave it open, found 0 for the value -1\.0"),
        (two_figures, VALUES, "found 2"),
        (other_sizes, VALUES, "frames of one size; found 3, 200 x 200, 275 x 200, 350 x 200"),
        (draw, VALUES[:1], "two values or more"),
        (noise, VALUES, r"takes at most \d+ bytes, found \d+: draw fewer"),
    ],
)
def test_what_cannot_move_is_refused_with_what_was_found(make, bad, values, message):
    with pytest.raises(ValueError, match=message):
        make(bad, values)
    assert not plt.get_fignums()


def test_a_sheet_higher_than_its_format_allows_is_refused():
    with pytest.raises(ValueError, match="100 frames of 200 pixels are higher than 16383"):
        plots.slider(draw, range(100), "x", "alt")


def test_one_image_has_its_border_too():
    ink = torch.full((1, 1, 4, 4), 255, dtype=torch.uint8)
    one, two = plots.tile_images(ink, 8), plots.tile_images(ink.repeat(2, 1, 1, 1), 8)
    np.testing.assert_array_equal(one, two[:, :8])


def test_a_slider_starts_at_one_of_its_values():
    with pytest.raises(ValueError, match="start must be an index into 2 values, found 2"):
        plots.slider(lambda value: None, (1, 2), "theta", "A bar.", start=2)
