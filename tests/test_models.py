import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, parametrize

from wgan_utils.models import (
    GroupSort,
    ReflectingLayer,
    constant_width_generator,
    conv_critic,
    conv_generator,
    conv_norm_bound,
    lipschitz_bound,
    mlp_critic,
    mlp_generator,
    mlp_image_generator,
    outweighing,
)

SHAPES = [(1, 28, 28), (3, 32, 32)]


@pytest.mark.parametrize("make_generator", [conv_generator, constant_width_generator, mlp_image_generator])
@pytest.mark.parametrize("image_shape", SHAPES)
def test_generator_makes_images_within_the_range_of_the_data(image_shape, make_generator):
    images = make_generator(7, image_shape)(5 * torch.randn(4, 7))
    assert images.shape == (4, *image_shape)
    assert images.abs().max() <= 1


@pytest.mark.parametrize("image_shape", SHAPES)
def test_critic_gives_one_unbounded_score_per_image(image_shape):
    critic = conv_critic(image_shape)
    with torch.no_grad():
        scores = critic(1000 * torch.randn(4, *image_shape))
    assert scores.shape == (4, 1)
    assert scores.abs().max() > 1  # no sigmoid, no tanh


def test_critic_scores_each_image_on_its_own():
    critic, x = conv_critic(), torch.randn(6, 1, 28, 28)
    torch.testing.assert_close(critic(x)[:2], critic(x[:2]))
    assert not any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in critic)


@pytest.mark.parametrize(
    "make", [lambda s: conv_generator(8, s), lambda s: constant_width_generator(8, s), conv_critic]
)
def test_a_side_that_is_no_multiple_of_four_is_refused(make):
    with pytest.raises(ValueError, match="multiples of 4, found 30 x 28"):
        make((1, 30, 28))
    with pytest.raises(ValueError, match=r"must be \(channels, height, width\), found \(28, 28\)"):
        make((28, 28))


def test_the_shape_beside_each_layer_is_true():
    """The comments promise shapes for 28 x 28 images: read them and run the layers."""
    import inspect
    import re

    z, images = torch.randn(2, 64), torch.randn(2, 1, 28, 28)
    for make, x in [(conv_generator, z), (constant_width_generator, z), (conv_critic, images)]:
        promised = re.findall(r"# \(batch, ([\d, ]+)\)(?:$|:)", inspect.getsource(make), flags=re.M)
        shapes = []
        for layer in make():
            x = layer(x)
            if not isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.ReLU | nn.LeakyReLU | nn.Tanh):
                shapes.append(", ".join(map(str, x.shape[1:])))
        assert promised == shapes


def test_mlp_networks_map_points_to_scores_and_noise_to_points():
    assert mlp_critic(2, 16, 3)(torch.randn(5, 2)).shape == (5, 1)
    assert mlp_generator(4, 3, 16, 2)(torch.randn(5, 4)).shape == (5, 3)
    assert [type(layer) for layer in mlp_critic(2, 16, 2)] == [nn.Linear, nn.ReLU, nn.Linear, nn.ReLU, nn.Linear]


