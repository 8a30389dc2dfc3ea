"""The losses of three algorithms, as plain functions of scores and critics.

Sign convention, used everywhere: a higher score means "looks more like data".
Every loss is minimised. With a 1-Lipschitz critic, ``-critic_loss(...)`` is an
estimate of the Wasserstein-1 distance, in the units of the data.

This file imports only torch, so any function here can be copied, with the ones it calls.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import fold, pixel_shuffle, softplus


def critic_loss(scores_real: Tensor, scores_fake: Tensor) -> Tensor:
    """Mean score on fakes minus mean score on data: what the critic minimises.

    Args:
        scores_real: any shape, the critic's scores of data.
        scores_fake: any shape, its scores of fakes; the two need not be equally many.

    Returns:
        Scalar, in units of score. Its negative is the estimate of W1 when the critic is 1-Lipschitz.

    Source: Arjovsky et al. 2017, Algorithm 1, line 5, with the sign turned (arXiv:1701.07875).
    """
    return scores_fake.mean() - scores_real.mean()


def generator_loss(scores_fake: Tensor) -> Tensor:
    """Minus the mean score on fakes: what the generator minimises.

    Args:
        scores_fake: any shape, the critic's scores of fakes.

    Returns:
        Scalar, in units of score.

    Source: Arjovsky et al. 2017, Algorithm 1, line 10 (arXiv:1701.07875).
    """
    return -scores_fake.mean()


def points_between(x_real: Tensor, x_fake: Tensor, rng: torch.Generator | None = None) -> Tensor:
    """One random point per pair, uniform on the straight segment from ``x_fake[i]`` to ``x_real[i]``.

    Args:
        x_real: (batch, *dims), data.
        x_fake: like ``x_real``.
        rng: source of the random positions; ``None`` uses torch's global one.

    Returns:
        Like ``x_real``; no gradient flows back from it.

    Raises:
        ValueError: ``x_real`` and ``x_fake`` differ in shape.

    Source: Gulrajani et al. 2017, Algorithm 1, lines 4 and 6 (arXiv:1704.00028).
    """
    if x_real.shape != x_fake.shape:
        raise ValueError(f"x_real {tuple(x_real.shape)} and x_fake {tuple(x_fake.shape)} differ in shape")
    shape = (len(x_real),) + (1,) * (x_real.ndim - 1)  # one eps per sample, whatever the data's shape
    eps = torch.rand(shape, generator=rng, device=x_real.device, dtype=x_real.dtype)
    return (eps * x_real + (1 - eps) * x_fake).detach()


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    x_real: Tensor,
    x_fake: Tensor,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Mean of (slope - 1)^2, where slope is the critic's gradient norm between data and fakes.

    The slope is measured at ``points_between(x_real, x_fake, rng)``, one point per pair.

    Args:
        critic: maps (batch, *dims) to one score per row, (batch,) or (batch, 1).
            It must score each row on its own: a batch-norm layer mixes rows, and
            the gradient below would no longer be per sample.
        x_real: (batch, *dims), data, in data units (pixels in [-1, 1], say).
        x_fake: like ``x_real``; no gradient flows back to the generator network.
        rng: source of the random positions; ``None`` uses torch's global one.

    Returns:
        Scalar, 0 or more, not yet multiplied by ``lambda_gp``. A slope has units
        of score per data unit; the penalty's target, 1, is the W1 dual's bound.

    Raises:
        ValueError: ``x_real`` and ``x_fake`` differ in shape.

    Source: Gulrajani et al. 2017, Algorithm 1, lines 4-7 (arXiv:1704.00028).
    """
    x_hat = points_between(x_real, x_fake, rng).requires_grad_(True)
    (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
    slope = grad.flatten(start_dim=1).norm(dim=1)  # (batch,)
    return ((slope - 1) ** 2).mean()


def one_sided_penalty(
    critic: Callable[[Tensor], Tensor],
    x_real: Tensor,
    x_fake: Tensor,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Mean of max(slope - 1, 0)^2: slopes up to 1, which the W1 dual allows, cost nothing.

    Args, Returns, Raises: as for ``gradient_penalty``.

    Source: Gulrajani et al. 2017, section 4, where the two penalties are compared (arXiv:1704.00028).
    """
    x_hat = points_between(x_real, x_fake, rng).requires_grad_(True)
    (grad,) = torch.autograd.grad(critic(x_hat).sum(), x_hat, create_graph=True)
    slope = grad.flatten(start_dim=1).norm(dim=1)  # (batch,)
    return ((slope - 1).relu() ** 2).mean()


def gradient_penalty_piecewise_linear(
    critic: nn.Sequential,
    x_real: Tensor,
    x_fake: Tensor,
    rng: torch.Generator | None = None,
) -> Tensor:
    """The value and the gradients of ``gradient_penalty``, by one backward pass instead of two.

    Between the kinks of its ReLUs such a critic is linear in its input. So its
    gradient is a product of weights and masks, last layer first; written out as
    such, it is an ordinary function of the weights.

    Args:
        critic: a network for which ``is_piecewise_linear`` holds; the other arguments,
            the value and the errors are those of ``gradient_penalty``.

    Raises:
        ValueError: naming the layer that is not piecewise linear; the shapes differ.

    Source: the chain rule; Gulrajani et al. 2017, Algorithm 1, lines 4-7 (arXiv:1704.00028).
    """
    if not is_piecewise_linear(critic):
        raise ValueError(f"need a Sequential of piecewise-linear layers, found {critic}")
    x = x_hat = points_between(x_real, x_fake, rng)
    seen = []
    for layer in critic:  # forward: on which side of its kink is each unit?
        seen.append((layer, x))
        x = layer(x).detach()
    grad = torch.ones_like(x)  # of each score with respect to itself
    while isinstance(seen[0][0], MOVES):  # moving the pixels of the image changes no norm
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
        elif isinstance(layer, MOVES):
            grad = grad.reshape(x.shape)
        else:  # ReLU, LeakyReLU: 1 above the kink, the slope below it
            grad = grad * (x > 0).to(grad.dtype).clamp(min=getattr(layer, "negative_slope", 0.0))
    slope = grad.flatten(start_dim=1).norm(dim=1, dtype=x_hat.dtype)  # (batch,)
    return ((slope - 1) ** 2).mean()


MOVES = (nn.Flatten, nn.Unflatten, nn.PixelUnshuffle)  # layers that only move numbers within a sample


def is_piecewise_linear(critic: nn.Module) -> bool:
    """True for a Sequential of layers that ``gradient_penalty_piecewise_linear`` knows, without normalisation.

    They are Linear, Conv2d with zeros around the image, ReLU, LeakyReLU with a slope from 0 to 1, Flatten,
    Unflatten and PixelUnshuffle.
    """

    def known(layer: nn.Module) -> bool:
        if isinstance(layer, nn.Conv2d):
            return layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        if isinstance(layer, nn.LeakyReLU):
            return 0 <= layer.negative_slope <= 1
        return isinstance(layer, (nn.Linear, nn.ReLU, *MOVES))

    return isinstance(critic, nn.Sequential) and all(map(known, critic)) and not isinstance(critic[-1], MOVES)


@torch.no_grad()
def clip_weights_(critic: nn.Module, clip_limit: float) -> None:
    """Move every parameter of the critic, in place, into [-clip_limit, clip_limit].

    Args:
        critic: the network; its buffers are left alone.
        clip_limit: more than 0, in units of weight.

    Raises:
        ValueError: ``clip_limit`` is not more than 0.

    Source: Arjovsky et al. 2017, Algorithm 1, line 7 (arXiv:1701.07875).
    """
    if not clip_limit > 0:
        raise ValueError(f"clip_limit must be more than 0, found {clip_limit}")
    for parameter in critic.parameters():
        parameter.clamp_(-clip_limit, clip_limit)


def gan_discriminator_loss(logits_real: Tensor, logits_fake: Tensor) -> Tensor:
    """Cross-entropy of the 2014 discriminator: it minimises -log D(real) - log(1 - D(fake)).

    Args:
        logits_real: any shape, the discriminator's output on data before the sigmoid.
        logits_fake: any shape, the same on fakes.

    Returns:
        Scalar in nats; 2 log 2 = 1.386 when it cannot tell the two apart. With the
        best discriminator, log 2 - loss / 2 is the Jensen-Shannon divergence.

    Source: Goodfellow et al. 2014, Algorithm 1 (arXiv:1406.2661).
    """
    return softplus(-logits_real).mean() + softplus(logits_fake).mean()  # -log sigmoid(x) = softplus(-x)


def gan_generator_loss(logits_fake: Tensor) -> Tensor:
    """The non-saturating loss of the 2014 generator: it minimises -log D(fake).

    Args:
        logits_fake: any shape, the discriminator's output on fakes before the sigmoid.

    Returns:
        Scalar in nats, 0 or more.

    Source: Goodfellow et al. 2014, section 3 (arXiv:1406.2661).
    """
    return softplus(-logits_fake).mean()
