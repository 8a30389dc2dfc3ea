"""Networks, as functions that return ``nn.Sequential``.

The shape beside each layer is for 28 x 28 images of one channel. This file imports
only torch, so any function here can be copied on its own.
"""

from torch import nn


def conv_generator(latent_dim: int = 64, image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.Sequential:
    """A network from noise to images with pixels in (-1, 1).

    Args:
        latent_dim: length of the noise vector ``z``.
        image_shape: (channels, height, width); height and width are multiples of 4.

    Returns:
        Module from (batch, latent_dim) to (batch, channels, height, width).

    Raises:
        ValueError: height or width is not a multiple of 4.

    Source: batch norm, ReLU and tanh as in DCGAN (Radford et al. 2015, arXiv:1511.06434); the shuffle of
    channels into pixels is that of Shi et al. 2016 (arXiv:1609.05158).
    """
    channels, height, width = image_shape
    if height % 4 or width % 4:
        raise ValueError(f"image height and width must be multiples of 4, found {height} x {width}")
    h, w = height // 4, width // 4
    return nn.Sequential(
        nn.Linear(latent_dim, 512, bias=False),  # (batch, 512)
        nn.BatchNorm1d(512),
        nn.ReLU(),
        nn.Linear(512, 32 * h * w, bias=False),  # (batch, 1568)
        nn.BatchNorm1d(32 * h * w),
        nn.ReLU(),
        nn.Unflatten(1, (32, h, w)),  # (batch, 32, 7, 7)
        nn.Conv2d(32, 16 * channels, kernel_size=3, padding=1),  # (batch, 16, 7, 7)
        nn.PixelShuffle(4),  # (batch, 1, 28, 28): 16 channels become a block of 4 x 4 pixels
        nn.Tanh(),
    )


def conv_critic(image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.Sequential:
    """A network from images to one unbounded score each: no sigmoid, no batch norm.

    Args:
        image_shape: (channels, height, width); height and width are multiples of 4.

    Returns:
        Module from (batch, channels, height, width) to (batch, 1).

    Raises:
        ValueError: height or width is not a multiple of 4.

    Source: shuffles as in ``conv_generator``, without normalisation (Gulrajani et al. 2017, section 4,
    arXiv:1704.00028).
    """
    channels, height, width = image_shape
    if height % 4 or width % 4:
        raise ValueError(f"image height and width must be multiples of 4, found {height} x {width}")
    return nn.Sequential(
        nn.PixelUnshuffle(4),  # (batch, 16, 7, 7): a block of 4 x 4 pixels becomes 16 channels
        nn.Conv2d(16 * channels, 32, kernel_size=3, padding=1),  # (batch, 32, 7, 7)
        nn.LeakyReLU(0.2),
        nn.Flatten(),  # (batch, 1568)
        nn.Linear(32 * (height // 4) * (width // 4), 128),  # (batch, 128)
        nn.LeakyReLU(0.2),
        nn.Linear(128, 1),  # (batch, 1)
    )
