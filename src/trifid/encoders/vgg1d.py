"""VGG-19 in one dimension: spectrum -> tokens along wavelength."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.nn.masked_norm import MaskedBatchNorm, mask_of
from trifid.schema.batch import Spectrum

Plan = tuple[tuple[int, int], ...]
VGG19: Plan = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))


class Vgg1dConfig(EncoderConfig):
    """Stages of (channels, convolutions), each followed by a halving; then adaptive averages.

    `tokens_out` 1 is global average pooling.
    """

    kind: Literal["vgg1d"] = "vgg1d"
    plan: Plan = VGG19
    batch_norm: bool = True
    tokens_out: int = 1

    @property
    def tokens(self) -> int:
        """Number of tokens along wavelength."""
        return self.tokens_out

    @property
    def width(self) -> int:
        """Width of the tokens: the channels of the last stage."""
        return self.plan[-1][0]

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module; any length (L,) fits."""
        return Vgg1d(self)


class Vgg1d(nn.Module):
    """Spectrum -> (B, tokens, width).

    Paper: BATMM section 4.2; Simonyan & Zisserman 2015, configuration E, in one dimension.
    """

    def __init__(self, config: Vgg1dConfig) -> None:
        super().__init__()
        self.trunk = Vgg1dTrunk(config.plan, batch_norm=config.batch_norm)
        self.pool = nn.AdaptiveAvgPool1d(config.tokens_out)
        self.width = config.width

    def forward(self, spectrum: Spectrum) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        mask = mask_of(spectrum.present, self.training)
        tokens = self.pool(self.trunk(spectrum.flux[:, None, :], mask)).transpose(1, 2)
        return torch.where(spectrum.present[:, None, None], tokens, tokens.new_zeros(()))


class Vgg1dTrunk(nn.Module):
    """The convolutions of a 1-D VGG: (B, 1, L) -> (B, E, L / 2**stages), rounded down.

    Kernel 3, padding 1, ReLU, weights drawn as He et al. 2015 so that a deep stack without
    normalisation still passes a signal. A stage that would halve a single pixel keeps it.
    """

    def __init__(self, plan: Plan, *, batch_norm: bool = True) -> None:
        super().__init__()
        self.convolutions, self.norms = nn.ModuleList(), nn.ModuleList()
        self.last_of_stage: list[bool] = []
        inward = 1
        for channels, repeats in plan:
            for i in range(repeats):
                convolution = nn.Conv1d(inward, channels, 3, padding=1, bias=not batch_norm)
                nn.init.kaiming_normal_(convolution.weight, mode="fan_in", nonlinearity="relu")
                self.convolutions.append(convolution)
                self.norms.append(MaskedBatchNorm(channels) if batch_norm else nn.Identity())
                self.last_of_stage.append(i == repeats - 1)
                inward = channels
        self.batch_norm = batch_norm

    def forward(
        self, x: Float[Tensor, "B 1 L"], mask: Bool[Tensor, "B"] | None
    ) -> Float[Tensor, "B E P"]:
        """Features; `mask` as `mask_of` gives it."""
        steps = zip(self.convolutions, self.norms, self.last_of_stage, strict=True)
        for convolve, norm, last in steps:
            x = convolve(x)
            x = torch.relu(norm(x, mask) if self.batch_norm else x)
            if last and x.shape[-1] > 1:
                x = nn.functional.max_pool1d(x, 2)
        return x
