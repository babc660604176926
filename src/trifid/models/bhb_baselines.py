"""What BATMM is compared with: single encoders and early fusion of their vectors.

    image    -> SE, ResNet-50 -> average over tokens -> linear 512, ReLU --+
                                                                           +-- fuse --> linear K
    spectrum -> segments, VGG19-1D -> global average -> linear 512, ReLU --+

    one input      VGG1D or ResNet: nothing to fuse
    add            v_image + v_spectrum                                (512)
    concat         v_image next to v_spectrum                         (1024)
    vgg1d          the 1024 numbers as a sequence through VGG19-1D     (512)

Paper: BATMM, section 7.4 and the encoder ablation of table 6. Parameters for two classes:

    VGG1D 7,011,650    ResNet 24,564,478    both: add 31,575,102, concat 31,576,126,
    vgg1d 38,258,686

SVM and XGBoost on spectra are in the classical models, the Transformer on spectra alone is
`batmm` without an image.

Differs from the paper:
- Any modality may be missing: its vector is zero.
- Vectors pass a ReLU before the linear classifier; the paper does not say.
- ResNet-50 starts from random weights unless `image.pretrained` is set.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from trifid.encoders.base import EncoderPart
from trifid.encoders.batmm_image import BatmmImageConfig
from trifid.encoders.batmm_spectrum import BatmmSpectrumConfig
from trifid.encoders.timm_backbone import fetch_all, width_of
from trifid.encoders.vgg1d import VGG19, Plan, Vgg1dTrunk
from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.models.batmm import (
    CLASSES,
    ORDER,
    PAPER,
    SMALL_IMAGE,
    SMALL_SPECTRUM,
    input_weights,
)
from trifid.nn.masked_norm import mask_of
from trifid.registry import register
from trifid.schema.batch import Batch, Output
from trifid.schema.signature import Signature


class BhbBaselineConfig(ModelConfig):
    """Encoders as in BATMM and one way to fuse their vectors.

    Attributes:
        image: Encoder of the image.
        spectrum: Encoder of the spectrum.
        width: Width of the vectors.
        fuse: Sum, concatenation, or the concatenation read as a sequence by a second VGG.
        plan: Stages of that second VGG.
    """

    kind: Literal["bhb_baseline"] = "bhb_baseline"
    image: EncoderPart = BatmmImageConfig(width=0)
    spectrum: EncoderPart = BatmmSpectrumConfig(tokens_out=1)
    width: int = 512
    fuse: Literal["add", "concat", "vgg1d"] = "concat"
    plan: Plan = VGG19

    def build(self, signature: Signature) -> "BhbBaseline":
        """The module for these inputs and classes."""
        return BhbBaseline(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """As for BATMM: a five-band image of 64 pixels and 3522 spectrum pixels."""
        inputs = {"image": (5, 32, 32), "spectrum": (400,)}
        if not small:
            inputs = {"image": (5, 64, 64), "spectrum": (3522,)}
        return Signature(inputs=inputs, classes=CLASSES)


class BhbBaseline(nn.Module):
    """Batch with image, spectrum or both -> Output with logits (B, K)."""

    def __init__(self, config: BhbBaselineConfig, signature: Signature) -> None:
        super().__init__()
        if not signature.inputs or set(signature.inputs) - set(ORDER):
            raise ConfigError(
                f"bhb_baseline takes {', '.join(ORDER)}; got {sorted(signature.inputs)}"
            )
        self.names = tuple(name for name in ORDER if name in signature.inputs)
        self.encoders = nn.ModuleDict(
            {name: getattr(config, name).build(signature.inputs[name]) for name in self.names}
        )
        widths = {n: width_of(e, getattr(config, n)) for n, e in self.encoders.items()}
        self.vectors = nn.ModuleDict({n: nn.Linear(w, config.width) for n, w in widths.items()})
        self.fuse = config.fuse if len(self.names) > 1 else "add"
        self.trunk = Vgg1dTrunk(config.plan) if self.fuse == "vgg1d" else None
        final = {
            "add": config.width,
            "concat": config.width * len(self.names),
            "vgg1d": config.plan[-1][0],
        }
        self.classify = nn.Linear(final[self.fuse], signature.outputs)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row; with `explain` the tokens and the encoders' weights too."""
        tokens = {name: self.encoders[name](batch.inputs[name]) for name in self.names}
        vectors = [self._vector(name, value, batch) for name, value in tokens.items()]
        embedding = self._fused(vectors, batch)
        return Output(
            logits=self.classify(embedding),
            embedding=embedding,
            tokens=tokens if explain else {},
            attention=input_weights(self.encoders, batch) if explain else {},
        )

    def set_epoch(self, epoch: int, epochs: int) -> None:
        """Fetches ImageNet weights where asked for."""
        fetch_all(self)

    def _vector(self, name: str, tokens: Tensor, batch: Batch) -> Tensor:
        """(B, E); zero for absent rows."""
        vector = torch.relu(self.vectors[name](tokens.mean(dim=1)))
        return torch.where(batch.inputs[name].present[:, None], vector, vector.new_zeros(()))

    def _fused(self, vectors: list[Tensor], batch: Batch) -> Tensor:
        if self.fuse == "add":
            return torch.stack(vectors).sum(dim=0)
        joined = torch.cat(vectors, dim=1)
        if self.trunk is None:
            return joined
        mask = mask_of(batch.present.any(dim=1), self.training)
        return self.trunk(joined[:, None, :], mask).mean(dim=2)


@register("model", paper="BATMM, section 7.4.3")
def bhb_early_add() -> BhbBaselineConfig:
    """Sum of the vectors of both encoders; with one input VGG1D or ResNet alone."""
    return BhbBaselineConfig(fuse="add")


@register("model", paper="BATMM, section 7.4.4")
def bhb_early_concat() -> BhbBaselineConfig:
    """Both vectors side by side."""
    return BhbBaselineConfig(fuse="concat")


@register("model", paper="BATMM, section 7.4.5")
def bhb_early_vgg1d() -> BhbBaselineConfig:
    """Both vectors as one sequence through a second VGG1D."""
    return BhbBaselineConfig(fuse="vgg1d")


@register("model", paper="BATMM, table 6")
def bhb_plain() -> BhbBaselineConfig:
    """Sum of the vectors of encoders without segment attention and SE block."""
    return BhbBaselineConfig(
        image=BatmmImageConfig(width=0, excitation=False),
        spectrum=BatmmSpectrumConfig(tokens_out=1, segments=1),
        fuse="add",
    )


@register("model", paper=PAPER)
def bhb_early_small() -> BhbBaselineConfig:
    """Shallow encoders and a small VGG on the fused vector, for tests."""
    return BhbBaselineConfig(
        image=SMALL_IMAGE,
        spectrum=SMALL_SPECTRUM,
        width=16,
        fuse="vgg1d",
        plan=((8, 1), (16, 1)),
    )
