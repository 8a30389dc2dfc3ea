"""The loop does what Algorithm 1 says, the same way twice, and refuses what it cannot do."""

import math
import re
from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from wgan_utils.models import conv_critic, conv_generator
from wgan_utils.training import ALGORITHMS, Run, TrainConfig, lr_factor, make_networks, train

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
        critic.register_forward_hook(lambda module, args, out: calls.append((len(args[0]), str(args[0].grad_fn))))
        return critic

    run(short(algorithm, n_steps=3, n_critic=4), make_critic=spying_critic)
    # Points between have no history, or that of one copy.
    steps = [size == 8 for size, origin in calls[1:] if size == 16 or not origin.startswith(("None", "<CloneBackward"))]
    assert steps == ([False] * 4 + [True]) * 3  # 16: data and fakes in one pass; 8: the generator's own step


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


def test_the_learning_rate_falls_on_a_straight_line_and_ends_at_two_per_cent():
    config = short(n_steps=100, lr_decay=True)
    assert lr_factor(config, 0) == 1
    assert lr_factor(config, 50) == pytest.approx(0.51)
    assert lr_factor(config, 100) == pytest.approx(0.02)
    assert lr_factor(short(n_steps=100), 100) == 1


def test_the_moving_average_begins_as_a_copy_and_then_remembers():
    def networks(latent_dim, image_shape):
        return nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 64), nn.Tanh(), nn.Unflatten(1, image_shape))

    for n, remembered in [(1, 0), (2, 2 / 11), (10_000, 0.99)]:
        config = short(ema_decay=0.99)
        going = Run(config, networks(4, (1, 8, 8)), conv_critic((1, 8, 8)), torch.device("cpu"))
        old, new = going.generator[0], going.learner[0]
        nn.init.zeros_(new.weight)
        new.num_batches_tracked.fill_(7)
        going.follow(n)
        assert old.weight[0].item() == pytest.approx(remembered)
        assert old.num_batches_tracked == 7


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
        ({"n_steps": 0}, "n_steps must be a whole number of at least 1 and below 2^63, found 0"),
        ({"n_critic": -1}, "n_critic must be a whole number of at least 1 and below 2^63, found -1"),
        ({"batch_size": 1}, "batch_size must be a whole number of at least 2 and below 2^63, found 1"),
        ({"batch_size": 2.5}, "batch_size must be a whole number of at least 2 and below 2^63, found 2.5"),
        ({"lr": -1e-4}, "lr must be more than 0 and finite, found -0.0001"),
        ({"lr": math.nan}, "lr must be more than 0 and finite, found nan"),
        ({"clip_limit": 0.0}, "clip_limit must be more than 0 and finite, found 0.0"),
        ({"lambda_gp": math.inf}, "lambda_gp must be more than 0 and finite, found inf"),
        ({"betas": (0.5, 1.0)}, "betas must be at least 0 and less than 1, found 1.0"),
        ({"ema_decay": -0.1}, "ema_decay must be at least 0 and less than 1, found -0.1"),
        ({"seed": -1}, "seed must be a whole number of at least 0 and below 2^63, found -1"),
    ],
)
def test_a_bad_setting_is_named_with_its_value_and_the_range(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
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
            r"the critic does not take a batch of \(2, 1, 8, 8\) in float32",
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
    with pytest.raises(FloatingPointError, match="by step 1 weights are infinite or NaN; they must be finite"):
        run(short("wgan", lr=1e38, n_steps=1, n_critic=1))


def test_what_a_setting_may_be_is_kept_as_a_plain_number():
    config = short(n_steps=np.int64(3), lr=np.float32(0.5), betas=[np.float64(0.5), 0], lambda_gp=Fraction(1, 2))
    kept = config.n_steps, config.lr, config.betas, config.lambda_gp
    assert kept == (3, 0.5, (0.5, 0.0), 0.5) and [type(value) for value in kept] == [int, float, tuple, float]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": "1e-4"}, "lr must be more than 0 and finite, found '1e-4'"),
        ({"lr": None}, "lr must be more than 0 and finite, found None"),
        ({"lr": True}, "lr must be more than 0 and finite, found True"),
        ({"betas": (0.5,)}, r"betas must be two numbers, found (0.5,)"),
        ({"betas": 0.5}, "betas must be two numbers, found 0.5"),
        ({"betas": ("0", "0.9")}, "betas must be at least 0 and less than 1, found '0'"),
        ({"n_steps": "100"}, "n_steps must be a whole number of at least 1 and below 2^63, found '100'"),
        ({"n_steps": True}, "n_steps must be a whole number of at least 1 and below 2^63, found True"),
        ({"algorithm": ["wgan"]}, "algorithm must be one of gan, wgan, wgan-gp, found ['wgan']"),
        ({"lr_decay": "no"}, "lr_decay must be True or False, found 'no'"),
        ({"n_steps": 10**20}, "n_steps must be a whole number of at least 1 and below 2^63, found 1"),
        ({"seed": 2**64}, "seed must be a whole number of at least 0 and below 2^63, found 1"),
        ({"lr": 10**400}, "lr must be more than 0 and finite, found 1"),
        ({"lr": Fraction(1, 10**400)}, "lr must be more than 0 and finite, found Fraction"),
        ({"ema_decay": Fraction(10**20 - 1, 10**20)}, "ema_decay must be at least 0 and less than 1, found Fraction"),
    ],
)
def test_a_setting_of_another_kind_is_named_when_the_config_is_made(settings, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        short(**settings)


def dcgan_generator(latent_dim, image_shape):
    return nn.Sequential(nn.ConvTranspose2d(latent_dim, 1, 8), nn.Tanh())


class Refusing(nn.Module):
    def forward(self, z):
        raise ValueError


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": IMAGES[:0]}, "found torch.uint8 (0, 1, 8, 8)"),
        ({"images": DataLoader(TensorDataset(IMAGES))}, "found DataLoader"),
        ({"images": IMAGES.numpy()}, "found ndarray"),
        ({"config": {"algorithm": "gan"}}, "config must be a TrainConfig, found dict"),
        ({"z_watch": torch.zeros(3, 5)}, "latent_dim 4, found torch.float32 (3, 5)"),
        ({"z_watch": torch.zeros(4)}, "latent_dim 4, found torch.float32 (4,)"),
        ({"z_watch": torch.zeros(3, 4).long()}, "latent_dim 4, found torch.int64 (3, 4)"),
        ({"z_watch": [[0.0] * 4]}, "latent_dim 4, found list"),
        ({"make_generator": dcgan_generator}, "the generator does not take a batch of (2, 4) in float32"),
        ({"make_generator": lambda *_: Refusing()}, "float32: ValueError (its weights are "),
        ({"make_generator": lambda *_: None}, "the maker of the generator must return a network, found NoneType"),
        (
            {"make_critic": lambda shape: nn.Sequential(nn.Conv2d(1, 1, 5))},
            "one score per image, found shape (2, 1, 4, 4)",
        ),
        ({"make_critic": lambda shape: conv_critic(shape).double()}, "(its weights are torch.float64)"),
        ({"make_generator": lambda *sizes: conv_generator(*sizes).eval()}, "the generator must be in training mode"),
        (
            {"make_critic": lambda shape: conv_critic(shape).requires_grad_(False)},
            "the critic has no parameter to train",
        ),
        (
            {"make_critic": lambda shape: nn.Sequential(nn.LeakyReLU(inplace=True), nn.Flatten(), nn.Linear(64, 1))},
            "the critic must leave its batch as it was",
        ),
        (
            {"make_generator": lambda z, shape: nn.Sequential(nn.ReLU(inplace=True), conv_generator(z, shape))},
            "the generator must leave its batch as it was",
        ),
        ({"checkpoint": {}}, "this is no checkpoint of train"),
        ({"checkpoint": 7}, "this is no checkpoint of train"),
        ({"on_log": 5}, "on_log must be a function of the run, found int"),
    ],
)
def test_what_does_not_fit_is_named_before_the_first_step(arguments, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        run(**{"config": short(n_steps=10**9), **arguments})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_what_a_maker_froze_stays_as_it_was(algorithm):
    kept = {}

    def freezing(make, layer):
        def made(*args):
            network = make(*args)
            network[layer].requires_grad_(False)
            for parameter in network[layer].parameters():
                kept[layer, parameter] = nn.init.constant_(parameter, 0.005)
            return network

        return made

    config = short(algorithm, clip_limit=0.01)
    result = run(config, make_generator=freezing(conv_generator, 0), make_critic=freezing(conv_critic, 1))
    for weight in kept.values():
        assert weight.eq(0.005).all() and not weight.requires_grad
    assert all(p.requires_grad for p in [*result.critic[4:].parameters()])
    start = make_networks(config, IMAGES, conv_generator, conv_critic)[1]
    assert not torch.equal(result.critic[-1].weight, start[-1].weight)  # the others learnt


def test_a_frozen_weight_that_clipping_would_move_is_named():
    def frozen_critic(image_shape):
        critic = conv_critic(image_shape)
        nn.init.constant_(critic[1].weight.requires_grad_(False), 0.2)
        return critic

    with pytest.raises(ValueError, match=r"the critic's frozen 1.weight must lie within clip_limit 0.01, found 0.2"):
        run(short("wgan", clip_limit=0.01), make_critic=frozen_critic)


def test_a_checkpoint_is_a_copy_and_takes_no_harm_from_either_run():
    kept = []
    whole = run(short(n_steps=6), on_log=lambda going: kept.append((going.state(), going.state())))
    first, twin = kept[0]
    resumed = run(short(n_steps=6), checkpoint=first)
    assert same_weights(resumed, whole) and resumed.history == whole.history
    assert first["history"] == twin["history"] and len(first["history"]) == 1
    for name in ("generator", "critic", "averaged"):
        assert all(torch.equal(first[name][key], twin[name][key]) for key in twin[name])
    assert same_weights(run(short(n_steps=6), checkpoint=first), whole)  # and it serves again


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_resumed_run_is_the_whole_run_with_schedule_average_and_samples(algorithm):
    kept, z_watch = [], torch.randn(3, 4)
    config = short(algorithm, n_steps=7, ema_decay=0.9, lr_decay=True)
    whole = run(config, z_watch=z_watch, on_log=lambda going: kept.append(going.state()))
    resumed = run(config, z_watch=z_watch, checkpoint=kept[1])
    assert same_weights(resumed, whole) and resumed.history == whole.history
    assert len(resumed.samples) == len(resumed.history)
    assert all(map(torch.equal, resumed.samples, whole.samples))


def a_checkpoint(**settings):
    kept = []
    run(short(**settings), on_log=lambda going: kept.append(going.state()))
    return kept[-1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"lr": 2e-3}, "lr was 0.001, now 0.002"),
        ({"betas": (0.5, 0.9)}, r"betas was \(0.0, 0.9\), now \(0.5, 0.9\)"),
        ({"seed": 1}, "seed was 0, now 1"),
        ({"algorithm": "wgan"}, "algorithm was 'wgan-gp', now 'wgan'"),
        ({"algorithm": "gan", "n_critic": 1}, "algorithm was 'wgan-gp', now 'gan'; n_critic was 2, now 1"),
        ({"n_steps": 3}, "the checkpoint has 4 steps behind it, more than n_steps, 3"),
        ({"latent_dim": 5}, "latent_dim was 4, now 5"),
    ],
)
def test_resuming_with_other_settings_names_them(settings, message):
    with pytest.raises(ValueError, match=message):
        run(short(**settings), checkpoint=a_checkpoint())


