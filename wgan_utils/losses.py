"""The losses of three algorithms, as plain functions of scores and critics.

A gradient penalty is a point, a slope and a charge: ``((slopes(critic, points_between(...)) - 1) ** 2).mean()``.

Sign convention, used everywhere: a higher score means "looks more like data".
Every loss is minimised. With a 1-Lipschitz critic, ``-critic_loss(...)`` is an
estimate of the Wasserstein-1 distance, in the units of the data.

This file imports only torch, so any function here can be copied, with the ones it calls.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus


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
    """One random point per pair, uniform between ``x_fake[i]`` and ``x_real[i]``.

    Args:
        x_real: (batch, *dims), data.
        x_fake: like ``x_real``.
        rng: source of the random positions; ``None`` uses torch's global one.

    Returns:
        Like ``x_real``; no gradient flows back from it.

    Raises:
        ValueError: ``x_real`` and ``x_fake`` differ in shape, are empty, or hold no floats (bytes of images, say).

    Source: Gulrajani et al. 2017, Algorithm 1, lines 4 and 6 (arXiv:1704.00028).
    """
    if x_real.shape != x_fake.shape:
        raise ValueError(f"x_real {tuple(x_real.shape)} and x_fake {tuple(x_fake.shape)} differ in shape")
    if not len(x_real):
        raise ValueError(f"a batch must hold at least one sample, found shape {tuple(x_real.shape)}")
    if not (x_real.is_floating_point() and x_fake.is_floating_point()):
        raise ValueError(f"x_real and x_fake must be floats, found {x_real.dtype} and {x_fake.dtype}")
    shape = (len(x_real),) + (1,) * (x_real.ndim - 1)  # one eps per sample, whatever the data's shape
    eps = torch.rand(shape, generator=rng, device=x_real.device, dtype=x_real.dtype)
    return (eps * x_real + (1 - eps) * x_fake).detach()


def slopes(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """Norm of the critic's gradient at each sample, differentiable once more.

    Args:
        critic: maps (batch, *dims) to one score per row, (batch,) or (batch, 1). It must score each row on its own:
            a batch-norm layer mixes rows, and the gradient below would no longer be per sample.
        x: (batch, *dims), in data units (pixels in [-1, 1], say); no gradient flows back to where it came from.

    Returns:
        (batch,), 0 or more, in score per data unit; its gradient is 0 where a slope is 0.

    Raises:
        ValueError: ``x`` is no batch of floats, or the critic gives more or fewer than one score per sample, as a
            critic of patches does, or scores without a gradient.

    Source: Gulrajani et al. 2017, Algorithm 1, line 7 (arXiv:1704.00028).
    """
    _check_batch(x)
    x = x.detach().requires_grad_(True)
    scores = critic(x.clone())  # the critic may work in place
    if scores.shape[:1] != x.shape[:1] or scores.numel() != len(x):
        raise ValueError(f"the critic must give one score per sample, found {tuple(scores.shape)} for {len(x)} samples")
    if not scores.requires_grad:
        raise ValueError("the scores have no gradient: they do not depend on x, or this runs under torch.no_grad()")
    (grad,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    return grad.reshape(len(x), -1).norm(dim=1)  # over everything but the batch


def _check_batch(x: Tensor) -> None:
    if not isinstance(x, Tensor) or not x.is_floating_point() or not len(x):
        found = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise ValueError(f"x must be floats (batch, *dims) with at least one sample, found {found}")


def gradient_penalty(
    critic: Callable[[Tensor], Tensor],
    x_real: Tensor,
    x_fake: Tensor,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Mean of (slope - 1)^2 over points between data and fakes.

    Args:
        critic: as for ``slopes``.
        x_real: (batch, *dims), data, in data units (pixels in [-1, 1], say).
        x_fake: like ``x_real``; no gradient flows back to the generator network.
        rng: source of the random positions; ``None`` uses torch's global one.

    Returns:
        Scalar, 0 or more, not yet multiplied by ``lambda_gp``. A slope has units
        of score per data unit; the penalty's target, 1, is the W1 dual's bound.

    Raises:
        ValueError: ``x_real`` and ``x_fake`` differ in shape; the critic does not give one score per sample.

    Source: Gulrajani et al. 2017, Algorithm 1, lines 4-7 (arXiv:1704.00028).
    """
    return ((slopes(critic, points_between(x_real, x_fake, rng)) - 1) ** 2).mean()


def one_sided_penalty(
    critic: Callable[[Tensor], Tensor],
    x_real: Tensor,
    x_fake: Tensor,
    rng: torch.Generator | None = None,
) -> Tensor:
    """Mean of max(slope - 1, 0)^2: slopes up to 1 cost nothing.

    Args, Returns, Raises: as for ``gradient_penalty``.

    Source: Gulrajani et al. 2017, section 4, where the two penalties are compared (arXiv:1704.00028).
    """
    return ((slopes(critic, points_between(x_real, x_fake, rng)) - 1).relu() ** 2).mean()


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
    """Cross-entropy of the 2014 discriminator: -log D(real) - log(1 - D(fake)).

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
