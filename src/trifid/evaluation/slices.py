"""Scores by slice: where in redshift, S/N, magnitude or sky a model is good, and where not."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trifid.data.sky import healpix_ring
from trifid.evaluation import bpt_plane
from trifid.evaluation.measure import Entry, measures, share
from trifid.evaluation.predictions import Predictions
from trifid.metrics.classification import confusion_counts, confusion_metrics
from trifid.metrics.intervals import bootstrap
from trifid.store.read import Store

BINS = 4
LEAST = 20  # rows in a slice that is judged
GIVEN = "inputs given"
_NUMBERS = ("redshift", "sn_median", "modelmag_r", "psfmag_i", "psfmag_r", "r")
_NAMES = ("instrument", "plate", "run2d")
_MANY = 12  # names beyond which a column is no slice


def slices(
    predictions: Predictions, columns: Mapping[str, np.ndarray], *, fold: str = "test"
) -> list[dict[str, Any]]:
    """Accuracy and macro F1 of each slice, the worst first.

    Args:
        predictions: A checked table.
        columns: Name to values, one for each row of `select(fold, full subset).labelled()`:
            numbers (cut into four bins of equal mass, NaN left out) or strings.
        fold: The fold to judge.

    Returns:
        {column, slice, n, accuracy {value, low, high}, macro_f1, worse}: `worse` where the
        interval of the accuracy lies wholly below the accuracy of all rows. Column `inputs given`
        has every subset of modalities that was predicted.
    """
    chosen = predictions.select(fold=fold)
    full, *others = chosen.subsets
    rows = chosen.select(subset=full).labelled()
    overall = float((rows.predicted == rows.labels).mean())
    found = [
        _slice(rows, members, column, name)
        for column, values in {"class": np.array(rows.classes)[rows.labels], **columns}.items()
        for name, members in _members(values).items()
    ]
    for subset in others:
        part = chosen.select(subset=subset).labelled()
        found.append(_slice(part, np.arange(len(part)), GIVEN, subset))
    kept = [entry for entry in found if entry["n"] >= LEAST]
    kept = [entry | {"worse": entry["accuracy"]["high"] < overall} for entry in kept]
    return sorted(kept, key=lambda entry: entry["accuracy"]["value"])


def _slice(rows: Predictions, members: np.ndarray, column: str, name: str) -> dict[str, Any]:
    entry: dict[str, Any] = {"column": column, "slice": name, "n": len(members)}
    if len(members) < LEAST:
        return entry
    labels, predicted = rows.labels[members], rows.predicted[members]
    counts = confusion_counts(labels, predicted, len(rows.classes))
    scores = confusion_metrics(counts[None].astype(np.float64))
    entry["accuracy"] = share(labels == predicted)
    entry["macro_f1"] = None if column == "class" else float(scores["macro_f1"][0])
    return entry


def number_slices(
    predictions: Predictions,
    columns: Mapping[str, np.ndarray],
    *,
    fold: str = "test",
    resamples: int = 500,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """RMSE of each target in each slice over its RMSE on all rows, the worst first.

    Args:
        predictions: A checked table of numbers.
        columns: As for `slices`, one value for each row of the full subset, labelled or not.
        fold: The fold to judge.
        resamples: Of the grouped bootstrap, the same for a slice and the whole.
        seed: Of the resamples.

    Returns:
        {column, slice, n, ratio {value, low, high}, worse}: `column` begins with the target;
        `worse` where the interval lies wholly above 1.
    """
    chosen = predictions.select(fold=fold)
    rows = chosen.select(subset=chosen.subsets[0])
    parts = [
        (column, name, members)
        for column, values in columns.items()
        for name, members in _members(values).items()
    ]
    found: list[dict[str, Any]] = []
    for target in rows.targets:
        numbers, groups = rows.numbers(target), rows.groups
        known = np.isfinite(numbers.truth)
        inside = [np.flatnonzero(known)]
        used = [part for part in parts if known[part[2]].sum() >= LEAST]
        inside += [members[known[members]] for _, _, members in used]
        squared = (numbers.mean - numbers.truth) ** 2
        entries = _ratios(squared, groups, inside, resamples=resamples, seed=seed)
        for (column, name, _), members, ratio in zip(used, inside[1:], entries, strict=True):
            entry = {"column": f"{target} by {column}", "slice": name, "n": len(members)}
            found.append(entry | {"ratio": ratio, "worse": (ratio["low"] or 0.0) > 1.0})
    return sorted(found, key=lambda entry: -(entry["ratio"]["value"] or 0.0))


def _ratios(
    squared: np.ndarray, groups: np.ndarray, inside: list[np.ndarray], *, resamples: int, seed: int
) -> list[Entry]:
    """RMSE of all slices but the first over that of the first, with intervals by group."""
    count, members = int(groups.max()) + 1, range(len(inside))
    sums = [np.bincount(groups[inside[k]], squared[inside[k]], count) for k in members]
    sums += [np.bincount(groups[inside[k]], minlength=count) for k in members]
    table = np.stack(sums, axis=1)  # (G, 2 S)

    def ratios(weights: np.ndarray) -> np.ndarray:
        errors, rows = np.split(weights.astype(np.float64) @ table, 2, axis=1)
        means = np.divide(errors, rows, out=np.full(errors.shape, np.nan), where=rows > 0)
        whole = means[:, :1]
        found = np.full(means[:, 1:].shape, np.nan)
        np.divide(means[:, 1:], whole, out=found, where=whole > 0)
        return np.sqrt(found)

    return measures(bootstrap(ratios, count, resamples=resamples, seed=seed), "bca")


def store_columns(store: Store, object_ids: np.ndarray) -> dict[str, np.ndarray]:
    """What a store knows to slice by, in the order of some objects: numbers, names, sky cells."""
    ids = store.columns("object_id")["object_id"].to_pylist()
    place = {name: row for row, name in enumerate(ids)}
    rows = np.array([place[name] for name in object_ids], np.int64)
    found = {n: _numbers(store, n)[rows] for n in _NUMBERS if n in store.schema.columns}
    for name in _NAMES:
        if name in store.schema.columns:
            found[name] = _strings(store, name)[rows]
    for modality, spec in store.schema.modalities.items():
        features: tuple[str, ...] = getattr(spec, "features", ())
        for name in [n for n in features if n in _NUMBERS and n not in found]:
            taken, column = store.take(rows, [modality])[modality], features.index(name)
            valid = taken["valid"][:, column] > 0
            found[name] = np.where(valid, taken["values"][:, column], np.nan)
    if (plane := bpt_plane.catalogued(store, rows)) is not None:
        found["distance to the nearest BPT line [dex]"] = bpt_plane.distance(*plane)
    ra, dec = (_numbers(store, name)[rows] for name in ("ra", "dec"))
    known = np.isfinite(ra) & np.isfinite(dec)
    if known.any():
        cells = np.full(len(rows), "", dtype=object)
        numbers = healpix_ring(ra[known], dec[known], 1)
        cells[known] = [f"nside 1, cell {number}" for number in numbers]
        found["sky"] = cells
    return found


def _members(values: np.ndarray) -> dict[str, np.ndarray]:
    """Slice name to rows."""
    if values.dtype.kind == "f":
        known = np.flatnonzero(np.isfinite(values))
        if len(known) < BINS * LEAST:
            return {}
        edges = np.unique(np.quantile(values[known], np.linspace(0, 1, BINS + 1)))
        which = np.clip(np.searchsorted(edges, values[known], side="right") - 1, 0, len(edges) - 2)
        return {
            f"{edges[k]:.4g} to {edges[k + 1]:.4g}": known[which == k]
            for k in range(len(edges) - 1)
        }
    names = [name for name in np.unique(values.astype(str)) if name]
    if not 1 < len(names) <= _MANY:
        return {}
    return {str(name): np.flatnonzero(values == name) for name in names}


def _numbers(store: Store, name: str) -> np.ndarray:
    values: Any = store.columns(name)[name].to_numpy(zero_copy_only=False)
    return values.astype(np.float64)


def _strings(store: Store, name: str) -> np.ndarray:
    values = store.columns(name)[name].to_pylist()
    return np.array(["" if value is None else str(value) for value in values], dtype=object)
