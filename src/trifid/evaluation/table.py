"""The form of a predictions table and the checks it has to pass, each with a one-line error."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trifid.errors import RunError

SCHEMA_VERSION = 1
KEY = ("object_id", "fold", "subset", "seed", "run")
SPREAD = ("sd", "q05", "q50", "q95")  # of a target; null where no spread was predicted
_SUM_TOLERANCE = 1e-3  # float32 softmax sums, and probabilities that were written with few digits
_EMPTY: dict[str, Any] = {
    "task": "",
    "model": "",
    "recipe_hash": "",
    "bundle_hash": "",
    "store_hash": "",
    "simulated": False,
}
_EMPTY_CLASSES: dict[str, Any] = {"probabilistic": True}
_EMPTY_NUMBERS: dict[str, Any] = {"about": {}, "ordered": [], "train_mean": {}}


@dataclass(frozen=True)
class Form:
    """What a table predicts: classes, or numbers.

    Attributes:
        classes: In the order of the probability columns; empty for numbers.
        targets: In the order of their columns; empty for classes.
    """

    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def kind(self) -> Literal["classification", "regression"]:
        """What the metadata calls it."""
        return "regression" if self.targets else "classification"

    @property
    def schema(self) -> pa.Schema:
        """The columns, in order."""
        text = [(name, pa.string()) for name in ("object_id", "group", "fold", "subset")]
        return pa.schema([*text, *self._answers(), ("seed", pa.int64()), ("run", pa.string())])

    @property
    def nullable(self) -> frozenset[str]:
        """Columns that may hold nulls: labels, and spreads that were not predicted."""
        spreads = [f"{name}_{part}" for name in self.targets for part in SPREAD]
        return frozenset({"label", *(f"label_{name}" for name in self.targets), *spreads})

    def _answers(self) -> list[tuple[str, pa.DataType]]:
        if self.targets:
            return [column for name in self.targets for column in _number_columns(name)]
        labels = [("label", pa.string()), ("predicted", pa.string())]
        return [*labels, *((f"prob_{name}", pa.float32()) for name in self.classes)]


def _number_columns(name: str) -> list[tuple[str, pa.DataType]]:
    own = [(f"{name}_{part}", pa.float32()) for part in ("mean", *SPREAD)]
    return [(f"label_{name}", pa.float64()), *own]


def full_metadata(given: Mapping[str, Any], form: Form) -> dict[str, Any]:
    """The metadata of a table: what was given, its form, and empty values for the rest."""
    own: dict[str, Any] = {
        "kind": form.kind,
        "simulated": given.get("simulated") in (True, "true"),
        "schema_version": SCHEMA_VERSION,
    }
    if form.targets:
        return {**_EMPTY, **_EMPTY_NUMBERS, **given, **own, "targets": list(form.targets)}
    return {**_EMPTY, **_EMPTY_CLASSES, **given, **own, "classes": list(form.classes)}


def encode_metadata(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Metadata as Parquet keeps it: JSON texts."""
    return {key: json.dumps(value, allow_nan=False) for key, value in metadata.items()}


def decode_metadata(raw: Mapping[bytes, bytes], where: str) -> tuple[dict[str, Any], Form]:
    """Reads and checks the metadata of a file.

    Raises:
        RunError: If a value is not JSON, classes or targets are not lists of names, or the version
            is not this one.
    """
    metadata: dict[str, Any] = {}
    for key, value in raw.items():
        if key.startswith((b"ARROW:", b"pandas", b"table_meta_yaml", b"table::")):
            continue  # of Arrow, pandas and astropy
        try:
            metadata[key.decode()] = json.loads(value)
        except ValueError:
            name = key.decode(errors="replace")
            raise RunError(f"{where}: metadata {name!r} is not JSON: {value[:40]!r}") from None
    form = _form(metadata, where)
    version = metadata.get("schema_version", SCHEMA_VERSION)
    if str(version) != str(SCHEMA_VERSION):
        raise RunError(
            f"{where}: predictions of schema version {version!r:.20}, expected {SCHEMA_VERSION}; "
            "write them again with this version of trifid"
        )
    return full_metadata(metadata, form), form


def _form(metadata: Mapping[str, Any], where: str) -> Form:
    if metadata.get("kind", "classification") == "regression":
        targets = metadata.get("targets")
        if not isinstance(targets, list) or not _are_names(targets, least=1):
            raise RunError(
                f"{where}: metadata 'targets' is {targets!r:.80}, expected a JSON list of "
                "different names of numbers in the order of their columns"
            )
        return Form(targets=tuple(targets))
    classes = metadata.get("classes")
    if not isinstance(classes, list) or not _are_names(classes, least=2):
        raise RunError(
            f"{where}: metadata 'classes' is {classes!r:.80}, expected a JSON list of two or more "
            "different class names in the order of the probability columns"
        )
    return Form(classes=tuple(classes))