def test_resuming_with_other_noise_to_watch_or_other_networks_is_refused():
    with pytest.raises(ValueError, match="z_watch was another"):
        run(short(), checkpoint=a_checkpoint(), z_watch=torch.zeros(3, 4))
    with pytest.raises(ValueError, match="the images were others"):
        run(short(), images=255 - IMAGES, checkpoint=a_checkpoint())
    with pytest.raises(ValueError, match="the checkpoint does not fit these networks"):
        run(short(), checkpoint=a_checkpoint(), make_critic=lambda shape: nn.Sequential(nn.Flatten(), nn.Linear(64, 1)))


def test_a_checkpoint_of_another_kind_of_device_is_refused_by_its_name():
    with pytest.raises(ValueError, match="the checkpoint was made on cuda and the images are on cpu"):
        run(short(), checkpoint=a_checkpoint() | {"device": "cuda"})


def test_a_finished_run_goes_on_when_more_steps_are_asked_for():
    longer = run(short(n_steps=8), checkpoint=a_checkpoint(n_steps=4))
    assert same_weights(longer, run(short(n_steps=8))) and [row["step"] for row in longer.history] == [2, 4, 6, 8]
    assert run(short(n_steps=4), checkpoint=a_checkpoint(n_steps=4)).history[-1]["step"] == 4


