"""A judge of digits: what a small classifier reads and sees, the Frechet distance, and the nearest training digit.

This file imports only torch and safetensors, and reads ``weights/digit_classifier.safetensors``.
"""

import hashlib
from copy import deepcopy
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load
from torch import Tensor, nn

WEIGHTS = Path(__file__).parent / "weights"
CLASSIFIER_SHA256 = "d38ee93711b8453143317fb27bfc6832d1201ccef790d9ac394f8ddad5cfb22b"


def digit_classifier() -> nn.Sequential:
    """The judge's network, untrained: from (n, 1, 28, 28) in [0, 1] to 10 logits.

    Returns:
        Module whose layers before the last give the 64 features.

    Source: ``benchmarks/train_digit_classifier.py`` trains it.
    """
    return nn.Sequential(
        nn.Conv2d(1, 32, kernel_size=5, stride=2, padding=2),  # (batch, 32, 14, 14)
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, kernel_size=3, stride=2, padding=1),  # (batch, 64, 7, 7)
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.Flatten(),  # (batch, 3136)
        nn.Linear(3136, 64),  # (batch, 64)
        nn.ReLU(),
        nn.Linear(64, 10),  # (batch, 10)
    )


def load_judge(device: str = "cpu") -> nn.Sequential:
    """A copy of the trained classifier, in evaluation mode.

    Args:
        device: where the judge is to work.

    Raises:
        ValueError: the file of weights is altered.
    """
    return deepcopy(_judge(device))


@cache
def _judge(device: str) -> nn.Sequential:
    """The one classifier that judges: its file is checked and read once per device, and nobody else has it."""
    path = WEIGHTS / "digit_classifier.safetensors"
    packed = path.read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != CLASSIFIER_SHA256:
        raise ValueError(f"{path.name} is altered: sha256 {found}, expected {CLASSIFIER_SHA256}; reinstall wgan_utils")
    with torch.inference_mode(False), torch.device("cpu"), torch.random.fork_rng(devices=[]):
        judge = digit_classifier().float()  # whatever the defaults are, and the caller's random numbers stay
        judge.load_state_dict(load(packed))
    return judge.to(device).eval().requires_grad_(False)


def _check_tensors(**named: object) -> None:
    """A ValueError when one of them is no tensor; an array has a dtype and a shape too, and would be told by them."""
    for name, value in named.items():
        if not isinstance(value, Tensor):
            raise ValueError(f"{name} must be a tensor, found {type(value).__name__}")


@torch.no_grad()
def digit_features(images: Tensor) -> Tensor:
    """What the judge sees in each image: the 64 activations before its last layer.

    Args:
        images: uint8 (n, 1, 28, 28), values 0 to 255, on any device.

    Returns:
        float32 (n, 64), 0 or more.

    Raises:
        ValueError: the images are not bytes of that shape.
    """
    _check_tensors(images=images)
    if images.dtype != torch.uint8 or images.shape[1:] != (1, 28, 28):
        raise ValueError(f"images must be uint8 (n, 1, 28, 28), found {images.dtype} {tuple(images.shape)}")
    body = _judge(str(images.device))[:-1]
    with torch.autocast(images.device.type, enabled=False):
        return torch.cat([body(batch.float() / 255) for batch in images.split(1000)])


@torch.no_grad()
def digit_probabilities(images: Tensor) -> Tensor:
    """The judge's probability of each digit for each image.

    Args:
        images: uint8 (n, 1, 28, 28), values 0 to 255, on any device.

    Returns:
        float32 (n, 10), rows sum to 1.

    Raises:
        ValueError: the images are not bytes of that shape.
    """
    features = digit_features(images)
    with torch.autocast(images.device.type, enabled=False):
        return _judge(str(images.device))[-1](features).softmax(dim=1)


def digit_coverage(images: Tensor) -> tuple[float, Tensor]:
    """How sure the judge is, and which digits it reads.

    Args:
        images: uint8 (n, 1, 28, 28), values 0 to 255, on any device.

    Returns:
        The share of images of which the judge is more than 90 % sure, and the share of each digit, float32 (10,) on
        the CPU, its likeliest reading counted for every image, sure or not. For the 10,000 test digits: 0.980, and
        shares from 0.089 to 0.114.

    Raises:
        ValueError: the images are not bytes of that shape, or there are none.
    """
    if not len(images):
        raise ValueError("images must hold at least one image, found none")
    confidence, digit = digit_probabilities(images).max(dim=1)
    share = torch.bincount(digit, minlength=10).cpu().float() / len(images)
    return (confidence > 0.9).float().mean().item(), share


