"""Paired comparison of runs on the objects they share."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from trifid.errors import RunError
from trifid.evaluation import numbers
from trifid.evaluation.evaluate import judge, statistic_of
from trifid.evaluation.measure import measures, notes_of, plain
from trifid.evaluation.predictions import Predictions
from trifid.metrics.comparison import bootstrap_p, holm, mcnemar
from trifid.metrics.intervals import LEVEL, Intervals, Statistic, bootstrap
from trifid.metrics.statistic import OVERALL, ClassifierStatistic

COMPARED = (
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "weighted_f1",
    "mcc",
    "macro_auc",
    "macro_average_precision",
    "log_loss",
    "brier",
)
LOWER = frozenset({"log_loss", "brier"})
COMPARED_COLUMNS = [OVERALL.index(name) for name in COMPARED]
_ALPHA = 0.05

Run = tuple[str, Predictions]


def compare(
    runs: Sequence[Run],
    *,
    costs: Mapping[str, Mapping[str, Any]] | None = None,
    fold: str = "test",
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Compares every pair of runs on the labelled objects that all of them predicted.

    Runs that predict numbers are compared target by target, on `numbers.COMPARED`; a difference
    then has a `target`, its `metric` is "target_metric".

    Intervals are those of the paired bootstrap over groups (BCa). p of accuracy is McNemar's where
    each object is its own group, all other p are the paired bootstrap's; Holm adjusts them over
    the pairs of runs, for each metric. `better` names a run only where the adjusted p is below
    0.05 and the interval excludes zero, else it is None: no difference shown.

    Args:
        runs: Names and tables; each run's largest subset of modalities is compared.
        costs: For a run's name, its cost line (parameters, seconds, rows per second, ...).
        fold: The fold to compare on.
        resamples: Number of bootstrap resamples.
        seed: Of the resamples.

    Returns:
        task, fold, n, groups, left_out {run: rows not shared}, runs [{name, model, subset,
        metrics}], differences [{a, b, metric, value (a - b), low, high, p, p_adjusted, test,
        better}], cost [{name, ...}], level, resamples, seed, simulated, notes.

    Raises:
        RunError: If there are fewer than two runs, names repeat, tasks, classes, labels or groups
            differ, or no object is shared.
    """
    _check_runs(runs)
    if runs[0][1].targets:
        return _compare_numbers(runs, costs or {}, fold, resamples, seed)
    rows = [judged(name, predictions, fold) for name, predictions in runs]
    shared = align([name for name, _ in runs], rows)
    names = [name for name, _ in runs]
    statistics = [statistic_of(part) for part in shared]
    draw = partial(bootstrap, resamples=resamples, seed=seed, rows=len(shared[0]))
    reports = [
        {
            "name": name,
            "model": part.metadata["model"],
            "subset": part.subsets[0],
            "metrics": judge(part, resamples=resamples, seed=seed)[0],
        }
        for name, part in zip(names, shared, strict=True)
    ]
    differences = [
        entry
        for i, j in itertools.combinations(range(len(names)), 2)
        for entry in _differences(
            (names[i], shared[i], statistics[i]), (names[j], shared[j], statistics[j]), draw
        )
    ]
    adjust(differences)
    return {
        "kind": "classification",
        "task": shared[0].metadata["task"],
        "simulated": any(part.metadata["simulated"] for part in shared),
        "fold": fold,
        "n": len(shared[0]),
        "groups": statistics[0].groups,
        "left_out": {
            name: len(part) - len(shared[0]) for name, part in zip(names, rows, strict=True)
        },
        "runs": reports,
        "differences": differences,
        "cost": [{"name": name, **(costs or {}).get(name, {})} for name in names],
        "level": LEVEL,
        "resamples": resamples,
        "seed": seed,
        "notes": notes_of(shared),
    }


def _compare_numbers(
    runs: Sequence[Run],
    costs: Mapping[str, Mapping[str, Any]],
    fold: str,
    resamples: int,
    seed: int,
) -> dict[str, Any]:
    """The same document for numbers; `n` is the largest of a target, `left_out` that target's."""
    names = [name for name, _ in runs]
    targets = [t for t in runs[0][1].targets if all(t in part.targets for _, part in runs)]
    metrics: dict[str, dict[str, Any]] = {name: {} for name in names}
    differences: list[dict[str, Any]] = []
    sizes: list[tuple[int, int, dict[str, int]]] = []
    for target in targets:
        rows = [judged(name, predictions, fold, target) for name, predictions in runs]
        if not all(map(len, rows)):
            continue
        shared = align(names, rows, target)
        left = {n: len(p) - len(shared[0]) for n, p in zip(names, rows, strict=True)}
        sizes.append((len(shared[0]), len(np.unique(shared[0].groups)), left))
        for name, part in zip(names, shared, strict=True):
            found = numbers.judge_target(part, target, resamples=resamples, seed=seed)
            metrics[name] |= {f"{target}_{metric}": entry for metric, entry in found.items()}
        statistics = [numbers.statistic_of(part, target) for part in shared]
        for i, j in itertools.combinations(range(len(names)), 2):
            gap = numbers.differences(statistics[i], statistics[j], resamples=resamples, seed=seed)
            line = {"a": names[i], "b": names[j], "target": target}
            differences += [
                line | entry | {"metric": f"{target}_{entry['metric']}"} for entry in gap
            ]
    if not sizes:
        raise RunError("the runs have no target in common that is labelled in this fold")
    adjust(differences, lower=frozenset(f"{t}_{m}" for t in targets for m in numbers.LOWER))
    n, groups, left_out = max(sizes, key=lambda size: size[0])
    return {
        "kind": "regression",
        "task": runs[0][1].metadata["task"],
        "simulated": any(part.metadata["simulated"] for _, part in runs),
        "fold": fold,
        "n": n,
        "groups": groups,
        "left_out": left_out,
        "runs": [
            {
                "name": name,
                "model": part.metadata["model"],
                "subset": part.select(fold=fold).subsets[0],
                "metrics": metrics[name],
            }
            for name, part in runs
        ],
        "differences": differences,
        "cost": [{"name": name, **costs.get(name, {})} for name in names],
        "level": LEVEL,
        "resamples": resamples,
        "seed": seed,
        "notes": notes_of([part for _, part in runs]),
    }


