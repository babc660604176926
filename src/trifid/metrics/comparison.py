"""Whether two classifiers differ on the same objects: McNemar, paired bootstrap, Holm."""

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import binom, chi2, t

_EXACT_BELOW = 25


def mcnemar(first: Bool[np.ndarray, "N"], second: Bool[np.ndarray, "N"]) -> tuple[float, str]:
    """Two-sided p of equal accuracy on independent objects, and the name of the test.

    Exact binomial below 25 discordant objects, else chi-square with continuity correction.
    Paper: McNemar 1947, Psychometrika 12, 153; Edwards 1948, Psychometrika 13, 185.

    Args:
        first: Whether the first classifier is right on each object.
        second: The same for the second, on the same objects.
    """
    only_first = int((first & ~second).sum())
    only_second = int((second & ~first).sum())
    discordant = only_first + only_second
    if discordant < _EXACT_BELOW:
        tail = float(binom.cdf(min(only_first, only_second), discordant, 0.5))
        return min(1.0, 2.0 * tail), "McNemar exact"
    gap = max(abs(only_first - only_second) - 1, 0)
    return float(chi2.sf(gap**2 / discordant, 1)), "McNemar chi-square"


def bootstrap_p(
    value: Float[np.ndarray, "S"], samples: Float[np.ndarray, "B S"]
) -> Float[np.ndarray, "S"]:
    """Two-sided p of zero difference: how often a resample strays from the difference by as much.

    The resamples, shifted to a mean difference of zero, stand for the null hypothesis. NaN where
    the difference does not exist. The smallest possible p is 1 / (B + 1).
    """
    defined = np.isfinite(samples)
    strays = np.abs(np.where(defined, samples, value) - value) >= np.abs(value) - 1e-12
    count = (strays & defined).sum(axis=0)
    return np.where(np.isfinite(value), (1.0 + count) / (1.0 + defined.sum(axis=0)), np.nan)


def holm(p_values: Float[np.ndarray, "M"]) -> Float[np.ndarray, "M"]:
    """Holm's step-down adjustment over a family of tests; NaN stays NaN and counts for nothing.

    Paper: Holm 1979, Scand. J. Stat. 6, 65.
    """
    adjusted = np.full(p_values.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(p_values))
    order = tested[np.argsort(p_values[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted


def corrected_resampled_t(
    differences: Float[np.ndarray, "R"], test_share: float
) -> tuple[float, float, float, float]:
    """Mean difference over folds or seeds, its 95 % interval and two-sided p.

    Runs that share training rows are not independent; the variance is raised by n_test / n_train.
    Paper: Nadeau & Bengio 2003, Machine Learning 52, 239, eq. 9.

    Args:
        differences: Of a score between two models, one per fold or seed.
        test_share: Test rows over training rows.
    """
    count, mean = len(differences), float(differences.mean())
    if count < 2:
        return mean, np.nan, np.nan, np.nan
    error = float(np.sqrt((1.0 / count + test_share) * differences.var(ddof=1)))
    half = float(t.ppf(0.975, count - 1)) * error
    if error == 0.0:
        return mean, mean, mean, 1.0 if mean == 0.0 else 0.0
    return mean, mean - half, mean + half, float(2.0 * t.sf(abs(mean) / error, count - 1))
