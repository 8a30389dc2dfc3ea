"""Three generators, GAN and WGAN each: which algorithm minds the architecture?

    python benchmarks/studies/stress_test.py [--steps 3000] [--device cpu] [--into FOLDER]

The critic is that of the notebooks throughout, and so are the settings of each algorithm but for the number of
steps: no generator has settings of its own. The last two runs repeat the multilayer perceptron, which fails at the
shared learning rate, at a tenth of it. About 30 minutes on one CPU core.

Source: Arjovsky et al. 2017, Figures 5 to 7 (arXiv:1701.07875), made small.
"""

import argparse
from pathlib import Path

from saving import save_study

from wgan_utils.data import load_mnist, sample_images
from wgan_utils.metrics import digit_features
from wgan_utils.models import constant_width_generator, conv_critic, conv_generator, mlp_image_generator
from wgan_utils.studies import STUDIES, measured_run
from wgan_utils.training import TrainConfig

GENERATORS = {  # name: (network, learning rate)
    "conv": (conv_generator, 2e-3),
    "constant_width": (constant_width_generator, 2e-3),
    "mlp": (mlp_image_generator, 2e-3),
    "mlp_slow": (mlp_image_generator, 2e-4),
}
SHARED = {"n_critic": 2, "batch_size": 64, "lr_decay": True, "ema_decay": 0.99, "log_every": 100}
RECIPES = {"gan": {"betas": (0.5, 0.999)}, "wgan": {"clip_limit": 0.1}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--into", type=Path, default=STUDIES)
    args = parser.parse_args()
    images, _ = load_mnist(device=args.device)
    reference = digit_features(load_mnist(train=False, device=args.device)[0])
    rows, grids = [], {}
    for network, (make_generator, lr) in GENERATORS.items():
        for algorithm, recipe in RECIPES.items():
            config = TrainConfig(algorithm=algorithm, n_steps=args.steps, lr=lr, **SHARED, **recipe)
            result, row = measured_run(config, images, make_generator, conv_critic, reference)
            rows.append({"network": network, "algorithm": algorithm} | row)
            fakes = sample_images(result.generator, config.latent_dim, 48)
            grids[f"{network}_{algorithm}"] = fakes.unflatten(0, (6, 8))
            print(f"{network}, {algorithm}: Frechet distance {row['frechet']:.1f}, sure {row['sure']:.3f}", flush=True)
    save_study("stress_test", {"rows": rows}, grids, into=args.into)


if __name__ == "__main__":
    main()
