"""Losses on soft targets, so that mixup and label smoothing need no case of their own."""

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, log_softmax


def soft_targets(labels: Int[Tensor, "B"], classes: int, smoothing: float) -> Float[Tensor, "B K"]:
    """One-hot targets with `smoothing` spread evenly over all classes (Szegedy et al. 2016)."""
    targets = torch.full((len(labels), classes), smoothing / classes, device=labels.device)
    hot = 1.0 - smoothing + smoothing / classes
    return targets.scatter(1, labels[:, None], hot)


def cross_entropy(
    logits: Float[Tensor, "B K"], targets: Float[Tensor, "B K"], weight: Float[Tensor, "B"]
) -> Float[Tensor, ""]:
    """Weighted mean of -sum(target * log p)."""
    losses = -(targets * log_softmax(logits.float(), dim=1)).sum(dim=1)
    return (losses * weight).sum() / weight.sum().clamp_min(1e-12)


def binary_cross_entropy(
    logits: Float[Tensor, "B"], targets: Float[Tensor, "B"], weight: Float[Tensor, "B"]
) -> Float[Tensor, ""]:
    """Weighted mean of the binary cross-entropy, targets in [0, 1]."""
    losses = binary_cross_entropy_with_logits(logits.float(), targets, reduction="none")
    return (losses * weight).sum() / weight.sum().clamp_min(1e-12)