def check_names(names: Iterable[str], schema: pa.Schema, where: str) -> None:
    """Compares column names with the schema.

    Raises:
        RunError: If a column is missing, or one of probabilities or labels belongs to nothing.
    """
    held = list(names)
    missing = [name for name in schema.names if name not in held]
    own = [name for name in held if name.startswith(("prob_", "label_"))]
    unknown = [name for name in own if name not in schema.names]
    if missing:
        raise RunError(f"{where}: no column {', '.join(missing)}; it has {', '.join(held):.300}")
    if unknown:
        raise RunError(
            f"{where}: column {', '.join(unknown)} belongs to none of the classes in the metadata"
        )


def check_values(table: pa.Table, form: Form, where: str) -> None:
    """Checks nulls and every answer.

    Raises:
        RunError: Naming the column and the first object with a value that does not fit.
    """
    for name in table.column_names:
        if name not in form.nullable and table[name].null_count:
            raise RunError(f"{where}: column {name!r} has {table[name].null_count} null values")
    if form.targets:
        for name in form.targets:
            _check_numbers(table, name, where)
    else:
        _check_classes(table, form, where)


def _check_classes(table: pa.Table, form: Form, where: str) -> None:
    for name in ("label", "predicted"):
        foreign = [v for v in table[name].unique().to_pylist() if v not in form.classes]
        foreign = [value for value in foreign if value is not None]
        if foreign:
            raise RunError(
                f"{where}: column {name!r} holds {foreign[0]!r:.60}, "
                f"expected one of {', '.join(form.classes)}"
            )
    total = np.zeros(table.num_rows)
    for name in form.classes:
        values = table[f"prob_{name}"].to_numpy()
        bad = ~((values >= 0) & (values <= 1))  # NaN too
        _fail_at(bad, values, table, f"{where}: column 'prob_{name}'", "a number from 0 to 1")
        total += values
    off = np.abs(total - 1.0) > _SUM_TOLERANCE
    _fail_at(off, total, table, f"{where}: the sum of the prob_ columns", "1")


def _check_numbers(table: pa.Table, name: str, where: str) -> None:
    """Finite numbers, spreads above zero and quantiles in order; a spread everywhere or nowhere."""
    for column in (f"label_{name}", f"{name}_mean", *(f"{name}_{part}" for part in SPREAD)):
        values = table[column].to_numpy()  # NaN for null
        known = table[column].is_valid().to_numpy()
        bad = known & ~np.isfinite(values)
        _fail_at(bad, values, table, f"{where}: column {column!r}", "a finite number")
    nulls = {table[f"{name}_{part}"].null_count for part in SPREAD}
    if nulls - {0, table.num_rows} or len(nulls) > 1:
        raise RunError(
            f"{where}: {name} has a spread ({', '.join(SPREAD)}) on some rows only; expected all "
            "of it on every row, or nulls"
        )
    if nulls == {0}:
        sd, *quantiles = (table[f"{name}_{part}"].to_numpy() for part in SPREAD)
        _fail_at(sd <= 0, sd, table, f"{where}: column '{name}_sd'", "a number above 0")
        for low, high in pairwise(quantiles):
            what = f"{where}: a quantile of {name}"
            _fail_at(low > high, low, table, what, "one that is not above the next")


def check_unique(table: pa.Table, where: str) -> None:
    """Each object occurs once in each fold, subset, seed and run.

    Raises:
        RunError: Naming the first repeated key.
    """
    counts = table.group_by(list(KEY)).aggregate([([], "count_all")])
    repeated = counts.filter(pc.field("count_all") > 1)
    if repeated.num_rows:
        row = repeated.slice(0, 1).to_pylist()[0]
        key = ", ".join(f"{name} {row[name]!r:.60}" for name in KEY)
        raise RunError(
            f"{where}: {row['count_all']} rows for {key}; expected one "
            f"({repeated.num_rows} keys are repeated)"
        )


def _are_names(values: list[Any], *, least: int) -> bool:
    texts = [name for name in values if isinstance(name, str) and name]
    return len(values) >= least and len(texts) == len(values) == len(set(texts))


def _fail_at(
    bad: np.ndarray, values: np.ndarray, table: pa.Table, what: str, expected: str
) -> None:
    if bad.any():
        row = int(bad.argmax())
        name = table["object_id"][row].as_py()
        raise RunError(
            f"{what} is {values[row]:g} for object {name!r:.60} (row {row}), expected {expected}; "
            f"{int(bad.sum())} such rows"
        )
