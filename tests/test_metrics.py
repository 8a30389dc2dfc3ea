"""The judge knows its digits, and the distance is the one that Gaussians have."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from wgan_utils import metrics
from wgan_utils.data import load_mnist
from wgan_utils.metrics import (
    digit_coverage,
    digit_features,
    digit_probabilities,
    frechet_distance,
    load_judge,
    nearest_neighbours,
)


@pytest.fixture(scope="module")
def test_split():
    return load_mnist(train=False)


def gaussian(n, mean, scales, seed=0):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, len(scales), generator=rng, dtype=torch.float64) * torch.tensor(scales) + mean


def test_the_judge_reads_at_least_99_per_cent_of_the_test_digits(test_split):
    images, labels = test_split
    probabilities = digit_probabilities(images)
    assert probabilities.shape == (10_000, 10)
    torch.testing.assert_close(probabilities.sum(dim=1), torch.ones(10_000))
    assert (probabilities.argmax(dim=1) == labels).float().mean() >= 0.99


def test_features_do_not_depend_on_the_batch_and_lead_to_the_probabilities(test_split):
    images = test_split[0][:1500]  # more than one internal batch
    features = digit_features(images)
    assert features.shape == (1500, 64) and (features >= 0).all()
    torch.testing.assert_close(digit_features(images[1490:]), features[1490:], rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(load_judge()[-1](features).softmax(dim=1), digit_probabilities(images))


@pytest.mark.parametrize("images", [torch.zeros(2, 1, 28, 28), torch.zeros(2, 28, 28, dtype=torch.uint8)])
def test_what_is_not_bytes_of_28_by_28_is_refused(images):
    with pytest.raises(ValueError, match=r"must be uint8 \(n, 1, 28, 28\), found"):
        digit_features(images)


@pytest.mark.parametrize(
    "measure",
    [digit_features, digit_probabilities, lambda x: nearest_neighbours(x, x), lambda x: frechet_distance(x, x)],
)
def test_an_array_in_place_of_a_tensor_is_named(measure):
    with pytest.raises(ValueError, match="must be a tensor, found ndarray"):
        measure(np.zeros((2, 1, 28, 28), dtype=np.uint8))


def test_the_judge_sees_the_same_whatever_the_default_precision_and_device(test_split, other_default):
    images = test_split[0][:20]
    usual = seen(images)
    metrics._judge.cache_clear()  # it is made anew under the other default
    for found, expected in zip(seen(images), usual, strict=True):
        assert found.dtype == torch.float32 and torch.equal(found, expected)


def seen(images):
    return [digit_features(images), digit_probabilities(images), digit_coverage(images)[1]]


def test_altered_weights_are_refused(tmp_path, monkeypatch):
    content = bytearray((metrics.WEIGHTS / "digit_classifier.safetensors").read_bytes())
    content[-1] ^= 1
    (tmp_path / "digit_classifier.safetensors").write_bytes(content)
    monkeypatch.setattr(metrics, "WEIGHTS", tmp_path)
    with pytest.raises(ValueError, match=r"altered: sha256 .* expected"):
        metrics._judge.__wrapped__("cpu")


def test_distance_of_a_set_to_itself_is_zero_and_order_does_not_matter():
    a, b = gaussian(500, 0.0, [1.0, 2.0, 0.5]), gaussian(400, 1.0, [2.0, 1.0, 1.0], seed=1)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a))
    assert frechet_distance(a, b[torch.randperm(400)]) == pytest.approx(frechet_distance(a, b))


def test_a_shift_costs_its_square_and_a_scale_the_square_of_the_change():
    a = gaussian(500, 0.0, [1.0, 2.0])
    shift = torch.tensor([3.0, 4.0])
    assert frechet_distance(a, a + shift) == pytest.approx(25)
    centred = a - a.mean(dim=0)
    assert frechet_distance(centred, 3 * centred) == pytest.approx(4 * torch.cov(a.T).trace().item())


def test_the_distance_is_computed_in_float64_on_the_cpu_because_some_devices_have_none(monkeypatch):
    """A stand-in for such a device: a tensor that answers to double() on the CPU alone."""

    class OnSuchADevice(torch.Tensor):
        def cpu(self):
            return self.as_subclass(torch.Tensor)

        def double(self):
            raise TypeError("no float64 here")

    a, b = gaussian(50, 0.0, [1.0, 2.0]).float(), gaussian(60, 1.0, [1.0, 1.0]).float()
    assert frechet_distance(a.as_subclass(OnSuchADevice), b.as_subclass(OnSuchADevice)) == frechet_distance(a, b)


def test_distance_is_the_formula_with_scipys_matrix_root():
    a, b = gaussian(300, 0.0, [1.0, 2.0, 3.0]), gaussian(300, 0.5, [3.0, 1.0, 1.0], seed=1)
    b = b @ torch.tensor([[1.0, 0.5, 0.0], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]]).double()
    cov_a, cov_b = torch.cov(a.T).numpy(), torch.cov(b.T).numpy()
    expected = (a.mean(0) - b.mean(0)).square().sum().item() + (cov_a + cov_b - 2 * sqrtm(cov_a @ cov_b).real).trace()
    assert frechet_distance(a, b) == pytest.approx(expected)


def test_torchmetrics_agrees_on_real_digits(test_split):
    images = test_split[0][:2000]

    class Features(nn.Module):
        num_features = 64

        def forward(self, x):
            return digit_features(x)

    fid = FrechetInceptionDistance(feature=Features(), normalize=False).set_dtype(torch.float64)
    fid.update(images[:1000], real=True)
    fid.update(255 - images[1000:], real=False)
    ours = frechet_distance(digit_features(images[:1000]), digit_features(255 - images[1000:]))
    assert ours == pytest.approx(fid.compute().item(), rel=1e-4)
    assert ours > 100 * frechet_distance(digit_features(images[:1000]), digit_features(images[1000:])) / 10


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        (torch.zeros(5, 3), torch.zeros(5, 4), "features_a has 3 columns, features_b 4"),
        (torch.zeros(1, 3), torch.zeros(5, 3), r"features_a must be \(n, d\) with n at least 2, found \(1, 3\)"),
        (torch.zeros(5, 3), torch.full((5, 3), torch.nan), "features_b must be finite"),
        (torch.full((5, 3), torch.inf), torch.zeros(5, 3), "features_a must be finite"),
        (torch.zeros(5, 3), torch.zeros(5), r"features_b must be \(n, d\) with n at least 2, found \(5,\)"),
    ],
)
def test_features_that_cannot_be_compared_are_named(a, b, message):
    with pytest.raises(ValueError, match=message):
        frechet_distance(a, b)


def test_the_judge_is_sure_of_real_digits_and_covers_all_ten(test_split):
    images, labels = test_split
    sure, share = digit_coverage(images)
    assert sure == pytest.approx(0.980, abs=0.002)
    torch.testing.assert_close(share, torch.bincount(labels) / 10_000, atol=0.002, rtol=0)
    assert share.sum().item() == pytest.approx(1)


def test_a_single_digit_is_covered_alone_and_nonsense_is_not_sure(test_split):
    images, labels = test_split
    _, share = digit_coverage(images[labels == 3])
    assert share[3] > 0.98
    noise = torch.randint(256, (500, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert digit_coverage(noise)[0] < 0.01


def test_coverage_of_no_image_is_refused():
    with pytest.raises(ValueError, match="at least one image, found none"):
        digit_coverage(torch.zeros(0, 1, 28, 28, dtype=torch.uint8))


def test_nearest_neighbours_are_those_of_cdist(test_split):
    some, others = test_split[0][:600], test_split[0][600:1700]
    distance, index = nearest_neighbours(some, others)
    table = torch.cdist(some.flatten(1).double(), others.flatten(1).double()) * 2 / 255
    torch.testing.assert_close(distance.double(), table.amin(dim=1), rtol=1e-5, atol=1e-5)
    assert torch.equal(index, table.argmin(dim=1))


def test_a_copy_is_at_distance_zero_and_a_changed_pixel_at_its_change(test_split):
    images = test_split[0][:50].clone()
    distance, index = nearest_neighbours(images, images)
    assert torch.equal(distance, torch.zeros(50)) and torch.equal(index, torch.arange(50))
    changed = images.clone()
    changed[:, 0, 0, 0] += 51  # 0.4 in units where the range is 2
    torch.testing.assert_close(nearest_neighbours(changed, images)[0], torch.full((50,), 0.4))


@pytest.mark.parametrize(
    ("images", "others", "message"),
    [
        (torch.zeros(2, 1, 28, 28), torch.zeros(2, 1, 28, 28, dtype=torch.uint8), "images must be uint8"),
        (torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.zeros(0, 1, 28, 28, dtype=torch.uint8), "others must be"),
        (
            torch.zeros(2, 1, 8, 8, dtype=torch.uint8),
            torch.zeros(2, 1, 9, 8, dtype=torch.uint8),
            r"images are \(1, 8, 8\)",
        ),
    ],
)
def test_sets_whose_neighbours_make_no_sense_are_refused(images, others, message):
    with pytest.raises(ValueError, match=message):
        nearest_neighbours(images, others)


def test_an_exact_copy_is_found_among_bright_images():
    """Their squared norms pass 2^24, where float32 stops counting."""
    images = torch.full((1, 1, 28, 28), 251, dtype=torch.uint8)
    other = images.clone()
    other[0, 0, 0, 0] = 250
    distance, index = nearest_neighbours(images, torch.cat([other, images]))
    assert distance.tolist() == [0] and index.tolist() == [1]


def test_the_judge_moves_no_random_numbers_and_nobody_spoils_it(test_split):
    images = test_split[0][:50]
    metrics._judge.cache_clear()
    torch.manual_seed(0)
    features = digit_features(images)
    drawn = torch.rand(1)
    torch.manual_seed(0)
    assert torch.equal(drawn, torch.rand(1))
    judge = load_judge().train()
    judge(images.float() / 255)
    with torch.autocast("cpu"):
        again = digit_features(images)
    assert again.dtype == torch.float32 and torch.equal(again, features)
