"""Run notebooks for several seeds and thread counts: do the verdicts they print about trained networks hold?

    python benchmarks/verdicts.py [--seeds 5] [--threads 1 2] [--notebooks 04 05 06 07 08 09 10 11]

Each run executes the notebook's own cells up to the last one tagged ``verdict`` in a fresh kernel; only the
seed of its training runs and the number of threads are replaced: the line ``seed = 0`` where a notebook has one,
else the seed of its ``TrainConfig``. Figures are left out, and so are the runs that only figures show. The exit
status is 1 when a verdict does not hold.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
FIGURES = ("trained-figure", "figure-run")  # a whole ``program`` in one cell draws too, and is kept
SET_THREADS = """
import torch
torch.set_num_threads({threads})
"""
CHANGE_SEED = """
import functools
TrainConfig = functools.partial(TrainConfig, seed={seed})  # a seed that the notebook names itself still wins
"""
REPORT = """
if "sure" in globals():
    print(f"sure {sure:.3f}, rarest digit {share.min():.3f}, last/peak {estimates[-1] / estimates.max():.3f}", end="")
    print(f", mean slope {slope.mean():.3f}" if "slope" in globals() else "", end="")
    print(f", Frechet distance {frechet:.1f}" if "frechet" in globals() else "")
elif "table" in globals() and isinstance(table, dict):  # the league of notebook 05
    print("certified share: " + ", ".join(f"{name} {row['share']:.2f}" for name, row in table.items()))
else:
    print("holds")
"""


def has_tag(cell, tag: str) -> bool:
    return tag in cell.metadata.get("tags", [])


def run(path: Path, seed: int, threads: int) -> tuple[str, float]:
    """What the verdict cells printed, and the seconds it took."""
    notebook = nbformat.read(path, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    last = max(index for index, cell in enumerate(code) if has_tag(cell, "verdict"))
    code = [cell for cell in code[: last + 1] if has_tag(cell, "program") or not any(has_tag(cell, t) for t in FIGURES)]
    seeds = [cell for cell in code if re.search(r"^seed = 0$", cell.source, flags=re.M)]
    for cell in seeds:
        cell.source = re.sub(r"^seed = 0$", f"seed = {seed}", cell.source, flags=re.M)
    prelude = SET_THREADS.format(threads=threads) + ("" if seeds else CHANGE_SEED.format(seed=seed))
    imports = next(index for index, cell in enumerate(code) if "use_style()" in cell.source)
    code.insert(imports + 1, nbformat.v4.new_code_cell(prelude))
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
    parser.add_argument(
        "--notebooks", nargs="+", default=["04", "05", "06", "07", "08", "09", "10", "11"], help="numbers of notebooks"
    )
    args = parser.parse_args()
    os.environ["TQDM_DISABLE"] = "1"
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # else a busy machine makes two threads many times slower
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
