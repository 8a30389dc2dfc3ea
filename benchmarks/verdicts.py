"""Do the verdicts about trained networks hold for other seeds, thread counts and processors, and by what margin?

    python benchmarks/verdicts.py [--notebooks 04 05] [--seeds 0 1 2] [--threads 1 2] [--processors plain nudge1]
                                  [--jobs 2] [--log build/verdicts.jsonl]
    python benchmarks/verdicts.py --table build/verdicts.jsonl [more.jsonl]

Each run executes all cells of a notebook, without Jupyter, in a process of its own, and adds one line to the log. The
cell tagged ``seed`` binds the constant ``seed`` that is replaced. In every cell, functions apart, each comparison by
<, <=, > or >= is measured, and an assertion that fails is noted and does not end the run. A processor is emulated by
its kernels, which settings of the libraries choose before torch is loaded, or by a nudge: each freshly drawn weight is
multiplied by 1 + 1e-7 N(0, 1), which stands for any rounding. The exit status is 1 when an assertion failed, a cell
raised an error, or a cell tagged ``verdict`` did not print its committed output.
"""

import argparse
import ast
import contextlib
import io
import json
import math
import operator
import os
import platform
import re
import subprocess
import sys
import threading
import time
import types
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise, product
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
PROCESSORS = {
    "plain": {},
    "mkl-compatible": {"MKL_CBWR": "COMPATIBLE"},
    "mkl-avx2": {"MKL_CBWR": "AVX2"},
    "onednn-sse41": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "onednn-avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "onednn-avx512": {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"},
    "aten-default": {"ATEN_CPU_CAPABILITY": "default"},
    "aten-avx2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "all-oldest": {"MKL_CBWR": "COMPATIBLE", "ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
    "all-avx2": {"MKL_CBWR": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    **{f"nudge{number}": {"NUDGE": str(number)} for number in range(1, 6)},
}
TABLE = """# Margins

Made by `python benchmarks/verdicts.py --table build/verdicts.jsonl > benchmarks/margins.md`. One row for each
comparison in a cell tagged `verdict` (notebook:cell, counted from 0). The margin is the gap between the two sides over
the larger one, in the worst run and in the best; below 0 the verdict does not hold. A processor is emulated by its
kernels, or by a nudge of the first weights by 1e-7 of their size.
"""
ORDERS = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
ANSWER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Measured(ast.NodeTransformer):
    """Rewrites a cell: ``a < b`` becomes ``_measure(label, either_way, ["<"], a, b)``, ``assert c`` ``_note(c)``.

    A comparison is named by the sentence that it stands under in a dictionary, else by its own source. Under ``or``,
    ``any``, ``not`` and ``if`` it may be false while all is well: ``either_way`` tells that. Masks, whose share is
    taken or which are joined by ``|``, decide nothing and stay as they are.
    """

    def __init__(self):
        self.sentence, self.either_way = None, False

    def visit(self, node):
        name = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        counts = (
            name == "sum" or isinstance(node, ast.BinOp) or (isinstance(node, ast.Attribute) and node.attr != "all")
        )
        if counts or isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            return node
        before = self.sentence, self.either_way
        chooses = name == "any"
        negates = isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        if chooses or negates or (isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or)):
            self.either_way = True
        if isinstance(node, ast.Dict):
            for i, key in enumerate(node.keys):
                self.sentence = key.value if isinstance(key, ast.Constant) else before[0]
                node.values[i] = self.visit(node.values[i])
        elif isinstance(node, ast.If | ast.IfExp | ast.comprehension):
            tests = node.ifs if isinstance(node, ast.comprehension) else [node.test]
            self.either_way = True
            tests = [self.visit(test) for test in tests]
            self.either_way = before[1]
            empty = {"ifs": []} if isinstance(node, ast.comprehension) else {"test": ast.Constant(True)}
            for name, value in empty.items():
                setattr(node, name, value)
            node = self.generic_visit(node)
            setattr(node, *(("ifs", tests) if isinstance(node, ast.comprehension) else ("test", tests[0])))
        else:
            node = super().visit(node)
        self.sentence, self.either_way = before
        return node

    def visit_Compare(self, node):
        label = self.sentence or ast.unparse(node)
        self.generic_visit(node)
        if not all(type(op) in ORDERS for op in node.ops):
            return node
        given = (label, self.either_way, [ORDERS[type(op)] for op in node.ops])
        call = ast.parse(f"_measure({', '.join(map(repr, given))})", mode="eval").body
        call.args += [node.left, *node.comparators]
        return call

    def visit_Assert(self, node):
        label = ast.Constant(ast.unparse(node.test))
        return ast.Expr(ast.Call(ast.Name("_note", ast.Load()), [label, self.visit(node.test)], []))