def test_a_run_hands_out_networks_that_can_be_used_on_the_way():
    shapes = []

    def look(going):
        with torch.no_grad():
            images = going.generator(torch.zeros(5, 4))
            shapes.append((images.shape, going.critic(images).shape, len(going.history)))

    run(short(ema_decay=0.9), on_log=look)
    assert shapes == [((5, 1, 8, 8), (5, 1), 1), ((5, 1, 8, 8), (5, 1), 2)]


def test_a_true_answer_at_a_log_ends_the_run():
    assert [row["step"] for row in run(short(n_steps=6), on_log=lambda going: len(going.history) == 2).history] == [
        2,
        4,
    ]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_training_in_a_world_of_doubles_or_another_device_is_right_or_says_what_is_wrong(algorithm):
    expected = run(short(algorithm))
    with torch.device("meta"):
        assert same_weights(run(short(algorithm)), expected)
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(ValueError, match=r"in float32: .* \(its weights are torch.float64\)"):
            run(short(algorithm))
    finally:
        torch.set_default_dtype(torch.float32)


def test_a_layer_used_twice_is_averaged_once():
    def tied(latent_dim, image_shape):
        layer = nn.Linear(4, 4)
        return nn.Sequential(layer, nn.Tanh(), layer, nn.Linear(4, 64), nn.Tanh(), nn.Unflatten(1, image_shape))

    seen = []
    run(
        short(n_steps=2, log_every=1, ema_decay=0.9),
        make_generator=tied,
        on_log=lambda going: seen.append((going.learner[0].weight.detach().clone(), going.generator[0].weight.clone())),
    )
    (first, _), (second, averaged) = seen
    torch.testing.assert_close(averaged, torch.lerp(first, second, 9 / 11))


