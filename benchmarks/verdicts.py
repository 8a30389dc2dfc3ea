"""Run notebooks 09 and 10 for several seeds and thread counts: do their printed verdicts hold?

    python benchmarks/verdicts.py [--seeds 5] [--threads 1 2] [--notebooks 09 10]

Each run executes the notebook's own cells up to the last one tagged ``verdict`` in a fresh kernel; only the
seed of its training runs and the number of threads are replaced. Figures are left out, and so are the runs
that only figures show. The exit status is 1 when a verdict does not hold.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
CHANGE_SEED = """
import functools
import torch
torch.set_num_threads({threads})
TrainConfig = functools.partial(TrainConfig, seed={seed})  # a seed that the notebook names itself still wins
"""
REPORT = """
report = f"sure {sure:.3f}, rarest digit {share.min():.3f}, last/peak estimate {estimates[-1] / estimates.max():.3f}"
print(report + (f", mean slope {slope.mean():.3f}" if "slope" in globals() else ""))
"""


def has_tag(cell, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def run(path: Path, seed: int, threads: int) -> tuple[str, float]:
    """What the verdict cells printed, and the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last = max(index for index, cell in enumerate(code) if has_tag(cell, "verdict"))
    code = [
        cell for cell in code[: last + 1] if not has_tag(cell, "trained-figure") and not has_tag(cell, "figure-run")
    ]
    imports = next(index for index, cell in enumerate(code) if "TrainConfig" in cell.source)
    code.insert(imports + 1, nbformat.v4.new_code_cell(CHANGE_SEED.format(seed=seed, threads=threads)))
    code.append(nbformat.v4.new_code_cell(REPORT))
    notebook.cells = code
    client = NotebookClient(notebook, timeout=3600, resources={"metadata": {"path": str(path.parent)}})
    start = time.perf_counter()
    try:
        client.execute()
        report = code[-1].outputs[0].text.strip()
    except CellExecutionError as error:
        printed = [
            output.get("text", "") for cell in code if has_tag(cell, "verdict") for output in cell.get("outputs", [])
        ]
        report = "DOES NOT HOLD\n" + "".join(printed) + str(error).splitlines()[-1]
    return report, time.perf_counter() - start


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--notebooks", nargs="+", default=["09", "10"], help="numbers of notebooks")
    args = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    failures = 0
    for number in args.notebooks:
        (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
        for threads in args.threads:
            for seed in range(args.seeds):
                report, seconds = run(path, seed, threads)
                failures += report.startswith("DOES NOT HOLD")
                print(f"notebook {number}, threads {threads}, seed {seed}: {report} ({seconds:.0f} s)", flush=True)
    print(f"{failures} of {len(args.notebooks) * len(args.threads) * args.seeds} runs broke a verdict")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
