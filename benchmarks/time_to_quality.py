"""Frechet distance in digit-classifier features by seconds of training: a textbook recipe against ours.

    python benchmarks/time_to_quality.py [--seeds 10 11 12] [--seconds 5 10 30 60 120] [--device cpu] [--bf16]

The textbook recipe is that of popular scripts: their MLP networks (textbook.py), batch 64, n_critic 5, Adam with
lr 2e-4 and betas (.5, .999), data through a DataLoader, one run that is measured on its way. Ours is the recipe of
notebook 10; its rate falls until the end, so every number of seconds is a run of its own, whose steps are counted from
a short probe. Measured are 10,000 fakes against the 10,000 test digits; the time of measuring is not counted. On a CPU
seconds are those of one core at work, whatever else runs on the machine. The recipe was chosen on other seeds.
"""

import argparse
import statistics
import time

import textbook
import torch
from torch import Tensor

from wgan_utils.data import load_mnist, sample_images
from wgan_utils.metrics import digit_features, frechet_distance
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.training import TrainConfig, make_networks, train

SECONDS = (5, 10, 30, 60, 120)


class Clock:
    """Seconds of training: it stands still while something is measured."""

    def __init__(self, device: str):
        self.device, self.start = device, 0.0
        self.start = self.seconds()

    def seconds(self) -> float:
        if self.device == "cuda":
            torch.cuda.synchronize()
            return time.perf_counter() - self.start
        return time.process_time() - self.start

    def measure(self, generator, latent_dim: int, reference: Tensor) -> float:
        before = self.seconds()
        distance = frechet_distance(digit_features(sample_images(generator, latent_dim, 10_000)), reference)
        self.start += self.seconds() - before
        return distance


def textbook_run(seed: int, seconds: list[float], images: Tensor, reference: Tensor) -> list[tuple[float, int, float]]:
    """One run until the last of ``seconds``: for each of them the seconds, the steps and the distance."""
    device = images.device.type
    config = TrainConfig(algorithm="wgan-gp", n_steps=10**9, latent_dim=100, lr=2e-4, betas=(0.5, 0.999), seed=seed)
    generator, critic = make_networks(config, images, textbook.mlp_generator, textbook.mlp_critic)
    torch.manual_seed(seed)
    batches = textbook.loaded_batches(images.cpu(), config.batch_size, device)
    rows, clock = [], Clock(device)

    def on_step(step: int) -> bool:
        spent = clock.seconds()
        if spent >= seconds[len(rows)]:
            rows.append((spent, step, clock.measure(generator.eval(), config.latent_dim, reference)))
            generator.train()
        return len(rows) == len(seconds)

    textbook.textbook_loop(config, batches, generator, critic, device, on_step)
    return rows


def our_config(n_steps: int, seed: int, bf16: bool, device: str) -> TrainConfig:
    return TrainConfig(
        algorithm="wgan-gp",
        optimizer="muon",
        n_steps=n_steps,
        n_critic=3,
        lr=6e-3,
        betas=(0.0, 0.9),
        lr_decay=True,
        ema_decay=0.99,
        log_every=n_steps,
        seed=seed,
        bf16=bf16,
        cuda_graph=device == "cuda",
    )


def our_run(seed: int, seconds: float, images: Tensor, reference: Tensor, bf16: bool) -> tuple[float, int, float]:
    """One run of about ``seconds``: the seconds, the steps and the distance."""
    device = images.device.type

    def timed(n_steps: int):
        clock = Clock(device)
        config = our_config(n_steps, seed, bf16, device)
        generator = train(config, images, conv_generator, conv_critic).generator
        return clock.seconds(), clock.measure(generator, config.latent_dim, reference)

    timed(5)
    probe = 1000 if device == "cuda" else 50
    n_steps = max(1, round(seconds / timed(probe)[0] * probe))
    spent, distance = timed(n_steps)
    return spent, n_steps, distance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[10, 11, 12])
    parser.add_argument("--seconds", type=float, nargs="+", default=SECONDS)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--bf16", action="store_true", help="our recipe in bfloat16, where the processor has it")
    args = parser.parse_args()
    torch.set_num_threads(1)
    images, _ = load_mnist(device=args.device)
    reference = digit_features(load_mnist(train=False, device=args.device)[0])
    seconds = sorted(args.seconds)
    print(f"torch {torch.__version__}, {args.device}, one thread; bfloat16 in our recipe: {args.bf16}\n")
    found = {("textbook", s): [] for s in seconds} | {("ours", s): [] for s in seconds}
    for seed in args.seeds:
        for asked, row in zip(seconds, textbook_run(seed, seconds, images, reference), strict=True):
            found["textbook", asked].append(row)
        for asked in seconds:
            found["ours", asked].append(our_run(seed, asked, images, reference, args.bf16))
    print("| recipe | seconds | spent | steps | Frechet distance, median | of each seed |\n|---|---|---|---|---|---|")
    for (recipe, asked), rows in found.items():
        spent, steps, distances = zip(*rows, strict=True)
        print(
            f"| {recipe} | {asked:g} | {statistics.median(spent):.1f} | {statistics.median(steps):.0f} | "
            f"{statistics.median(distances):.1f} | {', '.join(f'{distance:.1f}' for distance in distances)} |"
        )


if __name__ == "__main__":
    main()
