"""95 % intervals: Wilson for one proportion, a grouped bootstrap for everything else.

A statistic is a function of weights. The bootstrap draws G of the G groups with replacement and
gives each group the number of times it was drawn; rows of one group (repeat observations of one
sky object, a plate) are drawn together, because they are not independent.
"""

import math
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, ndtri, stdtrit

LEVEL = 0.95
_BLOCKS = 100  # groups are left out singly up to this many, in blocks of equal size beyond
_CELLS = 2_000_000  # weights a thread holds at a time
_THREADS = min(8, os.cpu_count() or 1)

Statistic = Callable[[Int[np.ndarray, "B G"]], Float[np.ndarray, "B S"]]


@dataclass(frozen=True)
class Intervals:
    """S statistics with their intervals; NaN where a value or an interval cannot be given.

    Attributes:
        value: The statistics of the data.
        low: Lower ends.
        high: Upper ends.
        samples: The statistics of every resample.
    """

    value: Float[np.ndarray, "S"]
    low: Float[np.ndarray, "S"]
    high: Float[np.ndarray, "S"]
    samples: Float[np.ndarray, "B S"]


def wilson(successes: int, n: int, *, level: float = LEVEL) -> tuple[float, float]:
    """Wilson's score interval of a proportion of independent trials.

    Paper: Wilson 1927, J. Am. Stat. Assoc. 22, 209.
    """
    if n == 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + level / 2))
    share = successes / n
    middle = share + z * z / (2 * n)
    half = z * np.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, float((middle - half) / scale)), min(1.0, float((middle + half) / scale))


def draw_groups(groups: int, resamples: range, *, seed: int) -> Int[np.ndarray, "B G"]:
    """Bootstrap weights: how often each group was drawn in each of some resamples.

    Args:
        groups: Number of groups G.
        resamples: Which resamples to draw.
        seed: Each resample depends on this, its number and `groups` alone.
    """
    weights = np.empty((len(resamples), groups), np.int32)
    for place, number in enumerate(resamples):
        drawn = np.random.default_rng((seed, number)).integers(0, groups, groups, np.int32)
        weights[place] = np.bincount(drawn, minlength=groups)
    return weights.astype(np.int8) if weights.max(initial=0) < 128 else weights  # a smaller cache


def bootstrap(
    statistic: Statistic,
    groups: int,
    *,
    resamples: int = 2000,
    seed: int = 0,
    level: float = LEVEL,
    method: str = "bca",
    rows: int = 0,
    expand: bool = True,
) -> Intervals:
    """Grouped bootstrap intervals of a vector of statistics.

    An end is NaN where it would be a pretence: fewer than two groups, a statistic undefined in a
    fifth of the resamples or more, or one that never varies (all objects right: the resamples
    cannot show an error that the sample does not hold).

    Args:
        statistic: From weights to statistics.
        groups: Number of groups.
        resamples: Number of resamples.
        seed: Of the draws.
        level: Of the interval.
        method: `bca` (bias-corrected and accelerated) or `percentile`.
        rows: Number of rows behind the groups, to bound memory.
        expand: Whether tails are read farther out where groups are few, as Student's t asks. The
            resamples of G groups scatter too little by (G - 1) / G, and their width is itself
            uncertain. Paper: Hesterberg 2015, Am. Stat. 69, 371, section 3.4 (expanded percentile;
            the section's number is unverified).
    """
    value = statistic(np.ones((1, groups), np.int32))[0]
    step = max(1, _CELLS // max(groups, rows))
    parts = [range(i, min(i + step, resamples)) for i in range(0, resamples, step)]

    def sampled(part: range) -> np.ndarray:
        return statistic(draw_groups(groups, part, seed=seed))

    samples = _in_threads(sampled, parts)
    reach = _reach(level, groups if expand else 0)
    tails = np.full((2, value.size), ndtr([[-reach], [reach]]))
    if method == "bca" and groups > 1:
        blocks = _blocks(groups, seed=seed)
        count = int(blocks.max()) + 1
        parts = [range(i, min(i + step, count)) for i in range(0, count, step)]

        def left_out(part: range) -> np.ndarray:
            return statistic((blocks[None, :] != np.array(part)[:, None]).astype(np.int8))

        tails = _bca_tails(value, samples, _in_threads(left_out, parts), tails)
    low, high = _quantiles(samples, tails)
    if groups < 2:
        low[:] = high[:] = np.nan
    return Intervals(value, low, high, samples)


def _reach(level: float, groups: int) -> float:
    """How many standard deviations an interval reaches; 0 groups stand for very many."""
    if groups < 2:
        return float(ndtri(0.5 + level / 2))
    return float(stdtrit(groups - 1, 0.5 + level / 2)) * math.sqrt(groups / (groups - 1))


def _in_threads(work: Callable[[range], np.ndarray], parts: list[range]) -> np.ndarray:
    """The results of all parts in their order; NumPy frees the interpreter's lock."""
    with ThreadPoolExecutor(max(1, min(_THREADS, len(parts)))) as pool:
        return np.concatenate(list(pool.map(work, parts)))


def _blocks(groups: int, *, seed: int) -> Int[np.ndarray, "G"]:
    """The jackknife block of each group. They serve for the acceleration: third moments add up."""
    return np.random.default_rng(seed).permutation(groups) % min(groups, _BLOCKS)


def _bca_tails(
    value: np.ndarray, samples: np.ndarray, left_out: np.ndarray, tails: np.ndarray
) -> np.ndarray:
    """The two quantiles to read off for each statistic.

    Paper: Efron 1987, J. Am. Stat. Assoc. 82, 171, eq. 4.9 (acceleration by the jackknife: 6.6).
    """
    defined = np.isfinite(samples)
    count = np.maximum(defined.sum(axis=0), 1)
    tied = np.isclose(samples, value, rtol=1e-12, atol=1e-12)
    below = ((samples < value) & ~tied).sum(axis=0) + 0.5 * tied.sum(axis=0)
    bias = ndtri(np.clip(below / count, 0.5 / count, 1 - 0.5 / count))
    kept = np.isfinite(left_out)
    middle = np.where(kept, left_out, 0.0).sum(axis=0) / np.maximum(kept.sum(axis=0), 1)
    gap = np.where(kept, middle - left_out, 0.0)
    spread = (gap**2).sum(axis=0) ** 1.5
    acceleration = np.divide(
        (gap**3).sum(axis=0), 6.0 * spread, out=np.zeros_like(spread), where=spread > 0
    )
    reach = bias + ndtri(tails)
    return ndtr(bias + reach / (1.0 - acceleration * reach))


def _quantiles(samples: np.ndarray, tails: np.ndarray) -> np.ndarray:
    ends = np.full((2, samples.shape[1]), np.nan)
    for number, column in enumerate(samples.T):
        values = column[np.isfinite(column)]
        if values.size > 0.8 * column.size and np.ptp(values) > 1e-12:
            ends[:, number] = np.quantile(values, tails[:, number])
    return ends
