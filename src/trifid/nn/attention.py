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


class CrossAttention(nn.Module):
    """Queries from one set of tokens, keys and values from another (Vaswani et al. 2017, 3.2.3).

    A row whose other set is absent gets zeros: there is nothing to take.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.project_out = nn.Linear(width, width)

    def forward(
        self,
        tokens: Float[Tensor, "B T E"],
        others: Float[Tensor, "B S E"],
        present: Bool[Tensor, "B S"],
    ) -> Float[Tensor, "B T E"]:
        """What each token takes from the present ones of the others."""
        value = self._split(self.key_value(others).chunk(2, dim=2)[1])
        mixed = (self.weights(tokens, others, present) @ value).transpose(1, 2).flatten(2)
        found = present.any(dim=1)[:, None, None]
        return torch.where(found, self.project_out(mixed), mixed.new_zeros(()))

    def weights(
        self,
        tokens: Float[Tensor, "B T E"],
        others: Float[Tensor, "B S E"],
        present: Bool[Tensor, "B S"],
    ) -> Float[Tensor, "B heads T S"]:
        """The attention weights; each row sums to 1 over present others."""
        query = self._split(self.query(tokens))
        key = self._split(self.key_value(others).chunk(2, dim=2)[0])
        keys = present | ~present.any(dim=1, keepdim=True)
        scores = query @ key.transpose(-1, -2) * query.shape[-1] ** -0.5
        return scores.masked_fill(~keys[:, None, None, :], -torch.inf).softmax(dim=-1)

    def _split(self, x: Tensor) -> Tensor:
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)  # (B, heads, T, E / heads)
