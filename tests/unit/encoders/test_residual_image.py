"""ResNet-18 on images."""

import torch

from trifid.encoders.residual_image import ResidualImageConfig


def test_tokens_and_absence(check, image):
    config = ResidualImageConfig(channels=(4, 8), width=16, grid=2)
    assert check(config.build((3, 32, 32)), image).shape == (4, config.tokens, 16)


def test_it_has_the_parameters_of_resnet18_without_its_classifier():
    with torch.device("meta"):
        encoder = ResidualImageConfig().build((3, 224, 224))
    published = 11_689_512 - 513_000  # of torchvision's resnet18, less its last layer
    projection = 512 * 128 + 128
    assert sum(p.numel() for p in encoder.parameters()) == published + projection
