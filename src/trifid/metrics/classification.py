"""Metrics of a confusion matrix, for one matrix or for a stack of resampled ones.

Conventions, all of them scikit-learn's defaults:
- a ratio whose denominator is zero is 0 (precision of a class never predicted, recall of a class
  without objects, F1 of a class with no hit, MCC of a constant answer);
- macro means run over the classes with at least one label or prediction, balanced accuracy over
  the classes with at least one label; weighted means weigh a class by its labels.
"""

import numpy as np
from jaxtyping import Float, Int

CONFUSION_METRICS = (
    "accuracy",
    "balanced_accuracy",
    "macro_precision",
    "macro_recall",
    "macro_f1",
    "weighted_precision",
    "weighted_recall",
    "weighted_f1",
    "mcc",
)
CLASS_METRICS = ("precision", "recall", "f1")

Counts = Float[np.ndarray, "*batch K K"] | Int[np.ndarray, "*batch K K"]
Numbers = Float[np.ndarray, "*batch"]
_Scalars = np.ndarray | np.generic  # NumPy reduces a single matrix to scalars


def confusion_counts(
    labels: Int[np.ndarray, "N"], predicted: Int[np.ndarray, "N"], classes: int
) -> Int[np.ndarray, "K K"]:
    """Counts of (label, predicted) pairs; rows are labels."""
    cells = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return cells.reshape(classes, classes)


def class_metrics(counts: Counts) -> dict[str, Float[np.ndarray, "*batch K"]]:
    """Precision, recall and F1 of each class."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1).astype(np.float64)
    labelled = counts.sum(axis=-1)
    predicted = counts.sum(axis=-2)
    return {
        "precision": _ratio(hits, predicted),
        "recall": _ratio(hits, labelled),
        "f1": _ratio(2.0 * hits, labelled + predicted),
    }


def confusion_metrics(counts: Counts) -> dict[str, Numbers]:
    """Every metric of `CONFUSION_METRICS`, for each matrix of the stack."""
    labelled = counts.sum(axis=-1)  # (..., K)
    predicted = counts.sum(axis=-2)
    total = labelled.sum(axis=-1)
    hits = np.trace(counts, axis1=-2, axis2=-1)
    per_class = class_metrics(counts)
    seen = (labelled + predicted) > 0
    metrics = {
        "accuracy": _ratio(hits, total),
        "balanced_accuracy": _mean(per_class["recall"], labelled > 0),
        "mcc": _matthews(hits, labelled, predicted, total),
    }
    for name, values in per_class.items():
        metrics[f"macro_{name}"] = _mean(values, seen)
        metrics[f"weighted_{name}"] = _ratio((values * labelled).sum(axis=-1), total)
    return {name: metrics[name] for name in CONFUSION_METRICS}


def _matthews(
    hits: _Scalars, labelled: np.ndarray, predicted: np.ndarray, total: _Scalars
) -> np.ndarray:
    """Matthews' correlation for K classes. Paper: Gorodkin 2004, Comput. Biol. Chem. 28, 367."""
    squared = np.asarray(total, dtype=np.float64) ** 2
    covariance = np.asarray(hits, np.float64) * np.asarray(total, np.float64) - (
        labelled.astype(np.float64) * predicted
    ).sum(axis=-1)
    spread_labels = squared - (labelled.astype(np.float64) ** 2).sum(axis=-1)
    spread_predicted = squared - (predicted.astype(np.float64) ** 2).sum(axis=-1)
    return _ratio(covariance, np.sqrt(spread_labels * spread_predicted))


def _ratio(above: _Scalars, below: _Scalars) -> np.ndarray:
    above, below = np.broadcast_arrays(np.asarray(above, np.float64), below)
    return np.divide(above, below, out=np.zeros(above.shape), where=below != 0)


def _mean(values: np.ndarray, use: np.ndarray) -> np.ndarray:
    return _ratio((values * use).sum(axis=-1), use.sum(axis=-1))
