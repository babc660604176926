"""CNN + ANN: a colour picture and a catalogue row fused by their features.

    image_rgb (3, 512, 512) -> backbone -> global average -> dense 256, ReLU --+
                                                                               +-- concat
    table (6,) -> dense 64 -> 32 -> 16, each with ReLU ------------------------+    272
                                                                                     |
                                               dense 128, ReLU -> dropout 0.3 -> linear K

Paper: quasar, galaxy and star from JPEG cutouts and table, tables 7 and 8; it calls this late
fusion, though features are fused. It gives no layer sizes. Parameters for three classes, and what
is added to the backbone (Keras count; timm's adds the same):

                         paper                      here, counted as Keras does
    resnet50_ann         24,321,519 (+   733,807)    24,150,643 (+ 562,931)
    xception_ann         22,131,607 (+ 1,270,127)    21,424,411 (+ 562,931)
    efficientnet_b2_ann   8,764,776 (+   996,207)     8,167,660 (+ 399,091)

Differs from the paper:
- The ANN's 64-32-16 (`models/ann.py` is the same alone) and the fused 256, 128 and dropout are
  ours: no simple reading gives the paper's three additions at once.
- Either input may be missing: its features are zero.
- Weights are random unless `backbone.pretrained` is set; see `models/imagenet.py` for `unfreeze`
  and for the backbones' own counts.
"""

from itertools import pairwise
from typing import Literal, Self, cast

import torch
from torch import nn

from trifid.encoders.base import EncoderPart
from trifid.encoders.timm_backbone import TimmBackboneConfig, fetch_all, hold_frozen, width_of
from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.models.imagenet import CLASSES, SMALL_BACKBONE, only_image, unfreeze_by_stage
from trifid.registry import register
from trifid.schema.batch import Batch, Output, Table
from trifid.schema.signature import Signature

PAPER = "star/galaxy/quasar from image and table, tables 7 and 8"


class CnnAnnConfig(ModelConfig):
    """A backbone, a perceptron and what joins them.

    Attributes:
        backbone: An image encoder that gives one token.
        hidden: Widths of the perceptron's layers.
        image_width: Width of the dense layer after the backbone.
        fused_width: Width of the dense layer after the concatenation.
        dropout: Before the last layer.
        unfreeze: Share of the backbone's layers that learn in each stage; empty: all, always.
    """

    kind: Literal["cnn_ann"] = "cnn_ann"
    backbone: EncoderPart = TimmBackboneConfig()
    hidden: tuple[int, ...] = (64, 32, 16)
    image_width: int = 256
    fused_width: int = 128
    dropout: float = 0.3
    unfreeze: tuple[float, ...] = ()

    def build(self, signature: Signature) -> "CnnAnn":
        """The module for a picture and a table, and these classes."""
        return CnnAnn(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """A picture of 512 pixels (32 for tests) and six features."""
        side = 32 if small else 512
        return Signature(inputs={"image_rgb": (3, side, side), "table": (6,)}, classes=CLASSES)


class CnnAnn(nn.Module):
    """Batch with image, table or both -> Output with logits (B, K)."""

    def __init__(self, config: CnnAnnConfig, signature: Signature) -> None:
        super().__init__()
        self.name = only_image(signature)
        if set(signature.inputs) != {self.name, "table"}:
            raise ConfigError(f"cnn_ann takes an image and a table; got {sorted(signature.inputs)}")
        self.table = Perceptron((*signature.inputs["table"], *config.hidden))
        self.backbone = config.backbone.build(signature.inputs[self.name])
        self.image = nn.Linear(width_of(self.backbone, config.backbone), config.image_width)
        self.fused = nn.Linear(config.image_width + config.hidden[-1], config.fused_width)
        self.dropout = nn.Dropout(config.dropout)
        self.classify = nn.Linear(config.fused_width, signature.outputs)
        self.unfreeze = config.unfreeze

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row; with `explain` the tokens too."""
        picture, row = batch.inputs[self.name], cast(Table, batch.inputs["table"])
        tokens = self.backbone(picture)  # (B, 1, E)
        image = torch.relu(self.image(tokens.mean(dim=1)))
        image = torch.where(picture.present[:, None], image, image.new_zeros(()))
        table = self.table(row.values)
        table = torch.where(row.present[:, None], table, table.new_zeros(()))
        embedding = torch.relu(self.fused(torch.cat([image, table], dim=1)))
        return Output(
            logits=self.classify(self.dropout(embedding)),
            embedding=embedding,
            tokens={self.name: tokens, "table": table[:, None]} if explain else {},
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


class Perceptron(nn.Sequential):
    """Linear layers with ReLU, from the first width to the last."""

    def __init__(self, widths: tuple[int, ...]) -> None:
        parts = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(widths)]
        super().__init__(*[layer for pair in parts for layer in pair])


@register("model", paper=PAPER)
def resnet50_ann() -> CnnAnnConfig:
    """ResNet-50 and a perceptron, fused by concatenation."""
    return CnnAnnConfig()


@register("model", paper=PAPER)
def xception_ann() -> CnnAnnConfig:
    """Xception and a perceptron, fused by concatenation."""
    return CnnAnnConfig(backbone=TimmBackboneConfig(name="legacy_xception"))


@register("model", paper=PAPER)
def efficientnet_b2_ann() -> CnnAnnConfig:
    """EfficientNet-B2 and a perceptron, fused by concatenation."""
    return CnnAnnConfig(backbone=TimmBackboneConfig(name="efficientnet_b2"))


@register("model", paper=PAPER)
def cnn_ann_small() -> CnnAnnConfig:
    """A shallow residual network and a perceptron, for tests; needs no timm."""
    return CnnAnnConfig(backbone=SMALL_BACKBONE, image_width=16, fused_width=16, dropout=0.0)
