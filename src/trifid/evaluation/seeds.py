"""Several models, several seeds each, on the same objects: a leaderboard that says what it shows.

Two kinds of doubt stay apart. The interval is over objects: the same weighted objects for all
seeds and models (grouped, paired bootstrap of the mean over seeds). The standard deviation is over
seeds: what another start of the training would change.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trifid.errors import RunError
from trifid.evaluation.compare import COMPARED, COMPARED_COLUMNS, adjust, align, judged
from trifid.evaluation.evaluate import measure, statistic_of
from trifid.evaluation.predictions import Predictions
from trifid.metrics.comparison import bootstrap_p
from trifid.metrics.intervals import LEVEL, bootstrap
from trifid.metrics.statistic import ClassifierStatistic


def compare_seeds(
    runs: Mapping[str, Sequence[Predictions]],
    *,
    fold: str = "test",
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Means over seeds with intervals and seed scatter; differences from the first model.

    Args:
        runs: Name of a model to its predictions, one a seed; the first model is the reference.
        fold: The fold to judge.
        resamples: Bootstrap resamples.
        seed: Of the resamples.

    Returns:
        task, simulated, fold, n, groups, seeds, models [{name, metrics {metric: {value, low,
        high, seed_sd, seeds}}}], differences [{a, b, metric, value (a - b, b the reference), low,
        high, p, p_adjusted, better}], level, resamples.

    Raises:
        RunError: If there are no runs, or they do not share task, classes, labels or objects.
    """
    names = list(runs)
    flat = [(f"{name} #{i}", part) for name in names for i, part in enumerate(runs[name])]
    if not flat or not all(runs.values()):
        raise RunError("a leaderboard needs at least one finished run of each model")
    if len({part.metadata["task"] for _, part in flat}) > 1:
        raise RunError("the runs of a leaderboard must be of one task")
    shared = align([name for name, _ in flat], [judged(n, part, fold) for n, part in flat])
    ends = np.cumsum([len(runs[name]) for name in names])[:-1]
    parts = np.split(np.arange(len(shared)), ends)
    of = [[statistic_of(shared[i]) for i in part.tolist()] for part in parts]
    groups, rows = of[0][0].groups, len(shared[0])
    width = len(COMPARED)

    def means(weights: np.ndarray) -> np.ndarray:
        own = [_mean(statistics, weights) for statistics in of]
        return np.concatenate([*own, *(item - own[0] for item in own[1:])], axis=1)

    found = bootstrap(means, groups, resamples=resamples, seed=seed, rows=rows)
    p_values = bootstrap_p(found.value, found.samples)
    entries = [
        measure(*triple, "paired bca")
        for triple in zip(
            found.value.tolist(), found.low.tolist(), found.high.tolist(), strict=True
        )
    ]
    once = np.ones((1, groups), np.int32)
    models: list[dict[str, Any]] = []
    for number, name in enumerate(names):
        values = np.stack([s(once)[0, COMPARED_COLUMNS] for s in of[number]])
        spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.full(width, np.nan)
        metrics = {
            metric: entries[number * width + k]
            | {"seed_sd": _plain(spread[k]), "seeds": [_plain(v) for v in values[:, k]]}
            for k, metric in enumerate(COMPARED)
        }
        models.append({"name": name, "metrics": metrics})
    differences = [
        entries[place] | {"a": name, "b": names[0], "metric": metric, "p": _plain(p_values[place])}
        for number, name in enumerate(names[1:])
        for k, metric in enumerate(COMPARED)
        for place in [(len(names) + number) * width + k]
    ]
    adjust(differences)
    return {
        "task": shared[0].metadata["task"],
        "simulated": any(part.metadata["simulated"] for part in shared),
        "fold": fold,
        "n": rows,
        "groups": groups,
        "seeds": [len(runs[name]) for name in names],
        "models": models,
        "differences": differences,
        "level": LEVEL,
        "resamples": resamples,
    }


def _mean(statistics: Sequence[ClassifierStatistic], weights: np.ndarray) -> np.ndarray:
    return np.mean([s(weights)[:, COMPARED_COLUMNS] for s in statistics], axis=0)


def _plain(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