@settings(max_examples=60)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),  # height and width
    st.tuples(st.integers(1, 4), st.integers(1, 4)),  # kernel
    st.tuples(st.integers(1, 3), st.integers(1, 3)),  # stride
    st.tuples(st.integers(0, 2), st.integers(0, 2)),  # padding
    st.integers(1, 2),  # dilation
    st.sampled_from([(1, 1, 3), (2, 4, 1), (2, 4, 2)]),  # channels in, out, groups
    st.integers(0, 2**31),
)
def test_norm_bound_of_a_convolution_is_above_the_svd_of_its_unrolled_matrix(
    size, kernel, stride, padding, dilation, channels, seed
):
    n_in, n_out, groups = channels
    groups = groups if n_in % groups == 0 else 1
    if any(n + 2 * p < dilation * (k - 1) + 1 for n, p, k in zip(size, padding, kernel, strict=True)):
        return  # no window fits
    torch.manual_seed(seed)
    conv = nn.Conv2d(n_in, n_out, kernel, stride, padding, dilation, groups, bias=False).double()
    pixels = torch.eye(n_in * size[0] * size[1], dtype=torch.float64).reshape(-1, n_in, *size)
    with torch.no_grad():
        unrolled = conv(pixels).flatten(1)
    exact, bound = torch.linalg.matrix_norm(unrolled, 2).item(), conv_norm_bound(conv, size)
    reshaped = torch.linalg.matrix_norm(conv.weight.detach().flatten(1), 2).item()
    assert exact <= bound * (1 + 1e-9)
    if groups == 1:  # never worse than counting how many windows hold one pixel
        windows = [-(-k // s) if dilation == 1 else k for k, s in zip(kernel, stride, strict=True)]
        assert bound <= reshaped * (windows[0] * windows[1]) ** 0.5 * (1 + 1e-9)


def test_norm_bound_of_a_difference_of_neighbours_holds_at_an_odd_width():
    """Three pixels, zeros around them, outputs x[i + 1] - x[i]: the norm is the root of 2 + sqrt 2."""
    conv = nn.Conv2d(1, 1, (1, 2), padding=(0, 1), bias=False).double()
    with torch.no_grad():
        conv.weight.copy_(torch.tensor([[[[-1.0, 1.0]]]]))
    assert (2 + 2**0.5) ** 0.5 <= conv_norm_bound(conv, (1, 3)) <= 2


def test_norm_bound_of_a_convolution_is_close_to_the_norm_on_the_critic_of_the_series():
    torch.manual_seed(0)
    conv = conv_critic()[1]
    with torch.no_grad():
        unrolled = (conv(torch.eye(16 * 49).reshape(-1, 16, 7, 7)) - conv(torch.zeros(1, 16, 7, 7))).flatten(1)
    exact = torch.linalg.matrix_norm(unrolled, 2).item()
    assert exact <= conv_norm_bound(conv, (7, 7)) <= 1.1 * exact


CRITICS = {
    "mlp": (lambda: mlp_critic(2, 32, 3), (2,)),
    "images": (conv_critic, (1, 28, 28)),
    "strided": (
        lambda: nn.Sequential(
            nn.Conv2d(3, 8, 5, 2, 2),
            nn.LeakyReLU(0.2),
            nn.Conv2d(8, 4, 3, 2),
            nn.Tanh(),
            nn.Flatten(),
            nn.Linear(36, 1),
        ),
        (3, 16, 16),
    ),
    "steep leak": (lambda: nn.Sequential(nn.Linear(3, 4), nn.LeakyReLU(3.0), nn.Linear(4, 1)), (3,)),
}


@pytest.mark.parametrize("name", CRITICS)
@pytest.mark.parametrize("seed", range(3))
def test_no_sampled_slope_exceeds_the_lipschitz_bound(name, seed):
    torch.manual_seed(seed)
    make, shape = CRITICS[name]
    critic = make()
    x = (3 * torch.randn(200, *shape)).requires_grad_(True)
    (grad,) = torch.autograd.grad(critic(x).sum(), x)
    assert grad.flatten(1).norm(dim=1).max() <= lipschitz_bound(critic, shape) * (1 + 1e-6)


def test_lipschitz_bound_of_a_linear_critic_is_its_weights_norm_and_scales_with_it():
    critic = nn.Sequential(nn.Linear(2, 1))
    with torch.no_grad():
        critic[0].weight.copy_(torch.tensor([[3.0, 4.0]]))
    assert lipschitz_bound(critic, (2,)) == pytest.approx(5)


@pytest.mark.parametrize(("clip_limit", "expected"), [(0.1, 18981), (0.01, 1.8981), (0.001, 1.898e-4)])
def test_worst_case_of_a_clipped_toy_critic_is_the_product_of_c_root_rows_columns(clip_limit, expected):
    critic = mlp_critic(2, 512, 3)
    for parameter in critic.parameters():
        nn.init.constant_(parameter, clip_limit)
    assert lipschitz_bound(critic, (2,)) == pytest.approx(expected, rel=1e-4)


def test_worst_case_of_a_clipped_mnist_critic():
    critic = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 1))
    for parameter in critic.parameters():
        nn.init.constant_(parameter, 0.01)
    assert lipschitz_bound(critic, (784,)) == pytest.approx(3.670016, rel=1e-6)


