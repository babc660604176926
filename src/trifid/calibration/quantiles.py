"""Recalibration of predicted distributions: levels that hold what they say.

Paper: Kuleshov, Fenner & Ermon 2018, ICML, algorithm 1: the observed share of validation values
below the predicted quantile of a level, as a monotone function of the level.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from trifid.errors import InputError


@dataclass(frozen=True)
class LevelMap:
    """A monotone map between stated and observed levels, both (N + 2,), from 0 to 1."""

    stated: Float[np.ndarray, "M"]
    observed: Float[np.ndarray, "M"]

    def honest(self, level: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
        """The share of values that really lie below the predicted quantile of a level."""
        return np.interp(level, self.stated, self.observed)

    def needed(self, level: Float[np.ndarray, "*S"]) -> Float[np.ndarray, "*S"]:
        """The level to ask the model for, so that a share `level` lies below its quantile."""
        return np.interp(level, self.observed, self.stated)


def fit_levels(pit: Float[np.ndarray, "N"]) -> LevelMap:
    """From the predicted cumulative probabilities of the true validation values.

    Raises:
        InputError: If there are none, or one lies outside 0 .. 1.
    """
    if len(pit) == 0 or not ((pit >= 0) & (pit <= 1)).all():
        raise InputError(f"quantiles: {len(pit)} cumulative probabilities, expected some in 0 .. 1")
    ranked = np.sort(pit)
    shares = np.arange(1, len(pit) + 1) / (len(pit) + 1)
    return LevelMap(np.concatenate([[0.0], ranked, [1.0]]), np.concatenate([[0.0], shares, [1.0]]))
