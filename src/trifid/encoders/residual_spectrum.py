"""A 1-D residual network: spectrum -> tokens along wavelength."""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.nn.masked_norm import MaskedBatchNorm, mask_of
from trifid.nn.residual import ResidualBlock
from trifid.schema.batch import Spectrum


class ResidualSpectrumConfig(EncoderConfig):
    """A strided stem, then stages of residual blocks, each halving the spectrum but the first."""

    kind: Literal["residual_spectrum"] = "residual_spectrum"
    channels: tuple[int, ...] = (32, 64, 128, 128)
    blocks: int = 2
    width: int = 128
    tokens_out: int = 1

    @property
    def tokens(self) -> int:
        """Number of tokens along wavelength."""
        return self.tokens_out

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module; any length (L,) fits."""
        return ResidualSpectrum(self)


class ResidualSpectrum(nn.Module):
    """Spectrum -> (B, tokens, width). Paper: ISTL's spectrum branch; see `models/istl.py`."""

    def __init__(self, config: ResidualSpectrumConfig) -> None:
        super().__init__()
        first = config.channels[0]
        self.stem = nn.Conv1d(1, first, 7, 2, padding=3, bias=False)
        self.stem_norm = MaskedBatchNorm(first)
        self.blocks = nn.ModuleList(
            ResidualBlock(a if i == 0 else b, b, 2 if i == 0 and stage > 0 else 1, dimensions=1)
            for stage, (a, b) in enumerate(pairwise((first, *config.channels)))
            for i in range(config.blocks)
        )
        self.pool = nn.AdaptiveAvgPool1d(config.tokens_out)
        self.project = nn.Linear(config.channels[-1], config.width)

    def forward(self, spectrum: Spectrum) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        mask = mask_of(spectrum.present, self.training)
        x = torch.relu(self.stem_norm(self.stem(spectrum.flux[:, None]), mask))
        for block in self.blocks:
            x = block(x, mask)
        tokens = self.project(self.pool(x).transpose(1, 2))  # (B, T, E)
        return torch.where(spectrum.present[:, None, None], tokens, tokens.new_zeros(()))
