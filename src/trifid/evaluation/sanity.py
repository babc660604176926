"""Whether what a network takes from each window was learned, or lies in data and architecture.

The same windows are taken away from the same network before training. Where its answers rank the
windows as those of the trained network do, the curve explains nothing that was learned.
Paper: Adebayo et al. 2018, NeurIPS, sanity checks for saliency maps (model parameters at random).
"""

from collections.abc import Sequence

import numpy as np
from scipy.stats import rankdata

from trifid.evaluation.measure import Entry, measures
from trifid.evaluation.predictions import Predictions
from trifid.metrics.intervals import bootstrap

_LEAST = 3  # windows with data that can be ranked


def changes(whole: Predictions, without: Sequence[Predictions]) -> np.ndarray:
    """(N, W) how far each row's answer moves without each window.

    Summed over probabilities, or over numbers in units of the scatter of the whole answers.
    """
    base = _answers(whole)
    scale = 1.0 if whole.classes else np.maximum(base.std(axis=0), 1e-12)
    moved = [(np.abs(_answers(part) - base) / scale).sum(axis=1) for part in without]
    return np.stack(moved, axis=1)


def agreement(
    trained: np.ndarray,
    untrained: np.ndarray,
    groups: np.ndarray,
    *,
    resamples: int = 2000,
    seed: int = 0,
) -> Entry:
    """Spearman's correlation of a row's windows in two networks, mean over rows.

    Args:
        trained: Changes (N, W). A window that changes neither network has no data; rows with fewer
            than three others, or where one network ranks nothing, are left out.
        untrained: The same before training.
        groups: (N,) numbers 0 .. G-1.
        resamples: Of the bootstrap over groups.
        seed: Of the resamples.

    Returns:
        {value, low, high, method, n}; no value without rows.
    """
    seen = (trained > 0) | (untrained > 0)
    first, second = (_ranks(np.where(seen, part, np.nan)) for part in (trained, untrained))
    power = np.sqrt((first**2).sum(axis=1) * (second**2).sum(axis=1))
    used = (seen.sum(axis=1) >= _LEAST) & (power > 0)
    rho = (first * second).sum(axis=1)[used] / power[used]
    count = int(groups.max(initial=0)) + 1
    sums = np.bincount(groups[used], rho, count), np.bincount(groups[used], minlength=count)

    def mean(weights: np.ndarray) -> np.ndarray:
        total, rows = (weights.astype(np.float64) @ part for part in sums)
        return np.divide(total, rows, out=np.full(total.shape, np.nan), where=rows > 0)[:, None]

    found = bootstrap(mean, count, resamples=resamples, seed=seed)
    return measures(found, "bca")[0] | {"n": int(used.sum())}


def _answers(rows: Predictions) -> np.ndarray:
    if rows.classes:
        return rows.probabilities
    return np.stack([rows.numbers(target).mean for target in rows.targets], axis=1)


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks within each row about their mean; 0 for NaN."""
    ranks = rankdata(values, axis=1, nan_policy="omit")
    known = np.isfinite(ranks)
    mean = np.where(known, ranks, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.where(known, ranks - mean[:, None], 0.0)
