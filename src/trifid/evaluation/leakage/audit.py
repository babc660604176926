"""All checks of a recipe on a store, in the order a reader wants them."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from trifid.data.loader import Loader
from trifid.data.task import Task
from trifid.errors import ConfigError
from trifid.evaluation.leakage import features, folds
from trifid.evaluation.leakage.finding import Finding
from trifid.schema.modality import TableSpec
from trifid.store.manifest import Manifest
from trifid.store.read import Store
from trifid.training.recipe import Recipe
from trifid.training.rows import TaskRows, fit_pipeline, make_loader, task_rows
from trifid.transforms.pipeline import InputConfig, Pipeline, TableInput
from trifid.transforms.table import combine, expression_matrix

_NUISANCES = ("sn_median", "plate", "mjd", "fiber", "ra", "dec", "run", "camcol", "field")
_MAGNITUDES = ("modelmag_r", "psfmag_i", "psfmag_r", "r")
_POISON = 1e6
_PROBED = 20_000  # rows that small classifiers see


def audit_store(store_folder: Path, recipe: Recipe) -> list[Finding]:
    """Checks a recipe's rows, features and transforms on a store.

    A recipe that predicts numbers is checked for folds and transforms alone.

    Raises:
        ConfigError: If the recipe does not fit the store.
        StoreError, RunError: If the store cannot be used, or a fold is empty.
    """
    store = Store.open(store_folder)
    recipe, task = recipe.resolved()
    rows = task_rows(store, recipe, task)
    fold = folds.fold_numbers(rows, len(store))
    named = tuple(name for config in _tables(recipe) for name in config.features)
    whole = [
        *(check(store, fold) for check in folds.CHECKS),
        features.made_from_the_fit(named, recipe.leaky_inputs()),
        fitted_on_train(store, recipe, rows),
    ]
    if not task.classes:
        return whole
    used = _sample(np.flatnonzero(fold >= 0))
    labels, groups = rows.labels[used], _codes(store, "group")[used]
    table = _features(store, recipe, used)
    return [
        *whole,
        features.single_features(table, labels, groups, task),
        features.all_features(table, labels, groups, task),
        features.sentinels(table, labels, task),
        features.nuisances(_nuisances(store, used), labels, groups),
        features.missing_by_class(_presence(store, recipe, table, used), labels),
        features.cuts_by_class(rows.flagged, rows.labels),
        features.label_ceiling(_label_sources(store, task), task),
    ]


def audit_data(store_folder: Path, recipe: Recipe) -> list[Finding]:
    """Checks a store for a task: a recipe of it with all that the store holds.

    Features that the task calls leaky, or that come from the fit behind its labels, are named and
    then left out; all others are checked as if a recipe used them.

    Args:
        store_folder: The store.
        recipe: Says task, labels and split; of its inputs those that the store has are kept.

    Raises:
        ConfigError: If the store has none of the recipe's modalities.
        StoreError, RunError: As for `audit_store`.
    """
    store = Store.open(store_folder)
    recipe, task = recipe.resolved()
    inputs: dict[str, InputConfig] = {
        name: config
        for name, config in recipe.inputs.items()
        if config.modality in store.schema.modalities and not isinstance(config, TableInput)
    }
    spec = store.schema.modalities.get("table")
    found: list[Finding] = []
    if isinstance(spec, TableSpec):
        out = features.to_keep_out(spec.features, task)
        rest = tuple(name for name in spec.features if name not in out)
        found = [features.kept_out(out)]
        if rest:
            inputs["table"] = TableInput(feature_set="", features=rest)
    if not inputs:
        has = ", ".join(store.schema.modalities) or "nothing"
        raise ConfigError(f"{store_folder} holds {has}; task {task.name} needs {_wanted(recipe)}")
    return [*found, *audit_store(store_folder, recipe.replace(inputs=inputs))]


def _wanted(recipe: Recipe) -> str:
    return " or ".join(sorted({config.modality for config in recipe.inputs.values()}))


def _sample(rows: np.ndarray) -> np.ndarray:
    """At most `_PROBED` of the rows, the same every time."""
    if len(rows) <= _PROBED:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, _PROBED, replace=False))


def fitted_on_train(store: Store, recipe: Recipe, rows: TaskRows) -> Finding:
    """Transforms fitted twice, the second time with every other row poisoned (E7)."""
    states: list[dict[str, Any]] = []
    for source in (store, _Poisoned(store.folder, store.manifest, rows.train)):
        loader = make_loader(source, recipe, rows.labels)
        pipeline = Pipeline(recipe.inputs, loader.wanted)
        fit_pipeline(pipeline, loader, rows.train)
        states.append(pipeline.states)
    same = all(
        torch.equal(value, states[1][name][key])
        for name, state in states[0].items()
        for key, value in state.items()
    )
    if same:
        return Finding("transforms fitted on train", "pass", "other rows do not change them")
    return Finding("transforms fitted on train", "fail", "rows outside train change the transforms")


class _Poisoned(Store):
    """A store whose rows outside train hold 1e6 everywhere."""

    def __init__(self, folder: Path, manifest: Manifest, train: np.ndarray) -> None:
        super().__init__(folder, manifest)
        self._train = train

    def take(self, rows: np.ndarray, modalities: Any) -> dict[str, dict[str, np.ndarray]]:
        taken = super().take(rows, modalities)
        outside = ~np.isin(rows, self._train)
        for fields in taken.values():
            for field, values in fields.items():
                if field != "present" and values.dtype.kind == "f":
                    values[outside] = _POISON
        return taken


def _tables(recipe: Recipe) -> list[TableInput]:
    return [config for config in recipe.inputs.values() if isinstance(config, TableInput)]


def _features(store: Store, recipe: Recipe, rows: np.ndarray) -> dict[str, np.ndarray]:
    """The recipe's table features by name (N,), NaN where unknown."""
    found: dict[str, np.ndarray] = {}
    for config in _tables(recipe):
        spec = store.schema.modalities[config.modality]
        if not isinstance(spec, TableSpec):
            continue
        raw = Loader(store, {config.modality: spec}).batch(rows).inputs[config.modality]
        matrix = expression_matrix(config.features, spec.features)
        values, valid = combine(raw.values, raw.valid, matrix)  # type: ignore[union-attr]
        cells = np.where(valid.numpy(), values.numpy(), np.nan)
        found |= {name: cells[:, i] for i, name in enumerate(config.features)}
    return found


