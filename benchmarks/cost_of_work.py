"""What a generator step costs as the work grows: time, arithmetic and memory by batch size, width and image size.

    python benchmarks/cost_of_work.py [--device cpu] [--steps 5]

The networks are three 5 x 5 convolutions of stride 2 with w, 2w and 4w channels, and their mirror, without
normalisation; WGAN-GP with n_critic 5 in float32 on one thread. GFLOP are those of the matrix products and convolutions
of a step, counted by torch; the share of the peak compares their rate with the fastest of several products of square
matrices. The last three columns split the profiler's time: arithmetic is those same kernels; memory all others, which
touch each number a few times (activations, masks, copies, optimisers); the rest is Python, autograd and dispatch, and
what the profiler adds to them. Peak memory is what a process of its own needed on top of what it had before
training: on CUDA as torch allocated it, on a CPU as the system saw it.
"""

import argparse
import json
import resource
import subprocess
import sys
import time

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


def synchronize(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def matmul_peak(device: str) -> float:
    """GFLOP per second of the fastest of several products of square matrices, float32."""
    best = 0.0
    for side in (512, 1024, 2048):
        a = torch.randn(side, side, device=device)
        for _ in range(10):
            synchronize(device)
            start = time.perf_counter()
            a @ a
            synchronize(device)
            best = max(best, 2 * side**3 / (time.perf_counter() - start) / 1e9)
    return best


def kind(name: str) -> str:
    """Of an event of the profiler."""
    operator = name.removeprefix("aten::")
    if operator in ("mm", "addmm", "bmm") or "conv" in operator.lower() and name.startswith("aten::"):
        return "arithmetic"
    return "memory" if name.startswith("aten::") and operator not in VIEWS else "rest"


def measure(batch_size: int, width: int, side: int, device: str, steps: int) -> dict[str, float]:
    """Of one case: ms and GFLOP per step, MB at the peak, the measured matmul peak, the shares of the profiler's time."""
    torch.set_num_threads(1)
    images = torch.randint(0, 256, (2048, 1, side, side), dtype=torch.uint8, device=device)
    peak = matmul_peak(device)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    def run(n_steps: int, log_every: int, on_log=None) -> None:
        config = TrainConfig(algorithm="wgan-gp", n_steps=n_steps, batch_size=batch_size, log_every=log_every)
        train(config, images, make_generator(width), make_critic(width), on_log=on_log)

    marks = []

    def mark(*_) -> None:
        synchronize(device)
        marks.append(time.perf_counter())

    run(1 + steps, 1, mark)
    times = sorted(after - before for before, after in zip(marks, marks[1:], strict=False))
    if device == "cuda":
        megabytes = torch.cuda.max_memory_allocated() / 1e6
    else:
        megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    flops = []
    counter = FlopCounterMode(display=False)
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
        "ms": 1000 * times[len(times) // 2],
        "gflop": (flops[1] - flops[0]) / 1e9,
        "megabytes": megabytes,
        "peak": peak,
        **{name: part / sum(parts.values()) for name, part in parts.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--case", type=json.loads, help=argparse.SUPPRESS)  # the one that this process measures
    args = parser.parse_args()
    if args.case:
        print(json.dumps(measure(**args.case, device=args.device, steps=args.steps)))
        return
    print("| batch | width | side | ms/step | GFLOP | GFLOP/s | peak | share | MB | arithmetic | memory | rest |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for case in CASES:
        command = [sys.executable, __file__, "--device", args.device, "--steps", str(args.steps)]
        command += ["--case", json.dumps(case)]
        row = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        rate = row["gflop"] / row["ms"] * 1000
        shares = " | ".join(f"{row[name]:.0%}" for name in ("arithmetic", "memory", "rest"))
        print(
            f"| {case['batch_size']} | {case['width']} | {case['side']} | {row['ms']:.0f} | {row['gflop']:.1f} | "
            f"{rate:.0f} | {row['peak']:.0f} | {rate / row['peak']:.0%} | {row['megabytes']:.0f} | {shares} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
