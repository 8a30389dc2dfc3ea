"""``wgan-train``: the trainer of the course from a shell.

    wgan-train --algorithm wgan-gp --steps 2000 --samples-dir samples --checkpoint-dir checkpoints
    wgan-train --algorithm wgan-gp --steps 2000 --samples-dir samples --checkpoint-dir checkpoints --resume

At every log it writes a grid of samples and the curves to the samples' folder, a checkpoint and the log to the
checkpoints' folder. Each file is written beside its place and moved there, so a killed run leaves nothing half
written; ``--resume`` goes on after the last checkpoint. Bad input ends in one line on stderr and exit status 2.
"""

import argparse
import dataclasses
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torchvision import datasets

from wgan_utils.data import load_mnist
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.plots import tile_images, use_style
from wgan_utils.training import ALGORITHMS, PAPERS, Run, TrainConfig, train


class InputError(Exception):
    """Bad input; the message is one line that names what was found and what is accepted."""


def load_images(dataset: str, data_dir: Path | None, device: str) -> Tensor:
    """The training images of a dataset, uint8 (n, channels, height, width), downloaded when they are missing."""
    try:
        if dataset == "mnist":
            return load_mnist(data_dir, device=device)[0]
        makers = {"fashion-mnist": datasets.FashionMNIST, "cifar10": datasets.CIFAR10}
        images = torch.as_tensor(makers[dataset](data_dir or "data", train=True, download=True).data)
    except Exception as error:  # torchvision raises many kinds, some without words
        found = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"--dataset {dataset} cannot be read in {data_dir or 'data'}: {found}") from error
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return images.contiguous().to(device)


def write(path: Path, save: Callable[[Path], object]) -> None:
    """Save beside the place and move there in one step: the file is whole or it is the one before."""
    beside = path.with_name(f".{path.stem}.partial{path.suffix}")
    save(beside)
    os.replace(beside, path)


