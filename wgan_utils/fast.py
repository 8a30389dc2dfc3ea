"""The same numbers sooner: the penalty by one backward pass instead of two, and a training step as one CUDA graph.

A small network on a GPU waits for Python: each of the some thousand kernels of a generator step is launched by its own
call. Captured once as a CUDA graph, the whole step is one launch. The captured step is the plain one of
``algorithms.py``, called while the device only listens, so there is no second version of the algorithm to keep in step.

Not used: ``torch.compile``. The penalty differentiates a gradient, and compiled code has no second derivative: with
torch 2.11, 2.13 and 2.15, ``gradient_penalty`` of a critic compiled by aot_autograd raises "torch.compile with
aot_autograd does not currently support double backward". Versions before 2.11 were not tested.
"""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import fold, pixel_shuffle, pixel_unshuffle

from wgan_utils.data import first_line
from wgan_utils.losses import points_between
from wgan_utils.models import is_plain, is_reshape


def gradient_penalty_piecewise_linear(
    critic: nn.Sequential,
    x_real: Tensor,
    x_fake: Tensor,
    rng: torch.Generator | None = None,
) -> Tensor:
    """The value and the gradients of ``gradient_penalty``, by one backward pass instead of two.

    Between the kinks of its ReLUs such a critic is linear in its input. So its gradient is a product of weights and
    masks, last layer first; written out as such, it is an ordinary function of the weights.

    Args:
        critic: a network for which ``is_piecewise_linear`` holds; the other arguments, the value and the errors are
            those of ``gradient_penalty``; this one also has a value under ``torch.no_grad()``.

    Raises:
        ValueError: the critic is another network; the shapes differ.

    Source: the chain rule; Gulrajani et al. 2017, Algorithm 1, lines 4-7 (arXiv:1704.00028).
    """
    if not is_piecewise_linear(critic):
        raise ValueError(f"need a Sequential of piecewise-linear layers, found {critic}")
    x = x_hat = points_between(x_real, x_fake, rng)
    seen = []
    for layer in critic:  # forward: on which side of its kink is each unit?
        seen.append((layer, x))
        x = layer(x).detach()
    if x.shape[:1] != x_hat.shape[:1] or x.numel() != len(x_hat):
        raise ValueError(f"the critic must give one score per sample, found {tuple(x.shape)} for {len(x_hat)} samples")
    grad = torch.ones_like(x)  # of each score with respect to itself
    while is_reshape(seen[0][0]):  # moving the pixels of the image changes no norm
        del seen[0]
    for layer, x in reversed(seen):  # backward: weights carry gradients, masks carry none
        if isinstance(layer, nn.Linear):
            grad = grad @ layer.weight
        elif isinstance(layer, nn.Conv2d):
            weight = layer.weight.to(grad.dtype)
            if layer.in_channels == 1:  # the same by a product and a sum of patches: convolutions are slow here
                how = (layer.kernel_size, layer.dilation, layer.padding, layer.stride)
                grad = fold(weight.flatten(1).t() @ grad.flatten(2), x.shape[2:], *how)
            else:
                how = (layer.stride, layer.padding, layer.dilation, layer.groups)
                grad = nn.grad.conv2d_input(x.shape, weight, grad, *how)
        elif isinstance(layer, nn.PixelUnshuffle):
            grad = pixel_shuffle(grad, layer.downscale_factor)
        elif isinstance(layer, nn.PixelShuffle):
            grad = pixel_unshuffle(grad, layer.upscale_factor)
        elif isinstance(layer, nn.Flatten | nn.Unflatten):
            grad = grad.reshape(x.shape)
        else:  # ReLU, LeakyReLU: 1 above the kink, the slope below it
            grad = grad * (x > 0).to(grad.dtype).clamp(min=getattr(layer, "negative_slope", 0.0))
    slope = grad.flatten(start_dim=1).norm(dim=1, dtype=x_hat.dtype)  # (batch,)
    return ((slope - 1) ** 2).mean()


def is_piecewise_linear(critic: nn.Module) -> bool:
    """True for a critic whose penalty ``gradient_penalty_piecewise_linear`` is proven to give, False for any other.

    It is a plain Sequential (``is_plain``) of Linear, Conv2d with zeros around the image, ReLU, LeakyReLU with a slope
    from 0 to 1 and reshapes within a sample. It ends in none of these reshapes, and no two layers share a parameter.
    """

    def known(layer: nn.Module) -> bool:
        if is_plain(layer, nn.Conv2d):
            return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        if is_plain(layer, nn.LeakyReLU):
            return 0 <= layer.negative_slope <= 1
        return is_plain(layer, nn.Linear, nn.ReLU) or is_reshape(layer)

    if not is_plain(critic, nn.Sequential) or not len(critic) or not all(map(known, critic)):
        return False
    shared = len([*critic.parameters()]) < sum(len([*layer.parameters()]) for layer in critic)
    return not shared and not is_reshape(critic[-1])


WARM_UP = 3  # steps run plainly first: they make the optimisers' state and choose the libraries' kernels


def as_cuda_graph(step: Callable[[], Tensor], rng: torch.Generator) -> Callable[[], Tensor]:
    """The same step, replayed as one CUDA graph from its fourth call on.

    Args:
        step: does its work on tensors that stay in place, never reads a value back to Python, and draws random
            numbers only from ``rng``. Optimisers in it are capturable, and their learning rates are tensors.
        rng: on the device of the step; it goes on in a replay where it would have gone on in a call.

    Returns:
        A function whose n-th call does and returns what the n-th call of ``step`` would have; what it returns is
        overwritten by the next call. When the step cannot be captured, it warns once with the reason and goes on with
        plain calls: on a CPU always, and on CUDA as far as torch's allocator lets it after a capture that broke off.

    Source: PyTorch's notes on CUDA semantics, section CUDA graphs.
    """
    calls, replay = 0, None

    def next_step() -> Tensor:
        nonlocal calls, replay
        calls += 1
        if calls <= WARM_UP:
            return warm_up(step, rng.device)
        if replay is None:
            state = rng.get_state()
            try:
                replay = capture(step, rng)
            except (RuntimeError, AssertionError) as error:
                reason = first_line(error)
                warnings.warn(f"no CUDA graph, the plain loop goes on: {reason}", stacklevel=3)
                if rng.device.type == "cuda":  # a capture that broke off leaves its own state in rng
                    rng.graphsafe_set_state(torch.Generator(rng.device))
                rng.set_state(state)
                replay = step
        return replay()

    return next_step


def warm_up(step: Callable[[], Tensor], device: torch.device) -> Tensor:
    """Call the step on a stream of its own, as a capture needs it; plainly where there is no CUDA."""
    if device.type != "cuda":
        return step()
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*capturable=True.*")  # as capturable as they are, not yet captured
        result = step()
    torch.cuda.current_stream(device).wait_stream(stream)
    return result


def capture(step: Callable[[], Tensor], rng: torch.Generator) -> Callable[[], Tensor]:
    """A function that replays the step; the call that is captured computes nothing.

    Raises:
        RuntimeError: there is no CUDA, or the step does something that cannot be captured.
    """
    if rng.device.type != "cuda":
        raise RuntimeError(f"the data are on {rng.device}, and CUDA graphs need a CUDA device")
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(rng)
    with torch.cuda.graph(graph, stream=torch.cuda.Stream(rng.device)):  # the current device may be another
        result = step()

    def replay() -> Tensor:
        graph.replay()
        return result

    return replay
