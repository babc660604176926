"""Feature-level fusion by self-attention over the tokens of all modalities."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from trifid.fusion.base import Fusion, FusionConfig
from trifid.nn.attention import SelfAttention
from trifid.nn.pooling import pool_tokens


class SelfAttentionFusionConfig(FusionConfig):
    """Self-attention, residual, LayerNorm, adaptive average to `tokens_out` tokens."""

    kind: Literal["self_attention"] = "self_attention"
    heads: int = 4
    tokens_out: int = 16
    attention: bool = True

    def build(self, width: int) -> "SelfAttentionFusion":
        """The module for tokens of this width."""
        return SelfAttentionFusion(self, width)


class SelfAttentionFusion(Fusion):
    """Tokens (B, T, E) of which some are present -> fused tokens (B, tokens_out, E).

    Paper: GCSNet section 3.4. With `attention` off only the pooling remains (an ablation).
    """

    def __init__(self, config: SelfAttentionFusionConfig, width: int) -> None:
        super().__init__()
        self.tokens_out = config.tokens_out
        self.attention = SelfAttention(width, config.heads) if config.attention else None
        self.norm = nn.LayerNorm(width) if config.attention else nn.Identity()

    def forward(
        self, tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B N E"]:
        """Fused tokens; zero where a row has nothing."""
        x = tokens
        if self.attention is not None:
            x = self.norm(x + self.attention(x, present))
        return pool_tokens(x, present, self.tokens_out)

    def weights(
        self, tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B heads T T"]:
        """Attention weights, or uniform ones over present tokens where attention is off."""
        if self.attention is not None:
            return self.attention.weights(tokens, present)
        share = present.to(tokens.dtype)
        share = share / share.sum(dim=1, keepdim=True).clamp_min(1.0)
        return torch.broadcast_to(
            share[:, None, None, :], (*share.shape[:1], 1, share.shape[1], share.shape[1])
        )
