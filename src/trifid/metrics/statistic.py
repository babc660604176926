"""All metrics of a classifier as one function of group weights, ready for the bootstrap."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from trifid.metrics.calibration import row_brier, row_log_loss
from trifid.metrics.classification import (
    CLASS_METRICS,
    CONFUSION_METRICS,
    class_metrics,
    confusion_metrics,
)
from trifid.metrics.ranking import Ranking

OVERALL = (
    *CONFUSION_METRICS,
    "macro_auc",
    "macro_average_precision",
    "log_loss",
    "brier",
)
PER_CLASS = (*CLASS_METRICS, "auc", "average_precision")


@dataclass(frozen=True)
class ClassifierStatistic:
    """From weights (B, G) to statistics (B, S): `OVERALL`, then each of `PER_CLASS` by class.

    Attributes:
        classes: Number of classes K.
        sums: Per group: its confusion counts (K * K), log loss, Brier score and number of rows.
        ranking: The sorted scores.
        probabilistic: Whether there are probabilities; votes have confusion metrics only, all
            others are NaN.
    """

    classes: int
    sums: Float[np.ndarray, "G S"]
    ranking: Ranking
    probabilistic: bool = True

    @property
    def groups(self) -> int:
        """Number of groups G."""
        return len(self.sums)

    @classmethod
    def of(
        cls,
        labels: Int[np.ndarray, "N"],
        predicted: Int[np.ndarray, "N"],
        probabilities: Float[np.ndarray, "N K"],
        groups: Int[np.ndarray, "N"],
        *,
        probabilistic: bool = True,
    ) -> "ClassifierStatistic":
        """Sums up the rows of each group, numbered 0 .. G-1."""
        classes, count = probabilities.shape[1], int(groups.max()) + 1
        cells = classes * classes
        sums = np.empty((count, cells + 3))
        cell = groups * cells + labels * classes + predicted
        sums[:, :cells] = np.bincount(cell, minlength=count * cells).reshape(count, cells)
        sums[:, cells] = np.bincount(groups, row_log_loss(labels, probabilities), count)
        sums[:, cells + 1] = np.bincount(groups, row_brier(labels, probabilities), count)
        sums[:, cells + 2] = np.bincount(groups, minlength=count)
        return cls(classes, sums, Ranking.of(labels, probabilities, groups), probabilistic)

    def __call__(self, weights: Int[np.ndarray, "B G"]) -> Float[np.ndarray, "B S"]:
        """The statistics under each weighting of the groups."""
        totals = weights.astype(np.float64) @ self.sums
        cells = self.classes * self.classes
        counts = totals[:, :cells].reshape(-1, self.classes, self.classes)
        if self.probabilistic:
            auc, precision = self.ranking.measure(weights)
            proper = totals[:, cells : cells + 2] / totals[:, cells + 2 :]
        else:
            auc = precision = np.full((len(weights), self.classes), np.nan)
            proper = np.full((len(weights), 2), np.nan)
        overall = [
            *confusion_metrics(counts).values(),
            _defined_mean(auc),
            _defined_mean(precision),
            *proper.T,
        ]
        by_class = [*class_metrics(counts).values(), auc, precision]
        return np.concatenate([np.stack(overall, axis=1), *by_class], axis=1)


def _defined_mean(values: Float[np.ndarray, "B K"]) -> Float[np.ndarray, "B"]:
    """Mean over the classes where the measure exists, NaN where it exists for none."""
    defined = np.isfinite(values)
    count = defined.sum(axis=1)
    total = np.where(defined, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)
