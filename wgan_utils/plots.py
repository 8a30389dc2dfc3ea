"""One look for every figure, still or moving: the colours mean the same thing in all notebooks.

torch is imported by the functions that draw tensors, so that a page without them starts without it.
"""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from PIL import Image, ImageOps

if TYPE_CHECKING:
    import IPython.display
    from torch import Tensor

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

    Raises:
        ValueError: the images have another shape or range, hold NaN, or a row holds none.
    """
    import torch
    from torch.nn.functional import pad
    from torchvision.utils import make_grid

    if images.ndim != 4 or images.shape[1] not in (1, 3) or not len(images):
        raise ValueError(f"images must be (n, 1 or 3, height, width), found {tuple(images.shape)}")
    if n_columns < 1:
        raise ValueError(f"n_columns must be at least 1, found {n_columns}")
    if not (images.dtype == torch.uint8 or (images.is_floating_point() and images.abs().max() < 16)):
        found = f"{images.dtype} up to {images.max()}"
        raise ValueError(f"images must be uint8, or floats in [-1, 1] up to what is cut off, found {found}")
    pixels = images / 255 if not images.is_floating_point() else (images + 1) / 2
    pixels = pixels.detach().cpu().clamp(0, 1)
    if images.shape[1] == 1:
        pixels = 1 - pixels
    if len(pixels) == 1:  # make_grid gives a single image back as it is
        grid = pad(pixels[0].expand(3, -1, -1), (2, 2, 2, 2), value=0.85)
    else:
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
        The axes. Bright is a high score, in evaluation mode; neighbouring level lines differ by equal amounts.

    Source: the layout of figure 1a in Gulrajani et al. 2017 (arXiv:1704.00028).
    """
    import torch

    line = torch.linspace(-reach, reach, 101, device=x_real.device, dtype=x_real.dtype)
    modules = critic.modules() if isinstance(critic, torch.nn.Module) else ()
    learning = [module for module in modules if module.training]
    try:
        for module in learning:  # dropout and batch norm would draw another critic
            module.training = False
        with torch.no_grad():
            scores = critic(torch.cartesian_prod(line, line)).reshape(101, 101).T.cpu().numpy()
    finally:
        for module in learning:
            module.training = True
    axis = line.cpu().numpy()
    ax.contourf(axis, axis, scores, levels=20, cmap="cividis")
    ax.contour(axis, axis, scores, levels=20, colors="white", linewidths=0.4, alpha=0.6)
    look = {"markersize": 3.5, "markeredgecolor": "white", "markeredgewidth": 0.3}
    for points, color, marker in [(x_fake, FAKE, "^"), (x_real, REAL, "o")]:
        ax.plot(*points.detach().cpu().numpy().T, marker, color=color, **look)
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


# --- Figures that move ------------------------------------------------------------------------------------------------

N_COLOURS = 48  # of all frames together: enough for lines, letters and level sets
LARGEST_SLIDER, LARGEST_PICTURE = 150_000, 300_000  # bytes: as HTML in the page, and as a file
FEWER = "draw fewer, smaller or plainer frames"
MOVE = (  # the whole script of a slider: it finds its picture and its words by itself
    "const f=this.closest('figure'),i=f.querySelector('img'),s=JSON.parse(this.dataset.words)[this.value];"
    "i.src=this.dataset.frames;i.style.objectPosition='0 '+100*this.value/this.max+'%';"
    "f.querySelector('output').textContent=s;this.setAttribute('aria-valuetext',s)"
)


def draw_frames(draw: Callable, values: Sequence) -> tuple[list[Image.Image], list[str]]:
    """One picture per value, all of one size and with one palette, and what ``draw`` returned as text."""
    pictures, words = [], []
    for value in values:
        before = set(plt.get_fignums())
        words.append(draw(value) or "")
        made = set(plt.get_fignums()) - before
        if len(made) == 1:
            fig = plt.figure(*made)
            canvas = FigureCanvasAgg(fig)  # whatever screen the figure was made for
            fig.set_dpi(100)
            canvas.draw()
            pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB"))
        for number in made:
            plt.close(number)
        if len(made) != 1:
            raise ValueError(f"draw must make one figure and leave it open, found {len(made)} for the value {value!r}")
    if len(pictures) < 2 or len({picture.size for picture in pictures}) > 1:
        found = sorted({f"{picture.width} x {picture.height}" for picture in pictures})
        raise ValueError(f"need two values or more and frames of one size; found {len(pictures)}, {', '.join(found)}")
    width, height = pictures[0].size
    sheet = stack(pictures)
    kept = np.array([[round(255 * part) for part in to_rgb(color)] for color in (EXACT, "white", REAL, FAKE, MUTED)])
    others = np.reshape(sheet.quantize(N_COLOURS - len(kept)).getpalette(), (-1, 3))
    apart = (np.abs(others[:, None] - kept).max(axis=2) > 8).all(axis=1)  # so that white paper stays white
    palette = Image.new("P", (1, 1))
    palette.putpalette([*kept.ravel().tolist(), *others[apart].ravel().tolist()])
    sheet = sheet.quantize(palette=palette, dither=Image.Dither.NONE)
    return [sheet.crop((0, k * height, width, (k + 1) * height)) for k in range(len(pictures))], words


