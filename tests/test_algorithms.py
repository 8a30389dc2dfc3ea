"""One turn of each algorithm is what its paper says, and each player's gradient stays its own."""

import math

import pytest
import torch
from torch import nn

from wgan_utils.algorithms import gan_step, minimise, wgan_gp_step, wgan_step

TURNS = {
    "gan": lambda *args, **kwargs: gan_step(*args, **kwargs),
    "wgan": lambda *args, **kwargs: wgan_step(*args, clip_limit=10.0, **kwargs),
    "wgan-gp": lambda *args, **kwargs: wgan_gp_step(*args, **kwargs),
}


def players(lr=1e-13, seed=0):
    """Two small networks with smooth kinks, their optimisers, and draws of data near 3 and of noise."""
    torch.manual_seed(seed)
    generator = nn.Sequential(nn.Linear(2, 8), nn.Softplus(), nn.Linear(8, 3)).double()
    critic = nn.Sequential(nn.Linear(3, 8), nn.Softplus(), nn.Linear(8, 1)).double()
    rng = torch.Generator().manual_seed(seed)
    drawn = {"real": [], "z": []}

    def draw(name, size, mean):
        drawn[name].append(mean + torch.randn(16, size, generator=rng, dtype=torch.float64))
        return drawn[name][-1]

    opts = [torch.optim.SGD(net.parameters(), lr=lr) for net in (generator, critic)]
    return (lambda: draw("real", 3, 3.0), lambda: draw("z", 2, 0.0), generator, critic, *opts), drawn


def test_a_step_of_minimise_is_downhill_and_touches_no_other_parameter():
    mine, others = nn.Linear(1, 1), nn.Linear(1, 1)
    before = mine.weight.item()
    loss = (others(mine(torch.ones(1, 1))) ** 2).sum()
    (slope,) = torch.autograd.grad(loss, mine.weight, retain_graph=True)
    minimise(loss, torch.optim.SGD(mine.parameters(), lr=0.1))
    assert mine.weight.item() == pytest.approx(before - 0.1 * slope.item())
    assert others.weight.grad is None


@pytest.mark.parametrize("algorithm", TURNS)
def test_after_a_turn_each_player_holds_the_gradient_of_its_own_loss(algorithm):
    """With a rate of 1e-13 nothing moves, so the losses can be written down again and differentiated."""
    arguments, drawn = players()
    generator, critic = arguments[2:4]
    rng = {"rng": torch.Generator().manual_seed(5)} if algorithm == "wgan-gp" else {}
    TURNS[algorithm](*arguments, n_critic=1, **rng)
    real, (z, z_again) = drawn["real"][0], drawn["z"]
    fake = generator(z).detach()
    sign = nn.functional.logsigmoid
    if algorithm == "gan":
        loss, reward = -sign(critic(real)).mean() - sign(-critic(fake)).mean(), lambda s: -sign(s).mean()
    else:
        loss, reward = critic(fake).mean() - critic(real).mean(), lambda s: -s.mean()
    if algorithm == "wgan-gp":
        eps = torch.rand(16, 1, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
        gradients = torch.func.vmap(torch.func.grad(lambda x: critic(x).sum()))(eps * real + (1 - eps) * fake)
        loss = loss + 10 * (gradients.norm(dim=1) - 1).square().mean()
    for network, value in [(critic, loss), (generator, reward(critic(generator(z_again))))]:
        expected = torch.autograd.grad(value, [*network.parameters()], allow_unused=True)
        for parameter, gradient in zip(network.parameters(), expected, strict=True):
            gradient = torch.zeros_like(parameter) if gradient is None else gradient
            torch.testing.assert_close(parameter.grad, gradient, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("algorithm", TURNS)
@pytest.mark.parametrize("n_critic", [1, 4])
def test_a_turn_draws_data_for_each_critic_step_and_noise_once_more(algorithm, n_critic):
    arguments, drawn = players()
    TURNS[algorithm](*arguments, n_critic=n_critic)
    assert len(drawn["real"]) == n_critic and len(drawn["z"]) == n_critic + 1


@pytest.mark.parametrize("algorithm", TURNS)
def test_estimate_and_losses_are_means_over_the_turn(algorithm):
    arguments, drawn = players()
    critic, generator = arguments[3], arguments[2]
    estimate, loss, _ = TURNS[algorithm](*arguments, n_critic=3)
    with torch.no_grad():
        fakes = [generator(z) for z in drawn["z"][:3]]
        if algorithm == "gan":
            sign = nn.functional.logsigmoid
            losses = [-(sign(critic(x)) + sign(-critic(y))).mean() for x, y in zip(drawn["real"], fakes, strict=True)]
            assert estimate.item() == pytest.approx(math.log(2) - sum(losses).item() / 6, abs=1e-6)
        else:
            gaps = [(critic(x) - critic(y)).mean() for x, y in zip(drawn["real"], fakes, strict=True)]
            assert estimate.item() == pytest.approx(sum(gaps).item() / 3, abs=1e-6)
            assert loss.item() >= -estimate.item() - 1e-12  # a penalty only adds


def test_the_clip_comes_after_the_step():
    arguments, _ = players(lr=10.0)
    wgan_step(*arguments, n_critic=1, clip_limit=0.05)
    assert max(parameter.abs().max() for parameter in arguments[3].parameters()) == 0.05


def test_a_turn_of_the_penalty_paper_takes_any_penalty():
    arguments, _ = players()
    estimate, loss, _ = wgan_gp_step(*arguments, n_critic=2, lambda_gp=3.0, penalty=lambda *args: torch.tensor(7.0))
    assert loss.item() == pytest.approx(21 - estimate.item())


@pytest.mark.parametrize("step", [wgan_step, gan_step])
def test_a_short_last_batch_of_data_counts_no_fakes_among_them(step):
    """Fakes are all 0 and score 0, data are all 1 and score 0.01."""
    generator, critic = nn.Linear(1, 1), nn.Linear(1, 1)
    for weight in [*generator.parameters(), *critic.parameters()]:
        nn.init.zeros_(weight)
    nn.init.constant_(critic.weight, 0.01)
    opts = [torch.optim.SGD(network.parameters(), lr=0.0) for network in (generator, critic)]
    draws = (lambda n: lambda: torch.ones(n, 1)), (lambda n: lambda: torch.randn(n, 1))
    short, even = (step(draws[0](n), draws[1](64), generator, critic, *opts, n_critic=1)[0] for n in (32, 64))
    torch.testing.assert_close(short, even)
