"""nbval, as notebooks/conftest.py sets it up, passes what is true and fails what was altered."""

import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

CONFTEST = Path(__file__).parents[1] / "notebooks" / "conftest.py"

IMPORTS = """
import matplotlib.pyplot as plt
import numpy as np
from IPython.display import display
from wgan_utils.plots import FAKE, REAL, moving_picture, slider, use_style
use_style()
theta = np.linspace(-1, 1, 101)
cloud = np.random.default_rng(0).normal(size=(2, 200))
"""
LINE = (
    "fig, ax = plt.subplots()\nax.plot(theta, {curve})\n"
    "ax.set(xlabel='theta', ylabel='distance', ylim=(-0.1, 1.1))\nplt.show()"
)
CLOUD = (
    "fig, ax = plt.subplots()\nax.plot(cloud[0] + {shift}, cloud[1], 'o', color={color})\n"
    "ax.set(xlabel='x', ylabel='y', xlim=(-4, 6), ylim=(-4, 4))\nplt.show()"
)
TRUE_LINE = LINE.format(curve="abs(theta)")
TRUE_CLOUD = CLOUD.format(shift=0, color="REAL")
SLIDER = (
    "def draw(value):\n    fig, ax = plt.subplots()\n    ax.plot(theta, {curve})\n    ax.set(ylim=(-0.1, 1.1))\n"
    "    return f'W1 {{value * {factor}:.4f}}'\ndisplay({kind}(draw, [0.1, 0.3, 0.6, 1.0], {words}))"
)
SHRINKS, ALTERED = "value * abs(theta)", "(value * abs(theta) if value != 0.6 else 0 * theta + 0.5)"
TRUE_SLIDER = SLIDER.format(curve=SHRINKS, factor=1, kind="slider", words="'value', alt='A V.'")
TRUE_MOVE = SLIDER.format(curve=SHRINKS, factor=1, kind="moving_picture", words="alt='A V.'")
STDERR = "import sys\nprint('a note', file=sys.stderr)"

# name: (what the notebook runs, what its saved output was altered to, tags); None leaves the output as it was
CASES = {
    "a number in its last digit": ("print('W1', 0.7062, 'of', 10)", "print('W1', 0.7062004, 'of', 10)", []),
    "an untouched line": (TRUE_LINE, None, []),
    "an untouched cloud": (TRUE_CLOUD, None, []),
    "a trained figure with other digits": (TRUE_CLOUD, CLOUD.format(shift=2, color="FAKE"), ["trained-figure"]),
    "words on stderr": (STDERR, "print('', end='')", []),
    "an untouched slider": (TRUE_SLIDER, None, []),
    "an untouched moving picture": (TRUE_MOVE, None, []),
    "a trained slider with another frame": (TRUE_SLIDER, TRUE_SLIDER.replace(SHRINKS, ALTERED), ["trained-figure"]),
    "PLANTED flat line in one frame of a slider": (TRUE_SLIDER, TRUE_SLIDER.replace(SHRINKS, ALTERED), []),
    "PLANTED number under a slider": (TRUE_SLIDER, TRUE_SLIDER.replace("value * 1", "value * 1.01"), []),
    "PLANTED frame left out of a trained slider": (TRUE_SLIDER, TRUE_SLIDER.replace("0.3, ", ""), ["trained-figure"]),
    "PLANTED flat line in a moving picture": (TRUE_MOVE, TRUE_MOVE.replace(SHRINKS, "0 * theta + 0.5"), []),
    "PLANTED changed number": ("print('W1', 0.7062, 'of', 10)", "print('W1', 0.7162, 'of', 10)", []),
    "PLANTED changed last digit": ("print('W1', 0.7062, 'of', 10)", "print('W1', 0.7063, 'of', 10)", []),
    "PLANTED changed integer": ("print('W1', 0.7062, 'of', 10)", "print('W1', 0.7062, 'of', 11)", []),
    "PLANTED changed word": ("print('holds: True')", "print('holds: False')", []),
    "PLANTED nan": ("print(0.5)", "print(float('nan'))", []),
    "PLANTED flat line": (TRUE_LINE, LINE.format(curve="0 * theta + 0.5"), []),
    "PLANTED swapped colour": (TRUE_CLOUD, CLOUD.format(shift=0, color="FAKE"), []),
    "PLANTED moved cloud": (TRUE_CLOUD, CLOUD.format(shift=1, color="REAL"), []),
    "PLANTED missing figure": (TRUE_LINE, "print('', end='')", []),
    "PLANTED trained figure of another size": (
        TRUE_CLOUD,
        "plt.figure(figsize=(3, 3))\nplt.show()",
        ["trained-figure"],
    ),
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Case name to 'passed' or 'failed', from one run of nbval over one notebook with all cases."""
    folder = tmp_path_factory.mktemp("nbval")
    shutil.copy(CONFTEST, folder)
    saved = new_notebook(cells=[new_code_cell(IMPORTS)])
    saved.cells += [new_code_cell(altered or source) for source, altered, _ in CASES.values()]
    NotebookClient(saved, record_timing=False).execute()
    for cell, (source, _, tags) in zip(saved.cells[1:], CASES.values(), strict=True):
        cell.source, cell.metadata["tags"] = source, tags
    nbformat.write(saved, folder / "cases.ipynb")
    command = [sys.executable, "-m", "pytest", "--nbval", "--nbval-current-env", "-rA", "-q", "-p", "no:cacheprovider"]
    run = subprocess.run([*command, "cases.ipynb"], cwd=folder, capture_output=True, text=True)
    lines = [line for line in run.stdout.splitlines() if line.startswith(("PASSED", "FAILED"))]
    assert len(lines) == len(CASES) + 1, run.stdout
    by_number = {int(line.split("Cell ")[1].split()[0]): line.split()[0].lower() for line in lines}
    return {name: by_number[number] for number, name in enumerate(CASES, 1)}


@pytest.mark.parametrize("name", CASES)
def test_altered_outputs_fail_and_true_ones_pass(outcome, name):
    assert outcome[name] == ("failed" if name.startswith("PLANTED") else "passed")
