"""A Transformer encoder over square patches of an image."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.errors import ConfigError
from trifid.nn.pooling import pool_tokens
from trifid.nn.transformer import Transformer
from trifid.schema.batch import Image


class TransformerImageConfig(EncoderConfig):
    """Square patches, learned positions, pre-norm blocks, averages to `tokens_out` tokens."""

    kind: Literal["transformer_image"] = "transformer_image"
    patch: int = 8
    width: int = 128
    heads: int = 4
    layers: int = 2
    hidden: int = 256
    dropout: float = 0.1
    tokens_out: int = 16

    @property
    def tokens(self) -> int:
        """Number of tokens."""
        return self.tokens_out

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module for images of shape (C, H, W)."""
        return TransformerImage(self, shape)


class TransformerImage(nn.Module):
    """Image -> (B, tokens, width), tokens in the order of rows.

    Paper: the vision Transformer of Dosovitskiy et al. 2021, small and from scratch.
    """

    def __init__(self, config: TransformerImageConfig, shape: tuple[int, ...]) -> None:
        super().__init__()
        bands, height, width = shape
        count = (height // config.patch) * (width // config.patch)
        if count < 1:
            raise ConfigError(
                f"transformer_image: patches of {config.patch} pixels do not fit into images of "
                f"{height} x {width}; lower `patch`"
            )
        self.tokens_out = config.tokens_out
        self.embed = nn.Conv2d(bands, config.width, config.patch, config.patch)
        self.position = nn.Parameter(torch.randn(count, config.width) * 0.02)
        self.transformer = Transformer(
            config.width, config.heads, config.layers, config.hidden, config.dropout
        )

    def forward(self, image: Image) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        x = self.embed(image.flux).flatten(2).transpose(1, 2) + self.position  # (B, P, E)
        known = image.present[:, None].expand(x.shape[:2])
        tokens = pool_tokens(self.transformer(x, known), known, self.tokens_out)
        return torch.where(image.present[:, None, None], tokens, tokens.new_zeros(()))
