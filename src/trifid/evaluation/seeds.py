"""Several models, several seeds each, on the same objects: a leaderboard that says what it shows.

Two kinds of doubt stay apart. The interval is over objects: the same weighted objects for all
seeds and models (grouped, paired bootstrap of the mean over seeds). The standard deviation is over
seeds: what another start of the training would change.
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
from trifid.evaluation.measure import measures, plain
from trifid.evaluation.predictions import Predictions
from trifid.metrics.comparison import bootstrap_p
from trifid.metrics.intervals import LEVEL, Statistic, bootstrap

Runs = Mapping[str, Sequence[Predictions]]


def compare_seeds(
    runs: Runs, *, fold: str = "test", resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Means over seeds with intervals and seed scatter; differences from the first model.

    Runs that predict numbers are judged target by target, on `numbers.COMPARED`; their metrics
    are called "target_metric".

    Args:
        runs: Name of a model to its predictions, one a seed; the first model is the reference.
        fold: The fold to judge.
        resamples: Bootstrap resamples.
        seed: Of the resamples.

    Returns:
        kind, task, simulated, fold, targets {target: rows}, n, groups, seeds, models [{name,
        metrics {metric: {value, low, high, seed_sd, seeds}}, crossed: rows with quantiles out of
        order, mean over seeds, or None}], differences [{a, b, metric, value (a - b, b the
        reference), low, high, p, p_adjusted, better}], level, resamples.

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
    for panel in panels:
        found, gaps = _judge(panel, list(runs), resamples=resamples, seed=seed)
        for model, metrics in zip(models, found, strict=True):
            model["metrics"] |= metrics
        adjust(gaps, lower=panel.lower)
        differences += gaps
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
        "differences": differences,
        "level": LEVEL,
        "resamples": resamples,
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
    """

    target: str
    metrics: tuple[str, ...]
    lower: frozenset[str]
    scores: list[list[Statistic]]
    groups: int
    rows: int


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
    )


def _scores(rows: Predictions, target: str) -> Statistic:
    if target:
        found = numbers.statistic_of(rows, target)
        columns = [found.names.index(name) for name in numbers.COMPARED]
        return lambda weights: found(weights)[:, columns]
    statistic = statistic_of(rows)
    return lambda weights: statistic(weights)[:, COMPARED_COLUMNS]


def _judge(
    panel: _Panel, names: list[str], *, resamples: int, seed: int
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The metrics of each model, and its differences from the first one."""

    def means(weights: np.ndarray) -> np.ndarray:
        own = [np.mean([s(weights) for s in seeds], axis=0) for seeds in panel.scores]
        return np.concatenate([*own, *(item - own[0] for item in own[1:])], axis=1)

    found = bootstrap(means, panel.groups, resamples=resamples, seed=seed, rows=panel.rows)
    p_values = bootstrap_p(found.value, found.samples)
    entries = measures(found, "paired bca")
    once, width = np.ones((1, panel.groups), np.int32), len(panel.metrics)
    models: list[dict[str, Any]] = []
    for number, seeds in enumerate(panel.scores):
        values = np.stack([s(once)[0] for s in seeds])
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(width, np.nan)
        own = {
            metric: entries[number * width + k]
            | {"seed_sd": plain(spread[k]), "seeds": [plain(v) for v in values[:, k]]}
            for k, metric in enumerate(panel.metrics)
        }
        models.append(own)
    differences = [
        entries[place] | {"a": name, "b": names[0], "metric": metric, "p": plain(p_values[place])}
        for number, name in enumerate(names[1:])
        for k, metric in enumerate(panel.metrics)
        for place in [(len(names) + number) * width + k]
    ]
    return models, differences


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
