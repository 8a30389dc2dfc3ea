"""nbval in strict mode, made fit for a numerical course.

Floats compare within a tolerance, integers and words exactly. Figures, which nbval would otherwise skip,
compare by their ink, a slider frame by frame; those of cells tagged ``trained-figure`` by presence and size
alone, because another processor trains other digits. stderr is not compared. nbval 0.11 has no settings for this, so three of
its hooks are replaced.
"""

import base64
import io
import math
import re

import numpy as np
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile
from PIL import Image

FLOAT = re.compile(r"[-+]?(?:\d+\.\d*|\.\d+)(?:[eE][-+]?\d+)?|\b(?:nan|inf)\b")
IMAGE = re.compile(r"data:image/\w+;base64,([\w+/=]+)")
RTOL = 1e-4
INK_LIMIT, WIDTH = (
    0.25,
    160,
)  # the same code again: 0; a flat line for |theta|: 0.47; a swapped colour: 0.71


def close(a: str, b: str) -> bool:
    """Whether two printed floats agree to RTOL, or to half a unit of the last digit printed."""
    decimals = len(a.partition(".")[2]) if "e" not in a.lower() else 99
    return a == b or math.isclose(
        float(a), float(b), rel_tol=RTOL, abs_tol=0.5 * 10**-decimals
    )


class Text(str):
    """Equal when the words match and the floats are close."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        a, b = str(self), str(other)
        if FLOAT.sub("#", a) != FLOAT.sub("#", b):
            return False
        pairs = zip(FLOAT.findall(a), FLOAT.findall(b), strict=True)
        return all(close(x, y) for x, y in pairs)

    def __ne__(self, other):
        return not self == other


def picture(coded: str) -> Image.Image:
    return Image.open(io.BytesIO(base64.b64decode(coded))).convert("RGB")


def same_size(a: Image.Image, b: Image.Image) -> bool:
    """Whether two pictures agree in width and height to 3 %: a longer tick label may move the frame."""
    return all(
        math.isclose(m, n, rel_tol=0.03) for m, n in zip(a.size, b.size, strict=True)
    )


def ink(image: Image.Image, size: tuple[int, int]) -> np.ndarray:
    """Darkness of the picture in [0, 1], (height, width, 3); white paper is 0."""
    return 1 - np.asarray(image.resize(size, Image.Resampling.BOX), float) / 255


def same_ink(a: Image.Image, b: Image.Image) -> bool:
    """Whether two pictures have one size and differ in less than INK_LIMIT of their ink."""
    size = (WIDTH, round(WIDTH * a.height / a.width))
    inks = ink(a, size), ink(b, size)
    return same_size(a, b) and np.abs(inks[0] - inks[1]).sum() <= INK_LIMIT * max(
        i.sum() for i in inks
    )


class Figure(str):
    """Equal when the pictures are alike."""

    __hash__ = str.__hash__
    alike = staticmethod(same_ink)

    def __eq__(self, other):
        return self.alike(picture(str(self)), picture(str(other)))

    def __ne__(self, other):
        return not self == other


class Slider(Figure):
    """Equal when the words match and the pictures are alike, frame by frame."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        a, b = str(self), str(other)
        pairs = list(zip(frames(a), frames(b), strict=False))
        same_words = Text(IMAGE.sub("", a)) == IMAGE.sub("", b)
        return same_words and all(self.alike(*pair) for pair in pairs)


def frames(html: str) -> list[Image.Image]:
    """The pictures of a slider: the one shown first, and those of the sheet, each as high as the first."""
    first, sheet = map(picture, IMAGE.findall(html))
    (width, height), n = first.size, sheet.height // first.height
    return [first] + [
        sheet.crop((0, k * height, width, (k + 1) * height)) for k in range(n)
    ]


def pytest_collectstart(collector):
    if isinstance(collector, IPyNbFile):
        collector.skip_compare = (
            *(kind for kind in collector.skip_compare if kind != "image/png"),
            "stderr",
        )


plain_sanitize = IPyNbCell.sanitize


def sanitize(self, text):
    text = plain_sanitize(self, text)
    if not isinstance(text, str):
        return text
    if 'class="slider"' in text:
        figure = Slider(text)
    elif text.startswith("iVBORw0KGgo"):  # how every PNG begins in base64
        figure = Figure(text)
    else:
        return Text(text)
    if "trained-figure" in self.cell.metadata.get("tags", []):
        figure.alike = same_size
    return figure


def execute_with_history(self, cell_input, allow_stdin=None):
    """A trailing ';' hides a value only when the kernel keeps history."""
    return self.kc.execute(
        cell_input, allow_stdin=allow_stdin, stop_on_error=False, store_history=True
    )


IPyNbCell.sanitize = sanitize
RunningKernel.execute_cell_input = execute_with_history
