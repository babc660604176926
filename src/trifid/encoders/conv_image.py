"""A small 2-D convolutional encoder: image -> tokens on a coarse grid."""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.nn.masked_norm import MaskedBatchNorm, mask_of
from trifid.schema.batch import Image


class ConvImageConfig(EncoderConfig):
    """Three convolutions with BatchNorm and ReLU, halved after the first `halvings` of them."""

    kind: Literal["conv_image"] = "conv_image"
    channels: tuple[int, ...] = (32, 64, 128)
    width: int = 128
    kernel: int = 3
    halvings: int = 2
    grid: int = 4

    @property
    def tokens(self) -> int:
        """One token per cell of the grid."""
        return self.grid**2

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module for images of shape (C, H, W)."""
        return ConvImage(self, bands=shape[0])


class ConvImage(nn.Module):
    """Image -> (B, grid * grid, width).

    Paper: GCSNet section 3.1; table of shapes in `models/gcsnet.py`.
    """

    def __init__(self, config: ConvImageConfig, bands: int) -> None:
        super().__init__()
        widths = (bands, *config.channels)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(a, b, config.kernel, padding=config.kernel // 2) for a, b in pairwise(widths)
        )
        self.norms = nn.ModuleList(MaskedBatchNorm(n) for n in config.channels)
        self.halvings = config.halvings
        self.pool = nn.AdaptiveAvgPool2d(config.grid)
        self.project = nn.Linear(config.channels[-1], config.width)

    def forward(self, image: Image) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        mask = mask_of(image.present, self.training)
        x = image.flux  # (B, C, H, W)
        for i, (convolve, norm) in enumerate(zip(self.convolutions, self.norms, strict=True)):
            x = torch.relu(norm(convolve(x), mask))
            if i < self.halvings:
                x = nn.functional.max_pool2d(x, 2)
        tokens = self.project(self.pool(x).flatten(2).transpose(1, 2))  # (B, T, E)
        return torch.where(image.present[:, None, None], tokens, tokens.new_zeros(()))
