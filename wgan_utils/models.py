"""Networks, as functions that return ``nn.Sequential``, and a proven bound on a critic's slope.

The shape beside each layer of an image network is for 28 x 28 images of one channel. This file
imports only torch, so any function here can be copied, with the ones it calls.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook
from torch.nn.utils import parametrizations
from torch.nn.utils.parametrize import is_parametrized


def mlp_critic(data_dim: int = 2, width: int = 512, n_hidden: int = 3) -> nn.Sequential:
    """A network from points to one unbounded score each: linear layers and ReLUs.

    Args:
        data_dim: length of a point.
        width: units of each hidden layer.
        n_hidden: hidden layers, at least 1.

    Returns:
        Module from (batch, data_dim) to (batch, 1).

    Raises:
        ValueError: there is no hidden layer.

    Source: the toy experiments of Gulrajani et al. 2017, section 3.1 (arXiv:1704.00028).
    """
    if n_hidden < 1:
        raise ValueError(f"n_hidden must be at least 1, found {n_hidden}")
    layers = [nn.Linear(data_dim, width), nn.ReLU()]
    for _ in range(n_hidden - 1):
        layers += [nn.Linear(width, width), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(width, 1))


def mlp_generator(latent_dim: int = 2, data_dim: int = 2, width: int = 512, n_hidden: int = 3) -> nn.Sequential:
    """A network from noise to points: linear layers and ReLUs, the last layer linear.

    Args:
        latent_dim: length of the noise vector ``z``.
        data_dim: length of a point.
        width: units of each hidden layer.
        n_hidden: hidden layers, at least 1.

    Returns:
        Module from (batch, latent_dim) to (batch, data_dim).

    Raises, Source: as for ``mlp_critic``.
    """
    critic = mlp_critic(latent_dim, width, n_hidden)
    return nn.Sequential(*critic[:-1], nn.Linear(width, data_dim))


def conv_generator(latent_dim: int = 64, image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.Sequential:
    """A network from noise to images with pixels in (-1, 1).

    Args:
        latent_dim: length of the noise vector ``z``.
        image_shape: (channels, height, width); height and width are multiples of 4.

    Returns:
        Module from (batch, latent_dim) to (batch, channels, height, width).

    Raises:
        ValueError: there are not three numbers, or height or width is not a multiple of 4.

    Source: batch norm, ReLU and tanh as in DCGAN (Radford et al. 2015, arXiv:1511.06434); the shuffle of
    channels into pixels is that of Shi et al. 2016 (arXiv:1609.05158).
    """
    _check_shape(image_shape)
    channels, height, width = image_shape
    h, w = height // 4, width // 4
    return nn.Sequential(
        nn.Linear(latent_dim, 256, bias=False),  # (batch, 256)
        nn.BatchNorm1d(256),
        nn.ReLU(),
        nn.Linear(256, 16 * h * w, bias=False),  # (batch, 784)
        nn.BatchNorm1d(16 * h * w),
        nn.ReLU(),
        nn.Unflatten(1, (16, h, w)),  # (batch, 16, 7, 7)
        nn.Conv2d(16, 32, kernel_size=3, padding=1, bias=False),  # (batch, 32, 7, 7)
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.PixelShuffle(2),  # (batch, 8, 14, 14): 4 channels become a block of 2 x 2 pixels
        nn.Conv2d(8, 4 * channels, kernel_size=3, padding=1),  # (batch, 4, 14, 14)
        nn.PixelShuffle(2),  # (batch, 1, 28, 28)
        nn.Tanh(),
    )


def _check_shape(image_shape: tuple[int, ...]) -> None:
    if len(image_shape) != 3:
        raise ValueError(f"image_shape must be (channels, height, width), found {tuple(image_shape)}")
    _, height, width = image_shape
    if height % 4 or width % 4:
        raise ValueError(f"image height and width must be multiples of 4, found {height} x {width}")


def constant_width_generator(latent_dim: int = 64, image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.Sequential:
    """A network from noise to images: no batch norm, 32 channels at every size.

    Args, Returns, Raises: as for ``conv_generator``.

    Source: the second generator of the stress test of Arjovsky et al. 2017, Figure 6 (arXiv:1701.07875), made small.
    """
    _check_shape(image_shape)
    channels, height, width = image_shape
    h, w = height // 4, width // 4
    return nn.Sequential(
        nn.Linear(latent_dim, 32 * h * w),  # (batch, 1568)
        nn.ReLU(),
        nn.Unflatten(1, (32, h, w)),  # (batch, 32, 7, 7)
        nn.ConvTranspose2d(32, 32, kernel_size=4, stride=2, padding=1),  # (batch, 32, 14, 14)
        nn.ReLU(),
        nn.ConvTranspose2d(32, 32, kernel_size=4, stride=2, padding=1),  # (batch, 32, 28, 28)
        nn.ReLU(),
        nn.Conv2d(32, channels, kernel_size=3, padding=1),  # (batch, 1, 28, 28)
        nn.Tanh(),
    )


def mlp_image_generator(latent_dim: int = 64, image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.Sequential:
    """A network from noise to images that does not know what a neighbouring pixel is: 4 hidden layers of 512 ReLUs.

    Args:
        latent_dim: length of the noise vector ``z``.
        image_shape: (channels, height, width).

    Returns:
        Module from (batch, latent_dim) to (batch, channels, height, width).

    Source: the third generator of the stress test of Arjovsky et al. 2017, Figure 7 (arXiv:1701.07875).
    """
    hidden = mlp_generator(latent_dim, math.prod(image_shape), width=512, n_hidden=4)
    return nn.Sequential(*hidden, nn.Tanh(), nn.Unflatten(1, image_shape))  # (batch, 1, 28, 28)


def conv_critic(image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.Sequential:
    """A network from images to one unbounded score each: no sigmoid, no batch norm.

    Args:
        image_shape: (channels, height, width); height and width are multiples of 4.

    Returns:
        Module from (batch, channels, height, width) to (batch, 1).

    Raises:
        ValueError: there are not three numbers, or height or width is not a multiple of 4.

    Source: shuffles as in ``conv_generator``, without normalisation (Gulrajani et al. 2017, section 4,
    arXiv:1704.00028).
    """
    _check_shape(image_shape)
    channels, height, width = image_shape
    return nn.Sequential(
        InkPatches(4),  # (batch, 16, 7, 7): a block of 4 x 4 pixels becomes 16 channels, paper becomes 0
        nn.Conv2d(16 * channels, 32, kernel_size=3, padding=1),  # (batch, 32, 7, 7)
        nn.LeakyReLU(0.2),
        nn.Flatten(),  # (batch, 1568)
        nn.Linear(32 * (height // 4) * (width // 4), 64),  # (batch, 64)
        nn.LeakyReLU(0.2),
        nn.Linear(64, 1),  # (batch, 1)
    )


class InkPatches(nn.PixelUnshuffle):
    """Blocks of pixels as channels, with 1 added, so that paper is 0."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x + 1)


