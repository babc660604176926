"""From predicted numbers to metrics of each target with n and 95 % intervals."""

import math
from typing import Any

import numpy as np

from trifid.errors import RunError
from trifid.evaluation.conformal import Columns, no_columns, number_intervals
from trifid.evaluation.measure import (
    Entry,
    groups_note,
    measure,
    measures,
    plain,
    pooled_note,
    simulated_note,
)
from trifid.evaluation.predictions import Predictions
from trifid.evaluation.utilisation import utilisation
from trifid.metrics.comparison import bootstrap_p
from trifid.metrics.intervals import LEVEL, bootstrap, wilson
from trifid.metrics.regression import RegressionStatistic, row_pit

PIT_BINS = 20
COMPARED = ("rmse", "mae", "nmad", "crps", "r2")
LOWER = frozenset(COMPARED) - {"r2"}  # of these the lower value is better


def evaluate_numbers(
    predictions: Predictions,
    *,
    fold: str = "test",
    resamples: int = 2000,
    seed: int = 0,
    columns: Columns = no_columns,
) -> dict[str, Any]:
    """Judges one fold of a regression's table; see `trifid.evaluation.evaluate`.

    Returns:
        As for classes, with kind "regression", metrics {"target_metric": measure}, targets
        {target: {unit, n, unlabelled, metrics {name: measure}, baselines {name: {rmse, mae}},
        pit {counts} or None}}, crossings (of ordered targets) or None, intervals (see
        `trifid.evaluation.conformal.number_intervals`), subsets {subset: {"target_metric":
        measure}}, subset_n, utilisation {"target_r2": {input: measure}}.

    Raises:
        RunError: If the fold does not exist or none of its rows has a label.
    """
    chosen = predictions.select(fold=fold)
    full, *others = chosen.subsets
    rows = chosen.select(subset=full)
    targets = {
        name: _target(rows, name, resamples=resamples, seed=seed)
        for name in rows.targets
        if len(rows.labelled(name))
    }
    if not targets:
        raise RunError(f"fold {fold!r} has {len(rows)} rows and no label; nothing to judge")
    subsets = {full: _flat({name: entry["metrics"] for name, entry in targets.items()})}
    sizes = {full: max(entry["n"] for entry in targets.values())}
    for subset in others:
        part = chosen.select(subset=subset)
        judged = [name for name in part.targets if len(part.labelled(name))]
        if judged:
            options = {"resamples": resamples, "seed": seed}
            subsets[subset] = _flat({n: judge_target(part, n, **options) for n in judged})
            sizes[subset] = max(len(part.labelled(name)) for name in judged)
    groups = len(np.unique(rows.groups))
    return {
        "kind": "regression",
        "task": predictions.metadata["task"],
        "model": predictions.metadata["model"],
        "simulated": predictions.metadata["simulated"],
        "fold": fold,
        "subset": full,
        "n": sizes[full],
        "groups": groups,
        "unlabelled": len(rows) - sizes[full],
        "metrics": subsets[full],
        "targets": targets,
        "crossings": crossings(rows),
        "intervals": number_intervals(predictions, fold=fold, columns=columns),
        "subsets": subsets,
        "subset_n": sizes,
        "utilisation": {
            f"{name}_r2": utilisation(chosen, target=name, resamples=resamples, seed=seed)
            for name in targets
        },
        "level": LEVEL,
        "resamples": resamples,
        "seed": seed,
        "notes": _notes(rows, groups, chosen.folds),
    }


def statistic_of(rows: Predictions, target: str) -> RegressionStatistic:
    """The labelled rows of one target as a function of group weights."""
    numbers = rows.numbers(target)
    about = rows.metadata["about"].get(target, {})
    return RegressionStatistic.of(
        numbers.truth,
        numbers.mean,
        numbers.sd,
        rows.groups,
        redshift=about.get("kind") == "redshift",
        outliers=tuple(about.get("outliers", ())),
        baseline=float(rows.metadata["train_mean"].get(target, math.nan)),
    )


def judge_target(
    rows: Predictions, target: str, *, resamples: int = 2000, seed: int = 0
) -> dict[str, Entry]:
    """The metrics of one target by name, with intervals."""
    statistic = statistic_of(rows.labelled(target), target)
    found = bootstrap(
        statistic,
        statistic.groups,
        resamples=resamples,
        seed=seed,
        rows=len(statistic.row_groups),
    )
    return dict(zip(statistic.names, measures(found, "bca"), strict=True))


def differences(
    first: RegressionStatistic, second: RegressionStatistic, *, resamples: int, seed: int
) -> list[Entry]:
    """Paired differences, first minus second on the same rows: metric, interval, p and test."""
    own, other = ([s.names.index(name) for name in COMPARED] for s in (first, second))

    def gap(weights: np.ndarray) -> np.ndarray:
        return first(weights)[:, own] - second(weights)[:, other]

    rows = len(first.row_groups)
    found = bootstrap(gap, first.groups, resamples=resamples, seed=seed, rows=rows)
    p_values = bootstrap_p(found.value, found.samples).tolist()
    entries = measures(found, "paired bca")
    return [
        {"metric": metric, **entry, "p": plain(p), "test": "paired bootstrap"}
        for metric, entry, p in zip(COMPARED, entries, p_values, strict=True)
    ]


def crossings(rows: Predictions) -> Entry | None:
    """How many rows break the order of targets such as quantiles; None without an order."""
    ordered = [name for name in rows.metadata["ordered"] if name in rows.targets]
    if len(ordered) < 2 or not len(rows):
        return None
    means = np.stack([rows.numbers(name).mean for name in ordered], axis=1)
    crossed = int((np.diff(means, axis=1) < 0).any(axis=1).sum())
    low, high = wilson(crossed, len(rows))
    share = measure(crossed / len(rows), low, high, "wilson")
    return {"targets": ordered, "rows": len(rows), "crossed": crossed, "share": share}


def _target(rows: Predictions, name: str, *, resamples: int, seed: int) -> Entry:
    judged = rows.labelled(name)
    numbers = judged.numbers(name)
    pit = None
    if numbers.sd is not None:
        values = row_pit(numbers.truth, numbers.mean, numbers.sd)
        pit = {"counts": np.histogram(values, PIT_BINS, (0.0, 1.0))[0].tolist()}
    return {
        "unit": rows.metadata["about"].get(name, {}).get("unit", ""),
        "n": len(judged),
        "unlabelled": len(rows) - len(judged),
        "metrics": judge_target(rows, name, resamples=resamples, seed=seed),
        "baselines": _baselines(rows, numbers.truth, name),
        "pit": pit,
    }


def _baselines(rows: Predictions, truth: np.ndarray, name: str) -> Entry:
    """The errors of whoever answers the training rows' mean."""
    mean = rows.metadata["train_mean"].get(name)
    if mean is None:
        return {}
    error = truth - float(mean)
    rmse, mae = float(np.sqrt(np.mean(error**2))), float(np.mean(np.abs(error)))
    return {"training_mean": {"rmse": rmse, "mae": mae}}


def _flat(metrics: dict[str, dict[str, Entry]]) -> dict[str, Entry]:
    return {
        f"{target}_{name}": entry
        for target, entries in metrics.items()
        for name, entry in entries.items()
    }


def _notes(rows: Predictions, groups: int, folds: tuple[str, ...]) -> list[str]:
    notes = simulated_note(rows) + pooled_note(folds) + groups_note(groups)
    if not any(rows.numbers(name).sd is not None for name in rows.targets):
        notes.append("the model predicts no spread: its CRPS is its mean absolute error")
    return notes
