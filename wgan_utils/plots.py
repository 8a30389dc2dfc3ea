"""One look for every figure: the colours mean the same thing in all notebooks."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib import rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from torch import Tensor
from torchvision.utils import make_grid

# From Okabe & Ito's palette: told apart with any common colour blindness. In grey print
# blue and vermilion look alike, so give data and fakes different markers too ("o", "^").
REAL = "#0072B2"  # blue: data
FAKE = "#D55E00"  # vermilion: generated
EXACT = "#000000"  # black: a known true value
MUTED = "#999999"  # grey: everything the eye should skip


def use_style() -> None:
    """Set the figure defaults of this series, which stay on white paper whatever style is chosen before or after."""
    plt.rcParams.update(
        {
            "figure.hooks": [f"{__name__}:{on_white_paper.__name__}"],  # called with each new figure
            "figure.figsize": (6.4, 3.2),
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "image.cmap": "cividis",
            "lines.linewidth": 2,
            "font.size": 11,
        }
    )


def on_white_paper(fig: Figure) -> None:
    """Give a new figure matplotlib's own colours: exact values are black lines, which a dark style would hide."""
    names = [name for name in rcParamsDefault if "color" in name or name in ("axes.prop_cycle", "savefig.transparent")]
    plt.rcParams.update({name: rcParamsDefault[name] for name in names})
    fig.set_facecolor("white")


def tile_images(images: Tensor, n_columns: int) -> np.ndarray:
    """Images laid out in rows as one picture, with a thin pale line between them.

    Images of one channel are turned into dark ink on white paper, as MNIST was written.

    Args:
        images: uint8 (n, channels, height, width), or floats in [-1, 1]; one channel or three.
        n_columns: images per row.

    Returns:
        (rows * (height + 2) + 2, columns * (width + 2) + 2, 3), values in [0, 1].
    """
    pixels = images / 255 if not images.is_floating_point() else (images + 1) / 2
    pixels = pixels.detach().cpu().clamp(0, 1)
    if images.shape[1] == 1:
        pixels = 1 - pixels
    grid = make_grid(pixels, nrow=n_columns, padding=2, pad_value=0.85)
    return grid.permute(1, 2, 0).numpy()


def show_images(images: Tensor, n_columns: int, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a grid of images.

    Args:
        images: as in ``tile_images``.
        n_columns: images per row.
        title: text above the grid.
        ax: where to draw; ``None`` makes a figure of its own, about 0.55 inch per image.

    Returns:
        The axes, without ticks.
    """
    if ax is None:
        n_rows = -(-len(images) // n_columns)
        _, ax = plt.subplots(figsize=(0.55 * n_columns, 0.55 * n_rows + 0.35 * bool(title)))
    ax.imshow(tile_images(images, n_columns), interpolation="nearest")
    ax.set(title=title)
    ax.set_axis_off()
    return ax


@torch.no_grad()
def show_critic(
    critic: Callable[[Tensor], Tensor], x_real: Tensor, x_fake: Tensor, ax: Axes, title: str = "", reach: float = 2.0
) -> Axes:
    """Draw a critic over the plane as a surface of its scores, with data and fakes on top.

    Args:
        critic: maps (batch, 2) to (batch,) or (batch, 1).
        x_real: (n, 2), data, drawn as blue circles; on the device of the critic.
        x_fake: (m, 2), drawn as vermilion triangles; may be empty.
        ax: where to draw.
        title: text above it.
        reach: the picture shows [-reach, reach] in both coordinates, data units.

    Returns:
        The axes. Bright is a high score; neighbouring level lines differ by equal amounts.

    Source: the layout of figure 1a in Gulrajani et al. 2017 (arXiv:1704.00028).
    """
    line = torch.linspace(-reach, reach, 101, device=x_real.device, dtype=x_real.dtype)
    grid = torch.cartesian_prod(line, line)
    scores = critic(grid).reshape(101, 101).T.cpu().numpy()
    axis = line.cpu().numpy()
    ax.contourf(axis, axis, scores, levels=20, cmap="cividis")
    ax.contour(axis, axis, scores, levels=20, colors="white", linewidths=0.4, alpha=0.6)
    for points, color, marker in [(x_fake, FAKE, "^"), (x_real, REAL, "o")]:
        ax.plot(
            *points.cpu().numpy().T, marker, color=color, markersize=3.5, markeredgecolor="white", markeredgewidth=0.3
        )
    ax.set(title=title, aspect="equal", xlim=(-reach, reach), ylim=(-reach, reach), xticks=[], yticks=[])
    return ax


def plot_training(
    history: list[dict[str, float]], samples: list[Tensor], ylabel: str, n_shown: int = 6, color: str = FAKE
) -> Figure:
    """The estimate over training, and under it what the same noise gave at evenly spaced moments.

    Args:
        history: rows with ``step`` and ``estimate``, as in ``Run``.
        samples: batches of images, one per row of the history or one per moment shown; the first 12 are drawn.
        ylabel: what the estimate is, with its unit; its axis is logarithmic when all estimates are above 0.
        n_shown: how many moments to show.
        color: of the curve.

    Returns:
        The figure.

    Raises:
        ValueError: there is no history, or the samples are neither one per row nor one per moment shown.

    Source: the layout of figure 3 in Arjovsky et al. 2017 (arXiv:1701.07875).
    """
    if not history or len(samples) not in (len(history), n_shown):
        counts = f"found {len(samples)} samples for {len(history)} rows"
        raise ValueError(f"samples must be one per row of the history or one per moment shown, {n_shown}; {counts}")
    fig = plt.figure(figsize=(7.2, 4.9))
    rows = fig.add_gridspec(2, n_shown, height_ratios=[1.15, 1])
    ax = fig.add_subplot(rows[0, :])
    steps, estimates = [row["step"] for row in history], [row["estimate"] for row in history]
    ax.plot(steps, estimates, color=color)
    ax.set(xlabel="generator step", ylabel=ylabel)
    if min(estimates) > 0:
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.yaxis.set_minor_locator(NullLocator())
    moments = np.linspace(0, len(history) - 1, n_shown).round().astype(int)
    shown = samples if len(samples) == n_shown else [samples[index] for index in moments]
    for column, (index, images) in enumerate(zip(moments, shown, strict=True)):
        ax.plot(steps[index], estimates[index], "o", color=color, markersize=5)
        show_images(images[:12], 3, f"step {steps[index]}", fig.add_subplot(rows[1, column]))
    return fig