class GroupSort(nn.Module):
    """Sorts units within pairs: a permutation changes no slope, loses no gradient.

    Source: Anil, Lucas, Grosse 2019 (arXiv:1811.05381).
    """

    def forward(self, x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, 2)).sort(dim=2).values.flatten(1, 2)


class ReflectingLayer(nn.Module):
    """x - 2 W relu(W^T x + b) / t with t so large that no slope exceeds 1: where a unit is on, it reflects.

    Where it exists the Jacobian is I - 2 W S W^T with 0 <= S <= 1 / t, and W^T W <= diag(t) because
    t[i] = sum over j of |W^T W|[i, j] q[j] / q[i] outweighs each row; so its eigenvalues lie in [-1, 1].

    Args:
        width: numbers per sample, in and out.

    Source: the SDP-based Lipschitz layer of Araujo et al. 2023 (arXiv:2303.03169).
    """

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(nn.init.xavier_normal_(torch.empty(width, width)))
        self.bias = nn.Parameter(torch.zeros(width))
        self.log_q = nn.Parameter(torch.zeros(width))

    def forward(self, x: Tensor) -> Tensor:
        t = outweighing(self.weight, self.log_q)
        return x - 2 * ((x @ self.weight + self.bias).relu() / t) @ self.weight.T


def outweighing(weight: Tensor, log_q: Tensor) -> Tensor:
    """t with W^T W <= diag(t), one number per column of W: a weighted sum over its row of |W^T W|."""
    q = log_q.exp()
    return ((weight.T @ weight).abs() * q / q[:, None]).sum(dim=1).clamp(min=1e-30)  # a column of zeros adds nothing


