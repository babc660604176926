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
from trifid.transforms.pipeline import Pipeline, TableInput
from trifid.transforms.table import combine, expression_matrix

_NUISANCES = ("sn_median", "plate", "mjd", "fiber", "ra", "dec", "run", "camcol", "field")
_MAGNITUDES = ("modelmag_r", "psfmag_i", "psfmag_r", "r")
_POISON = 1e6


def audit_store(store_folder: Path, recipe: Recipe) -> list[Finding]:
    """Checks a recipe's rows, features and transforms on a store.

    Raises:
        ConfigError: If the recipe does not classify, or does not fit the store.
        StoreError, RunError: If the store cannot be used, or a fold is empty.
    """
    store = Store.open(store_folder)
    recipe, task = recipe.resolved()
    if not task.classes:
        raise ConfigError(f"task {task.name} predicts numbers; the audit is for classes")
    rows = task_rows(store, recipe, task)
    fold = folds.fold_numbers(rows, len(store))
    used = np.flatnonzero(fold >= 0)
    labels, groups = rows.labels[used], _codes(store, "group")[used]
    table = _features(store, recipe, used)
    named = tuple(name for config in _tables(recipe) for name in config.features)
    return [
        *(check(store, fold) for check in folds.CHECKS),
        features.made_from_the_fit(named, recipe.leaky_inputs()),
        features.single_features(table, labels, groups, task),
        features.all_features(table, labels, groups, task),
        features.sentinels(table, labels, task),
        features.nuisances(_nuisances(store, used), labels, groups),
        features.missing_by_class(_presence(store, recipe, table, used), labels),
        fitted_on_train(store, recipe, rows),
        features.label_ceiling(_label_sources(store, task), task),
    ]


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
