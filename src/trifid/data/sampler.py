"""The order of training rows: a pure function of (seed, epoch)."""

from typing import Literal

import numpy as np
from jaxtyping import Int64

Rows = Int64[np.ndarray, "N"]
Sampling = Literal["balanced", "shuffled"]


def epoch_order(
    rows: Rows, labels: np.ndarray, sampling: Sampling, *, seed: int, epoch: int
) -> Rows:
    """The rows of one epoch in training order.

    `shuffled` visits each row once, and so does `balanced` where rows have numbers instead of
    classes. `balanced` draws as many rows with replacement, each with
    weight 1 / (rows of its class), so that classes are equally frequent (Paper: GCSNet eq. 8).

    Args:
        rows: Store rows to train on.
        labels: Class of each of them (N,), or numbers (N, D).
        sampling: How to draw.
        seed: Of the run.
        epoch: From 0.
    """
    generator = np.random.default_rng(np.random.SeedSequence((seed, epoch)))
    if sampling == "shuffled" or labels.ndim > 1:
        return generator.permutation(rows)
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    weight = 1.0 / counts[inverse]
    return generator.choice(rows, size=len(rows), p=weight / weight.sum())
