"""Which rows of a store train, validate and test a recipe, and their labels."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int64

from trifid.data.loader import Loader, wanted_modalities
from trifid.data.splits import store_split
from trifid.data.task import Task
from trifid.errors import ConfigError, RunError
from trifid.store.read import Store
from trifid.training.recipe import Recipe
from trifid.transforms.pipeline import Pipeline, TableInput

Rows = Int64[np.ndarray, "N"]
FIT_ROWS = 512  # training rows that decide noise, mean and sd of images, and the domain


@dataclass(frozen=True)
class TaskRows:
    """Rows of a store, split.

    Attributes:
        labels: Class of every row of the store, -1 = unlabelled.
        train: Labelled rows with at least one of the recipe's modalities; so `valid`, `test`.
        without_input: Labelled rows left out because they have none of them.
        split_hash: Of the split the parts come from.
    """

    labels: Rows
    train: Rows
    valid: Rows
    test: Rows
    without_input: int
    split_hash: str

    def fold_of(self) -> dict[str, Rows]:
        """The three folds by name."""
        return {"train": self.train, "valid": self.valid, "test": self.test}


def task_rows(store: Store, recipe: Recipe, task: Task) -> TaskRows:
    """Splits a store for a resolved recipe.

    Raises:
        RunError: If a fold has no rows, or train has fewer than two classes.
        StoreError: If the store lacks the label's column or a modality.
    """
    column = task.label_map(recipe.labels).column
    labels = task.read_labels({column: store.columns(column)[column]}, recipe.labels)
    strata = None
    if recipe.split.stratify:
        strata = [task.classes[label] if label >= 0 else "" for label in labels.tolist()]
    split = store_split(
        store,
        by=recipe.split.by,
        strata_name=f"{task.name}-{recipe.labels}" if recipe.split.stratify else "none",
        strata=strata,
        seed=recipe.split.seed,
    )
    modalities = {config.modality for config in recipe.inputs.values()}
    wanted_modalities(store, sorted(modalities))
    has_any = np.logical_or.reduce([store.present(name) for name in sorted(modalities)])
    usable = (labels >= 0) & has_any

    def of(parts: tuple[int, ...]) -> Rows:
        return np.flatnonzero(usable & np.isin(split.parts, parts)).astype(np.int64)

    rows = TaskRows(
        labels=labels,
        train=of(recipe.split.train),
        valid=of(recipe.split.valid),
        test=of(recipe.split.test),
        without_input=int(((labels >= 0) & ~has_any).sum()),
        split_hash=split.hash(),
    )
    _check(store, rows, task, recipe)
    return rows


def _check(store: Store, rows: TaskRows, task: Task, recipe: Recipe) -> None:
    for fold, members in rows.fold_of().items():
        if not len(members):
            raise RunError(
                f"{store.folder}: no labelled rows in the {fold} parts of task {task.name} "
                f"({int((rows.labels >= 0).sum())} labelled of {len(store)} rows by "
                f"{recipe.labels!r}, split by {recipe.split.by})"
            )
    if len(np.unique(rows.labels[rows.train])) < 2:
        raise RunError(f"{store.folder}: the train parts hold a single class of {task.name}")


def make_loader(store: Store, recipe: Recipe, labels: Rows | None) -> Loader:
    """A loader of what the recipe's inputs are made from."""
    names = dict.fromkeys(config.modality for config in recipe.inputs.values())
    return Loader(
        store,
        wanted_modalities(store, tuple(names)),
        labels=labels,
        context=context_columns(store, recipe),
    )


def context_columns(store: Store, recipe: Recipe) -> dict[str, np.ndarray]:
    """Columns that transforms need: the redshift, if an input is in the rest frame.

    Raises:
        ConfigError: If the store has no redshift.
    """
    if not any(getattr(config, "frame", "") == "rest" for config in recipe.inputs.values()):
        return {}
    if "redshift" not in store.schema.columns:
        raise ConfigError(f"{store.folder} has no column `redshift` for the rest frame")
    redshift: Any = store.columns("redshift")["redshift"].to_numpy()
    return {"redshift": redshift.astype(np.float64)}


def fit_pipeline(pipeline: Pipeline, loader: Loader, train: Rows) -> None:
    """Fits every input on training rows: tables on all of them, the rest on a fixed sample."""
    sample = np.sort(np.random.default_rng(0).permutation(train)[:FIT_ROWS])
    for name, config in pipeline.inputs.items():
        rows = train if isinstance(config, TableInput) else sample
        modality = {config.modality: loader.wanted[config.modality]}
        narrow = Loader(loader.store, modality, context=loader.context)
        pipeline.fit(name, narrow.batch(rows))


def ids_hash(store: Store, rows: Rows) -> str:
    """SHA-256 over the sorted ids of rows: what a scaler saw."""
    ids = store.columns("object_id")["object_id"].take(np.sort(rows)).to_pylist()
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
