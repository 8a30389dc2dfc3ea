"""Each test states a fact from the papers or from calculus, then checks it."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from wgan_utils.losses import (
    clip_weights_,
    critic_loss,
    gan_discriminator_loss,
    gan_generator_loss,
    generator_loss,
    gradient_penalty,
    one_sided_penalty,
    points_between,
    slopes,
)

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))


def linear_critic(weight):
    return lambda x: x.flatten(1) @ weight


@given(SHAPES, st.floats(0, 10), st.integers(0, 2**31))
def test_penalty_of_a_linear_critic_depends_only_on_its_weight_norm(shape, norm, seed):
    rng = torch.Generator().manual_seed(seed)
    x_real, x_fake = torch.randn(2, *shape, generator=rng, dtype=torch.float64)
    weight = torch.randn(shape[1] * shape[2], generator=rng, dtype=torch.float64)
    weight = norm * weight / weight.norm()
    penalty = gradient_penalty(linear_critic(weight), x_real, x_fake, rng)
    torch.testing.assert_close(penalty, torch.tensor((norm - 1) ** 2, dtype=torch.float64))


def test_slopes_are_measured_on_each_pairs_own_line_at_its_own_place():
    seen = []

    def spy(x):
        seen.append(x.detach())
        return x.sum(dim=1)

    gradient_penalty(spy, torch.ones(50, 3), torch.zeros(50, 3))
    (x_hat,) = seen
    assert (x_hat == x_hat[:, :1]).all()  # on the line from (0, 0, 0) to (1, 1, 1) ...
    assert ((x_hat >= 0) & (x_hat <= 1)).all()  # ... between its ends ...
    assert len(x_hat[:, 0].unique()) == 50  # ... and each row at its own place


def test_penalty_trains_the_critic_and_leaves_the_generator_alone():
    critic = nn.Sequential(nn.Linear(2, 8), nn.Softplus(), nn.Linear(8, 1))
    x_fake = torch.zeros(4, 2, requires_grad=True)
    gradient_penalty(critic, torch.ones(4, 2), x_fake).backward()
    assert critic[0].weight.grad.abs().sum() > 0
    assert x_fake.grad is None


@given(SHAPES, st.floats(0, 10), st.integers(0, 2**31))
def test_one_sided_penalty_of_a_linear_critic_charges_only_for_norms_above_one(shape, norm, seed):
    rng = torch.Generator().manual_seed(seed)
    x_real, x_fake = torch.randn(2, *shape, generator=rng, dtype=torch.float64)
    weight = torch.randn(shape[1] * shape[2], generator=rng, dtype=torch.float64)
    penalty = one_sided_penalty(linear_critic(norm * weight / weight.norm()), x_real, x_fake, rng)
    torch.testing.assert_close(penalty, torch.tensor(max(norm - 1, 0) ** 2, dtype=torch.float64))


@pytest.mark.parametrize("penalty", [gradient_penalty, one_sided_penalty])
def test_derivatives_of_the_penalty_agree_with_finite_differences(penalty):
    torch.manual_seed(0)
    x_real, x_fake = torch.randn(2, 3, 2, dtype=torch.float64)
    first, last = (3 * torch.randn(4, 2).double()).requires_grad_(True), torch.randn(4).double().requires_grad_(True)

    def of_weights(first, last):
        return penalty(lambda x: (x @ first.T).tanh() @ last, x_real, x_fake, torch.Generator().manual_seed(0))

    assert torch.autograd.gradcheck(of_weights, (first, last))
    assert torch.autograd.gradgradcheck(of_weights, (first, last))


def test_a_flat_critic_has_penalty_one_and_finite_gradients():
    critic = nn.Linear(2, 1)
    nn.init.zeros_(critic.weight)
    penalty = gradient_penalty(critic, torch.ones(4, 2), torch.zeros(4, 2))
    penalty.backward()
    assert penalty.item() == 1
    assert critic.weight.grad.isfinite().all()


def test_slopes_are_the_norms_that_calculus_gives_whatever_the_shape_of_a_sample():
    for shape in [(), (3,), (2, 3), (1, 4, 4)]:
        x = torch.randn(5, *shape, dtype=torch.float64, requires_grad=True)
        expected = (2 * x).reshape(5, -1).norm(dim=1)
        torch.testing.assert_close(slopes(lambda x: (x * x).reshape(5, -1).sum(1), x), expected)
    assert x.grad is None  # the caller's own tensor took no part


def test_a_critic_that_works_in_place_has_the_slopes_of_its_twin():
    x, twin = torch.randn(5, 3), nn.Sequential(nn.ReLU(), nn.Linear(3, 1))
    in_place = nn.Sequential(nn.ReLU(inplace=True), twin[1])
    before = x.clone()
    torch.testing.assert_close(slopes(in_place, x), slopes(twin, x))
    torch.testing.assert_close(x, before)


@given(st.floats(0.01, 100), st.integers(0, 2**31))
def test_slopes_scale_with_the_critic_and_do_not_see_a_shift_of_its_scores(scale, seed):
    torch.manual_seed(seed)
    critic, x = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double(), torch.randn(6, 3).double()
    torch.testing.assert_close(slopes(lambda x: scale * critic(x) + 7, x), scale * slopes(critic, x))


@pytest.mark.parametrize(
    "measure", [slopes, lambda c, x: gradient_penalty(c, x, x), lambda c, x: one_sided_penalty(c, x, x)]
)
def test_a_critic_of_patches_is_refused_not_summed(measure):
    patches = nn.Conv2d(1, 1, 3)
    with pytest.raises(ValueError, match=r"one score per sample, found \(4, 1, 6, 6\) for 4 samples"):
        measure(patches, torch.randn(4, 1, 8, 8))


def test_an_empty_batch_is_refused():
    with pytest.raises(ValueError, match=r"at least one sample, found shape \(0, 2\)"):
        points_between(*torch.zeros(2, 0, 2))


def test_bytes_are_refused_where_points_between_would_round_them():
    with pytest.raises(ValueError, match=r"must be floats, found torch.uint8 and torch.uint8"):
        points_between(*torch.zeros(2, 4, 1, 8, 8, dtype=torch.uint8))


def test_shapes_must_match():
    with pytest.raises(ValueError, match=r"\(4, 2\).*\(3, 2\)"):
        gradient_penalty(nn.Linear(2, 1), torch.zeros(4, 2), torch.zeros(3, 2))


def test_points_lie_between_their_own_pair_and_carry_no_gradient():
    x_real, x_fake = torch.randn(2, 50, 3, 2, requires_grad=True)
    x_hat = points_between(x_real, x_fake, torch.Generator().manual_seed(0))
    place = (x_hat - x_fake) / (x_real - x_fake)
    torch.testing.assert_close(place, place[:, :1, :1].expand_as(place), rtol=1e-3, atol=1e-3)
    assert not x_hat.requires_grad and 0 <= place.min() and place.max() <= 1


@given(st.floats(-1e3, 1e3), st.floats(-1e3, 1e3))
def test_critic_and_generator_pull_the_fake_score_apart(real, fake):
    real, fake = torch.tensor([real]), torch.tensor([fake])
    assert critic_loss(real, fake) == -critic_loss(fake, real)
    assert critic_loss(real, fake) == fake.squeeze() - real.squeeze()
    assert generator_loss(fake) == -fake.squeeze()


def test_penalty_follows_its_random_generator():
    critic = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    x_real, x_fake = torch.randn(2, 6, 3)

    def penalty(seed):
        return gradient_penalty(critic, x_real, x_fake, torch.Generator().manual_seed(seed))

    assert penalty(1) == penalty(1)
    assert penalty(1) != penalty(2)


def test_penalty_agrees_with_the_slopes_of_torch_func():
    critic = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1)).double()
    x_real, x_fake = torch.randn(2, 6, 3, dtype=torch.float64)
    penalty = gradient_penalty(critic, x_real, x_fake, torch.Generator().manual_seed(0))
    eps = torch.rand(6, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    gradients = torch.func.vmap(torch.func.grad(lambda x: critic(x).sum()))(x_fake + eps * (x_real - x_fake))
    torch.testing.assert_close(penalty, ((gradients.norm(dim=1) - 1) ** 2).mean())


def test_clipping_bounds_every_parameter_and_a_second_time_changes_nothing():
    critic = nn.Sequential(nn.Linear(3, 50), nn.BatchNorm1d(50), nn.Linear(50, 1))
    critic[1].running_mean.fill_(5.0)
    inside = critic[0].bias.detach().clone()
    clip_weights_(critic, 0.3)
    assert all(parameter.abs().max() <= 0.3 for parameter in critic.parameters())
    assert critic[1].weight.eq(0.3).all()  # batch norm's ones, cut to the limit
    kept = inside.abs() <= 0.3
    assert torch.equal(critic[0].bias[kept], inside[kept])
    assert critic[1].running_mean.eq(5.0).all()  # a buffer, not a parameter
    once = [parameter.clone() for parameter in critic.parameters()]
    clip_weights_(critic, 0.3)
    assert all(map(torch.equal, once, critic.parameters()))


@pytest.mark.parametrize("clip_limit", [0, -0.1, float("nan")])
def test_a_clip_limit_must_be_positive(clip_limit):
    with pytest.raises(ValueError, match=f"clip_limit must be more than 0, found {clip_limit}"):
        clip_weights_(nn.Linear(1, 1), clip_limit)


@given(st.lists(st.floats(-30, 30), min_size=1, max_size=5), st.lists(st.floats(-30, 30), min_size=1, max_size=5))
def test_discriminator_loss_is_the_cross_entropy_of_its_two_labels(real, fake):
    real, fake = torch.tensor(real).double(), torch.tensor(fake).double()
    expected = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(gan_discriminator_loss(real, fake), expected)
    torch.testing.assert_close(gan_generator_loss(fake), bce(fake, torch.ones_like(fake)))


def test_a_discriminator_that_cannot_tell_loses_two_log_two():
    assert gan_discriminator_loss(torch.zeros(3), torch.zeros(5)).item() == pytest.approx(2 * math.log(2))


def test_the_best_discriminator_reveals_the_jensen_shannon_divergence():
    """Two coins, p = (.9, .1) and q = (.3, .7); the best logit is log p / q."""
    p, q = torch.tensor([0.9, 0.1]).double(), torch.tensor([0.3, 0.7]).double()
    logits = (p / q).log()
    draws = 1000  # exact frequencies instead of draws
    real, fake = (logits.repeat_interleave((draws * law).round().long()) for law in (p, q))
    middle = (p + q) / 2
    js = ((p * (p / middle).log()).sum() + (q * (q / middle).log()).sum()) / 2
    assert math.log(2) - gan_discriminator_loss(real, fake).item() / 2 == pytest.approx(js.item())


@pytest.mark.parametrize(
    ("x", "found"),
    [(torch.zeros(2, 3, dtype=torch.uint8), "torch.uint8"), (torch.zeros(0, 3), r"\(0, 3\)"), ([[0.0]], "found list")],
)
def test_what_is_no_batch_of_floats_has_no_slopes(x, found):
    with pytest.raises(ValueError, match=f"x must be floats .*{found}"):
        slopes(nn.Linear(3, 1), x)


def test_slopes_without_gradients_say_why():
    with torch.no_grad(), pytest.raises(ValueError, match="no_grad"):
        slopes(nn.Linear(3, 1), torch.zeros(2, 3))
