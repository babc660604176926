"""GalSpecNet: four galaxy classes from a spectrum by a plain 1-D convolutional network.

    spectrum (L,) -> conv 3, ReLU, max-pool 4 -> conv 3, ReLU, max-pool 4 -> conv 3, ReLU,
                     max-pool 4 -> conv 3, ReLU -> flatten -> dropout -> 128, ReLU -> K classes

Paper: Wu et al. 2023 (classes of emission-line galaxies of SDSS DR16); layers as in public
re-implementations of it. Shapes, with parameters in brackets:

    spectrum  (B, 1, 2600) -> (64, 649) -> (64, 161) -> (32, 39) -> (32, 37)               [21,888]
    flatten   (B, 1184) -> 128 -> 4                                                       [152,196]

Differs from the paper:
- Only 32 * 37 numbers after the last convolution are known, which fits 2538 to 2601 pixels; any
  length of at least 244 pixels is taken. The hidden layer of 128 and dropout 0.5 are ours.
- A missing spectrum is answered with the last layer's bias.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import nn

from trifid.errors import ConfigError
from trifid.models.base import ModelConfig
from trifid.registry import register
from trifid.schema.batch import Batch, Output, Spectrum
from trifid.schema.signature import Signature

PAPER = "GalSpecNet, Wu et al. 2023"
KERNEL, POOL = 3, 4


class GalSpecNetConfig(ModelConfig):
    """Channels of the convolutions and the hidden layer."""

    kind: Literal["galspecnet"] = "galspecnet"
    channels: tuple[int, ...] = (64, 64, 32, 32)
    hidden: int = 128
    dropout: float = 0.5

    def build(self, signature: Signature) -> "GalSpecNet":
        """The module for this spectrum and these classes."""
        return GalSpecNet(self, signature)

    def example(self, *, small: bool = False) -> Signature:
        """A spectrum of 2600 pixels and the paper's four classes."""
        return Signature(
            inputs={"spectrum": (400 if small else 2600,)},
            classes=("SF", "COMP", "AGN", "NORMAL"),
        )


class GalSpecNet(nn.Module):
    """Batch with a spectrum -> Output with logits (B, K)."""

    def __init__(self, config: GalSpecNetConfig, signature: Signature) -> None:
        super().__init__()
        if set(signature.inputs) != {"spectrum"}:
            raise ConfigError(f"galspecnet takes a spectrum alone; got {sorted(signature.inputs)}")
        self.convolutions = nn.ModuleList(
            nn.Conv1d(a, b, KERNEL) for a, b in pairwise((1, *config.channels))
        )
        left = final_length(signature.inputs["spectrum"][0], len(config.channels))
        self.dropout = nn.Dropout(config.dropout)
        self.dense = nn.Linear(config.channels[-1] * left, config.hidden)
        self.head = nn.Linear(config.hidden, signature.outputs)

    def forward(self, batch: Batch, *, explain: bool = False) -> Output:
        """Scores of each row."""
        spectrum = batch.inputs["spectrum"]
        if not isinstance(spectrum, Spectrum):
            raise ConfigError("galspecnet: `spectrum` is no spectrum")
        x = spectrum.flux[:, None]  # (B, 1, L)
        for i, convolve in enumerate(self.convolutions):
            x = torch.relu(convolve(x))
            if i + 1 < len(self.convolutions):
                x = nn.functional.max_pool1d(x, POOL)
        features = torch.relu(self.dense(self.dropout(x.flatten(1))))
        features = torch.where(spectrum.present[:, None], features, features.new_zeros(()))
        tokens = {"spectrum": features[:, None]} if explain else {}
        return Output(logits=self.head(features), embedding=features, tokens=tokens)


def final_length(length: int, convolutions: int) -> int:
    """Pixels left after the last convolution.

    Raises:
        ConfigError: If the spectrum is too short.
    """
    left = length
    for i in range(convolutions):
        left -= KERNEL - 1
        if i + 1 < convolutions:
            left //= POOL
    if left < 1:
        raise ConfigError(f"galspecnet: a spectrum of {length} pixels is too short")
    return left


@register("model", paper=PAPER)
def galspecnet() -> GalSpecNetConfig:
    """GalSpecNet: four convolutions on a spectrum."""
    return GalSpecNetConfig()


@register("model", paper=PAPER)
def galspecnet_small() -> GalSpecNetConfig:
    """GalSpecNet at a quarter of the width, for tests and quick looks."""
    return GalSpecNetConfig(channels=(16, 16, 8, 8), hidden=32)
