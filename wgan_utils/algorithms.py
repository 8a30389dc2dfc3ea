"""Algorithm 1 of both Wasserstein papers, and that of the 2014 GAN: one turn of the outer loop each.

A turn is ``n_critic`` steps of the critic and then one step of the generator. Repeat it until the generator is good.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from wgan_utils.losses import (
    clip_weights_,
    critic_loss,
    gan_discriminator_loss,
    gan_generator_loss,
    generator_loss,
    gradient_penalty,
)


def minimise(loss: Tensor, opt: Optimizer) -> None:
    """One step of the optimiser; the gradient reaches its own parameters alone."""
    weights = [w for group in opt.param_groups for w in group["params"] if w.requires_grad]
    opt.zero_grad()
    loss.backward(inputs=weights)
    opt.step()


def wgan_step(
    draw_real: Callable[[], Tensor],
    draw_z: Callable[[], Tensor],
    generator: nn.Module,
    critic: nn.Module,
    generator_opt: Optimizer,
    critic_opt: Optimizer,
    n_critic: int = 5,
    clip_limit: float = 0.01,
) -> tuple[Tensor, Tensor, Tensor]:
    """One turn of the WGAN paper's loop, after which both networks have learnt.

    Args:
        draw_real: makes a new batch of data, (batch_size, *dims), at each call.
        draw_z: makes a new batch of noise, (batch_size, latent_dim), at each call.
        generator: maps noise to samples like data.
        critic: maps samples to one score each.
        generator_opt: of the generator's parameters; RMSProp in the paper.
        critic_opt: of the critic's parameters; RMSProp in the paper.
        n_critic: critic steps in this turn.
        clip_limit: bound on each parameter of the critic.

    Returns:
        Scalars: the estimate (of W1 up to the critic's slope) and the critic's loss, each the mean over the critic's
        steps, and the generator's loss.

    Source: Arjovsky et al. 2017, Algorithm 1 (arXiv:1701.07875).
    """
    losses = []
    for _ in range(n_critic):  # line 2
        x_real, z = draw_real(), draw_z()  # lines 3 and 4
        with torch.no_grad():  # the generator rests while the critic learns
            x_fake = generator(z)
        x = torch.cat([x_real, x_fake])  # one pass scores both
        scores_real, scores_fake = critic(x).split([len(x_real), len(x_fake)])
        loss = critic_loss(scores_real, scores_fake)  # line 5, sign turned
        minimise(loss, critic_opt)  # line 6
        clip_weights_(critic, clip_limit)  # line 7
        losses.append(loss.detach())
    loss = generator_loss(critic(generator(draw_z())))  # lines 9 and 10
    minimise(loss, generator_opt)  # line 11
    mean = torch.stack(losses).mean()
    return -mean, mean, loss.detach()


def wgan_gp_step(
    draw_real: Callable[[], Tensor],
    draw_z: Callable[[], Tensor],
    generator: nn.Module,
    critic: nn.Module,
    generator_opt: Optimizer,
    critic_opt: Optimizer,
    n_critic: int = 5,
    lambda_gp: float = 10.0,
    penalty: Callable = gradient_penalty,
    rng: torch.Generator | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """One turn of the WGAN-GP paper's loop, after which both networks have learnt.

    Args:
        draw_real, draw_z, generator, critic, generator_opt, critic_opt, n_critic: as for ``wgan_step``; the
            optimisers are Adam in the paper.
        lambda_gp: weight of the penalty.
        penalty: called with the critic, data, fakes and ``rng``.
        rng: source of the places between data and fakes; ``None`` uses torch's global one.

    Returns:
        As ``wgan_step``; the critic's loss holds the penalty, the estimate does not.

    Source: Gulrajani et al. 2017, Algorithm 1 (arXiv:1704.00028).
    """
    estimates, losses = [], []
    for _ in range(n_critic):  # line 2
        x_real, z = draw_real(), draw_z()  # line 4
        with torch.no_grad():  # the generator rests while the critic learns
            x_fake = generator(z)  # line 5
        x = torch.cat([x_real, x_fake])  # one pass scores both
        scores_real, scores_fake = critic(x).split([len(x_real), len(x_fake)])
        loss = critic_loss(scores_real, scores_fake)
        estimates.append(-loss.detach())
        loss = loss + lambda_gp * penalty(critic, x_real, x_fake, rng)  # lines 6 and 7
        minimise(loss, critic_opt)  # line 9
        losses.append(loss.detach())
    loss = generator_loss(critic(generator(draw_z())))  # line 11
    minimise(loss, generator_opt)  # line 12
    return torch.stack(estimates).mean(), torch.stack(losses).mean(), loss.detach()


def gan_step(
    draw_real: Callable[[], Tensor],
    draw_z: Callable[[], Tensor],
    generator: nn.Module,
    discriminator: nn.Module,
    generator_opt: Optimizer,
    discriminator_opt: Optimizer,
    n_critic: int = 1,
) -> tuple[Tensor, Tensor, Tensor]:
    """One turn of the 2014 GAN's loop, with the non-saturating loss.

    Args:
        draw_real, draw_z, generator, generator_opt, discriminator_opt, n_critic: as for ``wgan_step``; Adam in DCGAN.
        discriminator: maps samples to one logit each, positive for what looks like data.

    Returns:
        As ``wgan_step``; the estimate is that of the Jensen-Shannon divergence, in nats.

    Source: Goodfellow et al. 2014, Algorithm 1 and section 3 (arXiv:1406.2661).
    """
    losses = []
    for _ in range(n_critic):
        x_real, z = draw_real(), draw_z()
        with torch.no_grad():  # the generator rests while the discriminator learns
            x_fake = generator(z)
        x = torch.cat([x_real, x_fake])  # one pass scores both
        logits_real, logits_fake = discriminator(x).split([len(x_real), len(x_fake)])
        loss = gan_discriminator_loss(logits_real, logits_fake)
        minimise(loss, discriminator_opt)
        losses.append(loss.detach())
    loss = gan_generator_loss(discriminator(generator(draw_z())))
    minimise(loss, generator_opt)
    mean = torch.stack(losses).mean()
    return math.log(2) - mean / 2, mean, loss.detach()
