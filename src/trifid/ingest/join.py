"""Columns of a table, such as another run's predictions, added to a copy of a store by object_id.

A recipe names columns of its store and no files. So what another model has found (a redshift to
bring spectra to the rest frame, a class to select by) becomes a column first.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from trifid.errors import ConfigError, InputError, StoreError
from trifid.files import sha256_file
from trifid.schema.block import Block, Skipped
from trifid.schema.modality import ColumnSpec, ColumnType
from trifid.store import Store, StoreWriter, write_shard
from trifid.surveys.catalogue import clean_text
from trifid.surveys.catalogue_files import RawColumn, read_columns

KEY = "object_id"
_KINDS: dict[str, ColumnType] = {"f": "float64", "i": "int64", "u": "int64", "b": "bool"}


def join(store_folder: Path, table: Path, out: Path, columns: Mapping[str, str]) -> dict[str, int]:
    """Writes a copy of a store with further columns; null where the table lacks a row.

    Memory holds the columns and one shard. Splits are copied, so rows keep their parts.

    Args:
        store_folder: The store.
        table: FITS, CSV, Parquet or VOTable with a column `object_id`.
        out: Folder of the new store.
        columns: Column of the table to its name in the store.

    Returns:
        Rows of the store, and how many of them the table has.

    Raises:
        InputError: If the table cannot be read, repeats an id, or lacks a column.
        ConfigError: If a column exists in the store or none is asked for.
        StoreError: If the store cannot be read, `out` cannot be written, or no id is shared.
    """
    store = Store.open(store_folder)
    if not columns:
        raise ConfigError("no column to join: give one or more")
    if taken := sorted(set(columns.values()) & set(store.schema.columns)):
        raise ConfigError(f"{store_folder} has a column {taken[0]!r} already: give another name")
    if len(set(columns.values())) < len(columns):
        raise ConfigError("two columns would have one name in the store: give each its own")
    place, found = _wanted(table, columns)
    specs = {name: _spec(raw) for name, raw in found.items()}
    ids = store.columns(KEY)[KEY].to_pylist()
    rows = np.array([place.get(name, -1) for name in ids], np.int64)
    if not (rows >= 0).any():
        raise StoreError(
            f"{table} shares no {KEY} with {store_folder}: it has {next(iter(place), '')!r:.60}, "
            f"the store {ids[0]!r:.60}"
        )
    schema = store.schema.replace(columns=store.schema.columns | specs)
    said = ", ".join(f"{old} as {new}" for old, new in columns.items())
    joined = f"{said} of {clean_text(table.name)}, SHA-256 {sha256_file(table)}"
    provenance = store.manifest.provenance
    joined = "; ".join(part for part in (provenance.get("joined", ""), joined) if part)
    known = store.columns()
    with StoreWriter(out, schema, provenance=provenance | {"joined": joined}) as writer:
        start = 0
        for number, shard in enumerate(store.manifest.shards):
            here = np.arange(start, start + shard.rows)
            start += shard.rows
            values = known.slice(here[0], shard.rows).to_pydict()
            more = {name: _values(raw, rows[here]) for name, raw in found.items()}
            taken_out = store.take(here, shard.modalities)
            inputs = {
                name: {field: v for field, v in fields.items() if field != "present"}
                for name, fields in taken_out.items()
            }
            writer.add(write_shard(out, number, Block(values | more, inputs), schema))
        writer.finish([Skipped(**row) for row in store.skipped().to_pylist()])
    if (store_folder / "splits").is_dir():
        shutil.copytree(store_folder / "splits", out / "splits")
    return {"rows": len(store), "joined": int((rows >= 0).sum())}


def _wanted(path: Path, columns: Mapping[str, str]) -> tuple[dict[str, int], dict[str, RawColumn]]:
    """Row of each id, and the columns by their name in the store."""
    raw = {column.name: column for column in read_columns(path)}
    if missing := [name for name in (KEY, *columns) if name not in raw]:
        known = ", ".join(list(raw)[:12])
        raise InputError(f"{path} has no column {missing[0]!r:.60}; it has {known:.300}")
    place: dict[str, int] = {}
    for row, name in enumerate(raw[KEY].values.tolist()):
        if place.setdefault(str(name), row) != row:
            raise InputError(f"{path}: {KEY} {name!r:.60} occurs twice; every row needs its own")
    return place, {new: raw[old] for old, new in columns.items()}


def _spec(raw: RawColumn) -> ColumnSpec:
    if raw.values.ndim > 1:
        raise InputError(f"column {raw.name!r:.60} has {raw.values.shape[1]} numbers a row, not 1")
    return ColumnSpec(
        type=_KINDS.get(raw.values.dtype.kind, "string"), unit=raw.unit, description="joined"
    )


def _values(raw: RawColumn, rows: np.ndarray) -> list[object]:
    """Values of store rows; None where the table has no row or no value."""
    empty = (rows < 0) | raw.null[rows]
    return pa.array(raw.values[rows].tolist(), mask=empty, from_pandas=True).to_pylist()
