"""Several models, several seeds each, on the same objects: a leaderboard that says what it shows.

Two kinds of doubt stay apart. The interval is over objects: the same weighted objects for all
seeds and models (grouped, paired bootstrap of the mean over seeds). The standard deviation is over
seeds: what another start of the training would change. A difference has both: its interval and p
over objects, and `over_seeds`, the corrected resampled t of the seeds that both models have.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from trifid.errors import RunError
from trifid.evaluation import numbers
from trifid.evaluation.compare import COMPARED, COMPARED_COLUMNS, LOWER, adjust, align, judged
from trifid.evaluation.evaluate import statistic_of
from trifid.evaluation.measure import measures, notes_of, plain
from trifid.evaluation.predictions import Predictions
from trifid.metrics.comparison import bootstrap_p, corrected_resampled_t
from trifid.metrics.intervals import LEVEL, Statistic, bootstrap

Runs = Mapping[str, Sequence[Predictions]]


def compare_seeds(
    runs: Runs,
    *,
    fold: str = "test",
    resamples: int = 2000,
    seed: int = 0,
    test_share: float = 0.0,
) -> dict[str, Any]:
    """Means over seeds with intervals and seed scatter; differences from the first model.

    Runs that predict numbers are judged target by target, on `numbers.COMPARED`; their metrics
    are called "target_metric".

    Args:
        runs: Name of a model to its predictions, one a seed; the first model is the reference.
        fold: The fold to judge.
        resamples: Bootstrap resamples.
        seed: Of the resamples.
        test_share: Test rows over training rows, which corrects the test over seeds.

    Returns:
        kind, task, simulated, fold, targets {target: rows}, n, groups, seeds, models [{name,
        metrics {metric: {value, low, high, seed_sd, seeds}}, crossed: rows with quantiles out of
        order, mean over seeds, or None}], best {main metric of a panel: model}, differences [{a,
        b, metric, value (a - b, b the reference), low, high, p, p_adjusted, better, over_seeds
        {low, high, p} or None}], from_best [the same with b the best model, for the main metrics],
        level, resamples, notes.

    Raises:
        RunError: If there are no runs, or they do not share task, classes, labels or objects.
    """
    flat = [part for parts in runs.values() for part in parts]
    if not flat or not all(runs.values()):
        raise RunError("a leaderboard needs at least one finished run of each model")
    if len({(part.metadata["task"], part.form.kind) for part in flat}) > 1:
        raise RunError("the runs of a leaderboard must be of one task")
    panels = [_panel(runs, fold, target) for target in flat[0].targets or ("",)]
    models: list[dict[str, Any]] = [
        {"name": name, "metrics": {}, "crossed": _crossed(parts, fold)}
        for name, parts in runs.items()
    ]
    differences: list[dict[str, Any]] = []
    from_best: list[dict[str, Any]] = []
    best: dict[str, str] = {}
    for panel in panels:
        found = _judge(panel, list(runs), test_share, resamples=resamples, seed=seed)
        for model, metrics in zip(models, found.metrics, strict=True):
            model["metrics"] |= metrics
        for gaps, family in ((found.from_first, differences), (found.from_best, from_best)):
            adjust(gaps, lower=panel.lower)
            family += gaps
        best[panel.metrics[panel.main]] = found.best
    largest = max(panels, key=lambda panel: panel.rows)
    return {
        "kind": flat[0].form.kind,
        "task": flat[0].metadata["task"],
        "simulated": any(part.metadata["simulated"] for part in flat),
        "fold": fold,
        "targets": {panel.target: panel.rows for panel in panels if panel.target},
        "n": largest.rows,
        "groups": largest.groups,
        "seeds": [len(parts) for parts in runs.values()],
        "models": models,
        "best": best,
        "differences": differences,
        "from_best": from_best,
        "level": LEVEL,
        "resamples": resamples,
        "notes": notes_of(flat),
    }


@dataclass(frozen=True)
class _Panel:
    """What is judged together: the classes, or one target.

    Attributes:
        target: Its name; empty for classes.
        metrics: Names in the document.
        lower: Those whose lower value is better.
        scores: From weights (B, G) to the metrics (B, S), by model and seed.
        groups, rows: Of the objects all runs share.
        main: Place of the metric that orders the models.
    """

    target: str
    metrics: tuple[str, ...]
    lower: frozenset[str]
    scores: list[list[Statistic]]
    groups: int
    rows: int
    main: int


def _panel(runs: Runs, fold: str, target: str) -> _Panel:
    flat = [
        (f"{name} #{i}", judged(name, part, fold, target))
        for name, parts in runs.items()
        for i, part in enumerate(parts)
    ]
    if not all(len(part) for _, part in flat):
        raise RunError(f"{target or 'the task'}: a run of the leaderboard has no labelled row")
    shared = align([name for name, _ in flat], [part for _, part in flat], target)
    made = [_scores(part, target) for part in shared]
    ends = np.cumsum([len(parts) for parts in runs.values()])[:-1].tolist()
    starts = [0, *ends, len(made)]
    names, lower = (numbers.COMPARED, numbers.LOWER) if target else (COMPARED, LOWER)
    prefix = f"{target}_" if target else ""
    return _Panel(
        target,
        tuple(prefix + name for name in names),
        frozenset(prefix + name for name in lower),
        [made[a:b] for a, b in pairwise(starts)],
        int(shared[0].groups.max()) + 1,
        len(shared[0]),
        names.index("rmse" if target else "macro_f1"),
    )


def _scores(rows: Predictions, target: str) -> Statistic:
    if target:
        found = numbers.statistic_of(rows, target)
        columns = [found.names.index(name) for name in numbers.COMPARED]
        return lambda weights: found(weights)[:, columns]
    statistic = statistic_of(rows)
    return lambda weights: statistic(weights)[:, COMPARED_COLUMNS]


@dataclass(frozen=True)
class _Judged:
    """The metrics of each model, the best model, and the differences from the first and from it."""

    metrics: list[dict[str, Any]]
    best: str
    from_first: list[dict[str, Any]]
    from_best: list[dict[str, Any]]


def _judge(
    panel: _Panel, names: list[str], test_share: float, *, resamples: int, seed: int
) -> _Judged:
    once, width, main = np.ones((1, panel.groups), np.int32), len(panel.metrics), panel.main
    values = [np.stack([score(once)[0] for score in seeds]) for seeds in panel.scores]
    means = np.stack([own.mean(axis=0) for own in values])
    best = int(_best(means[:, main], lower=panel.metrics[main] in panel.lower))
    others = [number for number in range(len(names)) if number != best]

    def statistics(weights: np.ndarray) -> np.ndarray:
        own = [np.mean([score(weights) for score in seeds], axis=0) for seeds in panel.scores]
        from_first = [item - own[0] for item in own[1:]]
        from_best = [(own[number] - own[best])[:, [main]] for number in others]
        return np.concatenate([*own, *from_first, *from_best], axis=1)

    found = bootstrap(statistics, panel.groups, resamples=resamples, seed=seed, rows=panel.rows)
    p_values = bootstrap_p(found.value, found.samples)
    entries = measures(found, "paired bca")

    def gap(place: int, a: int, b: int, k: int) -> dict[str, Any]:
        pair = {"a": names[a], "b": names[b], "metric": panel.metrics[k]}
        over = _over_seeds(values[a][:, k], values[b][:, k], test_share)
        return entries[place] | pair | {"p": plain(p_values[place]), "over_seeds": over}

    after = len(names) * width
    return _Judged(
        [
            _own(entries[number * width : (number + 1) * width], own, panel.metrics)
            for number, own in enumerate(values)
        ],
        names[best],
        [
            gap(after + (number - 1) * width + k, number, 0, k)
            for number in range(1, len(names))
            for k in range(width)
        ],
        [
            gap(after + (len(names) - 1) * width + place, number, best, main)
            for place, number in enumerate(others)
        ],
    )


def _own(
    entries: Sequence[dict[str, Any]], values: np.ndarray, metrics: Sequence[str]
) -> dict[str, Any]:
    """One model's metrics by name, with the scatter and the values (seeds, S) of its seeds."""
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(len(metrics), np.nan)
    return {
        metric: entry | {"seed_sd": plain(sd), "seeds": [plain(value) for value in own]}
        for metric, entry, sd, own in zip(metrics, entries, spread, values.T, strict=True)
    }


def _best(values: np.ndarray, *, lower: bool) -> np.intp:
    """The place of the best value; one that does not exist is never it."""
    sign = -1.0 if lower else 1.0
    return np.where(np.isfinite(values), sign * values, -np.inf).argmax()


def _over_seeds(first: np.ndarray, second: np.ndarray, test_share: float) -> dict[str, Any] | None:
    """Corrected resampled t of paired seeds (the n-th of one with the n-th of the other)."""
    if len(first) != len(second) or len(first) < 2 or not np.isfinite(first - second).all():
        return None
    _, low, high, p = corrected_resampled_t(first - second, test_share)
    return {"low": low, "high": high, "p": p}


def _crossed(parts: Sequence[Predictions], fold: str) -> float | None:
    """Rows whose ordered targets are out of order, mean over seeds."""
    counts: list[int] = []
    for part in parts:
        if not part.targets:
            return None
        chosen = part.select(fold=fold)
        found = numbers.crossings(chosen.select(subset=chosen.subsets[0]))
        if found is None:
            return None
        counts.append(found["crossed"])
    return float(np.mean(counts))
