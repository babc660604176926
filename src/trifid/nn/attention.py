"""Multi-head self-attention over tokens of which some may be absent."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """Multi-head scaled dot-product self-attention (Vaswani et al. 2017, section 3.2).

    Absent tokens are never attended to. A row with no token at all attends to everything, so that
    no softmax runs over nothing; the caller zeroes such rows.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.project_in = nn.Linear(width, 3 * width)
        self.project_out = nn.Linear(width, width)

    def forward(
        self, tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T E"]:
        """Updated tokens."""
        query, key, value = self._heads(tokens)
        mixed = nn.functional.scaled_dot_product_attention(
            query, key, value, attn_mask=self._mask(present)
        )  # (B, heads, T, E / heads)
        return self.project_out(mixed.transpose(1, 2).flatten(2))

    def weights(
        self, tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B heads T T"]:
        """The attention weights; each row sums to 1 over present tokens."""
        query, key, _ = self._heads(tokens)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        return scores.masked_fill(~self._mask(present), -torch.inf).softmax(dim=-1)

    def _heads(self, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, length, width = tokens.shape
        split = self.project_in(tokens).view(batch, length, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        return query, key, value

    def _mask(self, present: Tensor) -> Tensor:
        keys = present | ~present.any(dim=1, keepdim=True)
        return keys[:, None, None, :]  # (B, 1, 1, T), broadcast over heads and queries
