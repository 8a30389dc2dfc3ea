"""Milliseconds per generator step by threads and wait policy, on a quiet and on a busy machine.

    python benchmarks/threads.py [--rounds 3]

The environment variables must be set before torch is loaded, so each measurement is a process of its own;
the settings take turns within each round. "busy" is the number of processes that do nothing but count.
"""

import argparse
import os
import statistics
import subprocess
import sys

SETTINGS = {
    "1 thread": {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"},
    "2 threads, waiting ones sleep": {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"},
    "2 threads, waiting ones spin": {"OMP_NUM_THREADS": "2"},
}
MEASURE = """
import time
from wgan_utils.data import load_mnist
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.training import TrainConfig, train
images, _ = load_mnist()
for n_steps in (5, 40):
    start = time.perf_counter()
    train(TrainConfig(algorithm="wgan-gp", n_steps=n_steps, n_critic=3), images, conv_generator, conv_critic)
print(1000 * (time.perf_counter() - start) / n_steps)
"""


def measure(setting: dict[str, str], busy: int) -> float:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    environment |= {**setting, "TQDM_DISABLE": "1", "CUDA_VISIBLE_DEVICES": ""}
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        run = subprocess.run(
            [sys.executable, "-c", MEASURE], env=environment, capture_output=True, text=True, check=True
        )
    finally:
        for other in others:
            other.kill()
            other.wait()
    return float(run.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cases = [(busy, name) for busy in (0, 1, 2) for name in SETTINGS]
    times = {case: [] for case in cases}
    for _ in range(args.rounds):
        for busy, name in cases:
            times[busy, name].append(measure(SETTINGS[name], busy))
    print("| setting | quiet | 1 busy | 2 busy |\n|---|---|---|---|")
    for name in SETTINGS:
        print(f"| {name} | " + " | ".join(f"{statistics.median(times[busy, name]):.0f}" for busy in (0, 1, 2)) + " |")


if __name__ == "__main__":
    main()
