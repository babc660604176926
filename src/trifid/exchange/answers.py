"""A predictions table for other tools: units, descriptions, positions, plain metadata."""

import json
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from trifid.errors import InputError
from trifid.exchange.credit import SIMULATED
from trifid.exchange.ucd import ucd_of
from trifid.store.read import Store

_KNOWN = {
    "object_id": "key of the row",
    "group": "the sky object the row belongs to",
    "fold": "train, valid, test, or the number of a fold",
    "subset": "modalities the answer rests on",
    "label": "true class; null = unlabelled",
    "predicted": "most probable class",
    "seed": "seed of the run",
    "run": "name of the run",
}
_PARTS = {
    "mean": "predicted {}",
    "sd": "predicted standard deviation of {}",
    "q05": "predicted 5 % quantile of {}",
    "q50": "predicted median of {}",
    "q95": "predicted 95 % quantile of {}",
}
_PART = re.compile(rf"(.+)_({'|'.join(_PARTS)})")
POSITION = {
    "ra": {"unit": "deg", "description": "right ascension, ICRS"},
    "dec": {"unit": "deg", "description": "declination, ICRS"},
}


def described(table: pa.Table, metadata: Mapping[str, Any], *, plain: bool = True) -> pa.Table:
    """A predictions table whose fields say what they are.

    Args:
        table: Its columns.
        metadata: Of the predictions, decoded.
        plain: Metadata as text for people; else as JSON, as `trifid evaluate` reads it.
    """
    about = dict(metadata)
    if not about.get("acknowledgement") and about.get("simulated") is True:
        about["acknowledgement"] = SIMULATED
    targets: Any = about.get("about") or {}
    units = {name: str(entry.get("unit", "")) for name, entry in dict(targets).items()}
    fields = [_described(field, units) for field in table.schema]
    written = {name: _text(value, plain) for name, value in about.items()}
    if plain:
        written = {name: text for name, text in written.items() if text}
    return table.cast(pa.schema(fields)).replace_schema_metadata(written)


def _text(value: Any, plain: bool) -> str:
    if plain and isinstance(value, str):
        return value
    if plain and value in ({}, []):
        return ""
    if plain and isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ", ".join(value)
    return json.dumps(value, allow_nan=False)


def _described(field: pa.Field, units: Mapping[str, str]) -> pa.Field:
    name = field.name
    unit, text = "", _KNOWN.get(name, "")
    if found := _PART.fullmatch(name):
        target = found.group(1)
        unit, text = units.get(target, ""), _PARTS[found.group(2)].format(target)
    elif name.startswith("prob_"):
        text = f"calibrated probability of {name.removeprefix('prob_')}"
    elif name.startswith("label_"):
        target = name.removeprefix("label_")
        unit, text = units.get(target, ""), f"true {target}; null = unlabelled"
    return field.with_metadata({"unit": unit, "description": text, "ucd": ucd_of(name)})


def with_positions(table: pa.Table, store: Store) -> pa.Table:
    """The table with ra and dec of its objects.

    Raises:
        InputError: If an object is not in the store.
    """
    columns = store.columns("object_id", "ra", "dec")
    places = {key: row for row, key in enumerate(columns["object_id"].to_pylist())}
    wanted = table["object_id"].to_pylist()
    rows = np.array([places.get(key, -1) for key in wanted], np.int64)
    if (rows < 0).any():
        lost = wanted[int(np.flatnonzero(rows < 0)[0])]
        raise InputError(
            f"{store.folder} has no object {lost!r:.80} ({int((rows < 0).sum())} of {len(rows)} "
            "are missing): give the store that was predicted"
        )
    index = table.schema.get_field_index("object_id") + 1
    for name, about in reversed(POSITION.items()):
        if name in table.column_names:
            continue
        field = pa.field(name, pa.float64(), metadata=about | {"ucd": ucd_of(name)})
        table = table.add_column(index, field, columns[name].take(pa.array(rows)))
    return table
