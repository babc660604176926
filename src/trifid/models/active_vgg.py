"""The network of active learning on spectra: a short VGG in one dimension, two dense layers.

    spectrum (L,) -> min-max to -1..1 -> conv 64, 64, pool -> conv 128, 128, pool ->
        conv 256, 256, pool -> flatten 256 x 17 -> dense 512 -> dense 512 -> linear K

Paper: active learning on spectra (code podondra/active-cnn). Shapes with 140 pixels: (64, 70),
(128, 35), (256, 17), 4352 features; parameters for two classes: 2,874,434.

Differs from the paper:
- Longer spectra are averaged to 17 positions before the dense layers: flattened, 3843 pixels would
  need 63 million weights in the first of them. The 140 pixels of the example are from memory
  (unverified).
- Pixels without data are 0 after the scaling and do not set its limits.
- The rest of the method (queries, oracle, balancing) is not part of the network.
"""

from typing import Literal, cast

import torch
from torch import Tensor, nn

from trifid.encoders.vgg1d import Plan, Vgg1dTrunk
from trifid.models.base import ModelConfig
from trifid.models.sznet import only_spectrum
from trifid.nn.masked_norm import mask_of
from trifid.registry import register
from trifid.schema.batch import Batch, Output, Spectrum
from trifid.schema.signature import Signature

PAPER = "Podsztavek, Skoda and Tvrdik: active learning on spectra"


class ActiveVggConfig(ModelConfig):
    """Stages (channels, convolutions), positions kept, dense layers and dropout."""

    kind: Literal["active_vgg"] = "active_vgg"
    plan: Plan = ((64, 2), (128, 2), (256, 2))
    batch_norm: bool = False
    positions: int = 17
    hidden: tuple[int, ...] = (512, 512)
    dropout: float = 0.5

    def build(self, signature: Signature) -> "ActiveVgg":
        """The module for one spectrum and these classes."""
        return ActiveVgg(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """140 pixels and two classes."""
        return Signature(inputs={"spectrum": (140,)}, classes=("EMISSION", "OTHER"))


class ActiveVgg(nn.Module):
    """Batch with one spectrum -> Output with logits (B, K)."""

    def __init__(self, config: ActiveVggConfig, signature: Signature) -> None:
        super().__init__()
        self.name = only_spectrum(signature)
        self.trunk = Vgg1dTrunk(config.plan, batch_norm=config.batch_norm)
        self.pool = nn.AdaptiveAvgPool1d(config.positions)
        self.dense = nn.Sequential()
        inward = config.plan[-1][0] * config.positions
        for width in config.hidden:
            self.dense.extend((nn.Linear(inward, width), nn.ReLU(), nn.Dropout(config.dropout)))
            inward = width
        self.classify = nn.Linear(inward, signature.outputs)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row; with `explain` the tokens along wavelength too."""
        spectrum = cast(Spectrum, batch.inputs[self.name])
        mask = mask_of(spectrum.present, self.training)
        features = self.pool(self.trunk(min_max(spectrum)[:, None, :], mask))  # (B, C, P)
        features = torch.where(spectrum.present[:, None, None], features, features.new_zeros(()))
        embedding = self.dense(features.flatten(1))
        return Output(
            logits=self.classify(embedding),
            embedding=embedding,
            tokens={self.name: features.transpose(1, 2)} if explain else {},
        )


def min_max(spectrum: Spectrum) -> Tensor:
    """Each spectrum's flux (B, L) from -1, its lowest value, to 1; 0 where there are no data."""
    known = spectrum.ivar > 0
    with torch.no_grad():
        low = torch.where(known, spectrum.flux, torch.inf).amin(dim=1, keepdim=True)
        high = torch.where(known, spectrum.flux, -torch.inf).amax(dim=1, keepdim=True)
        usable = high > low  # false too where no pixel is known
        low = torch.where(usable, low, torch.zeros_like(low))
        span = torch.where(usable, high - low, torch.ones_like(low))
    scaled = 2.0 * (spectrum.flux - low) / span - 1.0
    return torch.where(known & usable, scaled, scaled.new_zeros(()))


@register("model", paper=PAPER)
def active_vgg() -> ActiveVggConfig:
    """A short VGG in one dimension with two dense layers."""
    return ActiveVggConfig()


@register("model", paper=PAPER)
def active_vgg_small() -> ActiveVggConfig:
    """The same with few channels, for tests."""
    return ActiveVggConfig(
        plan=((8, 1), (8, 1)), batch_norm=True, positions=4, hidden=(16,), dropout=0.0
    )
