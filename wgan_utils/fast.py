"""Three ways to go faster: one CUDA graph per generator step, bfloat16, and a critic's gradients without autograd.

The first and the last change no number beyond rounding; bfloat16 rounds every factor of a product to 8 bits.

A small network on a GPU waits for Python: each of the some thousand kernels of a generator step is launched by its own
call. Captured once as a CUDA graph, the whole step is one launch. The captured step is the plain one of
``training.py``, called while the device only listens, so there is no second version of the algorithm to keep in step.

Not used: ``torch.compile``. The penalty differentiates a gradient, and compiled code has no second derivative: with
torch 2.11, 2.13 and 2.15, ``gradient_penalty`` of a critic compiled by aot_autograd raises "torch.compile with
aot_autograd does not currently support double backward". Versions before 2.11 were not tested.

The capture itself has not been run on a GPU yet: ``make test-cuda`` compares it with the plain loop there. The way back
to the plain loop is tested on the CPU.

This file imports only torch.
"""

import statistics
import time
import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

WARM_UP = 3  # steps run plainly first: they make the optimisers' state and choose the libraries' kernels


def as_cuda_graph(step: Callable[[], None], rng: torch.Generator) -> Callable[[], None]:
    """The same step, replayed as one CUDA graph from its fourth call on.

    Args:
        step: does its work on tensors that stay in place, never reads a value back to Python, and draws random
            numbers only from ``rng``. Optimisers in it are capturable, and their learning rates are tensors.
        rng: on the device of the step; it goes on in a replay where it would have gone on in a call.

    Returns:
        A function whose n-th call does what the n-th call of ``step`` would have done. When the step cannot be
        captured, it warns once with the reason and goes on with plain calls.

    Source: PyTorch's notes on CUDA semantics, section CUDA graphs.
    """
    calls, replay = 0, None

    def next_step() -> None:
        nonlocal calls, replay
        calls += 1
        if replay is None and calls <= WARM_UP:
            warm_up(step, rng.device)
            return
        if replay is None:
            state = rng.get_state()
            try:
                replay = capture(step, rng)
            except (RuntimeError, AssertionError) as error:
                reason = str(error).splitlines()[0]
                warnings.warn(f"no CUDA graph, the plain loop goes on: {reason}", stacklevel=3)
                if rng.device.type == "cuda":  # a capture that broke off leaves its own state in rng
                    rng.graphsafe_set_state(torch.Generator(rng.device))
                rng.set_state(state)
                replay = step
        replay()

    return next_step


def warm_up(step: Callable[[], None], device: torch.device) -> None:
    """Call the step on a stream of its own, as a capture needs it; plainly where there is no CUDA."""
    if device.type != "cuda":
        return step()
    stream = torch.cuda.Stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*capturable=True.*")  # as capturable as they are, not yet captured
        step()
    torch.cuda.current_stream(device).wait_stream(stream)


def capture(step: Callable[[], None], rng: torch.Generator) -> Callable[[], None]:
    """A function that replays the step; the call that is captured computes nothing.

    Raises:
        RuntimeError: there is no CUDA, or the step does something that cannot be captured.
    """
    if rng.device.type != "cuda":
        raise RuntimeError(f"the data are on {rng.device}, and CUDA graphs need a CUDA device")
    graph = torch.cuda.CUDAGraph()
    graph.register_generator_state(rng)
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def bf16_pays(run: Callable[[bool], object], rounds: int = 5) -> bool:
    """Measure whether bfloat16 is faster here: flags tell what a processor can do, not what it does well.

    Args:
        run: does some training steps and waits for their end, with bfloat16 when its argument is true; for one
            ``lambda bf16: train(replace(config, n_steps=3, bf16=bf16), images, make_generator, make_critic)``.
        rounds: how often the two take turns, after one turn each that does not count.

    Returns:
        True when the median ratio of the paired times is at least 1.1: less is within the noise, and float32 is
        more precise.
    """
    run(False), run(True)
    ratios = []
    for _ in range(rounds):
        start = time.perf_counter()
        run(False)
        middle = time.perf_counter()
        run(True)
        ratios.append((middle - start) / (time.perf_counter() - middle))
    return statistics.median(ratios) >= 1.1


def is_fully_connected(critic: nn.Module) -> bool:
    """True for a Sequential that ``critic_gradients_`` knows: Linear, kink, Linear, ..., Linear to one score.

    A kink is a ReLU or a LeakyReLU with a slope from 0 to 1; a Flatten may come first. A Linear whose weight is
    computed, as by spectral norm, is none of these.
    """

    def plain(layer: nn.Module) -> bool:
        return type(layer) is nn.Linear and isinstance(layer.weight, nn.Parameter)

    if not isinstance(critic, nn.Sequential):
        return False
    layers = list(critic)[isinstance(critic[0], nn.Flatten) :]
    alternate = len(layers) % 2 == 1 and all(map(plain, layers[::2]))
    kinks = all(isinstance(kink, nn.ReLU) or 0 <= getattr(kink, "negative_slope", -1) <= 1 for kink in layers[1::2])
    return alternate and kinks and layers[-1].out_features == 1


