"""Recipes for galaxyzoo: networks from scratch on colour pictures.

Of a stored picture of 128 pixels the central 64 are used: the galaxy fills a quarter or so of a
Galaxy Zoo picture. Such pictures are scaled by the size of the galaxy, so nothing is known of its
angular size. Training rows are mirrored and turned; classes, which differ thirtyfold in size, are
drawn evenly.
"""

from trifid.models.base import ModelConfig
from trifid.models.pictures import picture_cnn, resnet18
from trifid.registry import register
from trifid.training.recipe import Recipe, SplitConfig, TrainingConfig
from trifid.transforms.augment import AugmentConfig
from trifid.transforms.pipeline import ImageInput

_PICTURE = ImageInput(modality="image_rgb", bands=("red", "green", "blue"), crop=64, norm="zscore")


@register("recipe")
def galaxyzoo() -> Recipe:
    """Three convolutions on the central 64 pixels of a colour picture."""
    return _recipe("galaxyzoo", picture_cnn())


@register("recipe")
def galaxyzoo_resnet18() -> Recipe:
    """ResNet-18 from random weights on the central 64 pixels of a colour picture."""
    return _recipe("galaxyzoo_resnet18", resnet18())


def _recipe(name: str, model: ModelConfig) -> Recipe:
    return Recipe(
        name=name,
        task="galaxyzoo",
        split=SplitConfig(by="group"),
        inputs={"image_rgb": _PICTURE},
        model=model,
        training=TrainingConfig(
            epochs=20,
            batch_size=32,
            schedule="cosine",
            warmup=1,
            label_smoothing=0.0,
            mixup=0.0,
            augment=AugmentConfig(flips=True, rotations=True),
        ),
    )