def writable(folder: Path, name: str) -> Path:
    """The folder, made when it is missing, or an error that says why nothing can be written there."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write(folder / ".writable", lambda path: path.write_text(""))
        (folder / ".writable").unlink()
    except OSError as error:
        raise InputError(f"{name} {folder} cannot be written to: {error.strerror}") from error
    return folder


def read_checkpoint(path: Path, settings: dict) -> dict:
    """The checkpoint, or an error that names what is missing, broken or set otherwise."""
    if not path.exists():
        raise InputError(f"--resume found no checkpoint {path}")
    try:
        checkpoint = torch.load(path, weights_only=True, map_location="cpu")
        earlier = checkpoint["settings"]
    except Exception as error:  # torch.load raises many kinds
        raise InputError(f"the checkpoint {path} cannot be read: {str(error).splitlines()[0]}") from error
    differing = [
        f"{name} was {earlier.get(name)!r}, now {settings.get(name)!r}"
        for name in sorted({*earlier, *settings})
        if earlier.get(name) != settings.get(name)
    ]
    if differing:
        raise InputError(f"--resume needs the settings of the checkpoint {path}: {'; '.join(differing)}")
    return checkpoint


def save_curves(history: list[dict[str, float]], path: Path) -> None:
    use_style()
    fig, axes = plt.subplots(1, 3, figsize=(9.6, 2.8))
    for ax, name in zip(axes, ("estimate", "critic_loss", "generator_loss"), strict=True):
        ax.plot([row["step"] for row in history], [row[name] for row in history])
        ax.set(title=name.replace("_", " "), xlabel="generator step")
    fig.savefig(path)
    plt.close(fig)


def parse(arguments: list[str] | None) -> argparse.Namespace:
    def fail(message: str):
        raise InputError(message)

    parser = argparse.ArgumentParser("wgan-train", description="Train a GAN, a WGAN or a WGAN-GP on small images.")
    parser.error = fail
    parser.add_argument("--algorithm", choices=ALGORITHMS, default="wgan-gp")
    parser.add_argument("--dataset", choices=["mnist", "fashion-mnist", "cifar10"], default="mnist")
    parser.add_argument("--data-dir", type=Path, help="folder of the datasets (default: the bundled MNIST, or data)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=int, help="generator steps (default: 2000)")
    length.add_argument("--epochs", type=int, help="passes of the critic over the data, instead of --steps")
    parser.add_argument("--lr", type=float, help="learning rate (default: that of the paper)")
    parser.add_argument("--n-critic", type=int, help="critic steps per generator step (default: 5; gan 1)")
    parser.add_argument("--clip-limit", type=float, help="bound on the critic's weights, wgan only (default: 0.01)")
    parser.add_argument("--lambda-gp", type=float, help="weight of the penalty, wgan-gp only (default: 10)")
    parser.add_argument("--latent-dim", type=int, default=64)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--log-every", type=int, default=50, help="steps between two logs (default: 50)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--samples-dir", type=Path, default=Path("samples"))
    parser.add_argument("--checkpoint-dir", type=Path, default=Path("checkpoints"))
    parser.add_argument("--resume", action="store_true", help="go on after the checkpoint in --checkpoint-dir")
    args = parser.parse_args(arguments)
    for name, algorithm in [("clip_limit", "wgan"), ("lambda_gp", "wgan-gp")]:
        if getattr(args, name) is not None and args.algorithm != algorithm:
            fail(f"--{name.replace('_', '-')} belongs to --algorithm {algorithm}, found --algorithm {args.algorithm}")
    if args.epochs is not None and args.epochs < 1:
        fail(f"--epochs must be at least 1, found {args.epochs}")
    try:
        torch.zeros(1, device=args.device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"--device {args.device} cannot be used: {str(error).splitlines()[0]}") from error
    return args


def make_config(args: argparse.Namespace, n_images: int) -> TrainConfig:
    """The settings of the run; what was not given is the paper's."""
    settings = PAPERS[args.algorithm].copy()
    for name in ("lr", "n_critic", "clip_limit", "lambda_gp"):
        if getattr(args, name) is not None:
            settings[name] = getattr(args, name)
    n_steps = 2000 if args.steps is None else args.steps
    try:
        if args.epochs is not None:
            n_steps = max(1, args.epochs * n_images // (max(args.batch_size, 1) * max(settings["n_critic"], 1)))
        return TrainConfig(
            algorithm=args.algorithm,
            n_steps=n_steps,
            batch_size=args.batch_size,
            latent_dim=args.latent_dim,
            log_every=args.log_every,
            seed=args.seed,
            **settings,
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def run(args: argparse.Namespace) -> str:
    """Train as asked; returns the closing line."""
    images = load_images(args.dataset, args.data_dir, args.device)
    config = make_config(args, len(images))
    settings = {"dataset": args.dataset, **dataclasses.asdict(config)}
    settings["betas"] = list(config.betas)
    path = args.checkpoint_dir / "checkpoint.pt"
    if path.exists() and not args.resume:
        raise InputError(f"{path} exists: add --resume to go on after it, or name another --checkpoint-dir")
    checkpoint = read_checkpoint(path, settings) if args.resume else None
    samples_dir = writable(args.samples_dir, "--samples-dir")
    checkpoint_dir = writable(args.checkpoint_dir, "--checkpoint-dir")
    z_watch = torch.randn(64, config.latent_dim, generator=torch.Generator().manual_seed(config.seed)).to(args.device)
    interrupted = []

    def on_interrupt(*_) -> None:
        if interrupted:  # the second time, leave at once: the last checkpoint stays
            raise KeyboardInterrupt
        interrupted.append(True)
        print("\nstopping at the next log; press Ctrl-C again to leave at once", file=sys.stderr)

    def on_log(run: Run) -> bool:
        history = run.history
        with torch.no_grad():
            watched = run.generator(z_watch).cpu()
        write(path, lambda place: torch.save({**run.state(), "settings": settings}, place))
        lines = "".join(json.dumps(row) + "\n" for row in history)
        write(checkpoint_dir / "log.jsonl", lambda place: place.write_text(lines))
        write(samples_dir / "curves.png", lambda place: save_curves(history, place))
        grid = tile_images(watched, 8)
        write(samples_dir / f"step_{history[-1]['step']:07d}.png", lambda place: plt.imsave(place, grid))
        return bool(interrupted)

    earlier = signal.signal(signal.SIGINT, on_interrupt)
    try:
        result = train(config, images, conv_generator, conv_critic, checkpoint=checkpoint, on_log=on_log)
    except (ValueError, FloatingPointError) as error:
        raise InputError(str(error)) from error
    finally:
        signal.signal(signal.SIGINT, earlier)
    step = result.history[-1]["step"]
    if step < config.n_steps:
        return f"stopped at step {step} of {config.n_steps}; saved to {path}, go on with --resume"
    return f"trained {step} steps; samples in {samples_dir}, checkpoint in {path}"


def main(arguments: list[str] | None = None) -> int:
    try:
        print(run(parse(arguments)))
    except InputError as error:
        print(f"wgan-train: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("wgan-train: left at once; the last checkpoint stays", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
