"""Does the critic know its training digits by heart? Clipping and penalty, on 1,000 digits and on 50,000.

    python benchmarks/studies/overfitting.py [--steps 3500] [--jobs 1] [--device cpu] [--into FOLDER]

At every log the critic scores its training digits, 10,000 digits it never saw and 10,000 fakes. About ten minutes on
one CPU core.

Source: Gulrajani et al. 2017, Figure 5b (arXiv:1704.00028).
"""

import argparse
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from saving import in_processes, save_study
from torch import Tensor

from wgan_utils.data import load_mnist, sample_images, to_pixels_pm1
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.studies import STUDIES, estimates_at_start
from wgan_utils.training import Run, TrainConfig, train

SHARED = {"batch_size": 64, "lr": 5e-4}
RECIPES = {
    "wgan": {"n_critic": 2, "clip_limit": 0.1},
    "wgan-gp": {"n_critic": 3, "betas": (0.5, 0.9), "lambda_gp": 10.0},
}


@torch.no_grad()
def mean_score(critic, images: Tensor) -> float:
    return torch.cat([critic(to_pixels_pm1(batch)) for batch in images.split(1000)]).mean().item()


def run(config: TrainConfig, kept: Tensor, held_out: Tensor) -> tuple[list[dict], Tensor]:
    """Train on the digits kept; per log the mean score gap to fakes, of digits kept and of digits held out."""
    gaps = []

    def measure(run: Run) -> None:
        fake = mean_score(run.critic, sample_images(run.generator, config.latent_dim, 10_000))
        train_gap, held_out_gap = (mean_score(run.critic, digits) - fake for digits in (kept[:10_000], held_out))
        gaps.append({"train_gap": train_gap, "held_out_gap": held_out_gap})

    result = train(config, kept, conv_generator, conv_critic, on_log=measure)
    fakes = sample_images(result.generator, config.latent_dim, 48)
    return [row | gap for row, gap in zip(result.history, gaps, strict=True)], fakes.unflatten(0, (6, 8))


def run_one(task: tuple[str, int], n_steps: int, device: str) -> tuple[dict, Tensor]:
    """One algorithm on so many digits: its row, and 48 digits of it."""
    algorithm, n_kept = task
    images, _ = load_mnist(device=device)
    settings = SHARED | RECIPES[algorithm] | {"n_steps": n_steps, "log_every": min(100, n_steps)}
    config = TrainConfig(algorithm=algorithm, **settings)
    history, grid = run(config, images[:n_kept], images[50_000:])
    start, last = estimates_at_start(config, images[:n_kept], conv_generator, conv_critic), history[-1]
    gaps = f"gap {last['train_gap']:.3f} on them, {last['held_out_gap']:.3f} on digits held out"
    print(f"{algorithm}, {n_kept} digits: {gaps}", flush=True)
    row = {"algorithm": algorithm, "n_kept": n_kept, "config": asdict(config), "start": start, "history": history}
    return row, grid


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3500)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--into", type=Path, default=STUDIES)
    args = parser.parse_args()
    tasks = [(algorithm, n_kept) for algorithm in RECIPES for n_kept in (1000, 50_000)]
    done = in_processes(partial(run_one, n_steps=args.steps, device=args.device), tasks, args.jobs)
    grids = {f"{row['algorithm']}_{row['n_kept']}": grid for row, grid in done}
    save_study("overfitting", {"rows": [row for row, _ in done]}, grids, into=args.into)


if __name__ == "__main__":
    main()
