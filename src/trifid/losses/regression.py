"""Losses of standardised numbers, over the cells whose target is known."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import huber_loss

RegressionLoss = Literal["huber", "squared", "gaussian_nll"]
LOG_VARIANCE = 20.0  # predicted log-variances are held within -20 .. 20


def regression_loss(
    kind: RegressionLoss,
    mean: Float[Tensor, "B D"],
    log_variance: Float[Tensor, "B D"] | None,
    targets: Float[Tensor, "B D"],
    weight: Float[Tensor, "B D"],
) -> Float[Tensor, ""]:
    """Weighted mean over cells; a cell of weight 0, whose target is unknown, counts for nothing.

    `huber` is quadratic up to one standard deviation of the target and linear beyond (Huber 1964,
    Ann. Math. Stat. 35, 73). `gaussian_nll` is the negative log-likelihood of a Gaussian, without
    its constant (Nix & Weigend 1994, ICNN, eq. 3); without a log-variance, that of unit variance.
    """
    mean = mean.float()
    if kind == "huber":
        losses = huber_loss(mean, targets, reduction="none")
    elif kind == "gaussian_nll" and log_variance is not None:
        log_variance = log_variance.float().clamp(-LOG_VARIANCE, LOG_VARIANCE)
        losses = 0.5 * (log_variance + (mean - targets).square() * torch.exp(-log_variance))
    else:
        losses = 0.5 * (mean - targets).square()
    return (losses * weight).sum() / weight.sum().clamp_min(1e-12)