def _check_runs(runs: Sequence[Run]) -> None:
    names = [name for name, _ in runs]
    if len(runs) < 2:
        raise RunError(f"{len(runs)} run given; a comparison needs two or more")
    if len(set(names)) < len(names):
        raise RunError(f"run names repeat: {', '.join(names)}; give each run another name")
    first = runs[0][1]
    for name, predictions in runs[1:]:
        for what, own, expected in (
            ("task", predictions.metadata["task"], first.metadata["task"]),
            ("kind", predictions.form.kind, first.form.kind),
            ("classes", sorted(predictions.classes), sorted(first.classes)),
        ):
            if own != expected:
                raise RunError(
                    f"{name}: {what} {own!r}, but {names[0]} has {expected!r}; "
                    "only runs of one task can be compared"
                )


def judged(name: str, predictions: Predictions, fold: str, target: str = "") -> Predictions:
    """The labelled rows of a run's full subset, one an object; for numbers those of one target."""
    chosen = predictions.select(fold=fold)
    rows = chosen.select(subset=chosen.subsets[0]).labelled(target)
    ids, counts = np.unique(rows.object_ids, return_counts=True)
    if (counts > 1).any():
        raise RunError(
            f"{name}: object {ids[counts.argmax()]!r:.60} has {counts.max()} predictions in fold "
            f"{fold!r} (several seeds or runs in one file); compare one seed of each run"
        )
    return rows


def align(names: Sequence[str], rows: Sequence[Predictions], target: str = "") -> list[Predictions]:
    """The rows of the objects that all runs hold, in one order, with equal labels and groups."""
    common = set(rows[0].object_ids.tolist())
    for part in rows[1:]:
        common &= set(part.object_ids.tolist())
    if not common:
        sizes = ", ".join(f"{name} {len(part)}" for name, part in zip(names, rows, strict=True))
        raise RunError(
            f"the runs have no labelled object in common (objects judged: {sizes}); "
            "train them on one store with one split"
        )
    order = sorted(common)
    shared: list[Predictions] = []
    for part in rows:
        place = {name: row for row, name in enumerate(part.object_ids.tolist())}
        shared.append(part.take(np.array([place[name] for name in order])))
    for column in (f"label_{target}" if target else "label", "group"):
        expected = shared[0].table[column].to_numpy()
        for name, part in zip(names[1:], shared[1:], strict=True):
            own = part.table[column].to_numpy()
            if (own != expected).any():
                row = int((own != expected).argmax())
                raise RunError(
                    f"{name}: object {order[row]!r:.60} has {column} {own[row]!r:.40}, but "
                    f"{names[0]} has {expected[row]!r:.40}; compare runs made from one store"
                )
    return [replace(part, form=shared[0].form) if not target else part for part in shared]


def _differences(
    first: tuple[str, Predictions, ClassifierStatistic],
    second: tuple[str, Predictions, ClassifierStatistic],
    draw: Callable[[Statistic, int], Intervals],
) -> list[dict[str, Any]]:
    (name_a, rows_a, of_a), (name_b, rows_b, of_b) = first, second

    def gap(weights: np.ndarray) -> np.ndarray:
        return (of_a(weights) - of_b(weights))[:, COMPARED_COLUMNS]

    found = draw(gap, of_a.groups)
    p_values = bootstrap_p(found.value, found.samples).tolist()
    tests = ["paired bootstrap"] * len(COMPARED)
    if of_a.groups == len(rows_a):
        right_a, right_b = (rows.predicted == rows.labels for rows in (rows_a, rows_b))
        p_values[0], tests[0] = mcnemar(right_a, right_b)
    return [
        {
            "a": name_a,
            "b": name_b,
            "metric": metric,
            **entry,
            "p": plain(p),
            "test": test,
        }
        for metric, entry, p, test in zip(
            COMPARED, measures(found, "paired bca"), p_values, tests, strict=True
        )
    ]


def adjust(differences: list[dict[str, Any]], *, lower: frozenset[str] = LOWER) -> None:
    """Adds p_adjusted (Holm over the pairs of runs, for each metric) and better.

    Args:
        differences: Each with metric, a, b, value, low, high and p.
        lower: Metrics whose lower value is better.
    """
    for metric in dict.fromkeys(entry["metric"] for entry in differences):
        family = [entry for entry in differences if entry["metric"] == metric]
        raw = np.array([entry["p"] for entry in family], dtype=np.float64)
        for entry, p in zip(family, holm(raw).tolist(), strict=True):
            entry["p_adjusted"] = plain(p)
            entry["better"] = _better(entry, lower)


def _better(entry: Mapping[str, Any], lower_is_better: frozenset[str]) -> str | None:
    p, low, high = entry["p_adjusted"], entry["low"], entry["high"]
    if p is None or low is None or high is None or p >= _ALPHA or low <= 0.0 <= high:
        return None
    higher = entry["a"] if entry["value"] > 0 else entry["b"]
    lower = entry["b"] if higher == entry["a"] else entry["a"]
    return lower if entry["metric"] in lower_is_better else higher
