"""Runs longer than a notebook has time for: how they are measured, kept with their sums, and read again.

The scripts in ``benchmarks/`` make them. A study is a folder: ``log.json``, grids of digits as PNG files, at times
the weights of a generator; ``SHA256SUMS`` beside the folders holds the sum of every file.
"""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load, save
from torch import Tensor, nn

from wgan_utils.data import to_bytes
from wgan_utils.metrics import digit_coverage, digit_features, frechet_distance
from wgan_utils.models import conv_generator
from wgan_utils.training import Run, TrainConfig, train

STUDIES = Path(__file__).parent / "studies"
SIDE = 28  # pixels of a digit


@torch.no_grad()
def sample_images(generator: nn.Module, latent_dim: int, n: int, seed: int = 4) -> Tensor:
    """Fakes from noise that is the same on every device.

    Args:
        generator: maps (batch, latent_dim) to pixels in [-1, 1].
        latent_dim: length of the noise vector ``z``.
        n: how many.
        seed: of the noise.

    Returns:
        uint8 (n, channels, height, width) on the generator's device.
    """
    device = next(generator.parameters()).device
    z = torch.randn(n, latent_dim, generator=torch.Generator().manual_seed(seed)).to(device)
    return torch.cat([to_bytes(generator(batch)) for batch in z.split(1000)])


def measured_run(
    config: TrainConfig,
    images: Tensor,
    make_generator: Callable[[int, tuple], nn.Module],
    make_critic: Callable[[tuple], nn.Module],
    reference: Tensor,
    z_watch: Tensor | None = None,
) -> tuple[Run, dict]:
    """Train, and measure the averaged generator on the way and at the end.

    Args:
        config, images, make_generator, make_critic, z_watch: as for ``train``; the images are digits.
        reference: (n, 64), ``digit_features`` of the digits to compare with.

    Returns:
        What ``train`` returns, and a row for a study's log: ``config``; ``history``, whose rows have gained
        ``frechet``, the distance of 2,000 fakes to the reference; and for 10,000 fakes at the end ``frechet``,
        ``sure`` and ``share`` (as ``digit_coverage``). Compare distances at equal numbers of fakes only.
    """
    distances = []

    def measure(run: Run) -> None:
        fakes = sample_images(run.generator, config.latent_dim, 2000)
        distances.append(frechet_distance(digit_features(fakes), reference))

    result = train(config, images, make_generator, make_critic, z_watch, on_log=measure)
    fakes = sample_images(result.generator, config.latent_dim, 10_000)
    sure, share = digit_coverage(fakes)
    history = [row | {"frechet": distance} for row, distance in zip(result.history, distances, strict=True)]
    row = {"config": asdict(config), "history": history}
    row |= {"frechet": frechet_distance(digit_features(fakes), reference), "sure": sure, "share": share.tolist()}
    return result, row


def logged_config(row: dict) -> TrainConfig:
    """The settings of a row in a study's log."""
    return TrainConfig(**row["config"] | {"betas": tuple(row["config"]["betas"])})


def repeat_start(
    row: dict,
    images: Tensor,
    make_generator: Callable[[int, tuple], nn.Module],
    make_critic: Callable[[tuple], nn.Module],
) -> float:
    """Train a logged run again, up to its first log only, and return the estimate there.

    Args:
        row: of a study's log, with ``config``.
        images, make_generator, make_critic: those of the run, as for ``train``.

    Returns:
        What ``row["history"][0]["estimate"]`` was when the log was made, up to the processor's rounding.
    """
    again = train(logged_config(row), images, make_generator, make_critic, on_log=lambda run: True)
    return again.history[0]["estimate"]


def rounded(value):
    """Floats to six significant digits, in lists and dictionaries at any depth."""
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(part) for part in value]
    return float(f"{value:.6g}") if isinstance(value, float) else value


def save_study(
    name: str, log: dict, grids: dict[str, Tensor], generator: nn.Module | None = None, into: Path = STUDIES
) -> None:
    """Write a study's files into its folder and their sums into ``SHA256SUMS``.

    Args:
        name: of the folder.
        log: plain values; floats are kept to six digits.
        grids: name to uint8 (rows, columns, 1, 28, 28), one PNG file each.
        generator: weights to keep.
        into: folder of all studies.
    """
    files = {"log.json": (json.dumps(rounded(log), indent=1) + "\n").encode()}
    if generator is not None:
        files["generator.safetensors"] = save({key: x.cpu().contiguous() for key, x in generator.state_dict().items()})
    folder = into / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for file, content in files.items():
        (folder / file).write_bytes(content)
    for grid, digits in grids.items():
        picture = digits[:, :, 0].permute(0, 2, 1, 3).flatten(2, 3).flatten(0, 1)  # (rows * 28, columns * 28)
        Image.fromarray(picture.cpu().numpy()).save(folder / f"{grid}.png")
    written = sorted(path for path in into.rglob("*") if path.is_file() and path.name != "SHA256SUMS")
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(into).as_posix()}" for path in written]
    (into / "SHA256SUMS").write_text("\n".join(sums) + "\n")


def read_checked(file: str, folder: Path = STUDIES) -> bytes:
    """The content of a study's file, after its sum was compared with ``SHA256SUMS``.

    Raises:
        ValueError: no such file is listed, or its content is altered.
    """
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {path: digest for digest, path in (line.split("  ") for line in lines)}
    if file not in sums:
        raise ValueError(f"no study has the file {file!r}; there are {', '.join(sums)}")
    content = (folder / file).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sums[file]:
        raise ValueError(f"{file} is altered: sha256 {found}, expected {sums[file]}; reinstall wgan_utils")
    return content


def load_study(name: str, folder: Path = STUDIES) -> tuple[dict, dict[str, Tensor]]:
    """The log of a study and its grids of digits.

    Args:
        name: of the study.
        folder: of all studies.

    Returns:
        The log, and name to uint8 (rows, columns, 1, 28, 28) for each grid.

    Raises:
        ValueError: there is no such study, or a file is altered.
    """
    log = json.loads(read_checked(f"{name}/log.json", folder))
    grids = {}
    for path in sorted((folder / name).glob("*.png")):
        picture = Image.open(io.BytesIO(read_checked(f"{name}/{path.name}", folder))).convert("L")
        digits = torch.from_numpy(np.array(picture)).unfold(0, SIDE, SIDE).unfold(1, SIDE, SIDE)
        grids[path.stem] = digits.unsqueeze(2).contiguous()
    return log, grids


def load_full_run(device: torch.device | str = "cpu") -> nn.Sequential:
    """The generator of the full run, in evaluation mode.

    Args:
        device: where it is to live.

    Returns:
        ``conv_generator`` with the weights that ``benchmarks/full_run.py`` trained.

    Raises:
        ValueError: the file is altered.
    """
    generator = conv_generator(load_study("full_run")[0]["config"]["latent_dim"])
    generator.load_state_dict(load(read_checked("full_run/generator.safetensors")))
    return generator.to(device).eval()