def stack(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one width, one under the other."""
    return Image.fromarray(np.vstack([picture.convert("RGB") for picture in pictures]))


def slider(draw: Callable, values: Sequence, label: str, alt: str, start: int = 0) -> IPython.display.HTML:
    """A figure with a slider that needs no kernel: ``draw`` is called now, once for each value.

    Where scripts do not run, the first picture shown stays. Put a still figure with the same message above it.

    Args:
        draw: ``draw(value)`` draws one new pyplot figure, does not show it, and returns nothing or a few words on what
            is seen, with its numbers ("W1 0.50, JS 0.69"): they stand under the picture, and screen readers say them.
        values: at least two, in the order of the slider; numbers or words.
        label: what the slider changes, with its unit.
        alt: one sentence on what the pictures show.
        start: index of the value that is shown first.

    Returns:
        What ``display`` shows, at most 150 kB.

    Raises:
        ValueError: ``start`` is no index, ``draw`` did not make one figure, the frames differ in size, or the whole is
            too large.
    """
    from IPython.display import HTML

    values = list(values)
    if not 0 <= start < len(values):
        raise ValueError(f"start must be an index into {len(values)} values, found {start}")
    frames, words = draw_frames(draw, values)
    width, height = frames[0].size
    if len(frames) * height > 16383:
        raise ValueError(f"{len(frames)} frames of {height} pixels are higher than 16383: draw fewer or lower ones")
    names = [f"{value:.4g}" if isinstance(value, float | np.floating) else str(value) for value in values]
    said = [f"{label}: {name}" + f"; {more}" * bool(more) for name, more in zip(names, words, strict=True)]
    first, sheet = (data_url(picture) for picture in (frames[start], stack(frames)))
    shape = f"width:100%;max-width:{width}px;height:auto;aspect-ratio:{width}/{height}"
    text = (
        f'<figure class="slider" style="margin:0"><img src="{first}" alt="{html.escape(alt)}" '
        f'width="{width}" height="{height}" style="display:block;{shape};object-fit:cover;object-position:0 0">'
        f'<input type="range" data-lm-suppress-shortcuts="true" '
        f'min="0" max="{len(frames) - 1}" value="{start}" aria-label="{html.escape(label)}" '
        f'aria-valuetext="{html.escape(said[start])}" style="display:block;width:100%;max-width:{width}px" '
        f'data-words="{html.escape(json.dumps(said))}" data-frames="{sheet}" oninput="{MOVE}">'
        f'<output aria-live="off">{html.escape(said[start])}</output></figure>'
    )
    if len(text) > LARGEST_SLIDER:
        raise ValueError(f"a slider takes at most {LARGEST_SLIDER} bytes, found {len(text)}: {FEWER}")
    return HTML(text)


def data_url(picture: Image.Image) -> str:
    """The picture as an address that holds it, without loss."""
    file = io.BytesIO()
    picture.convert("RGB").save(file, "WEBP", lossless=True)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"


def moving_picture(draw: Callable, values: Sequence, alt: str, seconds: float = 6.0) -> IPython.display.Image:
    """A picture that moves by itself wherever a notebook is read, above four stills of it for print.

    It is a PNG with frames: notebooks, repositories and browsers that show a PNG show it, and paper shows the first.

    Args:
        draw: ``draw(value)`` draws one new pyplot figure and does not show it.
        values: at least two, in the order of time.
        alt: one sentence on what changes; also the cell's ``mystnb.image.alt``.
        seconds: of one round; the last frame stays four times as long as another.

    Returns:
        What ``display`` shows, at most 300 kB.

    Raises:
        ValueError: ``draw`` did not make one figure, the frames differ in size, or the whole is too large.
    """
    from IPython.display import Image as Shown

    frames, _ = draw_frames(draw, values)
    moments = np.linspace(0, len(frames) - 1, 4).round().astype(int)
    width, height = (round(side / 4) - 4 for side in frames[0].size)
    stills = Image.new("RGB", (frames[0].width, height + 8), "white")
    for column, moment in enumerate(moments):
        small = frames[moment].convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        stills.paste(ImageOps.expand(small, 1, MUTED), (column * frames[0].width // 4 + 1, 4))
    palette = frames[0]
    pages = [stack([frame, stills]).quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    durations = [1000 * seconds / (len(pages) + 3)] * len(pages)
    durations[-1] *= 4
    file = io.BytesIO()
    pages[0].save(file, "PNG", save_all=True, append_images=pages[1:], duration=durations, loop=0)
    if file.tell() > LARGEST_PICTURE:
        raise ValueError(f"a moving picture takes at most {LARGEST_PICTURE} bytes, found {file.tell()}: {FEWER}")
    return Shown(file.getvalue(), format="png", metadata={"alt": alt})
