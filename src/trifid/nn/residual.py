"""Residual blocks over spectra and images whose normalisation ignores absent rows."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from trifid.nn.masked_norm import MaskedBatchNorm


class ResidualBlock(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016, figure 5 left), ReLU after the sum.

    The shortcut is a convolution of kernel 1 with its own norm where stride or width change.

    Args:
        channels_in: Channels that come in.
        channels_out: Channels that go out.
        stride: Of the first convolution.
        dimensions: 1 for spectra (B, C, L), 2 for images (B, C, H, W).
        kernel: Odd size of both kernels.
    """

    def __init__(
        self,
        channels_in: int,
        channels_out: int,
        stride: int = 1,
        *,
        dimensions: int = 2,
        kernel: int = 3,
    ) -> None:
        super().__init__()
        convolution = nn.Conv1d if dimensions == 1 else nn.Conv2d
        pad = kernel // 2
        self.first = convolution(channels_in, channels_out, kernel, stride, padding=pad, bias=False)
        self.first_norm = MaskedBatchNorm(channels_out)
        self.second = convolution(channels_out, channels_out, kernel, padding=pad, bias=False)
        self.second_norm = MaskedBatchNorm(channels_out)
        changes = stride != 1 or channels_in != channels_out
        self.shortcut = (
            convolution(channels_in, channels_out, 1, stride, bias=False) if changes else None
        )
        self.shortcut_norm = MaskedBatchNorm(channels_out) if changes else None

    def forward(
        self, x: Float[Tensor, "B C *S"], mask: Bool[Tensor, "B"] | None
    ) -> Float[Tensor, "B D *R"]:
        """The block's output; `mask` as `masked_norm.mask_of` gives it."""
        y = torch.relu(self.first_norm(self.first(x), mask))
        y = self.second_norm(self.second(y), mask)
        if self.shortcut is not None and self.shortcut_norm is not None:
            x = self.shortcut_norm(self.shortcut(x), mask)
        return torch.relu(x + y)
