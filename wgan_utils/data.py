"""MNIST as bytes that live on the device, from which batches are drawn; fakes as bytes; three toy laws in the plane.

This file imports only torch and torchvision, which knows the addresses; any function here can be copied, with the ones
that it calls.
"""

import hashlib
import math
import operator
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import Tensor, nn
from torchvision import datasets

# md5 of the four official files, packed as published and unpacked
MNIST_MD5 = {
    "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
    "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
    "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
    "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
PACKED = [name for name in MNIST_MD5 if name.endswith(".gz")]
UNPACKED = [name.removesuffix(".gz") for name in PACKED]


def load_mnist(
    root: str | Path | None = None, train: bool = True, device: torch.device | str = "cpu"
) -> tuple[Tensor, Tensor]:
    """All MNIST digits of one split, as bytes on the device.

    The files are read from ``root/MNIST/raw`` and their md5 is checked; nothing is
    written there unless files are missing, in which case torchvision downloads them.

    Args:
        root: folder that holds ``MNIST/raw``, ``~`` is the home; ``None`` is the ``data`` folder of this repository, or
            the copy that an installed package brings, or ``data`` in the working directory.
        train: the 60,000 training digits, or else the 10,000 test digits.
        device: where the tensors are to live (the training images take 47 MB).

    Returns:
        images uint8 (n, 1, 28, 28) with values 0 to 255, and labels int64 (n,).

    Raises:
        FileNotFoundError: files are missing and cannot be downloaded.
        ValueError: a file is truncated or altered.

    Source: LeCun, Cortes and Burges, the MNIST database of handwritten digits; see data/README.md.
    """
    if root is None:
        package = Path(__file__).parent
        bundled = (folder for folder in (package.parent / "data", package) if (folder / "MNIST").is_dir())
        root = next(bundled, "data")
    root = Path(root).expanduser()
    raw = root / "MNIST" / "raw"

    def lacking(names: list[str]) -> list[str]:
        return [name for name in names if not (raw / name).is_file()]

    if lacking(UNPACKED) and (missing := lacking(PACKED)):
        try:
            datasets.MNIST(root, download=True)
        except (RuntimeError, OSError) as error:
            raise FileNotFoundError(
                f"{raw} lacks {', '.join(missing)}, and the download failed. Connect to the network, or copy the four "
                "official .gz files there (in a clone: git checkout -- data/MNIST/raw)."
            ) from error
    names = UNPACKED if lacking(PACKED) else PACKED
    for name in names:
        check_md5(raw / name, MNIST_MD5[name])
    # torchvision unpacks beside the packed files and never checks what it has unpacked:
    # give it a folder of its own, with nothing in it but files that were just checked
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "MNIST", "raw")
        folder.mkdir(parents=True)
        for name in names:
            shutil.copyfile(raw / name, folder / name)
        mnist = datasets.MNIST(scratch, train=train, download=True)
    return mnist.data.unsqueeze(1).to(device), mnist.targets.to(device)


def check_md5(path: Path, expected: str) -> None:
    """Raise ValueError when the file's md5 is not the expected one."""
    found = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    if found != expected:
        raise ValueError(
            f"{path} is truncated or altered: {path.stat().st_size} bytes with md5 {found}, expected md5 {expected}. "
            "Restore it (in a clone: git checkout -- data/MNIST/raw) or delete it to have it downloaded again."
        )


def describe(value: object) -> str:
    """A tensor's dtype and shape, or the type of anything else: what an error message says it found."""
    return f"{value.dtype} {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__


