"""Which rows of a store train, validate and test a recipe, and their labels."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from jaxtyping import Int64

from trifid.data.loader import Loader, wanted_modalities
from trifid.data.splits import store_split
from trifid.data.task import Labels, Task, is_labelled
from trifid.errors import ConfigError, RunError
from trifid.schema.modality import ModalitySpec, TableSpec
from trifid.store.read import Store
from trifid.training.recipe import Recipe
from trifid.transforms.pipeline import Pipeline, TableInput, redshift_columns
from trifid.transforms.table import expression_matrix

Rows = Int64[np.ndarray, "N"]
FIT_ROWS = 512  # training rows that decide noise, mean and sd of images, and the domain


@dataclass(frozen=True)
class TaskRows:
    """Rows of a store, split.

    Attributes:
        labels: Class of every row of the store (N,), -1 = unlabelled; or numbers (N, D), NaN.
        train: Labelled rows with at least one of the recipe's modalities; so `valid`, `test`.
        without_input: Labelled rows left out because they have none of them.
        flagged: For each flag that the recipe leaves out, which rows of the store have it (N,).
        split_hash: Of the split the parts come from.
    """

    labels: Labels
    train: Rows
    valid: Rows
    test: Rows
    without_input: int
    flagged: dict[str, np.ndarray]
    split_hash: str

    def fold_of(self) -> dict[str, Rows]:
        """The three folds by name."""
        return {"train": self.train, "valid": self.valid, "test": self.test}

    def left_out(self, task: Task) -> dict[str, dict[str, int]]:
        """For each flag, the labelled rows of each class (or all of them) that have it."""
        classes = task.classes or ("labelled",)
        labels = np.where(is_labelled(self.labels), self.labels if task.classes else 0, -1)
        return {
            flag: {name: int((labels[has] == k).sum()) for k, name in enumerate(classes)}
            for flag, has in self.flagged.items()
        }


def task_rows(store: Store, recipe: Recipe, task: Task) -> TaskRows:
    """Splits a store for a resolved recipe.

    Raises:
        RunError: If a fold has no rows, or train has fewer than two classes.
        StoreError: If the store lacks a label's column or a modality.
    """
    labels = store_labels(store, recipe, task)
    labelled = is_labelled(labels)
    stratify = recipe.split.stratify and bool(task.classes)
    strata = None
    if stratify:
        strata = [task.classes[label] if label >= 0 else "" for label in labels.tolist()]
    split = store_split(
        store,
        by=recipe.split.by,
        strata_name=f"{task.name}-{recipe.labels}" if stratify else "none",
        strata=strata,
        seed=recipe.split.seed,
    )
    modalities = {config.modality for config in recipe.inputs.values()}
    wanted_modalities(store, sorted(modalities))
    has_any = np.logical_or.reduce([store.present(name) for name in sorted(modalities)])
    flagged = {flag: _flag(store, flag) for flag in recipe.leave_out}
    usable = np.logical_and.reduce([labelled, has_any, *(~has for has in flagged.values())])

    def of(parts: tuple[int, ...]) -> Rows:
        return np.flatnonzero(usable & np.isin(split.parts, parts)).astype(np.int64)

    rows = TaskRows(
        labels=labels,
        train=of(recipe.split.train),
        valid=of(recipe.split.valid),
        test=of(recipe.split.test),
        without_input=int((labelled & ~has_any).sum()),
        flagged=flagged,
        split_hash=split.hash(),
    )
    _check(store, rows, task, recipe)
    return rows


def _flag(store: Store, flag: str) -> np.ndarray:
    """Which rows have a flag: a logical or whole-number column, not 0; null = not known, no flag.

    Raises:
        ConfigError: If the store has no such column.
    """
    name = flag.removeprefix("not ")
    spec = store.schema.columns.get(name)
    if spec is None or spec.type not in ("bool", "int64"):
        known = [n for n, column in store.schema.columns.items() if column.type == "bool"]
        raise ConfigError(
            f"leave_out {flag!r:.60}: {store.folder} has no column {name!r:.60} of flags; "
            f"it has {', '.join(known) or 'none'}"
        )
    column = store.columns(name)[name].cast(pa.int64())
    zero = column.fill_null(0).to_numpy() == 0
    return np.asarray(column.is_valid()) & (zero if flag != name else ~zero)


def _check(store: Store, rows: TaskRows, task: Task, recipe: Recipe) -> None:
    for fold, members in rows.fold_of().items():
        if not len(members):
            raise RunError(
                f"{store.folder}: no labelled rows in the {fold} parts of task {task.name} "
                f"({int(is_labelled(rows.labels).sum())} labelled of {len(store)} rows by "
                f"{recipe.labels!r}, split by {recipe.split.by})"
            )
    if task.classes and len(np.unique(rows.labels[rows.train])) < 2:
        raise RunError(f"{store.folder}: the train parts hold a single class of {task.name}")
    for name, column in zip(task.targets, rows.labels[rows.train].T, strict=False):
        if np.isfinite(column).sum() < 2:
            raise RunError(
                f"{store.folder}: fewer than two rows of the train parts have a {name}; "
                f"leave it out: --set 'targets=[...]'"
            )


def store_labels(store: Store, recipe: Recipe, task: Task) -> Labels:
    """Labels of all rows of a store, as the resolved recipe reads them.

    Raises:
        StoreError: If the store lacks a label's column.
    """
    names = task.columns(recipe.labels, store.schema.columns)
    table = store.columns(*names)
    return task.read_labels({name: table[name] for name in names}, recipe.labels)


def known_labels(store: Store, recipe: Recipe, task: Task) -> Labels:
    """As `store_labels`, but rows are unlabelled where the store lacks a column."""
    stored = store.schema.columns
    if task.classes:
        there = task.label_map(recipe.labels).column in stored
        none = np.full(len(store), -1, np.int64)
        return store_labels(store, recipe, task) if there else none
    numbers = np.full((len(store), len(task.targets)), np.nan)
    for k, (name, target) in enumerate(task.targets.items()):
        if target.column in stored:
            numbers[:, k] = store_labels(store, recipe, task.only([name]))[:, 0]
    return numbers


def make_loader(store: Store, recipe: Recipe, labels: Labels | None) -> Loader:
    """A loader of what the resolved recipe's inputs are made from, with labels as targets."""
    names = dict.fromkeys(config.modality for config in recipe.inputs.values())
    targets: dict[str, np.ndarray] = {}
    if labels is not None:
        by_class = {"label": labels}
        targets = by_class if labels.ndim == 1 else dict(zip(recipe.targets, labels.T, strict=True))
    wanted = wanted_modalities(store, tuple(names))
    return Loader(
        store,
        {name: _used(name, spec, recipe) for name, spec in wanted.items()},
        targets=targets,
        context=context_columns(store, recipe),
    )


def _used(name: str, spec: ModalitySpec, recipe: Recipe) -> ModalitySpec:
    """Of a table only the features that the recipe's inputs are made from, as stored."""
    if not isinstance(spec, TableSpec):
        return spec
    configs = [config for config in recipe.inputs.values() if config.modality == name]
    used = np.zeros(len(spec.features), dtype=bool)
    for config in configs:
        if isinstance(config, TableInput):
            used |= expression_matrix(config.features, spec.features).numpy().any(axis=0)
    kept = np.flatnonzero(used).tolist()
    return TableSpec(
        features=tuple(spec.features[k] for k in kept), units=tuple(spec.units[k] for k in kept)
    )


def context_columns(store: Store, recipe: Recipe) -> dict[str, np.ndarray]:
    """Columns that transforms need: redshifts, if an input is in the rest frame.

    Raises:
        ConfigError: If the store lacks one of them.
    """
    found: dict[str, np.ndarray] = {}
    for name in redshift_columns(recipe.inputs):
        if name not in store.schema.columns:
            raise ConfigError(f"{store.folder} has no column `{name}` for the rest frame")
        values: Any = store.columns(name)[name].to_numpy()
        found[name] = values.astype(np.float64)
    return found


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
