import pytest
import torch
from torch import nn

from wgan_utils.models import conv_critic, conv_generator

SHAPES = [(1, 28, 28), (3, 32, 32)]


@pytest.mark.parametrize("image_shape", SHAPES)
def test_generator_makes_images_within_the_range_of_the_data(image_shape):
    images = conv_generator(7, image_shape)(5 * torch.randn(4, 7))
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


@pytest.mark.parametrize("make", [lambda shape: conv_generator(8, shape), conv_critic])
def test_a_side_that_is_no_multiple_of_four_is_refused(make):
    with pytest.raises(ValueError, match="multiples of 4, found 30 x 28"):
        make((1, 30, 28))


def test_the_shape_beside_each_layer_is_true():
    """The comments promise shapes for 28 x 28 images: read them and run the layers."""
    import inspect
    import re

    for make, x in [(conv_generator, torch.randn(2, 64)), (conv_critic, torch.randn(2, 1, 28, 28))]:
        promised = re.findall(r"# \(batch, ([\d, ]+)\)(?:$|:)", inspect.getsource(make), flags=re.M)
        shapes = []
        for layer in make():
            x = layer(x)
            if not isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d | nn.ReLU | nn.LeakyReLU | nn.Tanh):
                shapes.append(", ".join(map(str, x.shape[1:])))
        assert promised == shapes
