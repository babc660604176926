"""A recurrent encoder that reads a spectrum chunk by chunk."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.nn.recurrent import BiGRU
from trifid.schema.batch import Spectrum


class RecurrentSpectrumConfig(EncoderConfig):
    """A BiGRU over chunks of neighbouring pixels; chunks without data are skipped."""

    kind: Literal["recurrent_spectrum"] = "recurrent_spectrum"
    chunk: int = 48
    hidden: int = 64
    width: int = 128

    @property
    def tokens(self) -> int:
        """One token: the last states of both directions."""
        return 1

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module; any length (L,) of at least one chunk fits."""
        return RecurrentSpectrum(self)


class RecurrentSpectrum(nn.Module):
    """Spectrum -> (B, 1, width); pixels beyond the last whole chunk are dropped."""

    def __init__(self, config: RecurrentSpectrumConfig) -> None:
        super().__init__()
        self.chunk = config.chunk
        self.embed = nn.Linear(config.chunk, config.hidden)
        self.recurrent = BiGRU(config.hidden, config.width)

    def forward(self, spectrum: Spectrum) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        count = spectrum.flux.shape[1] // self.chunk
        pixels = spectrum.flux[:, : count * self.chunk].unflatten(1, (count, self.chunk))
        known = spectrum.ivar[:, : count * self.chunk].unflatten(1, (count, self.chunk)) > 0
        valid = known.any(dim=2) & spectrum.present[:, None]  # (B, T)
        _, ends = self.recurrent(torch.relu(self.embed(pixels)), valid)
        return ends[:, None]
