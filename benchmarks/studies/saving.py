"""Run a study's runs, and write it where ``wgan_utils.studies`` reads it."""

import hashlib
import json
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save
from torch import Tensor, nn

from wgan_utils.studies import STUDIES

KEPT = (".json", ".png", ".safetensors")


def in_processes(run: Callable, tasks: list, jobs: int) -> list:
    """What ``run`` makes of each task, in order: ``jobs`` processes of one thread each, or this one for 1."""
    if jobs == 1:
        return [run(task) for task in tasks]
    with ProcessPoolExecutor(jobs, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        return [*pool.map(run, tasks)]


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
        into: folder of all studies; ``~`` is the home.
    """
    files = {"log.json": (json.dumps(rounded(log), indent=1) + "\n").encode()}
    if generator is not None:
        files["generator.safetensors"] = save({key: x.cpu().contiguous() for key, x in generator.state_dict().items()})
    into = into.expanduser()
    folder = into / name
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    for file, content in files.items():
        (folder / file).write_bytes(content)
    for grid, digits in grids.items():
        picture = digits[:, :, 0].permute(0, 2, 1, 3).flatten(2, 3).flatten(0, 1)  # (rows * 28, columns * 28)
        Image.fromarray(picture.cpu().numpy()).save(folder / f"{grid}.png")
    written = sorted(path for path in into.glob("*/*") if path.suffix in KEPT)
    sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(into).as_posix()}" for path in written]
    (into / "SHA256SUMS").write_text("\n".join(sums) + "\n")
