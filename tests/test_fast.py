"""What is faster is the same: a captured step equals the plain one, and where nothing can be captured it says so."""

import io
import warnings
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parameters_to_vector, prune

from wgan_utils import fast
from wgan_utils.fast import as_cuda_graph, gradient_penalty_piecewise_linear, is_piecewise_linear
from wgan_utils.losses import gradient_penalty
from wgan_utils.models import conv_critic, conv_generator, mlp_critic
from wgan_utils.training import ALGORITHMS, TrainConfig, make_networks, train

IMAGES = torch.randint(0, 256, (100, 1, 8, 8), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
# So slow and so loosely clipped that no rounding grows in float32: weights nudged by 1e-7 end up to 2 % of the way
# apart, a lost schedule moves them by over 20 %. In bfloat16 nudged runs part by up to 4 % (RMSProp: 25 %), and other
# draws move them by over 25 % (52 %).
SETTINGS = {
    "n_steps": 8,
    "n_critic": 2,
    "batch_size": 8,
    "latent_dim": 4,
    "log_every": 3,
    "lr": 1e-4,
    "clip_limit": 1.0,
}


SAME = {  # by bf16
    False: {"gan": 0.01, "wgan": 0.01, "wgan-gp": 0.05, "wgan-gp by muon": 0.05},
    True: {"gan": 0.15, "wgan": 0.4, "wgan-gp": 0.15, "wgan-gp by muon": 0.15},
}
every_kind = pytest.mark.parametrize("kind", SAME[False])


def configured(kind, **settings):
    """The settings of a run: an algorithm, by the optimiser that is named."""
    algorithm, _, optimizer = kind.partition(" by ")
    settings = SETTINGS | {"lr_decay": True, "ema_decay": 0.9} | settings
    return TrainConfig(algorithm=algorithm, optimizer=optimizer or None, **settings)


def run(kind, device="cpu", **settings):
    return train(configured(kind, **settings), IMAGES.to(device), conv_generator, conv_critic)


def weights(result):
    return [*result.generator.state_dict().values(), *result.critic.state_dict().values()]


def share_of_the_way_between(a, b):
    """How far the ends of two runs lie apart, in ways from the start: rounding may turn single steps of Adam."""
    start = make_networks(TrainConfig(algorithm="gan", **SETTINGS), IMAGES, conv_generator, conv_critic)
    ends = [parameters_to_vector([*run.generator.parameters(), *run.critic.parameters()]).cpu() for run in (a, b)]
    start = parameters_to_vector([*start[0].parameters(), *start[1].parameters()])
    return (ends[0] - ends[1]).norm() / (ends[1] - start).norm()


def nudged(make, size):
    """The maker's network with its first weights multiplied by 1 + size * N(0, 1)."""

    def made(*args):
        network, rng = make(*args), torch.Generator().manual_seed(1)
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.mul_(1 + size * torch.randn(parameter.shape, generator=rng))
        return network

    return made


@pytest.mark.parametrize("bf16", [False, True])
@every_kind
def test_the_share_tells_rounding_from_other_draws_and_in_float32_from_a_lost_schedule(kind, bf16):
    config = configured(kind, bf16=bf16)
    plain, turned = run(kind, bf16=bf16), train(config, IMAGES.flip(0), conv_generator, conv_critic)
    rounded = train(config, IMAGES, nudged(conv_generator, 1e-7), nudged(conv_critic, 1e-7))
    lost = train(replace(config, lr_decay=False), IMAGES, conv_generator, conv_critic)
    assert share_of_the_way_between(rounded, plain) < SAME[bf16][kind] < share_of_the_way_between(turned, plain)
    assert bf16 or share_of_the_way_between(lost, plain) > 2 * SAME[bf16][kind]


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
@every_kind
def test_on_cuda_the_captured_step_trains_as_the_plain_one(kind, bf16):
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="no CUDA graph|The CUDA Graph is empty")  # so it was captured
        captured = run(kind, "cuda", bf16=bf16, cuda_graph=True)
    plain = run(kind, "cuda", bf16=bf16)
    assert share_of_the_way_between(captured, plain) < SAME[bf16][kind]
    assert [row["step"] for row in captured.history] == [row["step"] for row in plain.history]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@every_kind
def test_on_cuda_a_captured_run_goes_on_after_its_checkpoint_with_the_schedule_of_an_uninterrupted_one(kind):
    config = configured(kind, cuda_graph=True, n_steps=20, ema_decay=0.0)
    kept = []
    whole = train(config, IMAGES.cuda(), conv_generator, conv_critic, on_log=lambda run: kept.append(copy(run.state())))
    resumed = train(config, IMAGES.cuda(), conv_generator, conv_critic, checkpoint=kept[2])
    assert share_of_the_way_between(resumed, whole) < SAME[False][kind]


def copy(state):
    """Through a file, as the command line does it: everything comes back on the CPU."""
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True, map_location="cpu")


def test_without_averaging_the_generator_that_is_returned_is_the_last_one():
    kept = []
    config = TrainConfig(algorithm="wgan", **SETTINGS)
    result = train(config, IMAGES, conv_generator, conv_critic, on_log=lambda run: kept.append(copy(run.state())))
    assert all(map(torch.equal, result.generator.state_dict().values(), kept[-1]["generator"].values()))


def penalty_and_gradients(penalty, critic, x_real, x_fake):
    critic.zero_grad()
    value = penalty(critic, x_real, x_fake, torch.Generator(x_real.device).manual_seed(0))
    value.backward()
    return [value.detach(), *(0 * p if p.grad is None else p.grad.clone() for p in critic.parameters())]


@settings(max_examples=60)
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


class Skip(nn.Sequential):
    def forward(self, x):
        return super().forward(x) + x.flatten(1).sum(1, keepdim=True)


