"""Decision-level fusion: the answers of single modalities become one.

Classes: log-probabilities come out, so a softmax of them gives the fused probabilities back.

    mean      p = mean of p_m over present modalities
    weighted  p = sum of w_m p_m, weights sum to 1 over present modalities
    product   p ~ product of p_m (a product of experts, each with the same flat prior)
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn.functional import log_softmax

from trifid.nn.pooling import masked_softmax

DecisionMethod = Literal["mean", "weighted", "product"]


def fuse_decisions(
    method: DecisionMethod,
    logits: Float[Tensor, "B M K"],
    present: Bool[Tensor, "B M"],
    scores: Float[Tensor, "M"] | None = None,
) -> tuple[Float[Tensor, "B K"], Float[Tensor, "B M"]]:
    """Fused log-probabilities and the weight of each modality.

    Args:
        method: As above.
        logits: Of each modality.
        present: Rows without any modality get equal probabilities.
        scores: Of the modalities, before their softmax; all equal by default.
    """
    weights = decision_weights(present, scores if method == "weighted" else None)
    each = log_softmax(logits, dim=2)
    if method == "product":
        each = torch.where(present[..., None], each, each.new_zeros(()))
        return log_softmax(each.sum(dim=1), dim=1), weights
    return mixture(each, weights), weights


def decision_weights(
    present: Bool[Tensor, "B M"], scores: Float[Tensor, "M"] | None = None
) -> Float[Tensor, "B M"]:
    """Weights of the present modalities of each row: the softmax of their scores."""
    flat = torch.zeros(present.shape[1], device=present.device) if scores is None else scores
    return masked_softmax(flat.expand(present.shape), present)


def mixture(each: Float[Tensor, "B M K"], weights: Float[Tensor, "B M"]) -> Float[Tensor, "B K"]:
    """The logarithm of sum_m w_m p_m, from log p_m; all zero where all weights are."""
    some = (weights > 0).any(dim=1, keepdim=True)
    used = torch.where(weights > 0, weights, torch.ones_like(weights))
    terms = each + used.log()[..., None]
    terms = torch.where((weights > 0)[..., None], terms, terms.new_full((), -1e9))
    mixed = torch.logsumexp(terms, dim=1)
    return torch.where(some, mixed, mixed.new_zeros(()))
