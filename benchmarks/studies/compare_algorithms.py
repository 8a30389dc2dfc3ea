"""GAN, WGAN and WGAN-GP on the same networks, five seeds each: how good are the digits, and how sure is the answer?

    python benchmarks/studies/compare_algorithms.py [--steps 1000] [--seeds 5] [--device cpu] [--into FOLDER]

The settings are those of notebooks 09 and 10, about a minute a run on one CPU core.
"""

import argparse
from pathlib import Path

from saving import save_study

from wgan_utils.data import load_mnist, sample_images
from wgan_utils.metrics import digit_features
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.studies import STUDIES, measured_run
from wgan_utils.training import TrainConfig

SHARED = {"batch_size": 64, "lr": 2e-3, "lr_decay": True, "ema_decay": 0.99, "log_every": 50}
RECIPES = {
    "gan": {"n_critic": 2, "betas": (0.5, 0.999)},
    "wgan": {"n_critic": 2, "clip_limit": 0.1},
    "wgan-gp": {"n_critic": 3, "betas": (0.5, 0.9), "lambda_gp": 10.0},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--into", type=Path, default=STUDIES)
    args = parser.parse_args()
    images, _ = load_mnist(device=args.device)
    reference = digit_features(load_mnist(train=False, device=args.device)[0])
    rows, grids = [], {}
    for algorithm, recipe in RECIPES.items():
        for seed in range(args.seeds):
            config = TrainConfig(algorithm=algorithm, n_steps=args.steps, seed=seed, **SHARED, **recipe)
            result, row = measured_run(config, images, conv_generator, conv_critic, reference)
            rows.append({"name": f"{algorithm}_{seed}"} | row)
            if seed == 0:
                grids[algorithm] = sample_images(result.generator, config.latent_dim, 48).unflatten(0, (8, 6))
            print(
                f"{algorithm}, seed {seed}: Frechet distance {row['frechet']:.1f}, sure {row['sure']:.3f}", flush=True
            )
    save_study("compare_algorithms", {"rows": rows}, grids, into=args.into)


if __name__ == "__main__":
    main()
