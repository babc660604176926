"""Recipes for sgq3 on colour pictures: ImageNet's networks, alone and next to a table.

Differs from the paper:
- Training, validation and test are apart (14/3/3 parts); the paper reports on the rows it
  validates on.
- Pictures are scaled by one mean and sd per colour of the training rows; 224 pixels, 512 in the
  `_paper` recipes.
- Weights are random, but for the `_paper` recipes: those begin from ImageNet and let the top 15 %
  (ResNet-50) or 3 % (EfficientNet-B2) of the layers learn in the second half, the shares of the
  paper's table of frozen layers. They need the network once. Xception has no such recipe: timm has
  its weights only in a form that could run code.
- The table holds no redshift, but for the `_paper` recipes; which six features the paper had, it
  does not say.
- Classes are balanced by sampling instead of by weights in the loss.
"""

from typing import Any

from trifid.encoders.timm_backbone import TimmBackboneConfig
from trifid.models.base import ModelConfig
from trifid.models.cnn_ann import PAPER, CnnAnnConfig, cnn_ann_small
from trifid.models.imagenet import ImageNetConfig, imagenet_small
from trifid.registry import register
from trifid.training.recipe import Recipe, SplitConfig, TrainingConfig
from trifid.transforms.pipeline import ImageInput, TableInput

_ALONE = "star/galaxy/quasar from image and table, table 5"
_PICTURE = ImageInput(
    modality="image_rgb", bands=("red", "green", "blue"), resize=224, norm="zscore"
)


def _recipe(name: str, model: ModelConfig, **inputs: Any) -> Recipe:
    both = len(inputs) > 1
    return Recipe(
        name=name,
        task="sgq3",
        split=SplitConfig(by="group"),
        inputs=inputs,
        model=model,
        training=TrainingConfig(
            epochs=30,
            batch_size=16,
            learning_rate=1e-3 if name.endswith(("_paper", "_small")) else 1e-4,
            schedule="cosine",
            label_smoothing=0.0,
            mixup=0.0,
            modality_dropout=0.2 if both and not name.endswith("_paper") else 0.0,
            patience=5,
        ),
    )


def _backbone(name: str, *, pretrained: bool = False) -> TimmBackboneConfig:
    """The picture is scaled by the recipe, so the network need not."""
    return TimmBackboneConfig(name=name, pretrained=pretrained, standardise=False)


def _alone(name: str, network: str) -> Recipe:
    return _recipe(name, ImageNetConfig(backbone=_backbone(network)), image_rgb=_PICTURE)


def _fused(name: str, network: str) -> Recipe:
    model = CnnAnnConfig(backbone=_backbone(network))
    return _recipe(name, model, image_rgb=_PICTURE, table=TableInput())


def _published(name: str, network: str, share: float) -> Recipe:
    backbone = _backbone(network, pretrained=True)
    return _recipe(
        name,
        CnnAnnConfig(backbone=backbone, unfreeze=(0.0, share)),
        image_rgb=_PICTURE.replace(resize=512),
        table=TableInput(feature_set="ugriz_z"),
    )


@register("recipe", paper=_ALONE)
def sgq3_resnet50() -> Recipe:
    """ResNet-50 on the colour picture."""
    return _alone("sgq3_resnet50", "resnet50")


@register("recipe", paper=_ALONE)
def sgq3_vgg16() -> Recipe:
    """VGG-16 on the colour picture."""
    return _alone("sgq3_vgg16", "vgg16")


@register("recipe", paper=_ALONE)
def sgq3_xception() -> Recipe:
    """Xception on the colour picture."""
    return _alone("sgq3_xception", "legacy_xception")


@register("recipe", paper=_ALONE)
def sgq3_efficientnet_b2() -> Recipe:
    """EfficientNet-B2 on the colour picture."""
    return _alone("sgq3_efficientnet_b2", "efficientnet_b2")


@register("recipe", paper=_ALONE)
def sgq3_densenet121() -> Recipe:
    """DenseNet-121 on the colour picture."""
    return _alone("sgq3_densenet121", "densenet121")


@register("recipe", paper=_ALONE)
def sgq3_picture_small() -> Recipe:
    """A shallow residual network on the colour picture of 64 pixels, for a laptop."""
    small = _PICTURE.replace(resize=64)
    return _recipe("sgq3_picture_small", imagenet_small(), image_rgb=small)


@register("recipe", paper=PAPER)
def sgq3_resnet50_ann() -> Recipe:
    """ResNet-50 on the picture and a perceptron on PSF colours."""
    return _fused("sgq3_resnet50_ann", "resnet50")


@register("recipe", paper=PAPER)
def sgq3_xception_ann() -> Recipe:
    """Xception on the picture and a perceptron on PSF colours."""
    return _fused("sgq3_xception_ann", "legacy_xception")


@register("recipe", paper=PAPER)
def sgq3_efficientnet_b2_ann() -> Recipe:
    """EfficientNet-B2 on the picture and a perceptron on PSF colours."""
    return _fused("sgq3_efficientnet_b2_ann", "efficientnet_b2")


@register("recipe", paper=PAPER)
def sgq3_cnn_ann_small() -> Recipe:
    """A shallow residual network on the picture of 64 pixels and a perceptron, for a laptop."""
    small = _PICTURE.replace(resize=64)
    return _recipe("sgq3_cnn_ann_small", cnn_ann_small(), image_rgb=small, table=TableInput())


@register("recipe", paper=PAPER)
def sgq3_resnet50_ann_paper() -> Recipe:
    """As published: ImageNet weights, top layers unfrozen, magnitudes and redshift."""
    return _published("sgq3_resnet50_ann_paper", "resnet50", 26 / 176)


@register("recipe", paper=PAPER)
def sgq3_efficientnet_b2_ann_paper() -> Recipe:
    """As published: ImageNet weights, top layers unfrozen, magnitudes and redshift."""
    return _published("sgq3_efficientnet_b2_ann_paper", "efficientnet_b2", 10 / 340)