@torch.no_grad()
def nearest_neighbours(images: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """For each image the most similar one of another set: has a generator stored its training digits?

    Args:
        images: uint8 (n, channels, height, width), values 0 to 255.
        others: uint8 (m, channels, height, width), on the same device.

    Returns:
        distance float32 (n,), Euclidean over all pixels scaled to [-1, 1], 0 for an exact copy; and index int64 (n,)
        into ``others``. Compare with what fresh data give: test digits against the training digits.

    Raises:
        ValueError: the two are not bytes of one image shape, or one of them is empty.
    """
    _check_tensors(images=images, others=others)
    for name, batch in {"images": images, "others": others}.items():
        if batch.dtype != torch.uint8 or batch.ndim != 4 or not len(batch):
            raise ValueError(
                f"{name} must be uint8 (n, channels, height, width), found {batch.dtype} {tuple(batch.shape)}"
            )
    if images.shape[1:] != others.shape[1:]:
        raise ValueError(f"images are {tuple(images.shape[1:])}, others {tuple(others.shape[1:])}")
    flat = others.flatten(1).float()
    squared_norms = flat.square().sum(dim=1)
    found = []
    for batch in images.flatten(1).float().split(500):
        rounded = squared_norms - 2 * batch @ flat.T  # squares of bytes add up to more than float32 can count
        near = rounded.topk(min(8, len(flat)), largest=False).indices
        distance, place = (batch[:, None] - flat[near]).norm(dim=2).min(dim=1)  # so the nearest are measured again
        found.append((distance / 127.5, near.gather(1, place[:, None]).squeeze(1)))
    distance, index = zip(*found, strict=True)
    return torch.cat(distance), torch.cat(index)


def frechet_distance(features_a: Tensor, features_b: Tensor) -> float:
    """Squared 2-Wasserstein distance of Gaussians fitted to two sets of features.

    Args:
        features_a: (n, d), n at least 2.
        features_b: (m, d), m at least 2.

    Returns:
        ``|mean_a - mean_b|^2 + tr(cov_a + cov_b - 2 (cov_a cov_b)^(1/2))``, 0 or more up to rounding, in
        squared units of the features. It depends on n and m: compare only values at equal sizes.

    Raises:
        ValueError: the sets differ in d, are not 2-D, hold fewer than two rows, or a value that is not finite.

    Source: Dowson and Landau 1982; Heusel et al. 2017, equation 6 (arXiv:1706.08500).
    """
    _check_tensors(features_a=features_a, features_b=features_b)
    for name, features in {"features_a": features_a, "features_b": features_b}.items():
        if features.ndim != 2 or len(features) < 2:
            raise ValueError(f"{name} must be (n, d) with n at least 2, found {tuple(features.shape)}")
        if not features.isfinite().all():
            raise ValueError(f"{name} must be finite, found NaN or infinity")
    if features_a.shape[1] != features_b.shape[1]:
        raise ValueError(f"features_a has {features_a.shape[1]} columns, features_b {features_b.shape[1]}")
    a, b = features_a.cpu().double(), features_b.cpu().double()  # mps has no float64
    cov_a, cov_b = torch.cov(a.T).reshape(a.shape[1], -1), torch.cov(b.T).reshape(b.shape[1], -1)
    values, vectors = torch.linalg.eigh(cov_a)
    root_a = vectors * values.clamp(min=0).sqrt() @ vectors.T
    # root_a cov_b root_a is symmetric and has the eigenvalues of cov_a cov_b
    trace_root = torch.linalg.eigvalsh(root_a @ cov_b @ root_a).clamp(min=0).sqrt().sum()
    gap = (a.mean(dim=0) - b.mean(dim=0)).square().sum()
    return (gap + cov_a.trace() + cov_b.trace() - 2 * trace_root).item()