def is_plain(module: nn.Module, *types: type) -> bool:
    """True when calling the module does what its type says and nothing else, so that its weights tell all about it.

    Its type is one of ``types`` and no subclass, ``forward`` is that of the type, no hook waits on it, on its
    parameters or on all modules, and the parameters have the type's shapes and are leaves: none is computed.
    """
    if type(module) not in types:
        return False
    weights, shape = {"weight", "bias"} if isinstance(module, nn.Linear | nn.Conv2d) else set(), None
    if isinstance(module, nn.Linear):
        shape = (module.out_features, module.in_features)
    elif isinstance(module, nn.Conv2d):
        shape = (module.out_channels, module.in_channels // module.groups, *module.kernel_size)
    weight = module._parameters.get("weight")
    hooks = [hooks for name, hooks in vars(module).items() if name.endswith("_hooks") and "state_dict" not in name]
    parameters = [parameter for parameter in module._parameters.values() if parameter is not None]
    return (
        "forward" not in vars(module)
        and not (any(hooks) or _has_any_global_hook())
        and (shape is None or weight is None or weight.shape == shape)
        and all(is_parametrized(module, name) for name in weights - module._parameters.keys())
        and all(type(weight) is nn.Parameter and weight.is_leaf and not weight.is_complex() for weight in parameters)
        and not any(weight._backward_hooks or weight._post_accumulate_grad_hooks for weight in parameters)
    )


def is_reshape(layer: nn.Module) -> bool:
    """True for a plain layer that only moves numbers, within each sample, or adds a constant: it changes no slope."""
    if is_plain(layer, nn.PixelShuffle, nn.PixelUnshuffle, InkPatches):
        return True
    return is_plain(layer, nn.Flatten, nn.Unflatten) and getattr(layer, "start_dim", getattr(layer, "dim", 0)) == 1


@torch.no_grad()
def lipschitz_bound(critic: nn.Sequential, input_shape: tuple[int, ...]) -> float:
    """A number that no slope of the critic can exceed: the product of the operator norms of its layers.

    Args:
        critic: a plain Sequential of Linear, Conv2d (zeros around the image), ReflectingLayer, activations whose slope
            is at most 1, and reshapes. The weight of a layer may be computed by torch's own ``parametrizations``; by
            ``spectral_norm`` in evaluation mode only, because in training each look at such a weight changes it.
        input_shape: of one sample, without the batch axis: the norm of a convolution depends on it.

    Returns:
        In score per data unit. A proof, not a tight value: the layers seldom stretch the same direction.

    Raises:
        ValueError: naming a layer whose norm is not known: batch norm, for one, has no bound of its own, and a
            subclass or a layer with a hook may do anything.

    Source: the norm of a composition is at most the product of the norms; Gouk et al. 2018 (arXiv:1804.04368).
    """
    known = (nn.Linear, nn.Conv2d, nn.ReLU, nn.LeakyReLU, nn.Tanh, GroupSort, ReflectingLayer)
    if not is_plain(critic, nn.Sequential):
        raise ValueError(f"no bound is known but for a plain Sequential, found {critic}")
    for layer in critic:  # before any of them is called: that may change its buffers
        if not (is_plain(layer, *known) or is_reshape(layer) or has_torch_weight(layer)):
            raise ValueError(f"no bound is known for the layer {layer}")
    if not all(weight.isfinite().all() for weight in critic.parameters()):
        raise ValueError("no bound is known where a weight is NaN or infinite")
    x, bound = next(critic.parameters(), torch.zeros(())).new_zeros(1, *input_shape), 1.0
    for layer in critic:
        if isinstance(layer, nn.Linear):
            bound *= torch.linalg.matrix_norm(layer.weight.cpu().double(), 2).item()
        elif isinstance(layer, nn.Conv2d):
            bound *= conv_norm_bound(layer, x.shape[-2:])
        elif isinstance(layer, nn.LeakyReLU):
            bound *= max(abs(layer.negative_slope), 1.0)
        elif isinstance(layer, ReflectingLayer):
            bound *= reflection_bound(layer)
        x = layer(x)
    return bound


def has_torch_weight(layer: nn.Module) -> bool:
    """True for a Linear or Conv2d whose weight torch's own ``parametrizations`` compute the same way at each look."""
    if type(layer).__bases__ not in [(nn.Linear,), (nn.Conv2d,)] or not is_parametrized(layer):
        return False
    parts = [part for weight in layer.parametrizations.values() for part in weight]
    return (
        is_plain(layer, type(layer))
        and all(type(part).__module__ == parametrizations.__name__ for part in parts)
        and not any(type(part) is parametrizations._SpectralNorm and part.training for part in parts)
    )


@torch.no_grad()
def reflection_bound(layer: ReflectingLayer) -> float:
    """The largest slope that any pattern of units can have: 1 up to rounding, read off the weights and not believed."""
    weight, log_q = layer.weight.cpu().double(), layer.log_q.cpu().double()
    root = weight / outweighing(weight, log_q).sqrt()
    if not root.isfinite().all():
        raise ValueError(f"no bound is known for the layer {layer}: its log_q is too large")
    return max(1.0, 2 * torch.linalg.matrix_norm(root, 2).item() ** 2 - 1)


@torch.no_grad()
def conv_norm_bound(conv: nn.Conv2d, size: tuple[int, int]) -> float:
    """A bound on the operator norm of a convolution with its stride and zero padding, close to the norm itself.

    Put the padded image on a torus: the same outputs appear there, among others, so the norm there is no smaller.
    A stride of s splits the image into s * s images of every s-th pixel, without changing its norm, and on them the
    convolution has stride 1. On a torus, Fourier waves turn that into one small matrix per frequency and group.

    Args:
        conv: zeros around the image; any stride, padding, dilation and groups.
        size: height and width of its input.

    Returns:
        The largest singular value over all frequencies.

    Raises:
        ValueError: the padding is not zeros, or is given as a word.

    Source: Sedghi, Gupta, Long 2019 (arXiv:1805.10408), extended to strides and zeros around the image.
    """
    if conv.padding_mode != "zeros" or isinstance(conv.padding, str):
        raise ValueError(f"no bound is known for the layer {conv}: its padding must be zeros, given as numbers")
    weight = conv.weight.cpu().double()
    torus = [
        stride * math.ceil(max(length + 2 * padding, dilation * (kernel - 1) + 1) / stride)
        for length, padding, stride, dilation, kernel in zip(
            size, conv.padding, conv.stride, conv.dilation, conv.kernel_size, strict=True
        )
    ]
    spread = weight.new_zeros(*weight.shape[:2], *torus)
    height, width = (d * (k - 1) + 1 for d, k in zip(conv.dilation, conv.kernel_size, strict=True))
    spread[:, :, : height : conv.dilation[0], : width : conv.dilation[1]] = weight
    (s, t), (height, width) = conv.stride, torus
    split = spread.reshape(conv.groups, -1, weight.shape[1], height // s, s, width // t, t).permute(3, 5, 0, 1, 2, 4, 6)
    waves = torch.fft.fft2(split.flatten(4), dim=(0, 1))  # a group sees the inputs of its own alone
    return torch.linalg.matrix_norm(waves, 2).max().item()
