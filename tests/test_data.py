"""The digits are the official ones, whatever state the folder is in; the toys are where they should be."""

import copy
import gzip
import hashlib
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest
import torch

from wgan_utils.data import (
    MNIST_MD5,
    PACKED,
    UNPACKED,
    draw_batch,
    eight_gaussians,
    load_mnist,
    sample_images,
    swiss_roll,
    to_bytes,
    to_pixels_pm1,
    twenty_five_gaussians,
)
from wgan_utils.models import conv_generator
from wgan_utils.transport import wasserstein1

RAW = Path(__file__).parents[1] / "data" / "MNIST" / "raw"


@pytest.fixture
def root(tmp_path):
    """A copy of the data folder that a test may harm."""
    shutil.copytree(RAW, tmp_path / "MNIST" / "raw")
    return tmp_path


def unpack(root, names=PACKED):
    for name in names:
        path = root / "MNIST" / "raw" / name
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    monkeypatch.setattr("torchvision.datasets.utils.urllib.request.urlopen", refuse)


@pytest.mark.parametrize("name", PACKED)
def test_the_bundled_files_are_the_official_ones_packed_and_unpacked(name):
    packed = (RAW / name).read_bytes()
    assert hashlib.md5(packed).hexdigest() == MNIST_MD5[name]
    assert hashlib.md5(gzip.decompress(packed)).hexdigest() == MNIST_MD5[name.removesuffix(".gz")]


def test_the_readme_lists_the_same_sums():
    text = (RAW.parents[1] / "README.md").read_text()
    assert all(f"| `{name}` | `{MNIST_MD5[name]}` | {(RAW / name).stat().st_size} |" in text for name in PACKED)


@pytest.mark.parametrize(("train", "n"), [(True, 60_000), (False, 10_000)])
def test_every_digit_arrives_once_as_bytes(train, n):
    images, labels = load_mnist(train=train)
    assert images.shape == (n, 1, 28, 28) and images.dtype == torch.uint8
    assert labels.shape == (n,) and labels.dtype == torch.int64
    assert torch.bincount(labels).numel() == 10
    assert (images.min(), images.max()) == (0, 255)


def test_the_first_training_digits_are_those_everyone_knows():
    images, labels = load_mnist()
    assert labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert images.float().mean().item() / 255 == pytest.approx(0.1307, abs=5e-5)


def test_a_tilde_is_the_home_folder(root, monkeypatch, tmp_path_factory):
    monkeypatch.setenv("HOME", str(root.parent))
    monkeypatch.setenv("USERPROFILE", str(root.parent))
    monkeypatch.chdir(tmp_path_factory.mktemp("empty"))
    assert len(load_mnist(f"~/{root.name}", train=False)[0]) == 10_000
    assert len(load_mnist(Path("~") / root.name, train=False)[0]) == 10_000
    assert not list(Path().iterdir())


def test_loading_leaves_the_folder_as_it_was(root):
    load_mnist(root)
    assert sorted(path.name for path in (root / "MNIST" / "raw").iterdir()) == sorted(PACKED)


def test_unpacked_files_alone_are_enough(root, no_network):
    unpack(root)
    assert torch.equal(load_mnist(root, train=False)[0], load_mnist(train=False)[0])


def test_a_read_only_folder_works(root, no_network):
    folder = root / "MNIST" / "raw"
    for path in [*folder.iterdir(), folder, folder.parent, root]:
        path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    load_mnist(root, train=False)
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    for path in [root, folder.parent, folder]:
        path.chmod(0o755)


@pytest.mark.parametrize("harm", ["truncated", "altered"])
@pytest.mark.parametrize("packed", [True, False])
def test_a_harmed_file_is_named_with_what_is_wrong_and_the_remedy(root, no_network, harm, packed):
    if not packed:
        unpack(root)
    name = (PACKED if packed else UNPACKED)[0]
    path = root / "MNIST" / "raw" / name
    content = bytearray(path.read_bytes())
    if harm == "truncated":
        content = content[:-1000]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is truncated or altered.*expected md5 {MNIST_MD5[name]}.*Restore"):
        load_mnist(root)
    assert path.read_bytes() == content  # nothing is overwritten


