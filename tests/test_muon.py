"""Muon turns every direction of a matrix equally far, whatever the size of its gradient; the rest goes by Adam."""

import numpy as np
import pytest
import torch
from torch import nn

from wgan_utils.muon import Muon, orthogonal
from wgan_utils.training import TrainConfig, train

SHAPES = [(64, 1568), (30, 200), (200, 30), (16, 16), (32, 16, 3, 3)]
IMAGES = torch.randint(0, 256, (100, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def drawn(shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_singular_vectors_stay_and_the_values_come_near_one(shape):
    matrix = drawn(shape)
    u, values, v = torch.linalg.svd(matrix.flatten(1), full_matrices=False)
    values = (values / values.norm()).numpy()
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    expected = u @ torch.diag(torch.from_numpy(values)) @ v
    torch.testing.assert_close(orthogonal(matrix).flatten(1), expected, rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(orthogonal(matrix.float()).flatten(1), expected.float(), rtol=0, atol=1e-4)


def test_a_singular_value_above_two_thousandths_of_the_norm_ends_between_068_and_121():
    values = np.linspace(0.002, 1, 100_001)
    matrix = torch.diag(torch.tensor([0.002, 0.01, 0.1, 0.5, (1 - 0.260104) ** 0.5], dtype=torch.float64))
    assert torch.linalg.svdvals(orthogonal(matrix)).aminmax()[0] > 0.68
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    assert 0.68 < values.min() < values.max() < 1.21


@pytest.mark.parametrize("scale", [1e-20, 1e-6, 3.0, 1e15])
def test_the_size_of_the_gradient_does_not_matter(scale):
    matrix = drawn((20, 50))
    torch.testing.assert_close(orthogonal(scale * matrix), orthogonal(matrix), rtol=1e-9, atol=1e-12)


def test_no_change_of_the_same_operator_norm_is_steeper():
    u, _, v = torch.linalg.svd(drawn((20, 50)), full_matrices=False)
    gradient = u @ torch.diag(1 / torch.arange(1.0, 21.0, dtype=torch.float64)) @ v
    best = torch.linalg.svdvals(gradient).sum()  # von Neumann: the most that a change of operator norm 1 reaches
    reached = []
    for step in (u @ v, orthogonal(gradient), gradient):
        reached.append((gradient * step).sum() / torch.linalg.matrix_norm(step, 2) / best)
    assert reached[0] == pytest.approx(1)
    assert 0.56 < reached[1] < 1 and reached[2] < 0.5


def test_a_gradient_of_zeros_moves_nothing():
    assert torch.equal(orthogonal(torch.zeros(3, 4)), torch.zeros(3, 4))


def test_the_root_mean_square_of_a_matrix_step_is_about_the_rate():
    for shape in SHAPES:
        weight = nn.Parameter(torch.zeros(shape))
        weight.grad = drawn(shape, dtype=torch.float32)
        Muon([weight], lr=1e-3).step()
        assert 0.5e-3 < weight.detach().square().mean().sqrt() < 1.3e-3


def test_what_is_no_matrix_goes_by_adam():
    shapes = [(5,), (1, 7), ()]
    mine, theirs = ([nn.Parameter(drawn(shape).clone()) for shape in shapes] for _ in range(2))
    opts = Muon(mine, lr=0.01, betas=(0.5, 0.9)), torch.optim.Adam(theirs, lr=0.01, betas=(0.5, 0.9))
    for step in range(5):
        for weights, opt in zip((mine, theirs), opts, strict=True):
            for weight in weights:
                weight.grad = drawn(weight.shape, seed=step)
            opt.step()
    for a, b in zip(mine, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-12)


def test_the_average_of_the_gradients_forgets_a_fifth_at_each_step_and_looks_one_ahead():
    weight, gradients = nn.Parameter(drawn((4, 6))), [drawn((4, 6), seed=seed) for seed in range(3)]
    before, mean, opt = weight.detach().clone(), torch.zeros(4, 6, dtype=torch.float64), Muon([weight], lr=0.1)
    for gradient in gradients:
        weight.grad = gradient
        opt.step()
        mean = 0.8 * mean + 0.2 * gradient
        before -= 0.1 * 6**0.5 * orthogonal(0.2 * gradient + 0.8 * mean)
    torch.testing.assert_close(weight.detach(), before, rtol=1e-9, atol=1e-12)


def critic_and_generator(latent_dim=4):
    make_generator = lambda latent_dim, shape: nn.Sequential(  # noqa: E731
        nn.Linear(latent_dim, 64), nn.Tanh(), nn.Unflatten(1, shape)
    )
    return make_generator, lambda shape: nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.ReLU(), nn.Linear(8, 1))


@pytest.mark.parametrize("algorithm", ["gan", "wgan", "wgan-gp"])
def test_a_run_by_muon_goes_on_from_a_checkpoint_as_if_it_had_never_stopped(algorithm):
    config = TrainConfig(
        algorithm=algorithm, optimizer="muon", n_steps=6, n_critic=2, batch_size=8, latent_dim=4, log_every=3
    )
    states = []
    whole = train(config, IMAGES, *critic_and_generator(), on_log=lambda run: states.append(run.state()))
    again = train(config, IMAGES, *critic_and_generator(), checkpoint=states[0])
    for a, b in zip(whole.critic.parameters(), again.critic.parameters(), strict=True):
        assert torch.equal(a, b)
    assert isinstance(whole.critic_opt, Muon) and isinstance(whole.generator_opt, torch.optim.Adam)


@pytest.mark.parametrize("power", [-38, -30, -23, 19, 30, 37])
def test_a_matrix_near_the_ends_of_float32_is_turned_as_any_other(power):
    matrix = drawn((20, 30), dtype=torch.float32)
    torch.testing.assert_close(orthogonal(matrix * 10.0**power), orthogonal(matrix), rtol=0, atol=1e-5)


def test_a_gradient_that_has_vanished_long_ago_leaves_the_weights_numbers():
    weight = nn.Parameter(drawn((4, 4), dtype=torch.float32).clone())
    opt = Muon([weight], lr=1e-3)
    for step in range(400):
        weight.grad = torch.ones(4, 4) if step == 0 else torch.zeros(4, 4)
        opt.step()
    assert weight.isfinite().all()
