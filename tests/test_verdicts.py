"""The instrument of benchmarks/verdicts.py measures what a cell compares, and changes what it says it changes."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))
import verdicts  # noqa: E402

TRAINED = [path for path in sorted((ROOT / "notebooks").glob("*.ipynb")) if path.stem >= "04"]


def page(tmp_path, *cells):
    """A notebook of (source, tags, committed output)."""
    notebook = new_notebook()
    for source, tags, printed in cells:
        outputs = [new_output("stream", name="stdout", text=printed)] if printed else []
        notebook.cells.append(new_code_cell(source, metadata={"tags": tags}, outputs=outputs))
    nbformat.write(notebook, tmp_path / "04_page.ipynb")
    return tmp_path / "04_page.ipynb"


def margins(tmp_path, source):
    found = verdicts.run_cells(page(tmp_path, (source, ["verdict"], "")))
    assert not [failure for failure in found["failures"] if "hold" not in failure], found
    return {row["label"]: row["margin"] for row in found["margins"]}


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("assert 3 < 4", {"3 < 4": 1 / 4}),
        ("assert 5 <= 4", {"5 <= 4": -1 / 5}),
        ("held = {'a is small': 1 < 2 and 3 > 2}", {"a is small": 1 / 3}),
        ("assert 1 < 2 < 8", {"1 < 2 < 8": 1 / 2}),
        ("assert not 4 < 3", {"4 < 3": 1 / 4}),
        ("import torch\nassert (torch.tensor([1.0, 3.0]) < 4).all()", {"torch.tensor([1.0, 3.0]) < 4": 1 / 4}),
        ("import math\nassert math.nan < 1", {"math.nan < 1": float("-inf")}),
        ("def f(x):\n    return x < 1\n\n\nf(2)\nassert 'a' == 'a'", {}),
        ("import numpy as np\nx = np.arange(3)\nshare = ((x < 1) | (x > 1)).mean()", {}),
    ],
)
def test_a_margin_is_the_gap_over_the_larger_side(tmp_path, source, expected):
    assert margins(tmp_path, source) == pytest.approx(expected)


def test_a_failure_is_noted_and_the_run_goes_on(tmp_path):
    cells = [
        ("assert 1 > 2, 'why'", [], ""),
        ("1 / 0", [], ""),
        ("print('holds')", ["verdict"], "holds\n"),
        ("print('holds not')", ["verdict"], "holds\n"),
    ]
    assert verdicts.run_cells(page(tmp_path, *cells))["failures"] == [
        "0: does not hold: 1 > 2",
        "1: ZeroDivisionError: division by zero",
        "3: prints 'holds not\\n'",
    ]


def test_only_the_constant_in_the_cell_tagged_seed_is_replaced(tmp_path):
    sources = ["seed = 0", "a = dict(n=2, seed=0)", "other = dict(seed=0)"]
    cells = [(source, ["seed"] * (number < 2), "") for number, source in enumerate(sources)]
    check = ("assert (seed, a['seed'], a['n'], other['seed']) == (7, 7, 2, 0)", [], "")
    assert verdicts.run_cells(page(tmp_path, *cells, check), seed=7)["failures"] == []


def test_a_second_run_of_a_cell_that_spoils_its_own_input_is_found(tmp_path):
    path = page(tmp_path, ("x = [1, 2]", [], ""), ("x = sum(x)", [], ""))
    assert verdicts.run_cells(path)["failures"] == []
    assert verdicts.run_cells(path, times=2)["failures"] == ["1: TypeError: 'int' object is not iterable"]


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_every_notebook_that_trains_has_one_cell_that_binds_the_seed(path):
    cells = [cell for cell in nbformat.read(path, as_version=4).cells if "seed" in cell.metadata.get("tags", [])]
    (source,) = (cell.source for cell in cells)
    tree = ast.parse(source)
    verdicts.replace_seed(tree, 12345)
    assert ast.unparse(tree).count("12345") == 1


def test_a_nudge_and_an_emulated_processor_reach_the_process_of_a_run(tmp_path):
    source = (
        "import os, torch\nfrom torch import nn\nos.environ['MKL_CBWR']\ntorch.manual_seed(0)\na = nn.Linear(64, 64)\n"
        "torch.manual_seed(0)\nb = nn.Linear(64, 64)\nassert torch.equal(a.weight, b.weight)\n"
        "print(a.weight.double().abs().sum().item())"
    )
    page(tmp_path, ("seed = 0", ["seed"], ""), (source, ["verdict"], ""))
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[1]); import verdicts\n"
        "verdicts.NOTEBOOKS = Path(sys.argv[2]); verdicts.run_one('04', 3, 1, 'any')"
    )
    weights = {}
    for nudge in ({}, {"NUDGE": "1"}, {"NUDGE": "2"}):
        command = [sys.executable, "-c", code, str(ROOT / "benchmarks"), str(tmp_path)]
        environment = os.environ | {"MKL_CBWR": "COMPATIBLE", **nudge}
        run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        (failure,) = json.loads(run.stdout)["failures"]  # nothing but that the page has no committed output
        weights[nudge.get("NUDGE")] = float(failure.split("'")[1].removesuffix("\\n"))
    assert len(set(weights.values())) == 3
    assert max(weights.values()) / min(weights.values()) < 1 + 1e-7


def test_the_table_names_the_worst_run_of_each_verdict_and_every_failure(tmp_path):
    row = {"cell": 3, "verdict": True, "label": "a < b", "order": "<", "left": 1.0, "right": 2.0}
    runs = [
        {"notebook": "04", "seed": seed, "threads": 1, "processor": "plain", "torch": "2", "machine": "any"}
        | {"margins": [row | {"margin": margin}], "failures": ["3: does not hold: a < b"] * (margin < 0)}
        for seed, margin in enumerate([0.5, -0.1, 0.3])
    ]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    text = verdicts.table([tmp_path / "log.jsonl"])
    assert "| 04:03 | a &lt; b | 3 | 1 &lt; 2 | -10.0 % | 50.0 % | seed 1, 1 thread, plain |" in text
    assert "- notebook 04, seed 1, 1 thread, plain, cell 3: does not hold: a < b" in text and "1 failures" in text
