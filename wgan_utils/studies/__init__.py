"""Runs longer than a notebook has time for: how they are measured, read, and started again.

The scripts in ``benchmarks/studies/`` make them. A study is a folder beside this file: ``log.json``, grids of digits
as PNG files, at times the weights of a generator; ``SHA256SUMS`` holds the sum of every file.
"""

import hashlib
import io
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load
from torch import Tensor, nn

from wgan_utils.data import sample_images as sample_images  # the notebooks import it from here
from wgan_utils.metrics import digit_coverage, digit_features, frechet_distance
from wgan_utils.models import conv_generator
from wgan_utils.training import Run, TrainConfig, train

STUDIES = Path(__file__).parent
SIDE = 28  # pixels of a digit
START = 2  # steps of a logged run that are repeated


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
        What ``train`` returns, and a row for a study's log: ``config``; ``start``, as ``estimates_at_start``;
        ``history``, whose rows have gained ``frechet``, the distance of 2,000 fakes to the reference; and for 10,000
        fakes at the end ``frechet``, ``sure`` and ``share`` (as ``digit_coverage``). Compare distances at equal
        numbers of fakes only.
    """
    distances = []

    def measure(run: Run) -> None:
        fakes = sample_images(run.generator, config.latent_dim, 2000)
        distances.append(frechet_distance(digit_features(fakes), reference))

    result = train(config, images, make_generator, make_critic, z_watch, on_log=measure)
    fakes = sample_images(result.generator, config.latent_dim, 10_000)
    sure, share = digit_coverage(fakes)
    history = [row | {"frechet": distance} for row, distance in zip(result.history, distances, strict=True)]
    start = estimates_at_start(config, images, make_generator, make_critic)
    row = {"config": asdict(config), "start": start, "history": history}
    row |= {"frechet": frechet_distance(digit_features(fakes), reference), "sure": sure, "share": share.tolist()}
    return result, row


def logged_config(row: dict) -> TrainConfig:
    """The settings of a row in a study's log."""
    return TrainConfig(**row["config"])


def estimates_at_start(
    config: TrainConfig,
    images: Tensor,
    make_generator: Callable[[int, tuple], nn.Module],
    make_critic: Callable[[tuple], nn.Module],
) -> list[float]:
    """The estimate at each of a run's first two steps on a CPU, for its log.

    A GPU draws other numbers, which no CPU can repeat; so wherever the run was made, its start is also made on a CPU.

    Args:
        config, images, make_generator, make_critic: as for ``train``.

    Returns:
        Two numbers, or one if ``n_steps`` is 1.
    """
    each = replace(config, log_every=1, cuda_graph=False)  # the run does not notice how often it is logged
    few = train(each, images.cpu(), make_generator, make_critic, on_log=lambda run: len(run.history) == START)
    return [entry["estimate"] for entry in few.history]


def agrees_with_log(
    row: dict,
    images: Tensor,
    make_generator: Callable[[int, tuple], nn.Module],
    make_critic: Callable[[tuple], nn.Module],
) -> bool:
    """Whether this code starts a logged run as its log says.

    Training magnifies rounding from step to step, so only two steps are compared, and to 0.5 % of the larger of their
    estimates; 2 % by Muon, which raises what is small in a gradient, its rounding too. Two processors differ by half of
    that at most, two seeds, or learning rates a tenth apart, by twice that at least (benchmarks/LOG.md).

    Args:
        row: of a study's log, with ``config`` and ``start``.
        images, make_generator, make_critic: those of the run, as for ``train``.
    """
    config, logged = logged_config(row), row["start"]
    again = estimates_at_start(config, images, make_generator, make_critic)
    apart = max(abs(a - b) for a, b in zip(again, logged, strict=True))
    return apart < (0.02 if config.optimizer == "muon" else 0.005) * max(map(abs, logged))


def read_checked(file: str, folder: Path | str = STUDIES) -> bytes:
    """The content of a study's file, after its sum was compared with ``SHA256SUMS``.

    Raises:
        ValueError: no such file is listed, or its content is altered.
    """
    folder = Path(folder).expanduser()
    if not (folder / "SHA256SUMS").is_file():
        raise ValueError(f"expected a folder of studies, with the file SHA256SUMS, found {folder}")
    lines = (folder / "SHA256SUMS").read_text().splitlines()
    sums = {path: digest for digest, path in (line.split("  ") for line in lines if line.strip())}
    if file not in sums:
        raise ValueError(f"no study has the file {file!r}; there are {', '.join(sums)}")
    content = (folder / file).read_bytes()
    found = hashlib.sha256(content).hexdigest()
    if found != sums[file]:
        raise ValueError(f"{file} is altered: sha256 {found}, expected {sums[file]}; reinstall wgan_utils")
    return content


def load_study(name: str, folder: Path | str = STUDIES) -> tuple[dict, dict[str, Tensor]]:
    """The log of a study and its grids of digits.

    Args:
        name: of the study.
        folder: of all studies; ``~`` is the home.

    Returns:
        The log, and name to uint8 (rows, columns, 1, 28, 28) for each grid.

    Raises:
        ValueError: there is no such study, or a file is altered.
    """
    log = json.loads(read_checked(f"{name}/log.json", folder))
    grids = {}
    for path in sorted((Path(folder).expanduser() / name).glob("*.png")):
        picture = Image.open(io.BytesIO(read_checked(f"{name}/{path.name}", folder))).convert("L")
        digits = torch.from_numpy(np.array(picture)).unfold(0, SIDE, SIDE).unfold(1, SIDE, SIDE)
        grids[path.stem] = digits.unsqueeze(2).contiguous()
    return log, grids


@torch.inference_mode(False)
def load_full_run(device: torch.device | str = "cpu") -> nn.Sequential:
    """The generator of the full run, in evaluation mode.

    Args:
        device: where it is to live.

    Returns:
        ``conv_generator`` with the weights that ``benchmarks/studies/full_run.py`` trained.

    Raises:
        ValueError: the file is altered.
    """
    with torch.random.fork_rng(devices=[]):  # the caller's random numbers stay
        generator = conv_generator(load_study("full_run")[0]["config"]["latent_dim"])
    generator.load_state_dict(load(read_checked("full_run/generator.safetensors")))
    return generator.to(device).eval()