def test_an_orthogonal_groupsort_critic_has_bound_one_and_slope_one_almost_everywhere():
    torch.manual_seed(0)
    layers = [parametrizations.orthogonal(nn.Linear(2, 16)), GroupSort()]
    critic = nn.Sequential(*layers, parametrizations.orthogonal(nn.Linear(16, 1))).double()
    assert lipschitz_bound(critic, (2,)) == pytest.approx(1, abs=1e-6)
    x = torch.randn(100, 2, dtype=torch.float64)
    assert torch.equal(GroupSort()(torch.tensor([[3.0, 1.0, 2.0, 5.0]])), torch.tensor([[1.0, 3.0, 2.0, 5.0]]))
    gap, step = critic(x) - critic(x.flip(0)), (x - x.flip(0)).norm(dim=1, keepdim=True)
    assert (gap.abs() <= step * (1 + 1e-6)).all()


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(4), nn.Sigmoid(), nn.LayerNorm(4)])
def test_a_layer_without_a_known_bound_is_named(layer):
    with pytest.raises(ValueError, match=type(layer).__name__):
        lipschitz_bound(nn.Sequential(nn.Linear(2, 4), layer), (2,))


class Skip(nn.Sequential):
    def forward(self, x):
        return super().forward(x) + 9 * x.sum(1, keepdim=True)


class ScaledLinear(nn.Linear):
    def forward(self, x):
        return 9 * super().forward(x)


class Tripled(nn.Module):
    def forward(self, weight):
        return 3 * weight


def with_change(change):
    critic = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1))
    change(critic)
    return critic


LOOK_ALIKES = {
    "a subclass with a skip": lambda: Skip(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 1)),
    "a layer that scales its output": lambda: nn.Sequential(ScaledLinear(2, 1)),
    "a forward hook": lambda: with_change(lambda critic: critic[0].register_forward_hook(lambda m, x, out: 9 * out)),
    "a hook on the whole": lambda: with_change(lambda critic: critic.register_forward_hook(lambda m, x, out: 9 * out)),
    "a hook before": lambda: with_change(lambda critic: critic[1].register_forward_pre_hook(lambda m, x: (9 * x[0],))),
    "a forward of its own": lambda: with_change(lambda critic: setattr(critic[1], "forward", lambda x: 9 * x)),
    "a weight computed by who knows what": lambda: with_change(
        lambda critic: parametrize.register_parametrization(critic[0], "weight", Tripled())
    ),
    "spectral norm in training": lambda: with_change(lambda critic: parametrizations.spectral_norm(critic[0])),
    "spectral norm, as it was": lambda: with_change(lambda critic: nn.utils.spectral_norm(critic[0])),
    "samples mixed": lambda: nn.Sequential(nn.Flatten(0), nn.Linear(2, 1)),
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_a_network_whose_slope_the_layers_do_not_bound_is_refused_and_left_as_it_was(name):
    critic = LOOK_ALIKES[name]()
    before = {key: value.clone() for key, value in critic.state_dict().items()}
    with pytest.raises(ValueError, match="no bound is known"):
        lipschitz_bound(critic, (2,))
    assert all(torch.equal(value, before[key]) for key, value in critic.state_dict().items())


def test_spectral_norm_is_bounded_in_evaluation_mode_and_does_not_move():
    torch.manual_seed(0)
    critic = nn.Sequential(parametrizations.spectral_norm(nn.Linear(8, 32)), nn.ReLU(), nn.Linear(32, 1)).eval()
    before = {key: value.clone() for key, value in critic.state_dict().items()}
    bound = lipschitz_bound(critic, (8,))
    x = torch.randn(500, 8, requires_grad=True)
    (grad,) = torch.autograd.grad(critic(x).sum(), x)
    assert grad.norm(dim=1).max() <= bound * (1 + 1e-6)
    assert all(torch.equal(value, before[key]) for key, value in critic.state_dict().items())


@pytest.mark.parametrize("padding", [{"padding": "same"}, {"padding": 1, "padding_mode": "circular"}])
def test_a_convolution_with_another_padding_is_refused(padding):
    with pytest.raises(ValueError, match="its padding must be zeros, given as numbers"):
        conv_norm_bound(nn.Conv2d(1, 1, 3, **padding), (8, 8))


