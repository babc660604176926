"""From predictions to numbers with n and 95 % intervals, as one JSON document without NaN."""

import math
from typing import Any

import numpy as np

from trifid.errors import RunError
from trifid.evaluation.conformal import Columns, no_columns
from trifid.evaluation.measure import (
    Entry,
    ceiling_note,
    groups_note,
    measure,
    measures,
    pooled_note,
    simulated_note,
)
from trifid.evaluation.numbers import evaluate_numbers
from trifid.evaluation.predictions import Predictions
from trifid.evaluation.trust import trust
from trifid.evaluation.utilisation import utilisation
from trifid.metrics.calibration import expected_calibration_error
from trifid.metrics.classification import confusion_counts
from trifid.metrics.intervals import LEVEL, bootstrap, wilson
from trifid.metrics.statistic import OVERALL, PER_CLASS, ClassifierStatistic

_FEW_OBJECTS = 20  # in one class


def evaluate(
    predictions: Predictions,
    *,
    fold: str = "test",
    resamples: int = 2000,
    seed: int = 0,
    columns: Columns = no_columns,
) -> dict[str, Any]:
    """Judges one fold of a predictions table; numbers as `evaluate_numbers` says.

    Every measure is `{"value", "low", "high", "method"}`. A value is None where it does not exist
    (the ROC area of a class without objects), an end where no honest one can be given (see
    `trifid.metrics.intervals.bootstrap`). Intervals are by group: Wilson for accuracy and recall
    where each row is its own group, else the BCa bootstrap over groups. Votes, which are no
    probabilities, have no ROC area, average precision, log loss, Brier score or calibration error.

    Args:
        predictions: A checked table.
        fold: The fold to judge; `"test"` of a k-fold table pools the out-of-fold rows.
        resamples: Number of bootstrap resamples.
        seed: Of the resamples; the same seed gives the same document.
        columns: What is known of an object besides, for coverage by bin.

    Returns:
        kind, task, model, simulated, fold, subset, n, groups, unlabelled, metrics {name: measure},
        per_class {class: {name: measure, "support"}}, confusion {classes, counts; rows are
        labels}, subsets {subset: {name: measure}}, subset_n, utilisation {metric: {input:
        measure}} (see `trifid.evaluation.utilisation`), calibration {name: measure}, trust (see
        `trifid.evaluation.trust.trust`), level, resamples, seed, notes.

    Raises:
        RunError: If the fold does not exist or none of its rows has a label.
    """
    if predictions.targets:
        return evaluate_numbers(
            predictions, fold=fold, resamples=resamples, seed=seed, columns=columns
        )
    chosen = predictions.select(fold=fold)
    full, *others = chosen.subsets
    rows = chosen.select(subset=full)
    judged = rows.labelled()
    if not len(judged):
        raise RunError(f"fold {fold!r} has {len(rows)} rows and no label; nothing to judge")
    counts = confusion_counts(judged.labels, judged.predicted, len(judged.classes))
    groups = int(judged.groups.max()) + 1
    metrics, per_class = judge(judged, resamples=resamples, seed=seed)
    subsets, sizes = {full: metrics}, {full: len(judged)}
    for name in others:
        part = chosen.select(subset=name).labelled()
        if len(part):
            subsets[name] = judge(part, resamples=resamples, seed=seed)[0]
            sizes[name] = len(part)
    return {
        "kind": "classification",
        "task": predictions.metadata["task"],
        "model": predictions.metadata["model"],
        "simulated": predictions.metadata["simulated"],
        "fold": fold,
        "subset": full,
        "n": len(judged),
        "groups": groups,
        "unlabelled": len(rows) - len(judged),
        "metrics": metrics,
        "per_class": dict(zip(judged.classes, per_class, strict=True)),
        "confusion": {"classes": list(judged.classes), "counts": counts.tolist()},
        "subsets": subsets,
        "subset_n": sizes,
        "utilisation": {"macro_f1": utilisation(chosen, resamples=resamples, seed=seed)},
        "calibration": _calibration(judged, metrics),
        "trust": trust(predictions, fold=fold, columns=columns),
        "level": LEVEL,
        "resamples": resamples,
        "seed": seed,
        "notes": _notes(judged, groups, chosen.folds),
    }


def judge(
    rows: Predictions, *, resamples: int = 2000, seed: int = 0
) -> tuple[dict[str, Entry], list[Entry]]:
    """The overall measures of labelled rows by name, and those of each class, with intervals."""
    statistic = statistic_of(rows)
    found = bootstrap(statistic, statistic.groups, resamples=resamples, seed=seed, rows=len(rows))
    entries = measures(found, "bca")
    classes = len(rows.classes)
    overall: dict[str, Entry] = dict(zip(OVERALL, entries, strict=False))
    by_class: list[Entry] = [
        dict(zip(PER_CLASS, entries[len(OVERALL) + k :: classes], strict=True))
        for k in range(classes)
    ]
    counts = confusion_counts(rows.labels, rows.predicted, classes)
    hits, support = np.diagonal(counts).tolist(), counts.sum(axis=1).tolist()
    if statistic.groups == len(rows):
        for name in ("accuracy", "weighted_recall"):  # one number under two names
            overall[name] |= _wilson(sum(hits), len(rows))
        for entry, right, n in zip(by_class, hits, support, strict=True):
            if n:
                entry["recall"] |= _wilson(right, n)
    return overall, [entry | {"support": n} for entry, n in zip(by_class, support, strict=True)]


def statistic_of(predictions: Predictions) -> ClassifierStatistic:
    """The labelled rows of a table as a function of group weights."""
    return ClassifierStatistic.of(
        predictions.labels,
        predictions.predicted,
        predictions.probabilities,
        predictions.groups,
        probabilistic=predictions.metadata["probabilistic"],
    )


def _wilson(hits: int, n: int) -> Entry:
    low, high = wilson(hits, n)
    return {"low": low, "high": high, "method": "wilson"}


def _calibration(rows: Predictions, metrics: dict[str, Entry]) -> dict[str, Entry]:
    probabilities, predicted = rows.probabilities, rows.predicted
    confidence = probabilities[np.arange(len(rows)), predicted]
    correct = (predicted == rows.labels).astype(np.float64)
    votes = not rows.metadata["probabilistic"]
    error = math.nan if votes else expected_calibration_error(correct, confidence)
    return {
        "ece": measure(error, math.nan, math.nan, "15 bins of equal mass"),
        "brier": metrics["brier"],
        "nll": metrics["log_loss"],
    }


def _notes(rows: Predictions, groups: int, folds: tuple[str, ...]) -> list[str]:
    """What limits these numbers, in words.

    The rare class is measured by `benchmarks/interval_coverage.py --rows 140 --groups 140
    --smallest 0.065 --skill 4 --sets 1000`.
    """
    notes = simulated_note(rows) + ceiling_note(rows) + pooled_note(folds)
    if not rows.metadata["probabilistic"]:
        notes.append("the model votes for a class and gives no probabilities")
    notes += groups_note(groups)
    support = np.bincount(rows.labels, minlength=len(rows.classes)).tolist()
    for name, count in zip(rows.classes, support, strict=True):
        if count == 0:
            notes.append(f"no object of class {name}: it has no recall and no ROC area")
        elif count < _FEW_OBJECTS:
            notes.append(
                f"class {name} has {count} objects: intervals of its measures, of balanced "
                "accuracy and of macro means are too narrow (simulated, 9 of 140 objects and few "
                "errors: macro F1 89 %, balanced accuracy 87 % instead of 95)"
            )
    return notes
