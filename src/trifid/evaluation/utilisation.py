"""What a model takes from each input that the others do not give (trap E21).

    u(one | others) = (A(all inputs) - A(others)) / A(all inputs)

A is macro F1 for classes and R2 for a number, both on the labelled objects that have the input and
another one. 0: the input is ignored, or says nothing that the others do not. Below 0: it does harm.
Paper: Wu et al. 2022, ICML, conditional utilisation rate.
Differs: the paper has one head an input and accuracy; here one network is given fewer inputs.
"""

from collections.abc import Sequence

import numpy as np

from trifid.evaluation.measure import Entry, measures
from trifid.evaluation.predictions import Predictions
from trifid.metrics.classification import confusion_metrics
from trifid.metrics.intervals import Statistic, bootstrap

_KEY = ("object_id", "fold", "seed", "run")


def utilisation(
    chosen: Predictions, *, target: str = "", resamples: int = 2000, seed: int = 0
) -> dict[str, Entry]:
    """The rate of each input that was predicted alone and left out; empty for a single input.

    Args:
        chosen: One fold, every subset.
        target: A number; empty for classes.
        resamples: Of the paired bootstrap over groups.
        seed: Of the resamples.

    Returns:
        {input: {value, low, high, method, n}}; no value where A(all inputs) is not above 0.
    """
    full = chosen.subsets[0]
    names, found = full.split("+"), dict[str, Entry]()
    for name in names:
        subsets = (full, "+".join(other for other in names if other != name), name)
        if not set(subsets) <= set(chosen.subsets):
            continue
        parts = [chosen.select(subset=subset).labelled(target) for subset in subsets]
        whole, without, _ = _paired(parts)
        if len(whole):
            found[name] = _rate(whole, without, target, resamples=resamples, seed=seed)
    return found


def _rate(
    whole: Predictions, without: Predictions, target: str, *, resamples: int, seed: int
) -> Entry:
    of_all, of_others = (
        _r2(rows, target) if target else _macro_f1(rows) for rows in (whole, without)
    )

    def rate(weights: np.ndarray) -> np.ndarray:
        score, rest = of_all(weights), of_others(weights)
        empty = np.full(score.shape, np.nan)
        return np.divide(score - rest, score, out=empty, where=score > 0)[:, None]

    groups = int(whole.groups.max()) + 1
    found = bootstrap(rate, groups, resamples=resamples, seed=seed)
    return measures(found, "paired bca")[0] | {"n": len(whole)}


def _paired(parts: Sequence[Predictions]) -> list[Predictions]:
    """The rows of the objects that all parts hold, in one order."""
    keys = [zip(*(part.table[name].to_pylist() for name in _KEY), strict=True) for part in parts]
    places = [{key: row for row, key in enumerate(own)} for own in keys]
    common = sorted(set(places[0]).intersection(*places[1:]))
    return [
        part.take(np.array([place[key] for key in common], np.int64))
        for part, place in zip(parts, places, strict=True)
    ]


def _macro_f1(rows: Predictions) -> Statistic:
    classes, groups = len(rows.classes), rows.groups
    cell = (groups * classes + rows.labels) * classes + rows.predicted
    shape = (int(groups.max()) + 1, classes * classes)
    sums = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

    def score(weights: np.ndarray) -> np.ndarray:
        counts = (weights.astype(np.float64) @ sums).reshape(-1, classes, classes)
        return confusion_metrics(counts)["macro_f1"]

    return score


def _r2(rows: Predictions, target: str) -> Statistic:
    numbers, groups = rows.numbers(target), rows.groups
    truth = numbers.truth - numbers.truth.mean()
    parts = (np.ones(len(rows)), truth, truth**2, (numbers.truth - numbers.mean) ** 2)
    sums = np.stack([np.bincount(groups, part) for part in parts], axis=1)  # (G, 4)

    def score(weights: np.ndarray) -> np.ndarray:
        count, first, second, error = (weights.astype(np.float64) @ sums).T
        spread = second - first**2 / count
        empty = np.full(spread.shape, np.nan)
        return 1.0 - np.divide(error, spread, out=empty, where=spread > 1e-12 * second)

    return score
