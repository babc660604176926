"""BATMM's spectrum encoder: attention among wavelength segments, then VGG-19 in one dimension."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.encoders.vgg1d import VGG19, Plan, Vgg1dTrunk
from trifid.errors import ConfigError
from trifid.nn.masked_norm import mask_of
from trifid.schema.batch import Spectrum


class BatmmSpectrumConfig(EncoderConfig):
    """Segment attention and VGG.

    Attributes:
        segments: Number of segments; 1 switches the attention off (VGG1D alone).
        attention_width: Width d_k of query and key.
        residual: Whether the re-weighted segments are added to the spectrum or replace it.
        plan: Stages of the VGG.
        batch_norm: Whether its convolutions are normalised.
        tokens_out: Tokens along wavelength.
    """

    kind: Literal["batmm_spectrum"] = "batmm_spectrum"
    segments: int = 7
    attention_width: int = 64
    residual: bool = True
    plan: Plan = VGG19
    batch_norm: bool = True
    tokens_out: int = 4

    @property
    def tokens(self) -> int:
        """Number of tokens along wavelength."""
        return self.tokens_out

    @property
    def width(self) -> int:
        """Width of the tokens: the channels of the last stage."""
        return self.plan[-1][0]

    def build(self, shape: tuple[int, ...]) -> "BatmmSpectrum":
        """The module for spectra of shape (L,)."""
        return BatmmSpectrum(self, length=shape[0])


class BatmmSpectrum(nn.Module):
    """Spectrum -> (B, tokens, width).

    Paper: BATMM section 4.2. 3522 pixels are cut to 3521 = 7 * 503.
    """

    def __init__(self, config: BatmmSpectrumConfig, length: int) -> None:
        super().__init__()
        if length < config.segments:
            raise ConfigError(f"{config.segments} segments of {length} pixels: use fewer segments")
        self.segment = length // config.segments
        self.attention = (
            SegmentAttention(config, self.segment) if config.segments > 1 else nn.Identity()
        )
        self.trunk = Vgg1dTrunk(config.plan, batch_norm=config.batch_norm)
        self.pool = nn.AdaptiveAvgPool1d(config.tokens_out)
        self.segments, self.width = config.segments, config.width

    def forward(self, spectrum: Spectrum) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        mask = mask_of(spectrum.present, self.training)
        x = self.attention(self._cut(spectrum)).flatten(1)[:, None, :]  # (B, 1, N * P)
        tokens = self.pool(self.trunk(x, mask)).transpose(1, 2)  # (B, T, E)
        return torch.where(spectrum.present[:, None, None], tokens, tokens.new_zeros(()))

    def segment_weights(self, spectrum: Spectrum) -> Float[Tensor, "B N"]:
        """Mean attention each segment receives; sums to 1. Paper: BATMM figure 9."""
        cut = self._cut(spectrum)
        if isinstance(self.attention, SegmentAttention):
            return self.attention.weights(cut).mean(dim=1)
        return torch.ones_like(cut[..., 0]) / self.segments

    def _cut(self, spectrum: Spectrum) -> Tensor:
        """The flux in segments (B, N, P); the last pixels that fill no segment are dropped."""
        used = self.segment * self.segments
        return spectrum.flux[:, :used].unflatten(1, (self.segments, self.segment))


class SegmentAttention(nn.Module):
    """S' = softmax(W_Q S (W_K S)^T / sqrt(d_k)) S, plus S. Paper: BATMM eq. 4 (it has no W_V)."""

    def __init__(self, config: BatmmSpectrumConfig, segment: int) -> None:
        super().__init__()
        self.query = nn.Linear(segment, config.attention_width, bias=False)
        self.key = nn.Linear(segment, config.attention_width, bias=False)
        self.residual = config.residual

    def forward(self, segments: Float[Tensor, "B N P"]) -> Float[Tensor, "B N P"]:
        """Re-weighted segments."""
        mixed = self.weights(segments) @ segments
        return segments + mixed if self.residual else mixed

    def weights(self, segments: Float[Tensor, "B N P"]) -> Float[Tensor, "B N N"]:
        """Attention of each segment to each; rows sum to 1."""
        query, key = self.query(segments), self.key(segments)
        return (query @ key.transpose(1, 2) * query.shape[-1] ** -0.5).softmax(dim=-1)
