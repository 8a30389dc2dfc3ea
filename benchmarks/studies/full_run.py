"""One long WGAN-GP run on MNIST with the networks of the notebooks, and two at the minute's rate: held, and falling.

    python benchmarks/studies/full_run.py [--steps 16000] [--device cpu] [--into FOLDER]

Notebook 10 plots them and samples from the first. About half an hour on one CPU core, two minutes on a GPU.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from saving import save_study

from wgan_utils.data import load_mnist, sample_images, to_bytes
from wgan_utils.metrics import digit_features
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.studies import STUDIES, measured_run
from wgan_utils.training import TrainConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=16_000)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--into", type=Path, default=STUDIES)
    args = parser.parse_args()
    images, _ = load_mnist(device=args.device)
    reference = digit_features(load_mnist(train=False, device=args.device)[0])
    config = TrainConfig(
        algorithm="wgan-gp",
        n_steps=args.steps,
        optimizer="muon",
        n_critic=2,
        latent_dim=32,
        lr=1.2e-3,
        betas=(0.0, 0.9),
        lr_decay=True,
        ema_decay=0.998,
        log_every=min(500, args.steps),
        cuda_graph=args.device == "cuda",
    )
    z_watch = torch.randn(12, config.latent_dim, generator=torch.Generator().manual_seed(1)).to(args.device)
    result, row = measured_run(config, images, conv_generator, conv_critic, reference, z_watch)
    for name, falls in {"held": False, "falling": True}.items():
        fast = replace(config, lr=6e-3, lr_decay=falls)  # the rate of notebook 10's minute
        _, row[name] = measured_run(fast, images, conv_generator, conv_critic, reference)
    grids = {
        "moments": torch.stack([to_bytes(samples) for samples in result.samples]),
        "final": sample_images(result.generator, config.latent_dim, 100).unflatten(0, (10, 10)),
    }
    save_study("full_run", row, grids, result.generator, args.into)
    for run in (row, row["held"], row["falling"]):
        print(f"rate {run['config']['lr']:g}: Frechet distance {run['frechet']:.1f}, sure of {run['sure']:.2f}")


if __name__ == "__main__":
    main()
