"""A Transformer encoder over patches of a spectrum."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.nn.pooling import pool_tokens
from trifid.nn.transformer import Transformer
from trifid.schema.batch import Spectrum


class TransformerSpectrumConfig(EncoderConfig):
    """Patches of neighbouring pixels, learned positions, pre-norm blocks, averages."""

    kind: Literal["transformer_spectrum"] = "transformer_spectrum"
    patch: int = 48
    width: int = 128
    heads: int = 4
    layers: int = 2
    hidden: int = 256
    dropout: float = 0.1
    tokens_out: int = 16

    @property
    def tokens(self) -> int:
        """Number of tokens along wavelength."""
        return self.tokens_out

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module for spectra of shape (L,), at least one patch long."""
        return TransformerSpectrum(self, patches=shape[0] // self.patch)


class TransformerSpectrum(nn.Module):
    """Spectrum -> (B, tokens, width); patches without data are not attended to.

    Paper: the patches of Dosovitskiy et al. 2021 along wavelength.
    """

    def __init__(self, config: TransformerSpectrumConfig, patches: int) -> None:
        super().__init__()
        self.patch, self.patches, self.tokens_out = config.patch, patches, config.tokens_out
        self.embed = nn.Linear(config.patch, config.width)
        self.position = nn.Parameter(torch.randn(patches, config.width) * 0.02)
        self.transformer = Transformer(
            config.width, config.heads, config.layers, config.hidden, config.dropout
        )

    def forward(self, spectrum: Spectrum) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        length, cut = self.patches * self.patch, (self.patches, self.patch)
        known = (spectrum.ivar[:, :length] > 0).unflatten(1, cut).any(dim=2)
        known = known & spectrum.present[:, None]  # (B, P)
        x = self.embed(spectrum.flux[:, :length].unflatten(1, cut)) + self.position  # (B, P, E)
        tokens = pool_tokens(self.transformer(x, known), known, self.tokens_out)
        return torch.where(spectrum.present[:, None, None], tokens, tokens.new_zeros(()))
