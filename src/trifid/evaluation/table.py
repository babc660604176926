"""The form of a predictions table and the checks it has to pass, each with a one-line error."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trifid.errors import RunError

SCHEMA_VERSION = 1
KEY = ("object_id", "fold", "subset", "seed", "run")
_SUM_TOLERANCE = 1e-3  # float32 softmax sums, and probabilities that were written with few digits
_EMPTY: dict[str, Any] = {
    "task": "",
    "model": "",
    "recipe_hash": "",
    "bundle_hash": "",
    "store_hash": "",
    "simulated": False,
}


def table_schema(classes: Sequence[str]) -> pa.Schema:
    """The columns of a classification table, in order."""
    text = [(name, pa.string()) for name in ("object_id", "group", "fold", "subset")]
    labels = [("label", pa.string()), ("predicted", pa.string())]
    probabilities = [(f"prob_{name}", pa.float32()) for name in classes]
    return pa.schema([*text, *labels, *probabilities, ("seed", pa.int64()), ("run", pa.string())])


def full_metadata(given: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Any]:
    """The metadata of a table: what was given, the classes, and empty values for the rest."""
    simulated = given.get("simulated") in (True, "true")
    own = {
        "classes": list(classes),
        "simulated": simulated,
        "schema_version": SCHEMA_VERSION,
    }
    return {**_EMPTY, **given, **own}


def encode_metadata(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Metadata as Parquet keeps it: JSON texts."""
    return {key: json.dumps(value, allow_nan=False) for key, value in metadata.items()}


def decode_metadata(raw: Mapping[bytes, bytes], where: str) -> dict[str, Any]:
    """Reads and checks the metadata of a file.

    Raises:
        RunError: If a value is not JSON, the classes are not a list of names, or the version is
            not this one.
    """
    metadata: dict[str, Any] = {}
    for key, value in raw.items():
        if key in (b"ARROW:schema", b"pandas"):
            continue
        try:
            metadata[key.decode()] = json.loads(value)
        except ValueError:
            name = key.decode(errors="replace")
            raise RunError(f"{where}: metadata {name!r} is not JSON: {value[:40]!r}") from None
    classes = metadata.get("classes")
    if not isinstance(classes, list) or not _are_names(classes):
        raise RunError(
            f"{where}: metadata 'classes' is {classes!r:.80}, expected a JSON list of two or more "
            "different class names in the order of the probability columns"
        )
    version = metadata.get("schema_version", SCHEMA_VERSION)
    if str(version) != str(SCHEMA_VERSION):
        raise RunError(
            f"{where}: predictions of schema version {version!r:.20}, expected {SCHEMA_VERSION}; "
            "write them again with this version of trifid"
        )
    return full_metadata(metadata, classes)


def check_names(names: Iterable[str], schema: pa.Schema, where: str) -> None:
    """Compares column names with the schema.

    Raises:
        RunError: If a column is missing, or a probability column belongs to no class.
    """
    held = list(names)
    missing = [name for name in schema.names if name not in held]
    unknown = [name for name in held if name.startswith("prob_") and name not in schema.names]
    if missing:
        raise RunError(f"{where}: no column {', '.join(missing)}; it has {', '.join(held):.300}")
    if unknown:
        raise RunError(
            f"{where}: column {', '.join(unknown)} belongs to none of the classes in the metadata"
        )


def check_values(table: pa.Table, classes: Sequence[str], where: str) -> None:
    """Checks nulls, class names and probabilities.

    Raises:
        RunError: Naming the column and the first object with a value that does not fit.
    """
    for name in table.column_names:
        if name != "label" and table[name].null_count:
            raise RunError(f"{where}: column {name!r} has {table[name].null_count} null values")
    for name in ("label", "predicted"):
        foreign = [value for value in table[name].unique().to_pylist() if value not in classes]
        foreign = [value for value in foreign if value is not None]
        if foreign:
            raise RunError(
                f"{where}: column {name!r} holds {foreign[0]!r:.60}, "
                f"expected one of {', '.join(classes)}"
            )
    total = np.zeros(table.num_rows)
    for name in classes:
        values = table[f"prob_{name}"].to_numpy()
        bad = ~((values >= 0) & (values <= 1))  # NaN too
        _fail_at(bad, values, table, f"{where}: column 'prob_{name}'", "a number from 0 to 1")
        total += values
    off = np.abs(total - 1.0) > _SUM_TOLERANCE
    _fail_at(off, total, table, f"{where}: the sum of the prob_ columns", "1")


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


def _are_names(values: list[Any]) -> bool:
    texts = [name for name in values if isinstance(name, str) and name]
    return len(values) >= 2 and len(texts) == len(values) == len(set(texts))


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