class ScaledConv(nn.Conv2d):
    """A layer as progressive growing has it: its weight is scaled at run time."""

    def forward(self, x):
        return 3 * super().forward(x)


def with_hook(register):
    critic = conv_critic((1, 8, 8))
    register(critic)
    return critic


def with_own_forward():
    critic = conv_critic((1, 8, 8))
    critic[1].forward = lambda x: 2 * nn.Conv2d.forward(critic[1], x)
    return critic


def with_shared_weight():
    critic = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 1))
    critic[3].weight = critic[1].weight
    return critic


def used_twice():
    layer = nn.Linear(64, 64)
    return nn.Sequential(nn.Flatten(), layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(64, 1))


def pruned():
    critic = conv_critic((1, 8, 8))
    prune.random_unstructured(critic[4], "weight", 0.5)
    return critic


LOOK_ALIKES = {
    "a subclass with a skip": lambda: Skip(*conv_critic((1, 8, 8))),
    "a layer that scales its weight": lambda: nn.Sequential(
        ScaledConv(1, 2, 3), nn.ReLU(), nn.Flatten(), nn.Linear(72, 1)
    ),
    "a forward hook": lambda: with_hook(lambda critic: critic[1].register_forward_hook(lambda m, x, out: 2 * out)),
    "a forward hook on the whole": lambda: with_hook(
        lambda critic: critic.register_forward_hook(lambda m, x, y: 2 * y)
    ),
    "a hook before": lambda: with_hook(lambda critic: critic[1].register_forward_pre_hook(lambda m, x: (2 * x[0],))),
    "a backward hook": lambda: with_hook(
        lambda critic: critic[4].register_full_backward_hook(lambda m, into, out: (2 * into[0],))
    ),
    "a hook on a weight": lambda: with_hook(lambda critic: critic[1].weight.register_hook(lambda grad: 2 * grad)),
    "a forward of its own": with_own_forward,
    "spectral norm": lambda: with_hook(lambda critic: nn.utils.parametrizations.spectral_norm(critic[4])),
    "spectral norm, as it was": lambda: with_hook(lambda critic: nn.utils.spectral_norm(critic[4])),
    "weight norm": lambda: with_hook(lambda critic: nn.utils.parametrizations.weight_norm(critic[1])),
    "a shared weight": with_shared_weight,
    "a layer used twice": used_twice,
    "pruning": pruned,
    "a network in the network": lambda: nn.Sequential(conv_critic((1, 8, 8))),
    "a kink that bends back": lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.LeakyReLU(2.0), nn.Linear(8, 1)),
    "samples mixed": lambda: nn.Sequential(nn.Flatten(0), nn.Unflatten(0, (-1, 64)), nn.Linear(64, 1)),
    "a traced network": lambda: torch.jit.trace(conv_critic((1, 8, 8)), torch.zeros(2, 1, 8, 8)),
    "nothing": nn.Sequential,
}


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning", "ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_network_that_only_looks_piecewise_linear_is_refused(name):
    critic = LOOK_ALIKES[name]()
    assert not is_piecewise_linear(critic)
    with pytest.raises(ValueError, match="need a Sequential of piecewise-linear layers"):
        gradient_penalty_piecewise_linear(critic, torch.zeros(4, 1, 8, 8), torch.zeros(4, 1, 8, 8))


@pytest.mark.filterwarnings("ignore:.torch.jit:FutureWarning", "ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("name", [name for name in LOOK_ALIKES if name not in ("nothing", "samples mixed")])
def test_a_look_alike_trains_as_it_does_by_double_backward(name, monkeypatch):
    config = TrainConfig(algorithm="wgan-gp", **SETTINGS | {"n_steps": 3, "log_every": 1})
    found = train(config, IMAGES, conv_generator, lambda shape: LOOK_ALIKES[name]())
    monkeypatch.setattr("wgan_utils.training.is_piecewise_linear", lambda critic: False)
    expected = train(config, IMAGES, conv_generator, lambda shape: LOOK_ALIKES[name]())
    assert found.history == expected.history


def test_the_critics_of_the_series_are_recognised_also_when_frozen_or_on_their_way_to_another_type():
    for critic in (conv_critic(), mlp_critic(), conv_critic().double(), mlp_critic().requires_grad_(False)):
        assert is_piecewise_linear(critic)


def test_one_backward_refuses_a_critic_of_patches():
    with pytest.raises(ValueError, match=r"one score per sample, found \(4, 1, 6, 6\) for 4 samples"):
        gradient_penalty_piecewise_linear(nn.Sequential(nn.Conv2d(1, 1, 3)), *torch.randn(2, 4, 1, 8, 8))


@pytest.mark.parametrize("kind", ["forward", "forward_pre", "full_backward", "full_backward_pre"])
def test_a_hook_on_all_modules_is_seen(kind):
    register = getattr(nn.modules.module, f"register_module_{kind}_hook")
    hook = register(lambda *args: None)
    try:
        assert not is_piecewise_linear(conv_critic())
    finally:
        hook.remove()
    assert is_piecewise_linear(conv_critic())


def test_a_weight_of_another_shape_than_its_layer_says_is_refused():
    critic = conv_critic((1, 8, 8))
    critic[1].weight = nn.Parameter(torch.randn(64, 16, 3, 3))
    assert not is_piecewise_linear(critic)


def test_without_gradients_the_value_is_the_same():
    critic, x = nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 1)), torch.randn(2, 5, 3)
    expected = gradient_penalty(critic, *x, torch.Generator().manual_seed(1))
    with torch.no_grad():
        found = gradient_penalty_piecewise_linear(critic, *x, torch.Generator().manual_seed(1))
    torch.testing.assert_close(found, expected.detach())
