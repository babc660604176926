"""Decoders: one vector a row back to a spectrum, an image or a catalogue row."""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn


def decoder(width: int, shape: tuple[int, ...], channels: tuple[int, ...]) -> nn.Module:
    """A module (B, width) -> (B, *shape) for rows of shape (L,) or (C, H, W).

    Args:
        width: Of the vector.
        shape: Of a row.
        channels: From the coarsest step to the finest one.
    """
    if len(shape) == 3:
        return GridDecoder(width, shape[0], shape[1:], channels)
    return GridDecoder(width, 1, shape, channels)


class GridDecoder(nn.Module):
    """A coarse grid from the vector, then steps of enlarging and convolving to the full size.

    A grid grows by the same factor at each step (bilinear or linear interpolation), so any size
    can be reached and no checkerboard appears (Odena, Dumoulin & Olah 2016).
    """

    def __init__(
        self, width: int, bands: int, size: tuple[int, ...], channels: tuple[int, ...]
    ) -> None:
        super().__init__()
        one = len(size) == 1
        coarse = 16 if one else 4
        steps = len(channels)
        self.sizes = [
            tuple(round(coarse * (full / coarse) ** ((i + 1) / steps)) for full in size)
            for i in range(steps)
        ]
        self.grid = (channels[0], *[coarse] * len(size))
        self.mode, self.flat = ("linear" if one else "bilinear"), one
        cells = coarse ** len(size)
        self.expand = nn.Linear(width, channels[0] * cells)
        convolution, kernel = (nn.Conv1d, 5) if one else (nn.Conv2d, 3)
        self.convolutions = nn.ModuleList(
            convolution(a, b, kernel, padding=kernel // 2) for a, b in pairwise((*channels, bands))
        )

    def forward(self, code: Float[Tensor, "B E"]) -> Float[Tensor, "B *S"]:
        """The reconstruction."""
        x = torch.relu(self.expand(code)).unflatten(1, self.grid)
        for i, convolve in enumerate(self.convolutions):
            x = convolve(nn.functional.interpolate(x, size=self.sizes[i], mode=self.mode))
            x = torch.relu(x) if i + 1 < len(self.convolutions) else x
        return x.squeeze(1) if self.flat else x


class TableDecoder(nn.Module):
    """A perceptron (B, width) -> (B, F) with one hidden layer."""

    def __init__(self, width: int, features: int, hidden: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, features)
        )

    def forward(self, code: Float[Tensor, "B E"]) -> Float[Tensor, "B F"]:
        """The reconstruction."""
        return self.layers(code)
