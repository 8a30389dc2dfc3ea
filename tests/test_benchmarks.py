"""The contestants of the benchmarks do the same work, and the instruments read what they say."""

import cost_of_work
import loop_speed
import pytest
import second_judge
import textbook
import time_to_quality
import torch
from torch import nn

from wgan_utils.fast import gradient_penalty_piecewise_linear
from wgan_utils.training import TrainConfig, make_networks

IMAGES = torch.randint(0, 256, (100, 1, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
SHORT = {"n_steps": 2, "n_critic": 2, "batch_size": 8, "log_every": 1}


@pytest.mark.parametrize(("network", "algorithm"), loop_speed.CASES)
def test_the_contestants_give_the_critic_the_same_gradients(network, algorithm):
    make_generator, make_critic, latent_dim, _ = loop_speed.NETWORKS[network]
    config = TrainConfig(algorithm=algorithm, latent_dim=latent_dim, **SHORT)
    double, single = loop_speed.gradient_errors(config, IMAGES, make_generator, make_critic)
    assert double < 1e-12 and single < 1e-5


def test_a_loop_with_another_penalty_is_found_out(monkeypatch):
    half = lambda *args: 0.5 * gradient_penalty_piecewise_linear(*args)  # noqa: E731
    monkeypatch.setattr("wgan_utils.training.gradient_penalty_piecewise_linear", half)
    monkeypatch.setattr("loop_speed.gradient_penalty_piecewise_linear", half)
    config = TrainConfig(algorithm="wgan-gp", latent_dim=100, **SHORT)
    errors = loop_speed.gradient_errors(config, IMAGES, textbook.dcgan_generator, textbook.dcgan_critic)
    assert min(errors) > 1e-3


@pytest.mark.parametrize("algorithm", ["wgan", "wgan-gp"])
def test_every_contestant_trains_and_is_timed_between_its_two_halves(algorithm):
    config = TrainConfig(algorithm=algorithm, latent_dim=100, **SHORT)
    runs = loop_speed.contestants(config, IMAGES, textbook.mlp_generator, textbook.mlp_critic)
    assert list(runs) == ["textbook", "data on device", "ours float32", "ours bfloat16"]
    for run in runs.values():
        clock, processor = loop_speed.turn(run, config.log_every, "cpu")
        assert clock > 0 and processor > 0


def test_the_textbook_loop_clips_and_stops_when_it_is_told_to():
    config = TrainConfig(algorithm="wgan", latent_dim=100, **SHORT | {"n_steps": 9})
    generator, critic = make_networks(config, IMAGES, textbook.mlp_generator, textbook.mlp_critic)
    steps = []

    def on_step(step):
        steps.append(step)
        return step == 2

    batches = textbook.loaded_batches(IMAGES, config.batch_size, "cpu")
    textbook.textbook_loop(config, batches, generator, critic, "cpu", on_step)
    assert steps == [1, 2]
    assert max(parameter.abs().max() for parameter in critic.parameters()) <= config.clip_limit


def test_loaded_and_resident_batches_follow_one_law():
    loaded, resident = textbook.loaded_batches(IMAGES, 50, "cpu"), textbook.resident_batches(IMAGES, 50)
    for _ in range(3):  # the third is of the second epoch
        a, b = next(loaded), next(resident)
        assert a.shape == b.shape == (50, 1, 28, 28) and a.dtype == b.dtype
        assert a.min() == b.min() == -1 and a.max() == b.max() == 1


def test_a_median_comes_with_its_tenth_and_ninetieth_percentile():
    assert loop_speed.spread([float(value) for value in range(21)]) == "10.00 (2.00 to 18.00)"


def test_flops_are_those_of_the_matrix_products_and_every_kernel_has_a_kind(monkeypatch):
    """A linear critic of 8 x 8 images: per sample and product 2 * 64 FLOP, counted by hand."""
    linear = lambda width: lambda shape: nn.Sequential(nn.Flatten(), nn.Linear(64, 1))  # noqa: E731
    made = lambda width: lambda z, shape: nn.Sequential(nn.Linear(z, 64), nn.Unflatten(1, shape))  # noqa: E731
    monkeypatch.setattr(cost_of_work, "make_critic", linear)
    monkeypatch.setattr(cost_of_work, "make_generator", made)
    row = cost_of_work.measure(batch_size=16, width=1, side=8, steps=1)
    unit, forward = 2 * 16 * 64, 2 * 16 * 64 * 64  # one product of the critic, one of the generator
    # fakes; scores of data and fakes; scores and slopes of points between; weights from all three
    critic_step = forward + 2 * unit + 2 * unit + 3 * unit
    generator_step = 2 * forward + 2 * unit  # pictures, weights; scores, gradient at the pictures
    assert round(row["gflop"] * 1e9) == 5 * critic_step + generator_step
    assert row["arithmetic"] + row["memory"] + row["rest"] == pytest.approx(1)
    assert row["ms"] > 0 and row["peak"] > 0 and row["megabytes"] >= 0
    kinds = {"aten::addmm": "arithmetic", "aten::convolution_backward": "arithmetic", "aten::mul": "memory"}
    kinds |= {"aten::view": "rest", "autograd::engine::evaluate_function: ConvolutionBackward0": "rest"}
    assert {name: cost_of_work.kind(name) for name in kinds} == kinds


def test_each_measured_network_fits_its_images():
    for case in cost_of_work.CASES:
        shape = (1, case["side"], case["side"])
        fakes = cost_of_work.make_generator(case["width"])(4, shape)(torch.zeros(2, 4))
        assert fakes.shape == (2, *shape)
        assert cost_of_work.make_critic(case["width"])(shape)(fakes).shape == (2, 1)


def test_the_clock_stands_still_while_something_is_measured(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time_to_quality.time, "process_time", lambda: now[0])

    def slow(*args):
        now[0] += 100
        return torch.zeros(2, 64)

    monkeypatch.setattr(time_to_quality, "sample_images", slow)
    monkeypatch.setattr(time_to_quality, "digit_features", slow)
    clock = time_to_quality.Clock("cpu")
    now[0] += 3
    clock.measure(None, 4, torch.zeros(2, 64))
    assert clock.seconds() == 3


def test_both_recipes_are_measured_at_the_seconds_asked(monkeypatch):
    monkeypatch.setattr(time_to_quality.Clock, "measure", lambda *args: 1.0)
    rows = time_to_quality.textbook_run(0, [0.1, 0.2], IMAGES, None)
    assert [spent >= asked for (spent, _, _), asked in zip(rows, [0.1, 0.2], strict=True)] == [True, True]
    assert 1 <= rows[0][1] <= rows[1][1]
    spent, n_steps, distance = time_to_quality.our_run(0, 0.2, IMAGES, None, False)
    assert n_steps >= 1 and spent > 0 and distance == 1.0


def test_the_second_judge_names_ten_digits_by_64_features():
    judge = second_judge.second_judge(IMAGES, torch.arange(len(IMAGES)) % 10, n_steps=2)
    assert judge(IMAGES / 255).shape == (len(IMAGES), 10) and judge[:-1](IMAGES / 255).shape == (len(IMAGES), 64)
