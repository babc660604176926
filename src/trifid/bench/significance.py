"""What two published numbers can show without the objects behind them.

Two classifiers judged on the same objects are compared by the objects on which only one is right.
A table does not give that number, but bounds it: at least the difference of the two counts, at most
all errors of both. McNemar's p lies between the two ends.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from scipy.stats import binom, t

_EXACT_BELOW = 25


@dataclass(frozen=True)
class PairedBounds:
    """McNemar's p where only the totals are known.

    Attributes:
        fewest: Least possible number of objects on which one is right and the other wrong.
        most: Greatest possible number.
        least_p: p if there are `fewest`.
        greatest_p: p if there are `most`.
    """

    fewest: int
    most: int
    least_p: float
    greatest_p: float


def two_proportions(a: float, n_a: float, b: float, n_b: float) -> tuple[float, float]:
    """Standard error of a/n_a - b/n_b (unpooled) and two-sided p of equality (pooled)."""
    first, second = a / n_a, b / n_b
    error = np.sqrt(first * (1 - first) / n_a + second * (1 - second) / n_b)
    share = (a + b) / (n_a + n_b)
    pooled = np.sqrt(share * (1 - share) * (1 / n_a + 1 / n_b))
    if pooled == 0:
        return float(error), 1.0
    return float(error), float(2 * ndtr(-abs(first - second) / pooled))


def mcnemar_bounds(right_a: int, right_b: int, n: int) -> PairedBounds:
    """Bounds of McNemar's p for two classifiers of the same n objects."""
    gap = abs(right_a - right_b)
    wrong = (n - right_a) + (n - right_b)
    most = min(wrong, right_a + right_b)  # errors that never meet
    most -= (most - gap) % 2
    return PairedBounds(gap, most, _mcnemar(gap, gap), _mcnemar(gap, most))


def welch(
    mean_a: float, sd_a: float, mean_b: float, sd_b: float, runs: int
) -> tuple[float, float, float]:
    """Difference of two means over runs, its standard error and two-sided p.

    Paper: Welch 1947, Biometrika 34, 28. NaN where p does not exist (one run, no spread).
    """
    gap = mean_a - mean_b
    if runs < 2 or sd_a == sd_b == 0:
        return gap, float("nan"), float("nan")
    parts = np.array([sd_a, sd_b]) ** 2 / runs
    error = float(np.sqrt(parts.sum()))
    freedom = parts.sum() ** 2 / ((parts**2).sum() / (runs - 1))
    return gap, error, float(2 * t.sf(abs(gap) / error, freedom))


def _mcnemar(gap: int, discordant: int) -> float:
    """McNemar's p with `gap` more on one side of `discordant` objects, as in `metrics`."""
    if discordant == 0:
        return 1.0
    if discordant < _EXACT_BELOW:
        return min(1.0, 2 * float(binom.cdf((discordant - gap) // 2, discordant, 0.5)))
    return float(2 * ndtr(-max(gap - 1, 0) / np.sqrt(discordant)))
