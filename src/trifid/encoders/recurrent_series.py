"""A recurrent encoder for light curves of any length, in any number of bands."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.nn.recurrent import BiGRU
from trifid.schema.batch import Series


class RecurrentSeriesConfig(EncoderConfig):
    """A BiGRU over the valid points, each with flux, error, time since the last one and band."""

    kind: Literal["recurrent_series"] = "recurrent_series"
    bands: int = 6
    hidden: int = 64
    width: int = 128

    @property
    def tokens(self) -> int:
        """One token: the last states of both directions."""
        return 1

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module; any number of points (T,) fits."""
        return RecurrentSeries(self)


class RecurrentSeries(nn.Module):
    """Series -> (B, 1, width); points are taken in the order they come, invalid ones skipped."""

    def __init__(self, config: RecurrentSeriesConfig) -> None:
        super().__init__()
        self.band = nn.Embedding(config.bands, config.hidden)
        self.point = nn.Linear(3, config.hidden)
        self.recurrent = BiGRU(config.hidden, config.width)

    def forward(self, series: Series) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        valid = series.valid & series.present[:, None]
        zero = series.flux.new_zeros(())
        point = torch.stack([series.flux, series.error, time_since_last(series.time, valid)], dim=2)
        point = torch.where(valid[..., None], point, zero)  # (B, T, 3)
        band = torch.where(valid, series.band.long(), 0).clamp(0, self.band.num_embeddings - 1)
        _, ends = self.recurrent(torch.relu(self.point(point) + self.band(band)), valid)
        return ends[:, None]


def time_since_last(time: Float[Tensor, "B T"], valid: Bool[Tensor, "B T"]) -> Float[Tensor, "B T"]:
    """Time since the last valid point before each one; 0 for the first and for invalid points."""
    place = torch.arange(time.shape[1], device=time.device)
    last = torch.where(valid, place, -1).cummax(dim=1).values  # (B, T) including itself
    before = torch.nn.functional.pad(last[:, :-1], (1, 0), value=-1)
    passed = time - time.gather(1, before.clamp_min(0))
    known = valid & (before >= 0)
    return torch.where(known, passed, passed.new_zeros(())).to(torch.float32)
