"""``wgan-train``: the trainer of the course from a shell.

    wgan-train --algorithm wgan-gp --steps 2000 --samples-dir samples --checkpoint-dir checkpoints
    wgan-train --algorithm wgan-gp --steps 2000 --samples-dir samples --checkpoint-dir checkpoints --resume

At every log it writes a grid of samples and the curves to the samples' folder, a checkpoint and the log to the
checkpoints' folder. Each file is written beside its place and moved there, so a killed run leaves nothing half
written; ``--resume`` goes on after the last checkpoint, and past the end of a finished run when ``--steps`` is larger
than it was: the rate is constant, so the run ends as one of that length. Bad input ends in one line on stderr and exit
status 2.

On several processes, of one machine or (``torchrun --help``) of several that share the folders:

    torchrun --nproc-per-node=2 -m wgan_utils.cli --algorithm wgan-gp --steps 2000

The run and its files are those of one process (``wgan_utils.processes``), and either goes on after the other's
checkpoint. The first process writes and reports; when one dies, the run ends and one of the others says so.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import torch
from torch import Tensor
from torchvision import datasets

from wgan_utils.data import first_line, load_mnist
from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.plots import tile_images, use_style
from wgan_utils.processes import first_of_machine_goes_ahead, join, leave, own_device, rank, speaks, world
from wgan_utils.training import ALGORITHMS, OPTIMIZERS, PAPERS, Run, TrainConfig, check_processes, train


class InputError(Exception):
    """Bad input; the message is one line that names what was found and what is accepted."""


def whole(text: str) -> int:
    """A whole number as it was typed, if a tensor can hold it."""
    try:
        number = int(text)
    except ValueError:
        number = 2**63
    if abs(number) >= 2**63:
        raise argparse.ArgumentTypeError(f"expected a whole number below 2^63, found {text!r}")
    return number


def folder(text: str) -> Path:
    """A path as it was typed; ``~`` is the home."""
    try:
        path = Path(text).expanduser()
        (path / "checkpoint.pt").exists()
    except RuntimeError as error:
        raise argparse.ArgumentTypeError(f"no home folder for {text!r}") from error
    except OSError as error:  # too long a name, say
        raise argparse.ArgumentTypeError(f"{text:.60} cannot be a folder: {error.strerror}") from error
    return path


def load_images(dataset: str, data_dir: Path | None, device: str) -> Tensor:
    """The training images of a dataset, uint8 (n, channels, height, width), downloaded when they are missing."""
    try:
        if dataset == "mnist":
            return load_mnist(data_dir, device=device)[0]
        makers = {"fashion-mnist": datasets.FashionMNIST, "cifar10": datasets.CIFAR10}
        images = torch.as_tensor(makers[dataset](data_dir or "data", train=True, download=True).data)
    except Exception as error:  # torchvision raises many kinds, some without words
        raise InputError(f"--dataset {dataset} cannot be read in {data_dir or 'data'}: {first_line(error)}") from error
    images = images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2)
    return images.contiguous().to(device)


def write(path: Path, save: Callable[[Path], object]) -> None:
    """Save beside the place and move there in one step: the file is whole or it is the one before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.stem}.partial{path.suffix}")
    save(beside)
    os.replace(beside, path)


def check_writable(folder: Path, name: str) -> None:
    """An error now, and not at the first log, when nothing can be written there; the folder is left as it was."""
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        write(folder / ".writable", lambda path: path.write_text(""))
        (folder / ".writable").unlink()
    except OSError as error:
        raise InputError(f"{name} {folder} cannot be written to: {error.strerror}") from error
    finally:
        with contextlib.suppress(OSError):
            for path in made:
                path.rmdir()


def read_checkpoint(path: Path, dataset: str) -> dict:
    """The checkpoint, or an error that says what is wrong with the file or its dataset; ``train`` says the rest."""
    if not path.exists():
        raise InputError(f"--resume found no checkpoint {path}")
    try:
        checkpoint = torch.load(path, weights_only=True, map_location="cpu")
        earlier, _ = checkpoint["dataset"], TrainConfig(**checkpoint["config"])
    except Exception as error:  # torch.load raises many kinds, and a file of another program holds anything
        raise InputError(f"the checkpoint {path} cannot be read: {first_line(error)}") from error
    if earlier != dataset:
        raise InputError(f"--resume needs the settings of the checkpoint {path}: dataset was {earlier}, now {dataset}")
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
    parser.add_argument(
        "--dataset",
        choices=["mnist", "fashion-mnist", "cifar10"],
        default="mnist",
        type=lambda name: {"cifar-10": "cifar10"}.get(name, name),
    )
    parser.add_argument("--data-dir", type=folder, help="folder of the datasets (default: the bundled MNIST, or data)")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--steps", type=whole, help="generator steps (default: 2000)")
    length.add_argument("--epochs", type=whole, help="passes of the critic over the data, instead of --steps")
    parser.add_argument("--lr", type=float, help="learning rate (default: the paper's)")
    parser.add_argument("--optimizer", choices=OPTIMIZERS, help="(default: the paper's)")
    parser.add_argument("--n-critic", type=whole, help="critic steps per generator step (default: the paper's)")
    parser.add_argument(
        "--clip-limit", type=float, help="bound on the critic's weights, wgan only (default: the paper's)"
    )
    parser.add_argument("--lambda-gp", type=float, help="weight of the penalty, wgan-gp only (default: the paper's)")
    parser.add_argument("--latent-dim", type=whole, default=64)
    parser.add_argument("--batch-size", type=whole, default=64)
    parser.add_argument("--log-every", type=whole, default=50, help="steps between two logs (default: 50)")
    parser.add_argument("--seed", type=whole, default=0)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--cuda-graph", action="store_true", help="replay each step as one CUDA graph: much faster")
    parser.add_argument("--sync-batch-norm", action="store_true", help="on CUDA: over the rows of all processes")
    parser.add_argument("--samples-dir", type=folder, default=Path("samples"))
    parser.add_argument("--checkpoint-dir", type=folder, default=Path("checkpoints"))
    parser.add_argument("--resume", action="store_true", help="go on after the last checkpoint, up to --steps")
    args = parser.parse_args(arguments)
    for name, algorithm in [("clip_limit", "wgan"), ("lambda_gp", "wgan-gp")]:
        if getattr(args, name) is not None and args.algorithm != algorithm:
            fail(f"--{name.replace('_', '-')} belongs to --algorithm {algorithm}, found --algorithm {args.algorithm}")
    if args.epochs is not None and args.epochs < 1:
        fail(f"--epochs must be at least 1, found {args.epochs}")
    try:
        args.device = own_device(args.device)
        torch.zeros(1, device=args.device).item()  # "meta" makes tensors, and none that can be read
    except (ValueError, RuntimeError, AssertionError) as error:
        raise InputError(f"--device {args.device} cannot be used: {first_line(error)}") from error
    if args.cuda_graph and torch.device(args.device).type != "cuda":
        fail(f"--cuda-graph needs --device cuda, found --device {args.device}")
    if args.sync_batch_norm and torch.device(args.device).type != "cuda":
        fail(f"--sync-batch-norm needs --device cuda, found --device {args.device}")
    return args


