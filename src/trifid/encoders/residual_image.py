"""ResNet-18 without pre-training: image -> tokens on a coarse grid."""

from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.nn.masked_norm import MaskedBatchNorm, mask_of
from trifid.nn.residual import ResidualBlock
from trifid.schema.batch import Image


class ResidualImageConfig(EncoderConfig):
    """ResNet-18 by default: four stages of two blocks, the last three halving the image."""

    kind: Literal["residual_image"] = "residual_image"
    channels: tuple[int, ...] = (64, 128, 256, 512)
    blocks: int = 2
    width: int = 128
    grid: int = 1

    @property
    def tokens(self) -> int:
        """One token per cell of the grid."""
        return self.grid**2

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module for images of shape (C, H, W)."""
        return ResidualImage(self, bands=shape[0])


class ResidualImage(nn.Module):
    """Image -> (B, grid * grid, width).

    Paper: He et al. 2016, table 1, 18 layers; any number of bands, weights from scratch, and a
    projection to `width` instead of the classifier.
    """

    def __init__(self, config: ResidualImageConfig, bands: int) -> None:
        super().__init__()
        first = config.channels[0]
        self.stem = nn.Conv2d(bands, first, 7, 2, padding=3, bias=False)
        self.stem_norm = MaskedBatchNorm(first)
        self.blocks = nn.ModuleList(
            ResidualBlock(a if i == 0 else b, b, 2 if i == 0 and stage > 0 else 1)
            for stage, (a, b) in enumerate(pairwise((first, *config.channels)))
            for i in range(config.blocks)
        )
        self.pool = nn.AdaptiveAvgPool2d(config.grid)
        self.project = nn.Linear(config.channels[-1], config.width)

    def forward(self, image: Image) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        mask = mask_of(image.present, self.training)
        x = torch.relu(self.stem_norm(self.stem(image.flux), mask))
        x = nn.functional.max_pool2d(x, 3, 2, padding=1)
        for block in self.blocks:
            x = block(x, mask)
        tokens = self.project(self.pool(x).flatten(2).transpose(1, 2))  # (B, T, E)
        return torch.where(image.present[:, None, None], tokens, tokens.new_zeros(()))