def test_a_missing_file_without_network_is_named_with_the_remedy(root, no_network):
    (root / "MNIST" / "raw" / PACKED[2]).unlink()
    with pytest.raises(FileNotFoundError, match=rf"lacks {PACKED[2]}, and the download failed.*Connect.*or copy"):
        load_mnist(root)


def test_missing_files_are_downloaded_by_torchvision(tmp_path, monkeypatch):
    """A server stands in for torchvision's mirror: the real files come over a real socket."""
    import functools
    import http.server
    import threading

    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=RAW)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}/"
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [address])
    try:
        labels = load_mnist(tmp_path, train=False)[1]
    finally:
        server.shutdown()
    assert torch.equal(labels, load_mnist(train=False)[1])


def test_scaling_maps_black_and_white_to_the_ends_and_back():
    every_byte = torch.arange(256, dtype=torch.uint8)
    pixels = to_pixels_pm1(every_byte)
    assert (pixels[0], pixels[-1]) == (-1, 1)
    assert (pixels.diff() > 0).all()
    assert torch.equal(to_bytes(pixels), every_byte)


def test_pixels_scaled_already_are_refused():
    with pytest.raises(ValueError, match=r"must be uint8, found torch.float32"):
        to_pixels_pm1(torch.zeros(2))


def test_bytes_made_bytes_once_more_are_refused():
    with pytest.raises(ValueError, match=r"must be floats in \[-1, 1\], found torch.uint8"):
        to_bytes(torch.zeros(2, dtype=torch.uint8))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_pixels_of_another_precision_are_rounded_once(dtype):
    pixels = torch.linspace(-1, 1, 1001).to(dtype)
    assert torch.equal(to_bytes(pixels), to_bytes(pixels.double()))


def test_pixels_that_no_byte_can_say_are_refused():
    with pytest.raises(ValueError, match=r"found NaN in torch.float32 \(2,\): has the training diverged"):
        to_bytes(torch.tensor([0.0, torch.nan]))


@pytest.mark.parametrize("scale", [to_pixels_pm1, to_bytes])
def test_an_array_in_place_of_pixels_is_named(scale):
    with pytest.raises(ValueError, match="found ndarray"):
        scale(np.zeros(2, dtype=np.uint8))


DIGITS = torch.zeros(5, 1, 2, 2, dtype=torch.uint8)


@pytest.mark.parametrize(
    ("images", "batch_size", "message"),
    [
        (DIGITS[:0], 4, r"with n at least 1, found torch.uint8 \(0, 1, 2, 2\)"),
        (DIGITS.float(), 4, r"images must be uint8 .* found torch.float32 \(5, 1, 2, 2\)"),
        ([DIGITS], 4, "images must be uint8 .* found list"),
        (DIGITS, 0, "batch_size must be a whole number of at least 1, found 0"),
        (DIGITS, -1, "batch_size must be a whole number of at least 1, found -1"),
        (DIGITS, 4.0, r"batch_size must be a whole number of at least 1, found 4\.0"),
        (DIGITS, "4", "batch_size must be a whole number of at least 1, found '4'"),
        (DIGITS.to("meta"), 4, "the images are on meta, but rng draws on cpu"),
    ],
)
def test_a_batch_that_cannot_be_drawn_is_refused_with_what_was_found(images, batch_size, message):
    with pytest.raises(ValueError, match=message):
        draw_batch(images, batch_size, torch.Generator().manual_seed(0))


def test_the_size_of_a_batch_may_come_from_numpy():
    assert draw_batch(DIGITS, np.int64(3), torch.Generator().manual_seed(0)).shape == (3, 1, 2, 2)


def test_a_batch_holds_images_of_the_set_and_follows_its_random_generator():
    images = torch.arange(5, dtype=torch.uint8).reshape(5, 1, 1, 1)

    def batch(seed):
        return draw_batch(images, 64, torch.Generator().manual_seed(seed))

    assert batch(0).shape == (64, 1, 1, 1)
    assert set(to_bytes(batch(0)).flatten().tolist()) == set(range(5))
    assert torch.equal(batch(0), batch(0)) and not torch.equal(batch(0), batch(1))


