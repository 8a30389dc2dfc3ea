"""The loop does what Algorithm 1 says, the same way twice, and refuses what it cannot do."""

import math

import pytest
import torch
from torch import nn

from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.training import ALGORITHMS, TrainConfig, train

DEVICES = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
IMAGES = torch.randint(0, 256, (100, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def short(algorithm="wgan-gp", **settings):
    defaults = {"n_steps": 4, "n_critic": 2, "batch_size": 8, "latent_dim": 4, "log_every": 2, "lr": 1e-3}
    return TrainConfig(algorithm=algorithm, **{**defaults, **settings})


def run(config, images=IMAGES, make_generator=conv_generator, make_critic=conv_critic, **kwargs):
    return train(config, images, make_generator, make_critic, **kwargs)


def weights(result):
    return [*result.generator.state_dict().values(), *result.critic.state_dict().values()]


def same_weights(a, b):
    return all(torch.equal(x, y) for x, y in zip(weights(a), weights(b), strict=True))


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_same_seed_gives_the_same_weights_bit_for_bit_and_another_does_not(algorithm):
    first = run(short(algorithm))
    torch.rand(3)  # other random numbers in between change nothing
    assert same_weights(first, run(short(algorithm)))
    assert not same_weights(first, run(short(algorithm, seed=1)))


def test_training_leaves_the_callers_random_numbers_alone():
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    run(short())
    assert torch.equal(torch.rand(3), expected)


class ToDouble(nn.Module):
    def forward(self, x):
        return x.double()


def double_generator(latent_dim, image_shape):
    return nn.Sequential(ToDouble(), conv_generator(latent_dim, image_shape)).double()


def double_critic(image_shape):
    return nn.Sequential(ToDouble(), conv_critic(image_shape)).double()


def wgan_gp_by_the_book(config, images):
    """Algorithm 1 of the WGAN-GP paper once more, in other words: three forwards, no autocast, no average."""
    torch.manual_seed(config.seed)
    generator, critic = double_generator(config.latent_dim, (1, 8, 8)), double_critic((1, 8, 8))
    rng = torch.Generator().manual_seed(config.seed)
    optimizers = [torch.optim.Adam(net.parameters(), lr=config.lr, betas=config.betas) for net in (critic, generator)]
    for _ in range(config.n_steps):
        for _ in range(config.n_critic):
            x = images[torch.randint(100, (config.batch_size,), generator=rng)] / 127.5 - 1
            fake = generator(torch.randn(config.batch_size, config.latent_dim, generator=rng)).detach().float()
            eps = torch.rand(config.batch_size, 1, 1, 1, generator=rng)
            between = (fake + eps * (x - fake)).requires_grad_()
            slopes = torch.autograd.grad(critic(between).sum(), between, create_graph=True)[0].flatten(1).norm(dim=1)
            loss = critic(fake).mean() - critic(x).mean() + config.lambda_gp * (slopes - 1).square().mean()
            optimizers[0].zero_grad()
            loss.backward()
            optimizers[0].step()
        loss = -critic(generator(torch.randn(config.batch_size, config.latent_dim, generator=rng))).mean()
        optimizers[1].zero_grad()
        loss.backward()
        optimizers[1].step()
    return generator, critic


def flat(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


def test_the_loop_is_algorithm_1_of_the_penalty_paper():
    """In double: Adam's first steps have nearly the size lr whatever the gradient, so rounding may turn one round.
    Compared are the distance of the two results and the way they went."""
    config = short()
    result = run(config, make_generator=double_generator, make_critic=double_critic)
    torch.manual_seed(config.seed)
    starts = double_generator(config.latent_dim, (1, 8, 8)), double_critic((1, 8, 8))
    ends = wgan_gp_by_the_book(config, IMAGES)
    for mine, start, end in zip((result.generator, result.critic), starts, ends, strict=True):
        assert (flat(mine) - flat(end)).norm() < 0.01 * (flat(end) - flat(start)).norm()


def test_a_clipped_critic_stays_clipped_and_the_others_do_not():
    clipped = run(short("wgan", clip_limit=0.01))
    assert max(parameter.abs().max() for parameter in clipped.critic.parameters()) <= 0.01
    assert max(parameter.abs().max() for parameter in run(short("gan")).critic.parameters()) > 0.01


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_critic_steps_and_generator_steps_come_in_the_ratio_of_n_critic(algorithm):
    calls = []

    def spying_critic(image_shape):
        critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 1), nn.Identity())
        critic.register_forward_hook(
            lambda module, args, out: calls.append((len(args[0]), module[1].weight.requires_grad))
        )
        return critic

    run(short(algorithm, n_steps=3, n_critic=4), make_critic=spying_critic)
    steps = [grad for size, grad in calls[1:] if size == 16 or not grad]  # 16: real and fake in one pass
    assert steps == ([True] * 4 + [False]) * 3  # the critic is frozen while the generator learns


def test_no_gradient_reaches_the_generator_while_the_critic_learns():
    reaches = []

    def spying_critic(image_shape):
        critic = conv_critic(image_shape)
        critic.register_forward_hook(lambda module, args, out: reaches.append((len(args[0]), args[0].requires_grad)))
        return critic

    run(short("wgan", n_steps=2), make_critic=spying_critic)
    steps = [reach for size, reach in reaches if size == 16]  # real and fake in one pass
    assert steps == [False] * 4
    assert [reach for size, reach in reaches if size == 8] == [True] * 2  # the generator's own steps


def test_history_holds_a_row_per_log_and_the_last_step():
    result = run(short(n_steps=5, log_every=2), z_watch=torch.zeros(3, 4))
    assert [row["step"] for row in result.history] == [2, 4, 5]
    assert [sample.shape for sample in result.samples] == [(3, 1, 8, 8)] * 3


def test_the_logged_mean_covers_just_the_steps_since_the_row_before():
    every = run(short(n_steps=5, log_every=1)).history
    some = run(short(n_steps=5, log_every=3)).history
    for key in ("estimate", "critic_loss", "generator_loss"):
        assert some[0][key] == pytest.approx(sum(row[key] for row in every[:3]) / 3, rel=1e-5)
        assert some[1][key] == pytest.approx(sum(row[key] for row in every[3:]) / 2, rel=1e-5)


def test_the_estimate_leaves_the_penalty_out():
    row = run(short(lambda_gp=10.0)).history[-1]
    assert row["critic_loss"] > -row["estimate"]  # the loss adds a penalty of 0 or more


def test_a_clipped_linear_critic_estimates_the_clip_limit_times_the_largest_shift():
    """Black fakes, white data: 64 pixels 2 apart; a linear critic with weights in [-c, c] reaches 64 * 2 c."""

    def black(latent_dim, image_shape):
        return nn.Sequential(nn.Linear(latent_dim, 64), nn.Unflatten(1, (1, 8, 8)), ScaleToBlack())

    class ScaleToBlack(nn.Module):
        def forward(self, x):
            return 0 * x - 1

    white = torch.full((10, 1, 8, 8), 255, dtype=torch.uint8)
    config = short("wgan", clip_limit=0.01, n_steps=60, log_every=1, lr=1e-2)
    linear = lambda shape: nn.Sequential(nn.Flatten(), nn.Linear(64, 1))  # noqa: E731
    history = run(config, white, black, linear).history
    assert history[-1]["estimate"] == pytest.approx(64 * 2 * 0.01, rel=1e-4)


def test_an_untrained_discriminator_estimates_a_jensen_shannon_divergence_near_zero():
    history = run(short("gan", lr=1e-8)).history
    assert abs(history[0]["estimate"]) < 0.05


def test_without_averaging_the_generator_is_the_last_one_and_with_it_it_is_not():
    assert not same_weights(run(short(ema_decay=0.9)), run(short(ema_decay=0.0)))


def test_the_learning_rate_holds_for_half_the_run_and_ends_at_two_per_cent():
    from wgan_utils.training import lr_schedule

    factor = lr_schedule(short(n_steps=100, lr_decay=True))
    assert factor(0) == factor(50) == 1
    assert factor(75) == pytest.approx(0.51)
    assert factor(100) == pytest.approx(0.02)
    assert lr_schedule(short(n_steps=100))(100) == 1


def test_the_moving_average_begins_as_a_copy_and_then_remembers():
    from torch.optim.swa_utils import AveragedModel

    from wgan_utils.training import update_average_

    for n, remembered in [(0, 0), (1, 2 / 11), (10_000, 0.99)]:
        old, new = nn.BatchNorm1d(1), nn.BatchNorm1d(1)
        nn.init.zeros_(new.weight)
        new.num_batches_tracked.fill_(7)
        averaged = AveragedModel(old)
        averaged.n_averaged.fill_(n)
        update_average_(averaged, new, 0.99)
        assert averaged.module.weight.item() == pytest.approx(remembered)
        assert averaged.module.num_batches_tracked == 7 and averaged.n_averaged == n + 1


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_trains_on_every_device_with_and_without_bf16(device, algorithm):
    for bf16 in (False, True):
        result = run(short(algorithm, bf16=bf16), IMAGES.to(device))
        assert all(math.isfinite(value) for row in result.history for value in row.values())
        assert all(tensor.device.type == device for tensor in weights(result))
        assert all(p.dtype == torch.float32 for p in result.generator.parameters())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"algorithm": "wgan_gp"}, "algorithm must be one of gan, wgan, wgan-gp, found 'wgan_gp'"),
        ({"n_steps": 0}, "n_steps must be a whole number of at least 1, found 0"),
        ({"n_critic": -1}, "n_critic must be a whole number of at least 1, found -1"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2, found 1"),
        ({"batch_size": 2.5}, "batch_size must be a whole number of at least 2, found 2.5"),
        ({"lr": -1e-4}, "lr must be more than 0 and finite, found -0.0001"),
        ({"lr": math.nan}, "lr must be more than 0 and finite, found nan"),
        ({"clip_limit": 0.0}, "clip_limit must be more than 0 and finite, found 0.0"),
        ({"lambda_gp": math.inf}, "lambda_gp must be more than 0 and finite, found inf"),
        ({"betas": (0.5, 1.0)}, "betas must be at least 0 and less than 1, found 1.0"),
        ({"ema_decay": -0.1}, "ema_decay must be at least 0 and less than 1, found -0.1"),
        ({"seed": -1}, "seed must be a whole number of at least 0, found -1"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_the_range(settings, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        short(**settings)


@pytest.mark.parametrize(
    ("images", "makers", "message"),
    [
        (IMAGES.float(), {}, "images must be uint8"),
        (IMAGES[:, 0], {}, r"images must be uint8 \(n, channels, height, width\), found torch.uint8 \(100, 8, 8\)"),
        (
            IMAGES,
            {"make_generator": lambda latent_dim, shape: conv_generator(latent_dim)},
            r"images are \(1, 8, 8\), but the generator makes \(1, 28, 28\)",
        ),
        (
            IMAGES,
            {"make_critic": lambda shape: conv_critic()},
            r"images are \(1, 8, 8\), but the critic does not take them",
        ),
        (
            IMAGES,
            {"make_critic": lambda shape: nn.Sequential(nn.Flatten(), nn.Linear(64, 10))},
            r"one score per image, found shape \(2, 10\)",
        ),
    ],
)
def test_images_and_networks_that_do_not_fit_are_named(images, makers, message):
    with pytest.raises(ValueError, match=message):
        run(short(), images, **makers)


def test_losses_that_are_no_longer_finite_stop_the_run_and_say_so():
    with pytest.raises(FloatingPointError, match=r"by step .* must be finite: lower lr, now 1e"):
        run(short("wgan-gp", lr=1e30, n_steps=20))
