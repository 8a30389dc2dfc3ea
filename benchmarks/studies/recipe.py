"""What each part of the recipe is worth: leave one out, or change it, and measure the digits; notebook 10 reads it.

    python benchmarks/studies/recipe.py [--steps 700] [--jobs 1] [--device cpu] [--into FOLDER]

Three seeds each, on which nothing was chosen, at equal steps. The last rows ask for the number of critic steps: five
seeds, at equal work, a step of either player counting as one. The processor time of a step is logged. About 60 runs of
half a minute on one core.
"""

import argparse
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from saving import in_processes, save_study
from torch import nn

from wgan_utils.data import load_mnist, sample_images
from wgan_utils.metrics import digit_coverage, digit_features, frechet_distance
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.studies import STUDIES, estimates_at_start
from wgan_utils.training import TrainConfig, train

RECIPE = {
    "algorithm": "wgan-gp",
    "optimizer": "muon",
    "n_critic": 3,
    "lr": 6e-3,
    "betas": (0.0, 0.9),
    "lr_decay": True,
    "ema_decay": 0.99,
}
SEEDS = (10, 11, 12, 13, 14)


def one_stage_generator(latent_dim: int, image_shape: tuple[int, int, int]) -> nn.Sequential:
    """All arithmetic at 7 x 7: one shuffle lays 16 channels out as a block of 4 x 4 pixels."""
    return nn.Sequential(
        nn.Linear(latent_dim, 512, bias=False),
        nn.BatchNorm1d(512),
        nn.ReLU(),
        nn.Linear(512, 1568, bias=False),
        nn.BatchNorm1d(1568),
        nn.ReLU(),
        nn.Unflatten(1, (32, 7, 7)),
        nn.Conv2d(32, 16, kernel_size=3, padding=1),
        nn.PixelShuffle(4),
        nn.Tanh(),
    )


def critic_of_pixels(image_shape: tuple[int, int, int]) -> nn.Sequential:
    """The critic sees -1 for paper, so the zeros around the image are grey."""
    return nn.Sequential(nn.PixelUnshuffle(4), *conv_critic(image_shape)[1:])


def critic_with_paper_around(image_shape: tuple[int, int, int]) -> nn.Sequential:
    """The critic sees -1 for paper, and paper around the image: the padding is right, the level is not."""
    _, conv, *rest = conv_critic(image_shape)
    return nn.Sequential(nn.PixelUnshuffle(4), nn.ConstantPad2d(1, -1.0), nn.Conv2d(16, conv.out_channels, 3), *rest)


CHANGES = {  # name: settings that differ, generator, critic
    "the recipe": ({}, conv_generator, conv_critic),
    "Adam, half the rate": ({"optimizer": "adam", "lr": 3e-3}, conv_generator, conv_critic),
    "Adam, the same rate": ({"optimizer": "adam"}, conv_generator, conv_critic),
    "Adam, twice the rate": ({"optimizer": "adam", "lr": 1.2e-2}, conv_generator, conv_critic),
    "half the rate": ({"lr": 3e-3}, conv_generator, conv_critic),
    "twice the rate": ({"lr": 1.2e-2}, conv_generator, conv_critic),
    "the rate held": ({"lr_decay": False}, conv_generator, conv_critic),
    "half the rate, held": ({"lr_decay": False, "lr": 3e-3}, conv_generator, conv_critic),
    "momentum, betas (.5, .9)": ({"betas": (0.5, 0.9)}, conv_generator, conv_critic),
    "no average of weights": ({"ema_decay": 0.0}, conv_generator, conv_critic),
    "grey paper for the critic": ({}, conv_generator, critic_of_pixels),
    "grey paper, but paper around it": ({}, conv_generator, critic_with_paper_around),
    "a generator of one stage": ({}, one_stage_generator, conv_critic),
    "1 critic step, equal work": ({"n_critic": 1}, conv_generator, conv_critic),
    "2 critic steps, equal work": ({"n_critic": 2}, conv_generator, conv_critic),
    "5 critic steps, equal work": ({"n_critic": 5}, conv_generator, conv_critic),
}


def run(task: tuple[str, int], n_steps: int, device: str) -> dict:
    """One run with one change: what the judge says of it, and what a step cost."""
    name, seed = task
    changed, make_generator, make_critic = CHANGES[name]
    settings = RECIPE | changed
    n_steps = n_steps * (RECIPE["n_critic"] + 1) // (settings["n_critic"] + 1)
    config = TrainConfig(n_steps=n_steps, log_every=n_steps, seed=seed, **settings)
    images, _ = load_mnist(device=device)
    reference = digit_features(load_mnist(train=False, device=device)[0])
    began = time.process_time()
    result = train(config, images, make_generator, make_critic)
    cost = 1e3 * (time.process_time() - began) / n_steps
    fakes = sample_images(result.generator, config.latent_dim, 10_000)
    sure, share = digit_coverage(fakes)
    row = {"change": name, "config": asdict(config), "frechet": frechet_distance(digit_features(fakes), reference)}
    row |= {"sure": sure, "rarest": min(share.tolist()), "ms_per_step": cost}
    row["start"] = estimates_at_start(config, images, make_generator, make_critic)
    print(f"{name}, seed {seed}: Frechet distance {row['frechet']:.1f}, sure {sure:.3f}, {cost:.0f} ms", flush=True)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--into", type=Path, default=STUDIES)
    args = parser.parse_args()
    n_seeds = {name: 5 if name == "the recipe" or "equal work" in name else 3 for name in CHANGES}
    tasks = [(name, seed) for name in CHANGES for seed in SEEDS[: n_seeds[name]]]
    rows = in_processes(partial(run, n_steps=args.steps, device=args.device), tasks, args.jobs)
    save_study("recipe", {"rows": rows}, {}, into=args.into)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
