"""GAN, WGAN and WGAN-GP with equal chances: how good are the digits, and how sure is the answer?

    python benchmarks/studies/compare_algorithms.py [--steps 700] [--jobs 1] [--device cpu] [--into FOLDER]

Two generators; three critic steps for every algorithm; the rate of each contestant is the best of the same three, by
the mean distance over two seeds that are then thrown away; five fresh seeds are reported. Each algorithm runs with the
optimiser that suits it and, with the first generator, once more with Adam. About 90 runs of half a minute on one core.
"""

import argparse
from functools import partial
from pathlib import Path

from saving import in_processes, save_study

from wgan_utils.data import load_mnist, sample_images
from wgan_utils.metrics import digit_features
from wgan_utils.models import constant_width_generator, conv_critic, conv_generator
from wgan_utils.studies import STUDIES, measured_run
from wgan_utils.training import TrainConfig

SHARED = {"n_critic": 3, "batch_size": 64, "lr_decay": True, "ema_decay": 0.99}
CONTESTANTS = [
    {"algorithm": "gan", "optimizer": "adam", "betas": (0.5, 0.999)},
    {"algorithm": "wgan", "optimizer": "rmsprop", "clip_limit": 0.1},
    {"algorithm": "wgan", "optimizer": "adam", "betas": (0.5, 0.999), "clip_limit": 0.1},
    {"algorithm": "wgan-gp", "optimizer": "muon", "betas": (0.0, 0.9)},
    {"algorithm": "wgan-gp", "optimizer": "adam", "betas": (0.0, 0.9)},
]
GENERATORS = {"conv": conv_generator, "constant_width": constant_width_generator}
SUITED = {"gan": "adam", "wgan": "rmsprop", "wgan-gp": "muon"}
RATES = (2e-3, 6e-3, 1.8e-2)
THROWN_AWAY, FRESH = (100, 101), range(5)


def run(task: tuple[str, TrainConfig], device: str) -> tuple[dict, list]:
    """One run: its row, and 48 digits of it."""
    generator, config = task
    images, _ = load_mnist(device=device)
    reference = digit_features(load_mnist(train=False, device=device)[0])
    result, row = measured_run(config, images, GENERATORS[generator], conv_critic, reference)
    name = f"{generator}, {config.algorithm}, {config.optimizer}, rate {config.lr:g}, seed {config.seed}"
    print(f"{name}: Frechet distance {row['frechet']:.1f}, sure {row['sure']:.3f}", flush=True)
    return {"network": generator} | row, sample_images(result.generator, config.latent_dim, 48).unflatten(0, (8, 6))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=700)
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, one thread each")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--into", type=Path, default=STUDIES)
    args = parser.parse_args()
    run_each = partial(in_processes, partial(run, device=args.device), jobs=args.jobs)
    suited = [one for one in CONTESTANTS if one["optimizer"] == SUITED[one["algorithm"]]]
    cells = [("conv", one) for one in CONTESTANTS] + [("constant_width", one) for one in suited]

    def settings(contestant: dict, lr: float, seed: int, log_every: int) -> TrainConfig:
        shared = SHARED | {"n_steps": args.steps, "cuda_graph": args.device == "cuda"}
        return TrainConfig(lr=lr, seed=seed, log_every=log_every, **shared, **contestant)

    trials = [(cell, lr, seed) for cell in cells for lr in RATES for seed in THROWN_AWAY]
    tried = run_each([(cell[0], settings(cell[1], lr, seed, args.steps)) for cell, lr, seed in trials])
    chosen, tuning = [], []
    for cell in cells:
        distances = {lr: [] for lr in RATES}
        for (other, lr, _), (row, _) in zip(trials, tried, strict=True):
            if other is cell:
                distances[lr].append(row["frechet"])
        means = {lr: sum(values) / len(values) for lr, values in distances.items()}
        chosen.append(min(means, key=means.get))
        names = {"network": cell[0], "algorithm": cell[1]["algorithm"], "optimizer": cell[1]["optimizer"]}
        tuning.append(names | {"rates": RATES, "distances": [means[lr] for lr in RATES], "chosen": chosen[-1]})
    log_every = min(50, args.steps)
    fresh = [
        (cell[0], settings(cell[1], lr, seed, log_every))
        for cell, lr in zip(cells, chosen, strict=True)
        for seed in FRESH
    ]
    done = run_each(fresh)
    grids = {
        f"{row['network']}_{row['config']['algorithm']}_{row['config']['optimizer']}": grid
        for row, grid in done
        if row["config"]["seed"] == 0
    }
    save_study("compare_algorithms", {"tuning": tuning, "rows": [row for row, _ in done]}, grids, into=args.into)


if __name__ == "__main__":
    main()
