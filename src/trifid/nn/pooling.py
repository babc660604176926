"""Average pooling over tokens of which some may be absent."""

from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool1d


def pool_tokens(
    tokens: Float[Tensor, "B T E"], present: Bool[Tensor, "B T"], count: int
) -> Float[Tensor, "B N E"]:
    """Adaptive average pooling T -> count; a window's mean runs over its present tokens.

    A window without any present token is zero. With all tokens present this is
    `adaptive_avg_pool1d`.
    """
    kept = present[:, None, :].to(tokens.dtype)  # (B, 1, T)
    sums = adaptive_avg_pool1d(tokens.transpose(1, 2) * kept, count)  # (B, E, N)
    share = adaptive_avg_pool1d(kept, count)  # (B, 1, N)
    return (sums / share.clamp_min(1e-6)).transpose(1, 2)


def masked_mean(x: Float[Tensor, "B T *S"], present: Bool[Tensor, "B T"]) -> Float[Tensor, "B *S"]:
    """Mean over the present ones of T; zero where there is none."""
    kept = present.to(x.dtype).view(*present.shape, *[1] * (x.ndim - 2))
    return (x * kept).sum(dim=1) / kept.sum(dim=1).clamp_min(1.0)


def masked_softmax(
    scores: Float[Tensor, "*B M"], present: Bool[Tensor, "*B M"]
) -> Float[Tensor, "*B M"]:
    """Softmax over the present ones of M; all zero where there is none."""
    there = present | ~present.any(dim=-1, keepdim=True)
    weights = scores.masked_fill(~there, float("-inf")).softmax(dim=-1)
    return weights * present.to(weights.dtype)