def test_a_lazy_layer_draws_from_the_seed_and_leaves_the_callers_numbers_alone():
    def lazy(image_shape):
        return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(1))

    torch.manual_seed(1)
    one = run(short(), make_critic=lazy)
    torch.manual_seed(2)
    assert same_weights(one, run(short(), make_critic=lazy))
    expected = torch.rand(3, generator=torch.Generator().manual_seed(2))
    assert torch.equal(torch.rand(3), expected)


def test_a_part_that_a_maker_put_into_evaluation_mode_stays_in_it():
    def with_fixed_norm(image_shape):
        critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 1))
        critic[2].eval()
        return critic

    critic = run(short(), make_critic=with_fixed_norm).critic
    assert not critic[2].training and critic[1].training and critic[2].running_mean.eq(0).all()


def test_on_log_ends_the_run_by_true_and_what_is_no_answer_is_refused():
    for answer, last in [(None, 6), (False, 6), (True, 2), (torch.tensor(True), 2)]:
        found = run(short(n_steps=6, log_every=2), on_log=lambda _, answer=answer: answer)
        assert found.step == last
    with pytest.raises(ValueError, match="must return True to end the run, or nothing, found list"):
        run(short(), on_log=lambda _: [1])


def test_what_on_log_does_to_the_modes_does_not_last():
    def dropping(image_shape):
        return nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 1))

    critic = run(
        short(n_steps=4, log_every=2), make_critic=dropping, on_log=lambda run: run.critic.eval() and None
    ).critic
    assert critic.training and critic[1].training


def test_the_caller_s_autocast_changes_no_weight():
    with torch.autocast("cpu", torch.bfloat16):
        inside = run(short())
    assert same_weights(inside, run(short()))


def test_batch_norm_that_learns_in_a_penalised_critic_is_warned_of():
    def normed(image_shape):
        return nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Linear(8, 1))

    with pytest.warns(UserWarning, match="the critic holds batch norm"):
        run(short(algorithm="wgan-gp"), make_critic=normed)


def test_the_average_of_a_spectral_norm_holds_its_bound():
    def bounded(latent_dim, image_shape):
        layers = [nn.Linear(latent_dim, 64), nn.ReLU(), nn.Linear(64, 64)]
        layers = [nn.utils.parametrizations.spectral_norm(x) if isinstance(x, nn.Linear) else x for x in layers]
        return nn.Sequential(*layers, nn.Tanh(), nn.Unflatten(1, image_shape))

    found = run(short(n_steps=60, ema_decay=0.9, lr=0.01, log_every=60), make_generator=bounded).generator
    for layer in (found[0], found[2]):
        for vector in (layer.parametrizations.weight[0]._u, layer.parametrizations.weight[0]._v):
            assert vector.norm().item() == pytest.approx(1, abs=1e-5)


