"""Five networks made for ImageNet on colour pictures of the sky: quasar, galaxy or star.

    image_rgb (3, 512, 512) in 0..1 -> backbone -> global average -> linear K

Paper: quasar, galaxy and star from JPEG cutouts and table, table 5. It names no head; its
parameter counts do: each is the Keras network without top plus a dense layer of three units on the
global average. The same counts, and where timm's differ:

                    paper = Keras   timm + head   moving mean and      else
                                                  variance
    resnet50           23,593,859    23,514,179         53,120    26,560 biases of convolutions
    vgg16              14,716,227    14,716,227              0
    xception           20,867,627    20,813,099         54,528
    efficientnet_b2     7,772,796     7,705,221         67,568    7 of a normalisation layer
    densenet121         7,040,579     6,956,931         83,648

Differs from the paper:
- Weights are random unless `backbone.pretrained` is set, which needs the network once; timm has no
  safetensors weights of Xception.
- Which layers the paper unfreezes when is not stated: `unfreeze` gives the share of layers with
  weights, counted from the output, that learn in each equal stage of the epochs.
- The picture may be missing: the answer is then the head's bias.
"""

from typing import Literal, Self, cast

import torch
from torch import nn

from trifid.encoders.base import EncoderPart
from trifid.encoders.batmm_image import BatmmImageConfig
from trifid.encoders.timm_backbone import (
    TimmBackboneConfig,
    fetch_all,
    hold_frozen,
    layer_counts,
    stage_of,
    train_top,
    width_of,
)
from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.registry import register
from trifid.schema.batch import Batch, Output
from trifid.schema.signature import Signature

PAPER = "star/galaxy/quasar from image and table, table 5"
CLASSES = ("STAR", "GALAXY", "QSO")
SMALL_BACKBONE = BatmmImageConfig(
    excitation=False, stem=8, blocks=(1, 1, 1), widths=(4, 8, 8), width=0, grid=1
)


class ImageNetConfig(ModelConfig):
    """A backbone with a linear layer on its global average.

    Attributes:
        backbone: An image encoder that gives one token.
        unfreeze: Share of its layers that learn in each stage; empty: all of them, always.
    """

    kind: Literal["imagenet"] = "imagenet"
    backbone: EncoderPart = TimmBackboneConfig()
    unfreeze: tuple[float, ...] = ()

    def build(self, signature: Signature) -> "ImageNet":
        """The module for one picture and these classes."""
        return ImageNet(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """A picture of 512 pixels, or of 32 for tests."""
        side = 32 if small else 512
        return Signature(inputs={"image_rgb": (3, side, side)}, classes=CLASSES)


class ImageNet(nn.Module):
    """Batch with one image -> Output with logits (B, K)."""

    def __init__(self, config: ImageNetConfig, signature: Signature) -> None:
        super().__init__()
        self.name = only_image(signature)
        self.backbone = config.backbone.build(signature.inputs[self.name])
        self.classify = nn.Linear(width_of(self.backbone, config.backbone), signature.outputs)
        self.unfreeze = config.unfreeze

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row; with `explain` the token too."""
        tokens = self.backbone(batch.inputs[self.name])  # (B, 1, E)
        embedding = tokens.mean(dim=1)
        return Output(
            logits=self.classify(embedding),
            embedding=embedding,
            tokens={self.name: tokens} if explain else {},
        )

    def set_epoch(self, epoch: int, epochs: int) -> None:
        """Fetches ImageNet weights where asked for; lets more layers learn, stage by stage."""
        fetch_all(self)
        unfreeze_by_stage(self.backbone, self.unfreeze, epoch, epochs)

    def train(self, mode: bool = True) -> Self:
        """Sets the mode; frozen layers keep their statistics."""
        super().train(mode)
        hold_frozen(self)
        return self


def only_image(signature: Signature) -> str:
    """The name of the one image among the inputs.

    Raises:
        ConfigError: If there is none, or more than one.
    """
    images = [name for name, shape in signature.inputs.items() if len(shape) == 3]
    if len(images) != 1:
        raise ConfigError(f"this model takes one image; got {sorted(signature.inputs)}")
    return images[0]


def unfreeze_by_stage(
    backbone: nn.Module, shares: tuple[float, ...], epoch: int, epochs: int
) -> None:
    """Lets the share of layers learn that this epoch's stage has; without shares, all do."""
    if shares:
        train_top(backbone, shares[stage_of(epoch, epochs, len(shares))])
        backbone.train(backbone.training)


def stage_layers(config: ModelConfig) -> list[tuple[int, int, int]]:
    """Layers of the backbone in all, frozen and learning, in each stage; empty without a backbone.

    Counted are layers with weights; Keras, as in the paper, counts activations and poolings too.
    """
    if getattr(config, "backbone", None) is None:
        return []
    shares: tuple[float, ...] = getattr(config, "unfreeze", ()) or (1.0,)
    with torch.device("meta"):
        model = cast(ImageNet, config.build(config.example()))
    counts: list[tuple[int, int, int]] = []
    for share in shares:
        train_top(model.backbone, share)
        counts.append(layer_counts(model.backbone))
    return counts


def _timm(name: str) -> ImageNetConfig:
    return ImageNetConfig(backbone=TimmBackboneConfig(name=name))


@register("model", paper=PAPER)
def resnet50() -> ImageNetConfig:
    """ResNet-50 with a linear head; random weights unless backbone.pretrained is set."""
    return _timm("resnet50")


@register("model", paper=PAPER)
def vgg16() -> ImageNetConfig:
    """VGG-16 without its dense layers, with a linear head."""
    return _timm("vgg16")


@register("model", paper=PAPER)
def xception() -> ImageNetConfig:
    """Xception with a linear head."""
    return _timm("legacy_xception")


@register("model", paper=PAPER)
def efficientnet_b2() -> ImageNetConfig:
    """EfficientNet-B2 with a linear head."""
    return _timm("efficientnet_b2")


@register("model", paper=PAPER)
def densenet121() -> ImageNetConfig:
    """DenseNet-121 with a linear head."""
    return _timm("densenet121")


@register("model", paper=PAPER)
def imagenet_small() -> ImageNetConfig:
    """A shallow residual network with a linear head, for tests; needs no timm."""
    return ImageNetConfig(backbone=SMALL_BACKBONE)
