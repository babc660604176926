"""Whether the guard against input unlike the training data sees another instrument (trap E23)."""

from typing import Any

import numpy as np
import torch

from trifid.data.loader import Rows
from trifid.evaluation.measure import Entry, measures
from trifid.evaluation.slices import LEAST
from trifid.inference.score import BATCH_SIZE, store_loader
from trifid.metrics.intervals import bootstrap
from trifid.metrics.ranking import Ranking
from trifid.store.read import Store
from trifid.training.bundle import Bundle
from trifid.training.rows import task_rows
from trifid.transforms.domain import distance

MOST = 2000  # rows of an instrument, and test rows, that are looked at


def domain_areas(
    bundle: Bundle, own: Store, other: Store, *, resamples: int = 2000, seed: int = 0
) -> list[dict[str, Any]]:
    """ROC area of the domain distance: each instrument of a store against the run's test rows.

    0.5: the guard does not tell its rows from test rows; 1: all of them lie farther out. A row's
    distance is that of its farthest input.

    Args:
        bundle: The run's.
        own: The store it was trained on.
        other: Another one.
        resamples: Of the bootstrap over groups; objects of both stores are drawn together.
        seed: Of resamples, and of the rows where there are more than `MOST`.

    Returns:
        [{instrument, seen (whether a training row is of it), n, n_test, area {value, low, high,
        method}}]; empty where a store does not tell instruments.
    """
    if not all("instrument" in store.schema.columns for store in (own, other)):
        return []
    rows = task_rows(own, bundle.card.recipe, bundle.card.task)
    trained = set(_column(own, "instrument")[rows.train])
    tested, test_groups = _far(bundle, own, rows.test, seed)
    names, found = _column(other, "instrument"), list[dict[str, Any]]()
    for name in sorted({name for name in names if name}):
        far, groups = _far(bundle, other, np.flatnonzero(names == name), seed)
        sizes = {"n": len(far), "n_test": len(tested)}
        if min(sizes.values()) >= LEAST:
            pair = [far, tested], [groups, test_groups]
            area = _area(*pair, resamples=resamples, seed=seed)
            found.append({"instrument": name, "seen": name in trained, **sizes, "area": area})
    return found


def _far(bundle: Bundle, store: Store, rows: Rows, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Domain distances and groups of rows that have an input, up to `MOST`."""
    kept = np.sort(np.random.default_rng(seed).permutation(rows)[:MOST])
    distances = row_distances(bundle, store, kept)
    there = ~np.isnan(distances)
    return distances[there], _column(store, "group")[kept[there]]


@torch.inference_mode()
def row_distances(bundle: Bundle, store: Store, rows: Rows) -> np.ndarray:
    """(N,) the distance of each row's farthest input; NaN without any."""
    parts, states = [np.empty(0, np.float32)], bundle.pipeline.states
    for raw in store_loader(bundle, store).batches(rows, BATCH_SIZE):
        batch = bundle.pipeline(raw)
        each = [distance(value, states[name]) for name, value in batch.inputs.items()]
        far = torch.stack(each).amax(dim=0)
        parts.append(torch.where(batch.present.any(dim=1), far, torch.nan).numpy())
    return np.concatenate(parts)


def _area(
    distances: list[np.ndarray], groups: list[np.ndarray], *, resamples: int, seed: int
) -> Entry:
    """The ROC area of the first rows against the second."""
    sides = np.repeat([0, 1], [len(part) for part in distances])
    drawn = np.unique(np.concatenate(groups).astype(str), return_inverse=True)[1]
    ranking = Ranking.of(sides, np.concatenate(distances)[:, None], drawn)
    found = bootstrap(
        lambda weights: ranking.measure(weights)[0],
        int(drawn.max()) + 1,
        resamples=resamples,
        seed=seed,
        rows=len(drawn),
    )
    return measures(found, "bca")[0]


def _column(store: Store, name: str) -> np.ndarray:
    return store.columns(name)[name].to_numpy(zero_copy_only=False)
