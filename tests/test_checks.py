"""Each check accepts a right answer, waits for a missing one, and tells typical mistakes apart by name."""

import re

import pytest
import torch

from wgan_utils import checks
from wgan_utils.losses import critic_loss, gradient_penalty


def share_at_limit(critic, clip_limit):
    weights = torch.cat([parameter.detach().flatten() for parameter in critic.parameters()])
    return (weights.abs() == clip_limit).float().mean()


def latent_walk(z_start, z_end, n):
    return torch.lerp(z_start, z_end, torch.linspace(0, 1, n)[:, None])


def penalty(power=2, charge=torch.relu, dims=None, eps_shape=None, create_graph=True, low=0.0, high=1.0):
    """A penalty with one thing changed; as it stands it is right."""

    def my_one_sided_penalty(critic, x_real, x_fake):
        shape = eps_shape(x_real) if eps_shape else (len(x_real), 1, 1, 1)
        eps = low + (high - low) * torch.rand(shape)
        x_hat = (eps * x_real + (1 - eps) * x_fake).detach().requires_grad_(True)
        (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=create_graph)
        slope = grad.norm(dim=dims) if dims else grad.flatten(1).norm(dim=1)
        return (charge(slope - 1) ** power).mean()

    return my_one_sided_penalty


RIGHT = {
    "critic_loss": critic_loss,
    "share_at_limit": share_at_limit,
    "latent_walk": latent_walk,
    "best_slope": lambda d, lambda_gp: 1 + d / (2 * lambda_gp),
    "one_sided_penalty": penalty(),
}
WRONG = [
    ("critic_loss", lambda real, fake: real.mean() - fake.mean(), "sign is flipped"),
    ("critic_loss", lambda real, fake: fake.sum() - real.sum(), "take means"),
    ("critic_loss", lambda real, fake: fake.sigmoid().mean() - real.sigmoid().mean(), "no sigmoid"),
    ("critic_loss", lambda real, fake: fake.mean(), "expected .* found"),
    ("share_at_limit", lambda critic, c: 100 * share_at_limit(critic, c), "per cent"),
    (
        "share_at_limit",
        lambda critic, c: sum((p.detach().abs() == c).sum() for p in critic.parameters()),
        "divide by how many",
    ),
    (
        "share_at_limit",
        lambda critic, c: torch.cat([p.detach().flatten() for p in critic.parameters()]).eq(c).float().mean(),
        r"\+clip_limit alone",
    ),
    (
        "share_at_limit",
        lambda critic, c: torch.stack([p.detach().abs().eq(c).float().mean() for p in critic.parameters()]).mean(),
        "averaged the shares of the layers",
    ),
    (
        "share_at_limit",
        lambda critic, c: (
            torch.cat([p.detach().flatten() for p in critic.parameters() if p.ndim > 1]).abs().eq(c).float().mean()
        ),
        "left the biases out",
    ),
    ("latent_walk", lambda a, b, n: latent_walk(b, a, n), "backwards"),
    ("latent_walk", lambda a, b, n: a + torch.arange(n)[:, None] / n * (b - a), "one step short"),
    ("latent_walk", lambda a, b, n: a + torch.linspace(0, 1, n)[:, None] * b, "weight z_start by what is left"),
    ("latent_walk", lambda a, b, n: latent_walk(a, b, n + 1), "expected shape"),
    ("latent_walk", lambda a, b, n: latent_walk(a, b, n) ** 2, "not right"),
    ("best_slope", lambda d, lambda_gp: 1 + d / lambda_gp, "factor of 2"),
    ("best_slope", lambda d, lambda_gp: 1 - d / (2 * lambda_gp), "sign of the reward"),
    ("best_slope", lambda d, lambda_gp: d + d**2 / (2 * lambda_gp), "this is the estimate"),
    ("best_slope", lambda d, lambda_gp: 1.0, "the reward pulls it higher"),
    ("one_sided_penalty", gradient_penalty, "two-sided"),
    ("one_sided_penalty", penalty(charge=lambda excess: torch.relu(-excess)), "side is flipped"),
    ("one_sided_penalty", penalty(power=1), "square the excess"),
    ("one_sided_penalty", penalty(dims=1), "norm over one axis"),
    ("one_sided_penalty", penalty(create_graph=False), "create_graph=True"),
    ("one_sided_penalty", penalty(eps_shape=lambda x: (1, 1, 1, 1)), "all pairs share one eps"),
    ("one_sided_penalty", penalty(eps_shape=lambda x: x.shape), "differs from pixel to pixel"),
    ("one_sided_penalty", penalty(low=1.0, high=2.0), "outside the segment"),
]


def check(name, function):
    return getattr(checks, f"check_{name}")(function)


@pytest.mark.parametrize("name", RIGHT)
@pytest.mark.parametrize("seed", range(5))
def test_a_right_answer_is_correct_on_every_draw(name, seed):
    torch.manual_seed(seed)
    assert check(name, RIGHT[name]) == "correct"


@pytest.mark.parametrize("name", RIGHT)
def test_a_stub_is_not_attempted_yet_and_an_error_is_reported_and_not_raised(name):
    assert check(name, lambda *args: None) == "not attempted yet"
    for nonsense in ("abc", (1, 2, "x"), [torch.zeros(2), torch.zeros(3)]):
        assert check(name, lambda *args, answer=nonsense: answer) not in ("correct", "not attempted yet")
    assert "ZeroDivisionError" in check(name, lambda *args: 1 / 0)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("name", "function", "message"), WRONG)
def test_a_typical_mistake_is_told_by_name(name, function, message, seed):
    torch.manual_seed(seed)
    assert re.search(message, check(name, function))


def test_every_check_is_tested_with_at_least_two_mistakes():
    names = {name.removeprefix("check_") for name in vars(checks) if name.startswith("check_")}
    assert names == set(RIGHT)
    assert all(sum(name == wrong for wrong, _, _ in WRONG) >= 2 for name in names)
