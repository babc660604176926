"""A Transformer encoder for light curves."""

import math
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.nn.pooling import pool_tokens
from trifid.nn.transformer import Transformer
from trifid.schema.batch import Series


class TransformerSeriesConfig(EncoderConfig):
    """Points with flux, error, band and the sines of their time; pre-norm blocks; the mean."""

    kind: Literal["transformer_series"] = "transformer_series"
    bands: int = 6
    waves: int = 8
    width: int = 128
    heads: int = 4
    layers: int = 2
    hidden: int = 256
    dropout: float = 0.1

    @property
    def tokens(self) -> int:
        """One token: the mean over valid points."""
        return 1

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module; any number of points (T,) fits."""
        return TransformerSeries(self)


class TransformerSeries(nn.Module):
    """Series -> (B, 1, width); the order of the points does not matter, their times do.

    Paper: the sines of Vaswani et al. 2017, section 3.5, of the time instead of a place; periods
    go from 2 pi to 1/1000 of the unit of the time (a typical span, after the pipeline).
    """

    frequencies: Tensor  # (waves,)

    def __init__(self, config: TransformerSeriesConfig) -> None:
        super().__init__()
        steps = torch.arange(config.waves) / max(config.waves - 1, 1)
        self.register_buffer("frequencies", torch.exp(steps * math.log(2e3 * math.pi)))
        self.band = nn.Embedding(config.bands, config.width)
        self.point = nn.Linear(2 + 2 * config.waves, config.width)
        self.transformer = Transformer(
            config.width, config.heads, config.layers, config.hidden, config.dropout
        )

    def forward(self, series: Series) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        valid = series.valid & series.present[:, None]
        phase = (series.time[..., None] * self.frequencies).to(self.point.weight.dtype)
        numbers = torch.stack([series.flux, series.error], dim=2)
        point = torch.cat([numbers, phase.sin(), phase.cos()], dim=2)
        point = torch.where(valid[..., None], point, point.new_zeros(()))
        band = torch.where(valid, series.band.long(), 0).clamp(0, self.band.num_embeddings - 1)
        tokens = self.transformer(self.point(point) + self.band(band), valid)
        return pool_tokens(tokens, valid, 1)