def replace_seed(tree: ast.Module, seed: int) -> None:
    """Change, in place, the one constant that a cell binds to the name ``seed``."""
    bound = [n for n in ast.walk(tree) if isinstance(n, ast.keyword) and n.arg == "seed"]
    bound += [n for n in ast.walk(tree) if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == "seed"]
    (one,) = (n for n in bound if isinstance(n.value, ast.Constant))
    one.value.value = seed


def nudge_first_weights(number: int) -> None:
    """From now on torch.nn.init draws weights that are off by a bit or so, the same way for the same network."""
    import torch

    drawing = []  # not empty inside a draw: under a default device torch calls it a second time

    def nudged(draw):
        def draw_and_nudge(tensor, *args, **kwargs):
            if drawing:
                return draw(tensor, *args, **kwargs)
            drawing.append(True)
            draw(tensor, *args, **kwargs)
            drawing.pop()
            rng = torch.Generator().manual_seed(number)
            with torch.no_grad():
                return tensor.mul_(1 + 1e-7 * torch.randn(tensor.shape, generator=rng).to(tensor))

        return draw_and_nudge

    for name in ("uniform_", "normal_", "trunc_normal_", "orthogonal_"):
        setattr(torch.nn.init, name, nudged(getattr(torch.nn.init, name)))
    for name in ("xavier_uniform_", "xavier_normal_", "kaiming_uniform_", "kaiming_normal_"):
        setattr(torch.nn.init, name, nudged(getattr(torch.nn.init, name)))


def gaps(order: str, a, b) -> tuple:
    """How far ``a order b`` is from a tie, over the larger of the two, with the sides; negative where it is false."""
    import numpy as np

    x, y = (np.asarray(v.detach().cpu() if hasattr(v, "detach") else v, dtype=float) for v in (a, b))
    x, y = (side.ravel() for side in np.broadcast_arrays(x, y))
    with np.errstate(all="ignore"):
        gap = (y - x if order in ("<", "<=") else x - y) / np.maximum(abs(x), abs(y))
    gap[x == y] = 0
    gap[np.isnan(gap)] = -math.inf
    return gap, x, y


def run_cells(path: Path, seed: int | None = None, times: int = 1) -> dict:
    """Execute a notebook here and now, each cell so many times in a row: what was measured, and what failed."""
    warnings.simplefilter("ignore")
    least, failures, here = {}, [], None

    def measure(label, either_way, orders, *values):
        answer = True
        for order, (a, b) in zip(orders, pairwise(values), strict=True):
            part = ANSWER[order](a, b)
            answer = part if answer is True else answer and part
        found = [gaps(order, a, b) for order, (a, b) in zip(orders, pairwise(values), strict=True)]
        for order, (gap, x, y) in zip(orders, found, strict=True):
            gap = abs(gap) if either_way else gap
            key = here, label, order
            if gap.size and gap.min() < least.get(key, {"margin": math.inf})["margin"]:
                i = gap.argmin()
                least[key] = {"margin": float(gap[i]), "left": float(x[i]), "right": float(y[i])}
                least[key] |= {"either_way": either_way}
        return answer

    def note(label, holds):
        if not holds:
            failures.append(f"{here}: does not hold: {label}")

    page = types.ModuleType("__main__")
    page.__dict__.update(_measure=measure, _note=note, display=lambda shown: None)
    main, sys.modules["__main__"] = sys.modules["__main__"], page
    tags = {}
    for index, cell in enumerate(json.loads(path.read_text())["cells"]):
        if cell["cell_type"] != "code":
            continue
        here, tags[index] = index, cell["metadata"].get("tags", [])
        tree = Measured().visit(ast.parse(re.sub(r"(?m)^( *)%.*", r"\1pass", "".join(cell["source"]))))
        if "seed" in tags[index] and seed is not None:
            replace_seed(tree, seed)
        code = compile(ast.fix_missing_locations(tree), f"{path.stem}, cell {index}", "exec")
        for _ in range(times):
            printed = io.StringIO()
            try:
                with contextlib.redirect_stdout(printed):
                    exec(code, page.__dict__)
            except Exception as error:
                failures.append(f"{here}: {type(error).__name__}: {error}")
        committed = "".join("".join(o["text"]) for o in cell["outputs"] if o.get("name") == "stdout")
        if "verdict" in tags[index] and printed.getvalue() != committed:
            failures.append(f"{here}: prints {printed.getvalue()!r}")
    sys.modules["__main__"] = main
    if seed is not None and not any("seed" in names for names in tags.values()):
        failures.append("no cell is tagged seed")
    rows = [
        {"cell": cell, "verdict": "verdict" in tags[cell], "label": label, "order": order, **row}
        for (cell, label, order), row in least.items()
    ]
    return {"margins": rows, "failures": failures}


