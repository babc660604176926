"""Small classifiers and tests that show what a column knows of the label. Arrays in, numbers out.

Every score is out of fold, with all rows of a group in one fold.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2_contingency
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.tree import DecisionTreeClassifier

FOLDS = 5
_LEAST_MASS, _PURITY = 0.01, 0.99  # of one value among the rows, of one class among its rows
_LEAST_ROWS = 10  # fewer of one class are chance


@dataclass(frozen=True)
class TreeProbe:
    """What a shallow tree makes of some features.

    Attributes:
        skill: Balanced accuracy on a scale where guessing is 0 and perfection 1.
        accuracy: Share of rows put right.
        given_away: Classes found with recall and precision above 0.99.
    """

    skill: float
    accuracy: float
    given_away: tuple[int, ...]


def tree_probe(
    values: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, depth: int = 3
) -> TreeProbe:
    """A decision tree on features (N, F), NaN = missing, judged out of fold.

    Args:
        values: The features.
        labels: Class of each row, 0 .. K-1.
        groups: Group of each row.
        depth: Of the tree.
    """
    predicted = np.empty_like(labels)
    for fit, new in folds(labels, groups):
        tree = DecisionTreeClassifier(max_depth=depth, class_weight="balanced", random_state=0)
        predicted[new] = tree.fit(values[fit], labels[fit]).predict(values[new])
    names = np.unique(labels)
    recall = np.array([(predicted[labels == k] == k).mean() for k in names])
    called = np.array([(predicted == k).sum() for k in names])
    hits = np.array([((predicted == k) & (labels == k)).sum() for k in names])
    precision = hits / np.maximum(called, 1)
    chance = 1.0 / len(names)
    given = names[(recall > _PURITY) & (precision > _PURITY)]
    return TreeProbe(
        float((recall.mean() - chance) / (1 - chance)),
        float((predicted == labels).mean()),
        tuple(int(k) for k in given),
    )


def boosted_auc(values: np.ndarray, labels: np.ndarray, groups: np.ndarray) -> float:
    """Mean one-against-rest ROC area of gradient-boosted trees on features (N, F), out of fold."""
    names = np.unique(labels)
    scores = np.zeros((len(labels), len(names)))
    for fit, new in folds(labels, groups):
        model = HistGradientBoostingClassifier(
            max_iter=30, max_depth=4, learning_rate=0.2, random_state=0
        )
        model.fit(values[fit], labels[fit])
        known = np.isin(names, labels[fit]).nonzero()[0]  # a rare class may be in no other fold
        scores[np.ix_(new, known)] = model.predict_proba(values[new])
    return float(np.mean([roc_auc_score(labels == k, scores[:, i]) for i, k in enumerate(names)]))


def pure_values(values: np.ndarray, labels: np.ndarray) -> list[tuple[float, int, int]]:
    """Values of one column (N,) that many rows share and that all but name the class.

    Returns:
        (value, class, rows) for each value held by more than 1 % of the rows, and by more than
        ten, whose rows are of one class to over 99 %, where that class is not nearly everything.
    """
    found: list[tuple[float, int, int]] = []
    shares = np.bincount(labels) / len(labels)
    known = np.isfinite(values)
    if not known.any():
        return found
    unique, place, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    for index in np.flatnonzero(counts > max(_LEAST_MASS * len(values), _LEAST_ROWS)):
        inside = np.bincount(labels[known][place == index], minlength=len(shares)) / counts[index]
        best = int(inside.argmax())
        if inside[best] > _PURITY and shares[best] < _PURITY - 0.04:
            found.append((float(unique[index]), best, int(counts[index])))
    return found


def association(flags: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Chi-square p and Cramer's V between a yes-or-no column (N,) and the class."""
    classes = int(labels.max()) + 1
    table = np.stack([np.bincount(labels[flags == f], minlength=classes) for f in (False, True)])
    table = table[:, table.sum(axis=0) > 0]
    if (table.sum(axis=1) == 0).any() or table.shape[1] < 2:
        return 1.0, 0.0
    found: Any = chi2_contingency(table, correction=False)
    return float(found[1]), float(np.sqrt(found[0] / table.sum()))


def folds(labels: np.ndarray, groups: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Folds that keep groups together, stratified by the class of a group's first row.

    Groups are dealt out in turn, class after class. There are fewer folds where the rarest class
    is small.

    Returns:
        (rows to fit on, rows to judge) of each fold.
    """
    number = int(min(FOLDS, np.bincount(labels)[np.unique(labels)].min(), len(np.unique(groups))))
    number = max(number, 2)
    names, first, place = np.unique(groups, return_index=True, return_inverse=True)
    shuffled = np.random.default_rng(0).random(len(names))
    fold = np.empty(len(names), np.int64)
    fold[np.lexsort((shuffled, labels[first]))] = np.arange(len(names)) % number
    return [
        (np.flatnonzero(fold[place] != k), np.flatnonzero(fold[place] == k)) for k in range(number)
    ]