@torch.no_grad()
def critic_gradients_(
    critic: nn.Sequential,
    x_real: Tensor,
    x_fake: Tensor,
    lambda_gp: float,
    rng: torch.Generator | None = None,
    dtype: torch.dtype | None = None,
) -> tuple[Tensor, Tensor]:
    """Put into the critic the gradients of ``critic_loss + lambda_gp * gradient_penalty``, without autograd.

    Write each layer as weights W and a mask m of its kinks. Data, fakes and points between are rows of one batch:

    1. forward. The first layer is linear, so its values between a datum and a fake are a mixture of its values there.
    2. backward. One product per layer, g <- (g W) m, serves the scores of data and fakes and the slopes between.
    3. The last rows times the first weights are u, the critic's gradient at the points between. The penalty's
       derivative by it, v = 2 lambda (|u| - 1) / (n |u|) u, goes forward through the same weights and masks.
    4. A weight's gradient is g' x over data and fakes, and g' v between: the penalty is n more rows of the batch.

    Args:
        critic: a network for which ``is_fully_connected`` holds. What was in its gradients is lost.
        x_real: (n, *dims), data.
        x_fake: like ``x_real``.
        lambda_gp: weight of the penalty.
        rng: source of the positions between; it is asked for what ``points_between`` asks.
        dtype: of the products; ``None`` is that of ``x_real``.

    Returns:
        Estimate and loss, scalars.

    Raises:
        ValueError: the critic is another network; ``x_real`` and ``x_fake`` differ in shape.

    Source: the chain rule, twice; Gulrajani et al. 2017, Algorithm 1, lines 4-7 (arXiv:1704.00028).
    """
    if not is_fully_connected(critic):
        raise ValueError(f"need a Sequential of Linear layers with kinks between, found {critic}")
    if x_real.shape != x_fake.shape:
        raise ValueError(f"x_real {tuple(x_real.shape)} and x_fake {tuple(x_fake.shape)} differ in shape")
    n, dtype = len(x_real), dtype or x_real.dtype
    layers = [layer for layer in critic if isinstance(layer, nn.Linear)]
    kinks = [getattr(layer, "negative_slope", 0.0) for layer in critic if isinstance(layer, (nn.ReLU, nn.LeakyReLU))]
    weights = [layer.weight.to(dtype) for layer in layers]
    biases = [layer.bias if layer.bias is None else layer.bias.to(dtype) for layer in layers]

    inputs, masks = [torch.cat([x_real, x_fake]).flatten(1).to(dtype)], []
    values = linear(inputs[0], weights[0], biases[0])
    eps = torch.rand(n, 1, generator=rng, device=x_real.device, dtype=x_real.dtype).to(dtype)
    values = torch.cat([values, torch.lerp(values[n:], values[:n], eps)])  # rows: data, fakes, points between
    for kink, weight, bias in zip(kinks, weights[1:], biases[1:], strict=True):
        masks.append((values > 0).to(dtype).clamp_(min=kink))
        inputs.append(values * masks[-1])
        values = linear(inputs[-1], weight, bias)

    means = values[: 2 * n].to(x_real.dtype).view(2, n).mean(1)
    estimate = means[0] - means[1]
    back = [torch.ones_like(values)]
    back[0][:n], back[0][n : 2 * n] = -1 / n, 1 / n
    for weight, mask in zip(weights[:0:-1], masks[::-1], strict=True):
        back.insert(0, (back[0] @ weight) * mask)

    u = back[0][2 * n :] @ weights[0]
    slope = u.norm(dim=1, keepdim=True, dtype=x_real.dtype)
    v = u * (2 * lambda_gp / n * (slope - 1) / slope.clamp(min=1e-30)).to(dtype)
    for layer, weight, x, g, mask in zip(layers, weights, inputs, back, [*masks, None], strict=True):
        layer.weight.grad = (g.t() @ torch.cat([x[: 2 * n], v])).to(layer.weight.dtype)
        if layer.bias is not None:
            layer.bias.grad = g[: 2 * n].sum(0).to(layer.bias.dtype)
        if mask is not None:
            v = (v @ weight.t()) * mask[2 * n :]
    return estimate, lambda_gp * ((slope - 1) ** 2).mean() - estimate
