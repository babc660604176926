"""Feature-level fusion of one vector a modality: add, concat, gated, bilinear, attention.

All five take vectors (B, M, E) of which some are present, and give one vector (B, E) and the
weight of each modality in it (B, M), which sums to 1 over the present ones.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from trifid.nn.attention import SelfAttention
from trifid.nn.pooling import masked_mean, masked_softmax

FeatureMethod = Literal["add", "concat", "gated", "bilinear", "attention"]
Fused = tuple[Float[Tensor, "B E"], Float[Tensor, "B M"]]


def feature_fusion(method: FeatureMethod, modalities: int, width: int) -> nn.Module:
    """The module for this many modalities with vectors of this width."""
    kinds: dict[str, type[nn.Module]] = {
        "add": AddFusion,
        "concat": ConcatFusion,
        "gated": GatedFusion,
        "bilinear": BilinearFusion,
        "attention": AttentionFusion,
    }
    return kinds[method](modalities, width)


class AddFusion(nn.Module):
    """The mean of the present vectors, then ReLU(linear)."""

    def __init__(self, modalities: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, width)

    def forward(self, vectors: Float[Tensor, "B M E"], present: Bool[Tensor, "B M"]) -> Fused:
        """The fused vector and equal weights."""
        return torch.relu(self.project(masked_mean(vectors, present))), _equal(present)


class ConcatFusion(nn.Module):
    """ReLU(linear) of all vectors end to end; absent ones are zero."""

    def __init__(self, modalities: int, width: int) -> None:
        super().__init__()
        self.project = nn.Linear(modalities * width, width)

    def forward(self, vectors: Float[Tensor, "B M E"], present: Bool[Tensor, "B M"]) -> Fused:
        """The fused vector and equal weights."""
        there = _zeroed(vectors, present)
        return torch.relu(self.project(there.flatten(1))), _equal(present)


class GatedFusion(nn.Module):
    """sum_m g_m tanh(W_m x_m) with gates from all vectors.

    Paper: Arevalo et al. 2017, section 3.1, with one gate a modality that sum to 1.
    """

    def __init__(self, modalities: int, width: int) -> None:
        super().__init__()
        self.values = nn.ModuleList(nn.Linear(width, width) for _ in range(modalities))
        self.gate = nn.Linear(modalities * width, modalities)

    def forward(self, vectors: Float[Tensor, "B M E"], present: Bool[Tensor, "B M"]) -> Fused:
        """The fused vector and the gates."""
        there = _zeroed(vectors, present)
        values = torch.stack(
            [torch.tanh(value(there[:, m])) for m, value in enumerate(self.values)], dim=1
        )
        weights = masked_softmax(self.gate(there.flatten(1)), present)  # (B, M)
        return (weights[..., None] * values).sum(dim=1), weights


class BilinearFusion(nn.Module):
    """Products of all modalities: prod_m (1 + tanh(W_m x_m)) - 1, then a linear layer.

    Multiplied out it holds every modality and every product of some; an absent one is a factor 1.
    Paper: the low-rank form of Liu et al. 2018, eq. 6, with the appended 1 kept outside W.
    """

    def __init__(self, modalities: int, width: int) -> None:
        super().__init__()
        self.factors = nn.ModuleList(nn.Linear(width, width) for _ in range(modalities))
        self.project = nn.Linear(width, width)

    def forward(self, vectors: Float[Tensor, "B M E"], present: Bool[Tensor, "B M"]) -> Fused:
        """The fused vector and equal weights."""
        there, product = _zeroed(vectors, present), vectors.new_ones(())
        for m, factor in enumerate(self.factors):
            turned = torch.tanh(factor(there[:, m])) * present[:, m, None].to(vectors.dtype)
            product = product * (1 + turned)  # (B, E)
        return self.project(product - 1), _equal(present)


class AttentionFusion(nn.Module):
    """A learned token looks at the present vectors; the weights are its attention to them.

    Args:
        modalities: M.
        width: E; four heads, or one where the width is no multiple of four.
    """

    def __init__(self, modalities: int, width: int) -> None:
        super().__init__()
        self.token = nn.Parameter(torch.randn(width) * 0.02)
        self.kind = nn.Parameter(torch.randn(modalities, width) * 0.02)
        self.norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, 4 if width % 4 == 0 else 1)

    def forward(self, vectors: Float[Tensor, "B M E"], present: Bool[Tensor, "B M"]) -> Fused:
        """The token after attention, and its attention to each modality."""
        there = _zeroed(vectors + self.kind, present)
        token = self.token.expand(len(vectors), 1, -1)
        tokens = self.norm(torch.cat([token, there], dim=1))  # (B, 1 + M, E)
        known = torch.cat([torch.ones_like(present[:, :1]), present], dim=1)
        fused = self.attention(tokens, known)[:, 0]
        weights = self.attention.weights(tokens, known)[:, :, 0, 1:].mean(dim=1)  # (B, M)
        return fused, weights / weights.sum(dim=1, keepdim=True).clamp_min(1e-12)


def _zeroed(vectors: Tensor, present: Tensor) -> Tensor:
    return torch.where(present[..., None], vectors, vectors.new_zeros(()))


def _equal(present: Tensor) -> Tensor:
    share = present.to(torch.float32)
    return share / share.sum(dim=1, keepdim=True).clamp_min(1.0)