def test_a_bound_is_1_for_mere_activations_and_refused_for_weights_that_are_no_numbers_or_of_another_shape():
    assert lipschitz_bound(nn.Sequential(nn.ReLU()), (1, 8, 8)) == 1
    critic = mlp_critic(2, 4, 1)
    nn.init.constant_(critic[0].bias, float("nan"))
    with pytest.raises(ValueError, match="a weight is NaN or infinite"):
        lipschitz_bound(critic, (2,))
    critic = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(144, 1))
    critic[0].weight, critic[0].bias = nn.Parameter(torch.randn(4, 1, 3, 3)), None
    with pytest.raises(ValueError, match="no bound is known for the layer Conv2d"):
        lipschitz_bound(critic, (1, 8, 8))


def reflecting(width, seed):
    """A reflecting layer with biases and weights q of many sizes, in float64."""
    torch.manual_seed(seed)
    layer = ReflectingLayer(width).double()
    for parameter in (layer.bias, layer.log_q):
        parameter.data.normal_()
    return layer


@pytest.mark.parametrize("seed", range(3))
def test_no_slope_of_a_reflecting_layer_exceeds_1_and_some_come_near(seed):
    layer = reflecting(6, seed)
    jacobian = torch.vmap(torch.func.jacrev(layer))(3 * torch.randn(200, 6).double())
    stretch = torch.linalg.matrix_norm(jacobian, 2)
    assert stretch.max() <= 1 + 1e-12 and stretch.max() > 0.99
    assert lipschitz_bound(nn.Sequential(layer), (6,)) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_the_sums_of_a_reflecting_layer_outweigh_its_matrix(seed):
    layer = reflecting(7, seed)
    t = outweighing(layer.weight, layer.log_q)
    assert torch.linalg.eigvalsh(torch.diag(t) - layer.weight.T @ layer.weight).min() >= -1e-12


def test_a_reflecting_layer_with_orthonormal_columns_turns_around_what_its_units_see():
    layer = reflecting(4, 0)
    layer.weight.data = torch.linalg.qr(layer.weight.data).Q
    layer.bias.data.fill_(-1.0)
    layer.log_q.data.zero_()
    on = layer.weight.detach() @ torch.tensor([3.0, 5.0, -2.0, -4.0]).double()  # two units see it, two do not
    expected = layer.weight.detach() @ torch.tensor([-1.0, -3.0, -2.0, -4.0]).double()
    torch.testing.assert_close(layer(on[None])[0].detach(), expected)


def test_a_column_of_zeros_adds_nothing_to_a_reflecting_layer():
    layer = ReflectingLayer(3)
    layer.weight.data.zero_()
    layer.bias.data.fill_(1.0)
    x = torch.randn(5, 3)
    assert torch.equal(layer(x), x) and lipschitz_bound(nn.Sequential(layer), (3,)) == 1


def test_a_reflecting_layer_whose_bound_is_no_number_is_refused_and_so_is_a_subclass():
    layer = ReflectingLayer(3)
    layer.log_q.data = torch.tensor([0.0, 800.0, -800.0])
    with pytest.raises(ValueError, match="log_q is too large"):
        lipschitz_bound(nn.Sequential(layer), (3,))
    with pytest.raises(ValueError, match="no bound is known for the layer"):
        lipschitz_bound(nn.Sequential(type("Loud", (ReflectingLayer,), {})(3)), (3,))


def test_sorting_within_pairs_keeps_the_shape_of_a_feature_map():
    maps = torch.randn(2, 4, 5, 5)
    found = GroupSort()(maps)
    assert found.shape == maps.shape
    assert torch.equal(found[:, 2], maps[:, 2:].amin(dim=1)) and torch.equal(found[:, 3], maps[:, 2:].amax(dim=1))


def test_a_complex_layer_and_a_critic_without_a_hidden_layer_are_refused():
    with pytest.raises(ValueError, match="no bound is known for the layer Linear"):
        lipschitz_bound(nn.Sequential(nn.Linear(1, 1, dtype=torch.complex64)), (1,))
    with pytest.raises(ValueError, match="n_hidden must be at least 1, found 0"):
        mlp_critic(n_hidden=0)
