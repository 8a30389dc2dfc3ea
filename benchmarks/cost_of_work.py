"""What a generator step costs as the work grows: time, arithmetic and memory by batch size, width and image size.

    python benchmarks/cost_of_work.py [--steps 5]

The networks are three 5 x 5 convolutions of stride 2 with w, 2w and 4w channels, and their mirror, without
normalisation; WGAN-GP with n_critic 5 in float32 on one thread. GFLOP are those of the matrix products and convolutions
of a step, counted by torch; the share of the peak compares their rate with the fastest of several products of square
matrices. The last three columns split the profiler's time: arithmetic is those same kernels; memory all others, which
touch each number a few times (activations, masks, copies, optimisers); the rest is Python, autograd and dispatch, and
what the profiler adds to them. Times are the processor's, of one thread. Memory is what training adds to the peak of a
process of its own.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from itertools import pairwise
from types import SimpleNamespace

import torch
from torch import nn
from torch.profiler import profile
from torch.utils.flop_counter import FlopCounterMode

from wgan_utils.training import TrainConfig, train

BASE = {"batch_size": 64, "width": 32, "side": 32}
CASES = [BASE | change for change in (
    {"batch_size": 16}, {"batch_size": 32}, {}, {"batch_size": 128}, {"batch_size": 256},
    {"width": 8}, {"width": 16}, {"width": 64}, {"side": 16}, {"side": 64},
)]  # fmt: skip
VIEWS = {"detach", "t", "transpose", "view", "as_strided", "reshape", "narrow", "expand", "slice", "select", "empty",
         "empty_like", "empty_strided", "split", "chunk", "unsqueeze", "alias", "to", "flatten", "numpy_T"}  # fmt: skip


def make_generator(width: int):
    def make(latent_dim: int, image_shape: tuple[int, int, int]) -> nn.Sequential:
        start = image_shape[1] // 8
        up = {"kernel_size": 5, "stride": 2, "padding": 2, "output_padding": 1}
        return nn.Sequential(
            nn.Linear(latent_dim, 4 * width * start * start),
            nn.ReLU(),
            nn.Unflatten(1, (4 * width, start, start)),  # (batch, 4 width, side / 8, side / 8)
            nn.ConvTranspose2d(4 * width, 2 * width, **up),  # (batch, 2 width, side / 4, side / 4)
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, **up),  # (batch, width, side / 2, side / 2)
            nn.ReLU(),
            nn.ConvTranspose2d(width, image_shape[0], **up),  # (batch, 1, side, side)
            nn.Tanh(),
        )

    return make


def make_critic(width: int):
    def make(image_shape: tuple[int, int, int]) -> nn.Sequential:
        down = {"kernel_size": 5, "stride": 2, "padding": 2}
        return nn.Sequential(
            nn.Conv2d(image_shape[0], width, **down),
            nn.LeakyReLU(0.2),
            nn.Conv2d(width, 2 * width, **down),
            nn.LeakyReLU(0.2),
            nn.Conv2d(2 * width, 4 * width, **down),
            nn.LeakyReLU(0.2),
            nn.Flatten(),
            nn.Linear(4 * width * (image_shape[1] // 8) ** 2, 1),
        )

    return make


def matmul_peak() -> float:
    """GFLOP per second of the fastest of several products of square matrices, float32."""
    best = 0.0
    for side in (512, 1024, 2048):
        a = torch.randn(side, side)
        for _ in range(10):
            start = time.process_time()
            a @ a
            best = max(best, 2 * side**3 / (time.process_time() - start) / 1e9)
    return best


def kind(name: str) -> str:
    """Of an event of the profiler."""
    operator = name.removeprefix("aten::")
    if operator in ("mm", "addmm", "bmm") or ("conv" in operator.lower() and name.startswith("aten::")):
        return "arithmetic"
    return "memory" if name.startswith("aten::") and operator not in VIEWS else "rest"


def measure(batch_size: int, width: int, side: int, steps: int) -> dict[str, float]:
    """Of one case: ms and GFLOP per step, memory in MB, the matmul peak, and the shares of the profiler's time."""
    torch.set_num_threads(1)
    images = torch.randint(0, 256, (2048, 1, side, side), dtype=torch.uint8)

    def run(n_steps: int, log_every: int, on_log=None) -> None:
        config = TrainConfig(algorithm="wgan-gp", n_steps=n_steps, batch_size=batch_size, log_every=log_every)
        train(config, images, make_generator(width), make_critic(width), on_log=on_log)

    marks = []
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run(1 + steps, 1, lambda *_: marks.append(time.process_time()))
    megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    times = [after - before for before, after in pairwise(marks)]
    flops = []
    counter = FlopCounterMode(display=False)
    # It counts for the whole; its watch over single modules cannot follow a gradient that is asked for by name.
    counter.mod_tracker = SimpleNamespace(parents={"Global"}, __enter__=lambda: None, __exit__=lambda *_: None)
    with counter:
        run(2, 1, lambda *_: flops.append(counter.get_total_flops()))
    profiles = []
    for n_steps in (1, 1 + steps):  # the difference is free of setting up
        with profile() as found:
            run(n_steps, 1000)
        profiles.append({"arithmetic": 0.0, "memory": 0.0, "rest": 0.0})
        for event in found.key_averages():
            profiles[-1][kind(event.key)] += event.self_cpu_time_total
    parts = {name: profiles[1][name] - profiles[0][name] for name in profiles[0]}
    return {
        "ms": 1000 * statistics.median(times),
        "gflop": (flops[1] - flops[0]) / 1e9,
        "megabytes": megabytes,
        "peak": matmul_peak(),
        **{name: part / sum(parts.values()) for name, part in parts.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--case", type=json.loads, help=argparse.SUPPRESS)  # the one that this process measures
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure(**args.case, steps=args.steps)))
        return
    rows = []
    for case in CASES:
        command = [sys.executable, __file__, "--steps", str(args.steps), "--case", json.dumps(case)]
        rows.append(case | json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    peak = max(row["peak"] for row in rows)
    print(f"torch {torch.__version__}, one thread, peak of a matrix product {peak:.0f} GFLOP/s\n")
    print("| batch | width | side | ms/step | GFLOP | GFLOP/s | of the peak | MB | arithmetic | memory | rest |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        rate = 1000 * row["gflop"] / row["ms"]
        shares = " | ".join(f"{row[name]:.0%}" for name in ("arithmetic", "memory", "rest"))
        print(
            f"| {row['batch_size']} | {row['width']} | {row['side']} | {row['ms']:.0f} | {row['gflop']:.2f} | "
            f"{rate:.0f} | {rate / peak:.0%} | {row['megabytes']:.0f} | {shares} |"
        )


if __name__ == "__main__":
    main()