def _nuisances(store: Store, rows: np.ndarray) -> dict[str, np.ndarray]:
    names = [n for n in _NUISANCES if n in store.schema.columns]
    found = {n: _numbers(store, n)[rows] for n in names}
    for spec_name, spec in store.schema.modalities.items():
        if isinstance(spec, TableSpec):
            known = [name for name in _MAGNITUDES if name in spec.features][:1]
            if known:
                taken = store.take(rows, [spec_name])[spec_name]
                place = spec.features.index(known[0])
                valid = taken["valid"][:, place] > 0
                found[known[0]] = np.where(valid, taken["values"][:, place], np.nan)
    return {name: values for name, values in found.items() if np.isfinite(values).any()}


def _presence(
    store: Store, recipe: Recipe, table: dict[str, np.ndarray], rows: np.ndarray
) -> dict[str, np.ndarray]:
    names = {config.modality for config in recipe.inputs.values()}
    flags = {name: store.present(name)[rows] for name in sorted(names)}
    return flags | {name: np.isfinite(values) for name, values in table.items()}


def _label_sources(store: Store, task: Task) -> dict[str, np.ndarray]:
    return {
        name: task.read_labels({known.column: store.columns(known.column)[known.column]}, name)
        for name, known in task.labels.items()
        if known.column in store.schema.columns
    }


def _numbers(store: Store, name: str) -> np.ndarray:
    values: Any = store.columns(name)[name].to_numpy(zero_copy_only=False)
    return values.astype(np.float64)


def _codes(store: Store, name: str) -> np.ndarray:
    values: Any = store.columns(name)[name].to_numpy(zero_copy_only=False)
    return np.unique(values.astype(str), return_inverse=True)[1]