def make_config(args: argparse.Namespace, n_images: int) -> TrainConfig:
    """The settings of the run; what was not given is the paper's."""
    names = [field.name for field in fields(TrainConfig)]
    given = {name: value for name, value in vars(args).items() if name in names and value is not None}
    settings = PAPERS[args.algorithm] | given
    n_steps = 2000 if args.steps is None else args.steps
    if args.epochs is not None:
        n_steps = max(1, args.epochs * n_images // (max(args.batch_size, 1) * max(settings["n_critic"], 1)))
    try:
        config = TrainConfig(n_steps=n_steps, **settings)
        check_processes(config)
        return config
    except ValueError as error:
        raise InputError(str(error)) from error


def run(args: argparse.Namespace) -> str:
    """Train as asked; returns the closing line. What can be refused is refused before the data are loaded."""
    make_config(args, n_images=1)
    path = args.checkpoint_dir / "checkpoint.pt"
    checkpoint = read_checkpoint(path, args.dataset) if args.resume else None
    if path.exists() and not args.resume:
        raise InputError(
            f"{path} exists: add --resume to go on after it, or name another --checkpoint-dir and --samples-dir"
        )
    if not args.resume and (args.samples_dir / "curves.png").exists():
        raise InputError(f"{args.samples_dir} holds the samples of another run: name another --samples-dir")
    if rank() == 0:
        check_writable(args.samples_dir, "--samples-dir")
        check_writable(args.checkpoint_dir, "--checkpoint-dir")
    with first_of_machine_goes_ahead():  # it downloads what is missing
        images = load_images(args.dataset, args.data_dir, args.device)
    config = make_config(args, len(images))
    interrupted = []

    def on_terminate(*_) -> None:
        raise InputError(
            "torchrun ended the run, because another process failed or it was told to; the last checkpoint stays"
        )

    def on_interrupt(*_) -> None:
        if rank() > 0:  # the first process decides
            return
        if interrupted:  # the second time, leave at once: the last checkpoint stays
            raise KeyboardInterrupt
        interrupted.append(True)
        print("\nstopping at the next log; press Ctrl-C again to leave at once", file=sys.stderr)

    def on_log(run: Run) -> bool:
        history = run.history
        write(path, lambda place: torch.save(run.state() | {"dataset": args.dataset}, place))
        lines = "".join(json.dumps(row) + "\n" for row in history)
        write(args.checkpoint_dir / "log.jsonl", lambda place: place.write_text(lines))
        write(args.samples_dir / "curves.png", lambda place: save_curves(history, place))
        grid = tile_images(run.generator(z_watch), 8)
        write(args.samples_dir / f"step_{history[-1]['step']:07d}.png", lambda place: plt.imsave(place, grid))
        return bool(interrupted)

    earlier = {signal.SIGINT: signal.signal(signal.SIGINT, on_interrupt)}
    if world() > 1:
        earlier[signal.SIGTERM] = signal.signal(signal.SIGTERM, on_terminate)
    try:
        rng = torch.Generator().manual_seed(config.seed)
        z_watch = torch.randn(64, config.latent_dim, generator=rng).to(args.device)
        result = train(config, images, conv_generator, conv_critic, checkpoint=checkpoint, on_log=on_log)
    except (ValueError, FloatingPointError) as error:
        raise InputError(str(error)) from error
    except (OSError, RuntimeError, MemoryError) as error:  # a full disk, a batch that memory cannot hold
        raise InputError(f"the run stopped, the last checkpoint stays: {first_line(error)}") from error
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
    step = result.history[-1]["step"]
    if step < config.n_steps:
        return f"stopped at step {step} of {config.n_steps}; saved to {path}, go on with --resume"
    return f"trained {step} steps; samples in {args.samples_dir}, checkpoint in {path}"


def main(arguments: list[str] | None = None) -> int:
    try:
        join()
        closing = run(parse(arguments))
        if rank() == 0:
            print(closing)
        leave()
    except InputError as error:
        if speaks():
            print(f"wgan-train: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("wgan-train: left at once; the last checkpoint stays", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
