"""One-vs-rest ROC area and average precision, exact with ties, for many weightings at once.

The scores are sorted once. A resample is then a weight for each group of rows, and costs one
cumulative sum a class. With R the weight ranked below a row plus half the weight tied with it,
and P, N the weights of the positive and negative rows:

    AUC = (sum over positives of w R  -  P^2 / 2) / (P N)
    AP  = sum over positives of w (positives at or above) / (all at or above)  /  P
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

_CELLS = 1 << 17  # ranks worked on at a time: what stays in a core's own cache


@dataclass(frozen=True)
class _Order:
    """The rows of one class's scores, sorted upwards."""

    groups: Int[np.ndarray, "N"]  # the group of the row at each rank
    positive: Int[np.ndarray, "P"]  # ranks of the rows of this class
    start: Int[np.ndarray, "P"]  # first rank of each positive's run of equal scores
    stop: Int[np.ndarray, "P"]  # one past its last rank
    first: Int[np.ndarray, "P"]  # the first positive of that run, counted among positives


@dataclass(frozen=True)
class Ranking:
    """Scores sorted for one-vs-rest measures.

    Attributes:
        orders: For each class, its sorted rows.
    """

    orders: tuple[_Order, ...]

    @classmethod
    def of(
        cls,
        labels: Int[np.ndarray, "N"],
        scores: Float[np.ndarray, "N K"],
        groups: Int[np.ndarray, "N"],
    ) -> "Ranking":
        """Sorts the scores of each class."""
        return cls(tuple(_order(labels == k, scores[:, k], groups) for k in range(scores.shape[1])))

    def measure(
        self, weights: Int[np.ndarray, "B G"]
    ) -> tuple[Float[np.ndarray, "B K"], Float[np.ndarray, "B K"]]:
        """ROC area and average precision of each class under each weighting of the groups.

        NaN where a class has no positive or (ROC area) no negative weight.
        """
        resamples, rows = len(weights), len(self.orders[0].groups)
        areas = np.empty((2, resamples, len(self.orders)))
        step = max(1, _CELLS // max(rows, 1))
        for start in range(0, resamples, step):
            part = weights[start : start + step]
            for k, order in enumerate(self.orders):
                areas[:, start : start + step, k] = _areas(order, part)
        return areas[0], areas[1]


def class_areas(
    labels: Int[np.ndarray, "N"], scores: Float[np.ndarray, "N K"]
) -> tuple[Float[np.ndarray, "K"], Float[np.ndarray, "K"]]:
    """One-vs-rest ROC area and average precision of each class, every row counted once."""
    rows = np.arange(len(labels))
    auc, precision = Ranking.of(labels, scores, rows).measure(np.ones((1, len(rows)), np.int32))
    return auc[0], precision[0]


def _order(positive: np.ndarray, scores: np.ndarray, groups: np.ndarray) -> _Order:
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    ranks = np.flatnonzero(positive[order])
    values = ranked[ranks]
    start = np.searchsorted(ranked, values, side="left")
    stop = np.searchsorted(ranked, values, side="right")
    return _Order(groups[order], ranks, start, stop, np.searchsorted(ranks, start))


def _areas(order: _Order, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    resamples, rows = len(weights), len(order.groups)
    ranked = weights.take(order.groups, axis=1)  # (B, N)
    below = np.zeros((resamples, rows + 1), np.int32)  # weight of the ranks before each rank
    np.cumsum(ranked, axis=1, out=below[:, 1:])
    total = below[:, -1].astype(np.float64)
    own = ranked.take(order.positive, axis=1)  # (B, P)
    hits = np.zeros((resamples, own.shape[1] + 1), np.int32)
    np.cumsum(own, axis=1, out=hits[:, 1:])
    positives = hits[:, -1].astype(np.float64)
    before = below.take(order.start, axis=1)
    own = own.astype(np.float64)

    rank = 0.5 * (before + below.take(order.stop, axis=1).astype(np.float64))
    pairs = np.einsum("bp,bp->b", own, rank) - 0.5 * positives**2
    auc = _or_nan(pairs, positives * (total - positives))

    above = total[:, None] - before
    correct = positives[:, None] - hits.take(order.first, axis=1)
    precision = np.divide(correct, above, out=np.zeros_like(above), where=above > 0)
    return auc, _or_nan(np.einsum("bp,bp->b", own, precision), positives)


def _or_nan(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
