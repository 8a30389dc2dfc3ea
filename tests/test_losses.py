"""Each test states a fact from the papers or from calculus, then checks it."""

import math

import pytest
import torch
from hypothesis import given, settings
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
    gradient_penalty_piecewise_linear,
    is_piecewise_linear,
    one_sided_penalty,
    points_between,
)
from wgan_utils.models import conv_critic

SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(1, 4))


def linear_critic(weight):
    return lambda x: x.flatten(1) @ weight


@settings(deadline=None)
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


@settings(deadline=None)
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


def test_shapes_must_match():
    with pytest.raises(ValueError, match=r"\(4, 2\).*\(3, 2\)"):
        gradient_penalty(nn.Linear(2, 1), torch.zeros(4, 2), torch.zeros(3, 2))


def penalty_and_gradients(penalty, critic, x_real, x_fake):
    critic.zero_grad()
    value = penalty(critic, x_real, x_fake, torch.Generator(x_real.device).manual_seed(0))
    value.backward()
    return [value.detach(), *(0 * p if p.grad is None else p.grad.clone() for p in critic.parameters())]


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from([1, 2, 4, 6]),  # channels
    st.tuples(st.integers(5, 9), st.integers(5, 9)),  # height and width
    st.tuples(st.integers(1, 3), st.integers(1, 3)),  # kernel
    st.integers(1, 3),  # stride
    st.integers(0, 2),  # padding
    st.sampled_from([(1, 1), (1, 2), (2, 1)]),  # dilation and groups
    st.sampled_from([nn.ReLU(), nn.ReLU(inplace=True), nn.LeakyReLU(0.2), nn.LeakyReLU(0.3, inplace=True)]),
    st.integers(0, 2**31),
)
def test_one_backward_gives_the_penalty_and_every_gradient_of_two(
    channels, size, kernel, stride, padding, dilation_groups, kink, seed
):
    dilation, groups = dilation_groups
    groups = min(groups, channels)
    torch.manual_seed(seed)
    conv = nn.Conv2d(channels, 4, kernel, stride, padding, dilation, groups)
    reshapes = [nn.Flatten(), nn.Unflatten(1, (channels, *size)), conv, kink, nn.Flatten()]
    features = nn.Sequential(*reshapes)(torch.zeros(1, channels, *size)).shape[1]
    critic = nn.Sequential(*reshapes, nn.Linear(features, 7), kink, nn.Linear(7, 1)).double()
    x_real, x_fake = torch.randn(2, 3, channels, *size, dtype=torch.float64)
    one = penalty_and_gradients(gradient_penalty_piecewise_linear, critic, x_real, x_fake)
    two = penalty_and_gradients(gradient_penalty, critic, x_real, x_fake)
    torch.testing.assert_close(one, two, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("image_shape", [(1, 28, 28), (3, 32, 32)])
def test_one_backward_equals_two_to_rounding_on_the_critic_of_the_series(image_shape):
    critic = conv_critic(image_shape)
    x_real, x_fake = torch.randn(2, 8, *image_shape)
    one = penalty_and_gradients(gradient_penalty_piecewise_linear, critic, x_real, x_fake)
    two = penalty_and_gradients(gradient_penalty, critic, x_real, x_fake)
    torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-7)


def test_one_backward_reaches_every_weight_under_autocast_too():
    critic = conv_critic()
    x_real, x_fake = torch.randn(2, 8, 1, 28, 28)
    with torch.autocast("cpu", torch.bfloat16):
        half = penalty_and_gradients(gradient_penalty_piecewise_linear, critic, x_real, x_fake)
    full = penalty_and_gradients(gradient_penalty, critic, x_real, x_fake)
    torch.testing.assert_close(half, full, rtol=0.05, atol=0.02)


@pytest.mark.parametrize(
    "layer",
    [
        nn.Tanh(),
        nn.BatchNorm1d(1),
        nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular"),
        nn.Conv2d(1, 1, 3, 1, "same"),
    ],
)
def test_a_critic_that_is_not_piecewise_linear_is_refused_by_name(layer):
    critic = nn.Sequential(nn.Linear(2, 1), layer)
    assert is_piecewise_linear(critic[:1]) and not is_piecewise_linear(critic)
    with pytest.raises(ValueError, match=type(layer).__name__):
        gradient_penalty_piecewise_linear(critic, torch.zeros(4, 2), torch.zeros(4, 2))


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
