import io

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb
from PIL import Image

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