def run_one(number: str, seed: int, threads: int, processor: str) -> None:
    """What the process of one run does: print its line of the log."""
    sys.path.insert(0, str(ROOT))
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import torch

    plt.show = lambda *args, **kwargs: plt.close("all")
    torch.set_num_threads(threads)
    if "NUDGE" in os.environ:
        nudge_first_weights(int(os.environ["NUDGE"]))
    (path,) = NOTEBOOKS.glob(f"{number}_*.ipynb")
    os.chdir(NOTEBOOKS)
    start = time.perf_counter()
    found = run_cells(path, seed)
    row = {"notebook": number, "seed": seed, "threads": threads, "processor": processor, "torch": torch.__version__}
    row |= {"machine": machine(), "seconds": round(time.perf_counter() - start, 1), **found}
    print(json.dumps(row), file=sys.__stdout__)


def machine() -> str:
    """The processor's name, where the system tells it."""
    with contextlib.suppress(OSError):
        if name := re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text()):
            return name[1]
    return platform.processor()


def run_grid(args: argparse.Namespace) -> int:
    """All runs, each in its own process; the number of those in which something failed."""
    args.log.parent.mkdir(parents=True, exist_ok=True)
    writing, n_failed = threading.Lock(), 0

    def one(job):
        nonlocal n_failed
        number, seed, threads, processor = job
        environment = {"CUDA_VISIBLE_DEVICES": "", "TQDM_DISABLE": "1", "OMP_WAIT_POLICY": "PASSIVE", **os.environ}
        environment |= {"OMP_NUM_THREADS": str(threads), "MPLBACKEND": "agg", **PROCESSORS[processor]}
        command = [sys.executable, __file__, "--one", number, str(seed), str(threads), processor]
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        line = done.stdout.strip() if done.returncode == 0 else ""
        stopped = f"exit status {done.returncode}: {done.stderr.strip()[-400:]}"
        failures = json.loads(line)["failures"] if line else [stopped]
        with writing:
            n_failed += bool(failures)
            if line:
                with args.log.open("a") as log:
                    log.write(line + "\n")
            print(f"notebook {number}, seed {seed}, threads {threads}, {processor}: {failures or 'holds'}", flush=True)

    for threads in args.threads:
        jobs = list(product(args.notebooks, args.seeds, [threads], args.processors))
        with ThreadPoolExecutor(max(1, args.jobs // threads)) as pool:
            list(pool.map(one, sorted(jobs, key=lambda job: (args.seeds.index(job[1]), job[0]))))
    return n_failed


def table(logs: list[Path]) -> str:
    """For each comparison in a cell tagged ``verdict`` the worst of all runs; then what failed.

    Where nothing failed, a comparison that is false in every run is one that a verdict denies: it is left out.
    """
    runs = [json.loads(line) for log in logs for line in log.read_text().splitlines()]
    rows, failures = {}, []
    for run in runs:
        where = f"seed {run['seed']}, {run['threads']} thread{'s' * (run['threads'] > 1)}, {run['processor']}"
        failures += [f"notebook {run['notebook']}, {where}, cell {failure}" for failure in run["failures"]]
        for row in run["margins"]:
            if row["verdict"]:
                key = f"{run['notebook']}:{row['cell']:02d}", row["label"], row["order"]
                rows.setdefault(key, []).append((row["margin"], row["left"], row["right"], where))
    lines = [
        TABLE,
        "| cell | verdict | runs | worst | margin | of the best | where the worst |",
        "|---|---|---|---|---|---|---|",
    ]
    for (cell, label, order), found in sorted(rows.items()):
        margin, left, right, where = min(found)
        if max(found)[0] < 0 and not failures:
            continue
        worst = f"{left:.4g} {order} {right:.4g}".replace("<", "&lt;").replace(">", "&gt;")
        name = label.replace("|", "\\|").replace("<", "&lt;").replace(">", "&gt;")
        margins = f"{100 * margin:.1f} % | {100 * max(found)[0]:.1f} %"
        lines.append(f"| {cell} | {name} | {len(found)} | {worst} | {margins} | {where} |")
    machines = sorted({f"{run['machine']}, torch {run['torch']}" for run in runs})
    lines += ["", f"{len(runs)} runs on: {'; '.join(machines)}. {len(failures)} failures.", ""]
    return "\n".join(lines + [f"- {failure}" for failure in failures])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--notebooks", nargs="+", default=["04", "05", "06", "07", "08", "09", "10", "11", "12"])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--processors", nargs="+", choices=PROCESSORS, default=[*PROCESSORS], metavar="NAME")
    parser.add_argument("--jobs", type=int, default=1, help="cores to use; a run takes as many as it has threads")
    parser.add_argument("--log", type=Path, default=Path("build/verdicts.jsonl"), help="lines are added to it")
    parser.add_argument("--table", type=Path, nargs="+", metavar="LOG", help="run nothing, print the margins")
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        run_one(args.one[0], int(args.one[1]), int(args.one[2]), args.one[3])
        return 0
    if args.table:
        print(table(args.table))
        return 0
    n_failed = run_grid(args)
    print(f"{n_failed} runs failed")
    return 1 if n_failed else 0


if __name__ == "__main__":
    sys.exit(main())
