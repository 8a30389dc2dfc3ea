"""What is faster is the same: a captured step equals the plain one, and where nothing can be captured it says so."""

import io
import warnings

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parameters_to_vector

from wgan_utils import fast
from wgan_utils.fast import as_cuda_graph, bf16_pays, critic_gradients_, is_fully_connected
from wgan_utils.losses import critic_loss, gradient_penalty
from wgan_utils.models import conv_critic, conv_generator, mlp_critic, mlp_image_generator
from wgan_utils.training import ALGORITHMS, TrainConfig, frozen, make_networks, train

IMAGES = torch.randint(0, 256, (100, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
SETTINGS = {"n_steps": 8, "n_critic": 2, "batch_size": 8, "latent_dim": 4, "log_every": 3, "lr": 1e-3}


def run(algorithm, device="cpu", **settings):
    config = TrainConfig(algorithm=algorithm, lr_decay=True, ema_decay=0.9, **SETTINGS, **settings)
    return train(config, IMAGES.to(device), conv_generator, conv_critic)


def weights(result):
    return [*result.generator.state_dict().values(), *result.critic.state_dict().values()]


def share_of_the_way_between(a, b):
    """How far the ends of two runs lie apart, in ways from the start: rounding may turn single steps of Adam."""
    start = make_networks(TrainConfig(algorithm="gan", **SETTINGS), IMAGES, conv_generator, conv_critic)
    ends = [parameters_to_vector([*run.generator.parameters(), *run.critic.parameters()]).cpu() for run in (a, b)]
    start = parameters_to_vector([*start[0].parameters(), *start[1].parameters()])
    return (ends[0] - ends[1]).norm() / (ends[1] - start).norm()


def test_the_share_tells_two_runs_from_one_run_twice():
    one, other = run("wgan-gp"), run("wgan-gp", lambda_gp=1.0)
    assert share_of_the_way_between(one, one) == 0 and share_of_the_way_between(one, other) > 0.01


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_where_nothing_can_be_captured_a_warning_says_so_and_the_run_is_the_plain_one(algorithm):
    with pytest.warns(UserWarning, match="no CUDA graph, the plain loop goes on: the data are on cpu") as caught:
        result = run(algorithm, cuda_graph=True)
    assert len(caught) == 1
    assert all(map(torch.equal, weights(result), weights(run(algorithm))))


def test_a_capture_that_breaks_off_costs_no_step_and_no_random_number(monkeypatch):
    def breaks_off(step, rng):
        torch.rand(3, generator=rng)
        raise RuntimeError("operation not permitted when stream is capturing\nand more")

    monkeypatch.setattr(fast, "capture", breaks_off)
    with pytest.warns(UserWarning, match="goes on: operation not permitted when stream is capturing$"):
        result = run("wgan-gp", cuda_graph=True)
    assert all(map(torch.equal, weights(result), weights(run("wgan-gp"))))


def test_the_step_is_captured_once_after_the_warm_up_and_done_once_per_call(monkeypatch):
    done = []

    def records(step, rng):  # as a real capture, it does nothing itself
        done.append("captured")
        return lambda: done.append("replayed")

    monkeypatch.setattr(fast, "capture", records)
    step = as_cuda_graph(lambda: done.append("called"), torch.Generator())
    for _ in range(6):
        step()
    assert done == ["called"] * 3 + ["captured"] + ["replayed"] * 3


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("bf16", [False, True])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_on_cuda_the_captured_step_trains_as_the_plain_one(algorithm, bf16):
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # so it was captured
        captured = run(algorithm, "cuda", bf16=bf16, cuda_graph=True)
    plain = run(algorithm, "cuda", bf16=bf16)
    assert share_of_the_way_between(captured, plain) < 0.01
    assert [row["step"] for row in captured.history] == [row["step"] for row in plain.history]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_on_cuda_a_captured_run_goes_on_after_its_checkpoint_with_the_schedule_of_an_uninterrupted_one(algorithm):
    config = TrainConfig(algorithm=algorithm, lr_decay=True, cuda_graph=True, **SETTINGS | {"n_steps": 20})
    kept = []
    whole = train(config, IMAGES.cuda(), conv_generator, conv_critic, on_log=lambda state, _: kept.append(copy(state)))
    resumed = train(config, IMAGES.cuda(), conv_generator, conv_critic, checkpoint=kept[2])
    assert share_of_the_way_between(resumed, whole) < 0.01


def copy(state):
    """Through a file, as the command line does it: everything comes back on the CPU."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True, map_location="cpu")


@pytest.mark.parametrize(("plain", "half", "pays"), [(4.0, 1.0, True), (1.0, 4.0, False), (1.05, 1.0, False)])
def test_bf16_pays_where_it_is_measured_to_be_faster(monkeypatch, plain, half, pays):
    now, turns = [0.0], []
    monkeypatch.setattr(fast.time, "perf_counter", lambda: now[0])

    def run(bf16):
        now[0] += half if bf16 else plain
        turns.append(bf16)

    assert bf16_pays(run, rounds=3) is pays
    assert turns == [False, True] * 4  # they take turns, the first of which does not count


def test_a_busy_moment_does_not_turn_the_measurement(monkeypatch):
    now, times = [0.0], iter([9, 9, 2, 1, 2, 50, 2, 1, 2, 1, 2, 1])
    monkeypatch.setattr(fast.time, "perf_counter", lambda: now[0])

    def run(bf16):
        now[0] += next(times)

    assert bf16_pays(run)


def test_a_network_wakes_again_even_when_something_breaks():
    network = nn.Linear(2, 1)
    with pytest.raises(KeyError), frozen(network):
        assert not any(parameter.requires_grad for parameter in network.parameters())
        raise KeyError
    assert all(parameter.requires_grad for parameter in network.parameters())


def both_ways(critic, x_real, x_fake, lambda_gp=10.0, dtype=None):
    """Estimate, loss and gradients: without autograd, and by the reference."""
    rng = torch.Generator().manual_seed(0)
    found = [*critic_gradients_(critic, x_real, x_fake, lambda_gp, rng, dtype)]
    found += [parameter.grad for parameter in critic.parameters()]
    critic.zero_grad()
    loss = critic_loss(critic(x_real), critic(x_fake))
    estimate = -loss.detach()
    loss = loss + lambda_gp * gradient_penalty(critic, x_real, x_fake, rng.manual_seed(0))
    loss.backward()
    return found, [estimate, loss.detach(), *(parameter.grad for parameter in critic.parameters())]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5),  # units of the data and of the hidden layers
    st.lists(st.sampled_from([nn.ReLU(), nn.LeakyReLU(0.2), nn.LeakyReLU(1.0)]), min_size=4, max_size=4),
    st.booleans(),  # biases
    st.booleans(),  # data as pictures
    st.integers(1, 5),
    st.integers(0, 2**31),
)
def test_gradients_without_autograd_are_those_of_the_reference(sizes, kinks, bias, pictures, batch, seed):
    torch.manual_seed(seed)
    layers = [nn.Flatten()] if pictures else []
    for n_in, n_out, kink in zip(sizes, sizes[1:], kinks, strict=False):
        layers += [nn.Linear(n_in, n_out, bias), kink]
    critic = nn.Sequential(*layers, nn.Linear(sizes[-1], 1, bias)).double()
    x_real, x_fake = torch.randn(2, batch, *([1, sizes[0], 1] if pictures else [sizes[0]]), dtype=torch.float64)
    found, expected = both_ways(critic, x_real, x_fake)
    torch.testing.assert_close(found, expected, rtol=1e-11, atol=1e-12)


def test_gradients_without_autograd_in_half_precision_and_at_a_slope_of_zero():
    torch.manual_seed(0)
    critic = mlp_critic(data_dim=20, width=64)
    found, expected = both_ways(critic, *torch.randn(2, 16, 20), dtype=torch.bfloat16)
    assert all((a - b).norm() < 0.1 * b.norm() + 1e-3 for a, b in zip(found, expected, strict=True))  # 8 bits
    assert all(parameter.grad.dtype == torch.float32 for parameter in critic.parameters())
    for parameter in critic.parameters():
        nn.init.zeros_(parameter)
    found, expected = both_ways(critic, *torch.randn(2, 16, 20))
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    "layers",
    [
        [nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)],
        [nn.Linear(2, 3), nn.Linear(3, 1)],
        [nn.Linear(2, 3), nn.ReLU()],
        [nn.Linear(2, 3)],
        [nn.Linear(2, 3), nn.LeakyReLU(-0.1), nn.Linear(3, 1)],
        [nn.Flatten()],
        [nn.utils.parametrizations.spectral_norm(nn.Linear(2, 1))],
        [nn.utils.spectral_norm(nn.Linear(2, 1))],
    ],
)
def test_other_critics_are_refused(layers):
    critic = nn.Sequential(*layers)
    assert not is_fully_connected(critic) and not is_fully_connected(conv_critic())
    with pytest.raises(ValueError, match="need a Sequential of Linear layers with kinks between, found Sequential"):
        critic_gradients_(critic, torch.zeros(4, 2), torch.zeros(4, 2), 10.0)
    with pytest.raises(ValueError, match=r"x_real \(4, 2\) and x_fake \(3, 2\) differ in shape"):
        critic_gradients_(mlp_critic(), torch.zeros(4, 2), torch.zeros(3, 2), 10.0)


@pytest.mark.parametrize("bf16", [False, True])
def test_training_without_autograd_is_the_same_training(monkeypatch, bf16):
    def run():
        config = TrainConfig(algorithm="wgan-gp", bf16=bf16, **SETTINGS | {"n_steps": 2, "log_every": 1})
        return train(config, IMAGES, mlp_image_generator, lambda shape: nn.Sequential(nn.Flatten(), *mlp_critic(64)))

    found = run()
    calls = []
    monkeypatch.setattr("wgan_utils.training.is_fully_connected", lambda critic: calls.append(critic))
    expected = run()
    assert len(calls) == 1
    for here, there in zip(found.history, expected.history, strict=True):
        assert here == pytest.approx(there, rel=0.05 if bf16 else 1e-3)


def test_without_averaging_the_generator_that_is_returned_is_the_last_one():
    kept = []
    config = TrainConfig(algorithm="wgan", **SETTINGS)
    result = train(config, IMAGES, conv_generator, conv_critic, on_log=lambda state, _: kept.append(copy(state)))
    assert all(map(torch.equal, result.generator.state_dict().values(), kept[-1]["generator"].values()))
