"""Networks from random weights for small colour pictures: a few convolutions, and ResNet-18.

    picture_cnn: image_rgb (3, 64, 64) -> conv 16, 32, 64, each with pool -> average -> dense 64
                 -> linear K                                                  [28,228 for 4 classes]
    resnet18:    image_rgb (3, 64, 64) -> conv 7, pool -> four stages of two blocks -> average
                 -> dense 128 -> linear K                                 [11,242,692 for 4 classes]

Paper: He et al. 2016, table 1, for `resnet18`; a dense layer of 128 precedes the classes here.
"""

from trifid.encoders.conv_image import ConvImageConfig
from trifid.encoders.residual_image import ResidualImageConfig
from trifid.models.imagenet import ImageNetConfig
from trifid.registry import register


@register("model")
def picture_cnn() -> ImageNetConfig:
    """Three convolutions on a picture, with a linear head."""
    return ImageNetConfig(
        backbone=ConvImageConfig(channels=(16, 32, 64), width=64, halvings=3, grid=4)
    )


@register("model", paper="He et al. 2016, table 1")
def resnet18() -> ImageNetConfig:
    """ResNet-18 from random weights, with a linear head."""
    return ImageNetConfig(backbone=ResidualImageConfig())