def test_frozen_parameters_may_be_whole_numbers_or_infinite():
    class Held(nn.Sequential):
        def __init__(self, *layers):
            super().__init__(*layers)
            self.table = nn.Parameter(torch.tensor([1, 2]), requires_grad=False)
            self.mask = nn.Parameter(torch.tensor([0.0, -math.inf]), requires_grad=False)

    held = run(short(ema_decay=0.9), make_generator=lambda *sizes: Held(*conv_generator(*sizes))).generator
    assert held.table.tolist() == [1, 2] and held.mask[1] == -math.inf


def test_a_checkpoint_between_two_logs_is_refused():
    kept = []

    def on_log(going):
        kept.append(going)

    class Interrupt(Exception):
        pass

    def interrupting(image_shape):
        calls = []
        critic = conv_critic(image_shape)

        def count(module, args):
            calls.append(len(args[0]))
            if calls.count(16) == 7:  # in the fourth step
                raise Interrupt

        critic.register_forward_pre_hook(count)
        return critic

    with pytest.raises(Interrupt):
        run(short(n_steps=6), make_critic=interrupting, on_log=on_log)
    with pytest.raises(RuntimeError, match="a checkpoint can be made at a log alone: the run is at step 3, after 2"):
        kept[0].state()


def test_a_checkpoint_whose_parts_have_another_order_or_shape_is_refused():
    checkpoint = a_checkpoint()
    with pytest.raises(ValueError, match="its parameters have other names or another order"):
        run(short(), checkpoint=checkpoint | {"names": checkpoint["names"][::-1]})
    checkpoint["critic_opt"]["state"][0]["exp_avg"] = torch.zeros(3)
    with pytest.raises(ValueError, match="an optimiser holds a tensor of another shape than its weight"):
        run(short(), checkpoint=checkpoint)


@pytest.mark.parametrize("outside", [torch.no_grad, torch.inference_mode])
def test_training_is_the_same_where_gradients_are_switched_off_around_it(outside):
    expected = run(short())
    with outside():
        assert same_weights(run(short()), expected)


def test_a_hook_that_comes_on_the_way_is_seen():
    calls = []

    def on_log(going):
        if not calls:
            going.critic[1].register_forward_hook(lambda module, args, out: calls.append(out.shape))

    run(short(n_steps=4), on_log=on_log)
    assert calls


def test_logs_are_means_in_float32_whatever_the_default():
    expected = run(short()).history
    torch.set_default_dtype(torch.bfloat16)
    try:
        with pytest.raises(ValueError, match=r"its weights are torch.bfloat16"):
            run(short())
        floats = lambda make: lambda *args: make(*args).float()  # noqa: E731
        history = run(short(), make_generator=floats(conv_generator), make_critic=floats(conv_critic)).history
    finally:
        torch.set_default_dtype(torch.float32)
    assert history[-1]["critic_loss"] == pytest.approx(expected[-1]["critic_loss"], rel=0.05)


def test_noise_to_watch_that_asks_for_a_gradient_is_only_watched():
    z_watch, kept = torch.randn(2, 4, requires_grad=True), []
    run(short(), z_watch=z_watch, on_log=lambda going: kept.append(going.state()))
    assert not kept[0]["z_watch"].requires_grad


class Counting(nn.Module):
    """Weighs its input by how often it was asked in training; the count is in no state."""

    def __init__(self):
        super().__init__()
        self.register_buffer("count", torch.zeros(1), persistent=False)

    def forward(self, x):
        self.count += self.training
        return x / (1 + 0.1 * self.count)


@pytest.mark.parametrize("ema_decay", [0.0, 0.9])
def test_a_count_that_no_state_holds_goes_on_too(ema_decay):
    makers = {"make_generator": lambda z, shape: nn.Sequential(Counting(), conv_generator(z, shape))}
    states, config = [], short("wgan", n_steps=4, log_every=2, ema_decay=ema_decay)
    whole = run(config, IMAGES, **makers, on_log=lambda run: states.append(run.state()))
    again = run(config, IMAGES, **makers, checkpoint=states[0])
    assert torch.equal(whole.generator[0].count, again.generator[0].count) and whole.generator[0].count > 0
    for old, new in zip(whole.generator.parameters(), again.generator.parameters(), strict=True):
        assert torch.equal(old, new)
