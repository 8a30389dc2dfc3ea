"""Three generators, GAN and WGAN each: which algorithm minds the architecture?

    python benchmarks/studies/stress_test.py [--steps 2000] [--jobs 1] [--device cpu] [--into FOLDER]

The critic is that of the notebooks throughout, and so are the settings of each algorithm but for the number of
steps: no generator has settings of its own. The last two runs give the multilayer perceptron its paper's constants,
and --paper-steps of them. About 30 minutes on one CPU core.

Source: Arjovsky et al. 2017, Figures 5 to 7 (arXiv:1701.07875), made small.
"""

import argparse
from functools import partial
from pathlib import Path

from saving import in_processes, save_study
from torch import Tensor

from wgan_utils.data import load_mnist, sample_images
from wgan_utils.metrics import digit_features
from wgan_utils.models import constant_width_generator, conv_critic, conv_generator, mlp_image_generator
from wgan_utils.studies import STUDIES, measured_run
from wgan_utils.training import PAPERS, TrainConfig

GENERATORS = {
    "conv": conv_generator,
    "constant_width": constant_width_generator,
    "mlp": mlp_image_generator,
    "mlp_paper": mlp_image_generator,
}
SHARED = {"n_critic": 2, "batch_size": 64, "lr": 2e-3, "lr_decay": True, "ema_decay": 0.99}
RECIPES = {"gan": {"betas": (0.5, 0.999)}, "wgan": {"clip_limit": 0.1}}


def run(task: tuple[str, TrainConfig], device: str) -> tuple[dict, Tensor]:
    """One run: its row, and 48 digits of it."""
    network, config = task
    images, _ = load_mnist(device=device)
    reference = digit_features(load_mnist(train=False, device=device)[0])
    result, row = measured_run(config, images, GENERATORS[network], conv_critic, reference)
    print(f"{network}, {config.algorithm}: Frechet distance {row['frechet']:.1f}, sure {row['sure']:.3f}", flush=True)
    fakes = sample_images(result.generator, config.latent_dim, 48)
    return {"network": network, "algorithm": config.algorithm} | row, fakes.unflatten(0, (6, 8))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--paper-steps", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--into", type=Path, default=STUDIES)
    args = parser.parse_args()
    tasks = []
    for network in GENERATORS:
        for algorithm, recipe in RECIPES.items():
            settings, n_steps = SHARED | recipe, args.steps
            if network == "mlp_paper":
                settings, n_steps = PAPERS[algorithm].copy(), args.paper_steps
            settings |= {"n_steps": n_steps, "log_every": max(1, n_steps // 30), "cuda_graph": args.device == "cuda"}
            tasks.append((network, TrainConfig(algorithm=algorithm, **settings)))
    done = in_processes(partial(run, device=args.device), tasks, args.jobs)
    grids = {f"{row['network']}_{row['algorithm']}": grid for row, grid in done}
    save_study("stress_test", {"rows": [row for row, _ in done]}, grids, into=args.into)


if __name__ == "__main__":
    main()
