"""The textbook loop: WGAN and WGAN-GP in the idiom of public scripts, and the networks of such scripts.

Written afresh, with the idiom's habits: images decoded one by one through PIL by a DataLoader; fakes not detached,
neither in the loss nor in the penalty; real, fake and points between in separate passes; two backward passes
through the penalty; the optimisers' default kernels; ``.item()`` at every step. The scripts of this folder compare
with it; nobody else should use it.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from wgan_utils.data import draw_batch
from wgan_utils.losses import critic_loss, generator_loss
from wgan_utils.training import TrainConfig


class DigitsThroughPil(datasets.MNIST):
    """torchvision's MNIST over images already in memory: each item still becomes a PIL image, then a tensor."""

    def __init__(self, images: Tensor):
        self.data, self.targets, self.target_transform = images[:, 0], torch.zeros(len(images)), None
        steps = [transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))]
        self.transform = transforms.Compose(steps)


def loaded_batches(images: Tensor, batch_size: int, device: str) -> Iterator[Tensor]:
    """Batches as public scripts load them, epoch after epoch."""
    loader = DataLoader(DigitsThroughPil(images), batch_size=batch_size, shuffle=True, drop_last=True)
    while True:
        for x_real, _ in loader:
            yield x_real.to(device)


def resident_batches(images: Tensor, batch_size: int) -> Iterator[Tensor]:
    """The same law of batches from images that live on the device."""
    rng = torch.Generator(images.device).manual_seed(0)
    while True:
        yield draw_batch(images, batch_size, rng)


def textbook_critic_loss(critic: nn.Module, x_real: Tensor, x_fake: Tensor, config: TrainConfig) -> Tensor:
    loss = critic_loss(critic(x_real), critic(x_fake))
    if config.algorithm == "wgan-gp":
        eps = torch.rand(len(x_real), 1, 1, 1, dtype=x_real.dtype, device=x_real.device)
        x_hat = (eps * x_real + (1 - eps) * x_fake).requires_grad_(True)
        scores = critic(x_hat)
        ones = torch.ones_like(scores)
        (grad,) = torch.autograd.grad(scores, x_hat, grad_outputs=ones, create_graph=True, retain_graph=True)
        loss = loss + config.lambda_gp * ((grad.view(len(grad), -1).norm(2, dim=1) - 1) ** 2).mean()
    return loss


def textbook_loop(
    config: TrainConfig,
    batches: Iterator[Tensor],
    generator: nn.Module,
    critic: nn.Module,
    device: str,
    on_step: Callable[[int], object],
) -> None:
    """Train; ``on_step`` is called after each generator step with its number, and a true answer ends the run."""
    networks = (generator, critic)
    if config.algorithm == "wgan":
        optimizers = [torch.optim.RMSprop(net.parameters(), lr=config.lr) for net in networks]
    else:
        optimizers = [torch.optim.Adam(net.parameters(), lr=config.lr, betas=config.betas) for net in networks]
    generator_opt, critic_opt = optimizers
    for step in range(1, config.n_steps + 1):
        for _ in range(config.n_critic):
            x_real = next(batches)
            x_fake = generator(torch.randn(config.batch_size, config.latent_dim).to(device))
            loss = textbook_critic_loss(critic, x_real, x_fake, config)
            critic_opt.zero_grad()
            loss.backward()
            critic_opt.step()
            if config.algorithm == "wgan":
                for parameter in critic.parameters():
                    parameter.data.clamp_(-config.clip_limit, config.clip_limit)
            loss.item()
        x_fake = generator(torch.randn(config.batch_size, config.latent_dim).to(device))
        loss = generator_loss(critic(x_fake))
        generator_opt.zero_grad()
        loss.backward()
        generator_opt.step()
        loss.item()
        if on_step(step):
            return


def mlp_generator(latent_dim: int, image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.Sequential:
    """100-128-256-512-1024-784 with batch norm in the inner layers, as public scripts have it."""
    layers = [nn.Linear(latent_dim, 128), nn.LeakyReLU(0.2)]
    for n_in, n_out in [(128, 256), (256, 512), (512, 1024)]:
        layers += [nn.Linear(n_in, n_out), nn.BatchNorm1d(n_out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(1024, 784), nn.Tanh(), nn.Unflatten(1, image_shape))


def mlp_critic(image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.Sequential:
    """784-512-256-1, no normalisation."""
    layers = [nn.Flatten(), nn.Linear(784, 512), nn.LeakyReLU(0.2), nn.Linear(512, 256), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(256, 1))


def dcgan_generator(latent_dim: int, image_shape: tuple[int, int, int] = (1, 28, 28), width: int = 64) -> nn.Sequential:
    """Transposed 5 x 5 convolutions, no normalisation; ``width`` channels in its largest picture."""
    return nn.Sequential(
        nn.Linear(latent_dim, 4 * width * 4 * 4),
        nn.ReLU(),
        nn.Unflatten(1, (4 * width, 4, 4)),  # (batch, 256, 4, 4)
        nn.ConvTranspose2d(4 * width, 2 * width, kernel_size=5, stride=2, padding=2),  # (batch, 128, 7, 7)
        nn.ReLU(),
        nn.ConvTranspose2d(2 * width, width, kernel_size=5, stride=2, padding=2, output_padding=1),  # (., 64, 14, 14)
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, kernel_size=5, stride=2, padding=2, output_padding=1),  # (batch, 1, 28, 28)
        nn.Tanh(),
    )


def dcgan_critic(image_shape: tuple[int, int, int] = (1, 28, 28), width: int = 64) -> nn.Sequential:
    """5 x 5 convolutions of stride 2 with 64, 128 and 256 channels, no normalisation."""
    return nn.Sequential(
        nn.Conv2d(1, width, kernel_size=5, stride=2, padding=2),  # (batch, 64, 14, 14)
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, kernel_size=5, stride=2, padding=2),  # (batch, 128, 7, 7)
        nn.LeakyReLU(0.2),
        nn.Conv2d(2 * width, 4 * width, kernel_size=5, stride=2, padding=2),  # (batch, 256, 4, 4)
        nn.LeakyReLU(0.2),
        nn.Flatten(),  # (batch, 4096)
        nn.Linear(4 * width * 4 * 4, 1),
    )