def first_line(error: Exception) -> str:
    """What an error says, or its kind when it says nothing."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def to_pixels_pm1(images: Tensor) -> Tensor:
    """Bytes 0 to 255 scaled to floats in [-1, 1], on the images' own device.

    Args:
        images: uint8, any shape.

    Returns:
        float32 of the same shape; 0 becomes -1 and 255 becomes 1.

    Raises:
        ValueError: the images are not bytes, and so perhaps scaled already.
    """
    if not isinstance(images, Tensor) or images.dtype != torch.uint8:
        raise ValueError(f"images must be uint8, found {describe(images)}: were they scaled already?")
    return images.float() / 127.5 - 1


def to_bytes(pixels: Tensor) -> Tensor:
    """Floats in [-1, 1] rounded to bytes 0 to 255: the inverse of ``to_pixels_pm1``.

    Args:
        pixels: float, any shape; values outside [-1, 1] are clipped.

    Returns:
        uint8 of the same shape.

    Raises:
        ValueError: the pixels are not floats, and so perhaps bytes already; or one is NaN, which no byte can say.
    """
    if not isinstance(pixels, Tensor) or not pixels.is_floating_point():
        raise ValueError(f"pixels must be floats in [-1, 1], found {describe(pixels)}: are they bytes already?")
    if pixels.isnan().any():
        raise ValueError(f"pixels must be numbers, found NaN in {describe(pixels)}: has the training diverged?")
    pixels = pixels.to(torch.promote_types(pixels.dtype, torch.float32))  # half precision would round twice
    return ((pixels + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


@torch.no_grad()
def sample_images(generator: nn.Module, latent_dim: int, n: int, seed: int = 4) -> Tensor:
    """Fakes from noise that is the same on every device, by the generator in evaluation mode.

    Args:
        generator: maps (batch, latent_dim) to pixels in [-1, 1].
        latent_dim: length of the noise vector ``z``.
        n: how many.
        seed: of the noise.

    Returns:
        uint8 (n, channels, height, width) on the generator's device.
    """
    rng = torch.Generator("cpu").manual_seed(seed)
    z = torch.randn(n, latent_dim, generator=rng, dtype=torch.float32, device="cpu")
    z = z.to(next(generator.parameters()))  # its device and precision
    with evaluating(generator), torch.autocast(z.device.type, enabled=False):
        return torch.cat([to_bytes(generator(batch)) for batch in z.split(1000)])


@contextmanager
def keeping_modes(*networks: nn.Module) -> Iterator[None]:
    """Afterwards each module of the networks is in the mode, training or evaluation, that it had."""
    modes = [(module, module.training) for network in networks for module in network.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Inside, the network is in evaluation mode; afterwards each of its modules is in the mode that it had."""
    with keeping_modes(network):
        network.eval()
        yield


def draw_batch(images: Tensor, batch_size: int, rng: torch.Generator) -> Tensor:
    """A batch of images drawn with replacement and scaled to [-1, 1], all on the images' device.

    Args:
        images: uint8 (n, channels, height, width).
        batch_size: how many to draw.
        rng: source of the indices, on the same device as the images.

    Returns:
        float32 (batch_size, channels, height, width).

    Raises:
        ValueError: there are no images, they are not bytes, or the batch size is not a whole number of at least 1.
    """
    if not isinstance(images, Tensor) or images.dtype != torch.uint8 or not images.numel():
        raise ValueError(
            f"images must be uint8 (n, channels, height, width) with n at least 1, found {describe(images)}"
        )
    if not hasattr(batch_size, "__index__") or operator.index(batch_size) < 1:
        raise ValueError(f"batch_size must be a whole number of at least 1, found {batch_size!r}")
    if rng.device.type != images.device.type:
        raise ValueError(f"the images are on {images.device.type}, but rng draws on {rng.device.type}")
    index = torch.randint(len(images), (batch_size,), device=images.device, generator=rng)
    return to_pixels_pm1(images.index_select(0, index))  # on a CPU faster than images[index]


def eight_gaussians(n: int, rng: torch.Generator) -> Tensor:
    """Points of eight narrow normal laws on a circle of radius 2, all divided by 1.414.

    Args:
        n: how many points.
        rng: source of the draws; the points are made on its device.

    Returns:
        float32 (n, 2), data units.

    Source: the toy data of Gulrajani et al. 2017, Figure 1a and the authors' code (arXiv:1704.00028).
    """
    angle = torch.randint(8, (n,), device=rng.device, generator=rng).float() * (math.pi / 4)
    noise = 0.02 * torch.randn(n, 2, device=rng.device, generator=rng, dtype=torch.float32)
    return (2 * torch.stack([angle.cos(), angle.sin()], dim=1) + noise) / 1.414


def twenty_five_gaussians(n: int, rng: torch.Generator) -> Tensor:
    """Points of twenty-five narrow normal laws on a 5 x 5 grid of step 2, all divided by 2.828.

    Args, Returns, Source: as for ``eight_gaussians``.
    """
    place = 2.0 * torch.randint(-2, 3, (n, 2), device=rng.device, generator=rng).float()
    noise = 0.05 * torch.randn(n, 2, device=rng.device, generator=rng, dtype=torch.float32)
    return (place + noise) / 2.828


def swiss_roll(n: int, rng: torch.Generator) -> Tensor:
    """Points along a spiral of one and a half turns, with noise of standard deviation 0.25, all divided by 7.5.

    Args, Returns, Source: as for ``eight_gaussians``.
    """
    t = 1.5 * math.pi * (1 + 2 * torch.rand(n, device=rng.device, generator=rng, dtype=torch.float32))
    noise = 0.25 * torch.randn(n, 2, device=rng.device, generator=rng, dtype=torch.float32)
    return (torch.stack([t * t.cos(), t * t.sin()], dim=1) + noise) / 7.5
