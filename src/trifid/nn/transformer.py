"""A pre-norm Transformer encoder over tokens of which some may be absent."""

from jaxtyping import Bool, Float
from torch import Tensor, nn

from trifid.nn.attention import SelfAttention


class TransformerBlock(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): pre-norm (Xiong et al. 2020, figure 1b).

    Args:
        width: Of the tokens, E.
        heads: Of the attention; they divide the width.
        hidden: Width of the feed-forward layer.
        dropout: After the attention and after the feed-forward layer.
    """

    def __init__(self, width: int, heads: int, hidden: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, heads)
        self.mlp_norm = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T E"]:
        """Updated tokens; absent ones are never attended to."""
        x = tokens + self.dropout(self.attention(self.attention_norm(tokens), present))
        return x + self.dropout(self.mlp(self.mlp_norm(x)))

    def weights(
        self, tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B heads T T"]:
        """The attention weights for these tokens."""
        return self.attention.weights(self.attention_norm(tokens), present)


class Transformer(nn.Module):
    """A stack of blocks and a last norm."""

    def __init__(
        self, width: int, heads: int, layers: int, hidden: int, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            TransformerBlock(width, heads, hidden, dropout) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(width)

    def forward(
        self, tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"]
    ) -> Float[Tensor, "B T E"]:
        """Tokens after the last block, normalised."""
        for block in self.blocks:
            tokens = block(tokens, present)
        return self.norm(tokens)

    def weights(
        self, tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"]
    ) -> list[Float[Tensor, "B heads T T"]]:
        """The attention weights of each block."""
        found: list[Tensor] = []
        for block in self.blocks:
            if isinstance(block, TransformerBlock):
                found.append(block.weights(tokens, present))
            tokens = block(tokens, present)
        return found
