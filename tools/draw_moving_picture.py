"""Draw the README's moving picture: what the one cell of notebook 11 learns, while it learns.

    python tools/draw_moving_picture.py    # runs the cell, about a minute on a CPU; writes docs/_static/digits.webp

The cell is read from the notebook and run as it stands; between its steps, on noise of their own, the same digits are
drawn. The picture's description holds the sum of the code, so that a test sees when the cell has changed.
"""

import ast
import hashlib
import os
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

from wgan_utils.plots import FAKE, MUTED, tile_images

ROOT = Path(__file__).parents[1]
PICTURE = ROOT / "docs" / "_static" / "digits.webp"
COLUMNS, ROWS, SCALE, CURVE = 12, 4, 2, 80  # digits across and down, pixels a pixel, height of the curve
N_FRAMES, MILLISECONDS, LAST = 32, 140, 3000
DESCRIPTION = 270  # the tag of Exif


def program() -> ast.Module:
    """The cell of notebook 11 that is a whole program."""
    (path,) = (ROOT / "notebooks").glob("11*.ipynb")
    cells = nbformat.read(path, as_version=4).cells
    (source,) = (cell.source for cell in cells if "program" in cell.metadata.get("tags", []))
    return ast.parse(source)


def code_sum(tree: ast.Module) -> str:
    """The sum of the code, whatever its comments and blanks."""
    return hashlib.sha256(ast.unparse(tree).encode()).hexdigest()


def watched(tree: ast.Module) -> ast.Module:
    """The program with a call of ``watch()`` at the end of each of its ``n_steps`` steps."""
    (loop,) = (node for node in tree.body if isinstance(node, ast.For) and ast.unparse(node.iter) == "range(n_steps)")
    loop.body.append(ast.parse("watch()").body[0])
    return ast.fix_missing_locations(tree)


def frame(digits: torch.Tensor, estimates: list[float], n_steps: int, top: float, bottom: float) -> Image.Image:
    """The digits, and below them the estimate so far on a logarithmic scale."""
    grid = tile_images(digits, COLUMNS)[..., 0]
    grid = np.round(grid * 5) / 5  # six greys: a small file
    image = Image.fromarray((255 * grid).astype(np.uint8)).resize((SCALE * grid.shape[1], SCALE * grid.shape[0]), 0)
    canvas = Image.new("RGB", (image.width, image.height + CURVE), "white")
    canvas.paste(image, (0, 0))
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(13)
    low, high = image.height + CURVE - 24, image.height + 8
    height = np.log(np.clip(estimates, bottom, top) / bottom) / np.log(top / bottom)
    across = 4 + (image.width - 8) * np.arange(1, len(estimates) + 1) / n_steps
    points = list(zip(across.tolist(), (low + (high - low) * height).tolist(), strict=True))
    draw.line(points, fill=FAKE, width=2)
    draw.line([(4, low + 4), (image.width - 4, low + 4)], fill=MUTED)
    draw.text((4, low + 5), f"generator step {len(estimates)}", fill="black", font=font)
    words = "the critic's estimate of the distance"
    draw.text((image.width - 4 - draw.textlength(words, font), high - 2), words, fill=FAKE, font=font)
    return canvas


def main() -> None:
    tree = program()
    summed, seen = code_sum(tree), []
    names: dict = {"__name__": "program"}

    def watch() -> None:
        n_steps, n_done = names["n_steps"], len(names["estimates"])
        moments = {round(n_steps ** (k / (N_FRAMES - 1))) for k in range(N_FRAMES)}  # early steps change most
        if n_done in moments:
            generator = names["generator"].eval()
            z = torch.randn(COLUMNS * ROWS, names["latent_dim"], generator=torch.Generator().manual_seed(1))
            with torch.no_grad():
                seen.append((generator(z.to(names["device"])).cpu(), n_done))
            generator.train()

    names["watch"] = watch
    os.chdir(ROOT)  # the cell reads data/MNIST
    plt.switch_backend("Agg")
    exec(compile(watched(tree), "notebook 11", "exec"), names)
    estimates = torch.stack(names["estimates"]).tolist()
    smooth = [float(np.mean(estimates[max(0, k - 4) : k + 1])) for k in range(len(estimates))]
    top, bottom = max(smooth), min(smooth)
    frames = [frame(digits, smooth[:n], len(smooth), top, bottom) for digits, n in seen]
    first, *others = frames
    exif = Image.Exif()
    exif[DESCRIPTION] = summed
    durations = [MILLISECONDS] * len(others) + [LAST]
    first.save(
        PICTURE, save_all=True, append_images=others, duration=durations, loop=0, lossless=True, method=6, exif=exif
    )
    print(f"{len(frames)} frames, {PICTURE.stat().st_size / 1000:.0f} kB in {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
