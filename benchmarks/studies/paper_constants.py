"""The weight-clipped WGAN with the paper's own constants and time for them; notebook 09 plots it.

    python benchmarks/studies/paper_constants.py [--steps 10000] [--device cpu] [--into FOLDER]

About 6 minutes on one CPU core.

Source: Arjovsky et al. 2017, Algorithm 1 and Figure 3 (arXiv:1701.07875).
"""

import argparse
from pathlib import Path

import torch
from saving import save_study

from wgan_utils.data import load_mnist, to_bytes
from wgan_utils.metrics import digit_features
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.studies import STUDIES, measured_run
from wgan_utils.training import PAPERS, TrainConfig


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--into", type=Path, default=STUDIES)
    args = parser.parse_args()
    images, _ = load_mnist(device=args.device)
    reference = digit_features(load_mnist(train=False, device=args.device)[0])
    settings = PAPERS["wgan"] | {"n_steps": args.steps, "cuda_graph": args.device == "cuda"}
    config = TrainConfig(algorithm="wgan", log_every=min(100, args.steps), **settings)
    z_watch = torch.randn(12, config.latent_dim, generator=torch.Generator().manual_seed(1)).to(args.device)
    result, row = measured_run(config, images, conv_generator, conv_critic, reference, z_watch)
    kept = torch.linspace(0, len(result.samples) - 1, 6).round().long().tolist()
    grids = {"moments": torch.stack([to_bytes(result.samples[index]) for index in kept])}
    save_study("paper_constants", row, grids, into=args.into)
    print(f"{config.n_steps} steps: Frechet distance {row['frechet']:.1f}, sure of {row['sure']:.2f}")


if __name__ == "__main__":
    main()
