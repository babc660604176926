"""A small 1-D convolutional encoder: spectrum -> tokens along wavelength."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.nn.masked_norm import MaskedBatchNorm, mask_of
from trifid.schema.batch import Spectrum


class ConvSpectrumConfig(EncoderConfig):
    """Strided convolutions with BatchNorm and ReLU, then adaptive averages along wavelength.

    With `use_valid` a second channel says which pixels hold data.
    """

    kind: Literal["conv_spectrum"] = "conv_spectrum"
    channels: tuple[int, ...] = (32, 64, 128)
    kernels: tuple[int, ...] = (11, 7, 5)
    strides: tuple[int, ...] = (2, 2, 1)
    tokens_out: int = 16
    use_valid: bool = False

    @property
    def tokens(self) -> int:
        """Number of tokens along wavelength."""
        return self.tokens_out

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module; any length (L,) fits."""
        return ConvSpectrum(self)


class ConvSpectrum(nn.Module):
    """Spectrum -> (B, tokens, channels[-1]).

    Paper: GCSNet section 3.2; table of shapes in `models/gcsnet.py`.
    """

    def __init__(self, config: ConvSpectrumConfig) -> None:
        super().__init__()
        self.use_valid = config.use_valid
        widths = (2 if config.use_valid else 1, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.Conv1d(a, b, kernel, stride, padding=kernel // 2)
            for a, b, kernel, stride in zip(
                widths, widths[1:], config.kernels, config.strides, strict=False
            )
        )
        self.norms = nn.ModuleList(MaskedBatchNorm(n) for n in config.channels)
        self.pool = nn.AdaptiveAvgPool1d(config.tokens_out)

    def forward(self, spectrum: Spectrum) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        mask = mask_of(spectrum.present, self.training)
        x = spectrum.flux[:, None, :]  # (B, 1, L)
        if self.use_valid:
            x = torch.cat([x, (spectrum.ivar > 0).to(x.dtype)[:, None, :]], dim=1)
        for convolve, norm in zip(self.convolutions, self.norms, strict=True):
            x = torch.relu(norm(convolve(x), mask))
        tokens = self.pool(x).transpose(1, 2)  # (B, T, E)
        return torch.where(spectrum.present[:, None, None], tokens, tokens.new_zeros(()))
