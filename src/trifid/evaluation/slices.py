"""Scores by slice: where in redshift, S/N, magnitude or sky a classifier is good, and where not."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from trifid.data.sky import healpix_ring
from trifid.evaluation import bpt_plane
from trifid.evaluation.predictions import Predictions
from trifid.metrics.classification import confusion_counts, confusion_metrics
from trifid.metrics.intervals import wilson
from trifid.store.read import Store

BINS = 4
LEAST = 20  # rows in a slice that is judged
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
        interval of the accuracy lies wholly below the accuracy of all rows.
    """
    full = predictions.select(fold=fold).subsets[0]
    rows = predictions.select(fold=fold, subset=full).labelled()
    right = rows.predicted == rows.labels
    overall = float(right.mean())
    found: list[dict[str, Any]] = []
    for column, values in {"class": np.array(rows.classes)[rows.labels], **columns}.items():
        for name, members in _members(values).items():
            if len(members) < LEAST:
                continue
            low, high = wilson(int(right[members].sum()), len(members))
            counts = confusion_counts(
                rows.labels[members], rows.predicted[members], len(rows.classes)
            )
            scores = confusion_metrics(counts[None].astype(np.float64))
            entry: dict[str, Any] = {"column": column, "slice": name, "n": len(members)}
            entry["accuracy"] = {"value": float(right[members].mean()), "low": low, "high": high}
            entry["macro_f1"] = None if column == "class" else float(scores["macro_f1"][0])
            found.append(entry | {"worse": high < overall})
    return sorted(found, key=lambda entry: entry["accuracy"]["value"])


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