TOYS = [eight_gaussians, twenty_five_gaussians, swiss_roll]


@pytest.fixture(scope="module")
def drawn():
    """What the draws are under torch's own defaults, and the generator of the fakes."""
    torch.manual_seed(0)
    generator = conv_generator(8)
    return draws(generator), generator


def draws(generator):
    rng = torch.Generator("cpu").manual_seed(0)
    images = load_mnist(train=False)[0]
    batch = draw_batch(images, 8, rng)
    return [images, batch, to_bytes(batch), *(toy(50, rng) for toy in TOYS), sample_images(generator, 8, 3)]


def test_draws_are_the_same_whatever_the_default_precision_and_device(drawn, other_default):
    expected, generator = drawn
    for found, usual in zip(draws(generator), expected, strict=True):
        assert found.dtype == usual.dtype and torch.equal(found, usual)


def test_fakes_have_the_precision_that_the_generator_needs(drawn):
    generator = drawn[1]
    exact = sample_images(copy.deepcopy(generator).double(), 8, 3)
    assert (exact.int() - sample_images(generator, 8, 3)).abs().max() <= 1  # a byte, rounded


@pytest.mark.parametrize("toy", TOYS)
def test_a_toy_follows_its_random_generator_and_makes_points_of_the_plane(toy):
    first, again, other = (toy(50, torch.Generator().manual_seed(seed)) for seed in (0, 0, 1))
    assert first.shape == (50, 2) and first.dtype == torch.float32
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_eight_gaussians_lie_around_eight_points_of_a_circle():
    x = eight_gaussians(4000, torch.Generator().manual_seed(0))
    angle = torch.atan2(x[:, 1], x[:, 0]) / (torch.pi / 4)
    assert (angle - angle.round()).abs().max() < 0.06
    assert (x.norm(dim=1) - 2 / 1.414).abs().max() < 0.07
    assert torch.bincount(angle.round().long() % 8, minlength=8).min() > 400


def test_twenty_five_gaussians_lie_around_a_grid_of_five_by_five():
    x = twenty_five_gaussians(5000, torch.Generator().manual_seed(0)) * 2.828 / 2
    assert (x - x.round()).abs().max() < 0.12
    assert x.round().unique(dim=0).shape == (25, 2)


def test_swiss_roll_is_a_spiral_of_one_and_a_half_turns():
    x = swiss_roll(4000, torch.Generator().manual_seed(0)) * 7.5
    radius, angle = x.norm(dim=1), torch.atan2(x[:, 1], x[:, 0])
    turns = (radius - angle) / (2 * torch.pi)
    assert (turns - turns.round()).abs().max() < 0.25  # the radius is the angle, turn after turn
    assert 1.2 * torch.pi < radius.min() and radius.max() < 4.8 * torch.pi


@pytest.mark.parametrize(
    ("toy", "low", "high", "floor_low", "floor_high"),
    [(eight_gaussians, 0.77, 0.89, 0.03, 0.17), (twenty_five_gaussians, 0.53, 0.65, 0.05, 0.17)],
)
def test_toys_lie_as_far_from_their_noisy_copies_and_from_themselves_as_is_known(toy, low, high, floor_low, floor_high):
    rng = torch.Generator().manual_seed(0)
    x, fresh = toy(1000, rng), toy(1000, rng)
    noisy = x + torch.randn(1000, 2, generator=rng)
    assert low < wasserstein1(fresh.numpy(), noisy.numpy()) < high
    assert floor_low < wasserstein1(x.numpy(), fresh.numpy()) < floor_high


def test_fakes_come_in_evaluation_mode_and_leave_the_generator_as_it_was():
    generator = conv_generator(4, (1, 8, 8)).train()
    before = [value.clone() for value in generator.state_dict().values()]
    few, more = (sample_images(generator, 4, n) for n in (8, 1001))
    assert torch.equal(few, more[:8])
    assert all(map(torch.equal, before, generator.state_dict().values()))
    assert all(module.training for module in generator.modules())
