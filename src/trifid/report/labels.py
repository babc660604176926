"""How many objects of each class a run trained, validated and tested on."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from trifid import registry
from trifid.data.splits import Split
from trifid.data.task import Task
from trifid.errors import ConfigError, StoreError
from trifid.evaluation.predictions import Predictions
from trifid.report.run import Document, RunFiles
from trifid.report.tables import Table
from trifid.report.text import count
from trifid.store.read import Store

_UNLABELLED = "no label"
_FOLDS = ("train", "valid", "test")
_Counts = Counter[tuple[str, str]]  # (class, fold)


def labels_table(run: RunFiles, store: Store | None) -> Table | None:
    """Rows of each class in each fold: all of the split where it is known, else those predicted."""
    task = task_of(run.recipe)
    split = None if store is None else _find_split(store, run.run.get("split_hash", ""))
    if store is not None and task is not None and task.classes and split is not None:
        return _table("Labels by part", task.classes, _split_counts(store, run.recipe, task, split))
    if run.predictions is None or not len(run.predictions):
        return None
    if run.predictions.targets:
        return _number_table(run.predictions)
    seen = _predicted_counts(run.predictions)
    return _table("Labels of the predicted rows", run.predictions.classes, seen)


def _number_table(predictions: Predictions) -> Table:
    """Labelled rows of each target in each predicted fold."""
    rows = predictions.select(subset=predictions.subsets[0])
    parts = {fold: rows.select(fold=fold) for fold in rows.folds}
    body = tuple(
        (name, *(count(len(part.labelled(name))) for part in parts.values()))
        for name in rows.targets
    )
    return Table("Labels of the predicted rows", ("Target", *parts), body)


def task_of(recipe: Document) -> Task | None:
    """The task of a recipe, None where this version of trifid has no such task."""
    try:
        return registry.get("task", str(recipe.get("task"))).build()
    except ConfigError:
        return None


def _find_split(store: Store, split_hash: str) -> Split | None:
    """The split of the run among those kept in the store."""
    for path in sorted(Path(store.folder, "splits").glob("*.parquet")):
        try:
            split = Split.load(path)
        except StoreError:  # another, damaged split is no matter of this run
            continue
        if split.hash() == split_hash and len(split.parts) == len(store):
            return split
    return None


def _split_counts(store: Store, recipe: Document, task: Task, split: Split) -> _Counts:
    source = recipe.get("labels", "default")
    column = task.label_map(source).column
    labels = task.read_labels({column: store.columns(column)[column]}, source)
    used = {config.get("modality", name) for name, config in recipe.get("inputs", {}).items()}
    usable = np.logical_or.reduce([store.present(name) for name in sorted(used)])
    seen: _Counts = Counter()
    for fold in _FOLDS:
        rows = usable & np.isin(split.parts, recipe.get("split", {}).get(fold, []))
        names = [task.classes[label] for label in labels[rows & (labels >= 0)].tolist()]
        seen.update((name, fold) for name in names)
    return seen


def _predicted_counts(predictions: Predictions) -> _Counts:
    table: Any = predictions.select(subset=predictions.subsets[0]).table
    labels = [label or _UNLABELLED for label in table["label"].to_pylist()]
    return Counter(zip(labels, table["fold"].to_pylist(), strict=True))


def _table(caption: str, classes: tuple[str, ...], seen: _Counts) -> Table:
    found = {fold for _, fold in seen}
    folds = [fold for fold in _FOLDS if fold in found]
    folds += sorted(found - set(_FOLDS), key=lambda fold: (len(fold), fold))
    names = [*classes, *([_UNLABELLED] if any(name == _UNLABELLED for name, _ in seen) else [])]
    rows = tuple(
        (
            name,
            *(count(seen[name, fold]) for fold in folds),
            count(sum(seen[name, fold] for fold in folds)),
        )
        for name in names
    )
    heads = [f"Fold {fold}" if fold.isdecimal() else fold.capitalize() for fold in folds]
    return Table(caption, ("Class", *heads, "All"), rows)
