"""The rows of a store as one wide Arrow table, and back without loss.

    object_id, ra, ...     scalar columns under their names
    modalities             what a row has, names sorted: "image+spectrum"
    table_modelmag_r       a feature of a table, null where it is not valid
    spectrum_flux          a field of another modality: a list of fixed size, null where absent

Every field has its unit, description and UCD as metadata, lists their shape too. The metadata of
the table holds the schema of the store, its provenance, and whom to thank.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from trifid.config import parse
from trifid.errors import ConfigError, InputError, StoreError
from trifid.exchange.credit import data_credit
from trifid.exchange.ucd import ucd_of
from trifid.schema.block import Block, Fields
from trifid.schema.modality import ModalitySpec, SpectrumSpec, StoreSchema, TableSpec
from trifid.store.read import Store
from trifid.store.shard import arrow_schema, map_shard
from trifid.version import __version__

MODALITIES = "modalities"
_SCHEMA, _PROVENANCE = "trifid_schema", "trifid_provenance"


@dataclass(frozen=True)
class Place:
    """Where a column of the wide table comes from: a feature of a table, or a field."""

    modality: str
    part: str


def places(schema: StoreSchema, *, arrays: bool) -> dict[str, Place]:
    """The columns beside the scalar ones, by name, in order; names never clash.

    Args:
        schema: Of the store.
        arrays: With spectra and images, not only the features of tables.
    """
    found: dict[str, Place] = {}
    for modality, spec in sorted(schema.modalities.items()):
        flat = isinstance(spec, TableSpec)
        for part in spec.features if flat else spec.fields() if arrays else ():
            name = f"{modality}_{part}"
            while name in schema.columns or name in found or name == pattern_name(schema):
                name += "_"
            found[name] = Place(modality, part)
    return found


def pattern_name(schema: StoreSchema) -> str:
    """The column that says which modalities a row has: `modalities`, or with _ where taken."""
    name = MODALITIES
    while name in schema.columns:
        name += "_"
    return name


class Wide:
    """A store seen as a wide table; shards are mapped when first used.

    Attributes:
        kind: The Arrow schema of the table.
    """

    def __init__(self, store: Store, *, arrays: bool) -> None:
        self.store = store
        self._places = places(store.schema, arrays=arrays)
        self._shards = store.manifest.shards
        self._ends = np.cumsum([shard.rows for shard in self._shards], dtype=np.int64)
        self._mapped: dict[int, pa.RecordBatch] = {}
        self.kind = self._schema(arrays)

    def _schema(self, arrays: bool) -> pa.Schema:
        store, schema = self.store, self.store.schema
        fields = [_with_ucd(field) for field in arrow_schema(schema, ())]
        about = {"unit": "", "description": "the modalities the row has", "ucd": "meta.note"}
        fields.append(pa.field(pattern_name(schema), pa.string(), False, metadata=about))
        for name, place in self._places.items():
            fields.append(_field(name, place, schema.modalities[place.modality]))
        provenance = store.manifest.provenance
        metadata = {
            "description": f"{len(store)} rows of a trifid store",
            "trifid": __version__,
            "store_hash": store.hash(),
            **data_credit(provenance),
        }
        if arrays:
            metadata[_SCHEMA] = json.dumps(schema.model_dump(mode="json"), sort_keys=True)
            metadata[_PROVENANCE] = json.dumps(provenance, sort_keys=True)
        return pa.schema(fields, metadata=metadata)

    def shard_rows(self) -> Iterator[np.ndarray]:
        """The row numbers of each shard, in order."""
        for end, shard in zip(self._ends.tolist(), self._shards, strict=True):
            yield np.arange(end - shard.rows, end)

    def take(self, rows: np.ndarray) -> pa.Table:
        """Some rows, in the order asked for."""
        shards = np.searchsorted(self._ends, rows, side="right")
        scalars = self._scalars(rows, shards)
        modalities = sorted({place.modality for place in self._places.values()})
        taken = self.store.take(rows, modalities)
        patterns = np.array(["+".join(shard.modalities) for shard in self._shards], object)
        columns: list[Any] = []
        for field in self.kind:
            if field.name in self._places:
                place = self._places[field.name]
                spec = self.store.schema.modalities[place.modality]
                columns.append(_column(field, place, spec, taken[place.modality]))
            elif field.name in self.store.schema.columns:
                columns.append(scalars[field.name])
            else:
                columns.append(pa.array(patterns[shards], pa.string()))
        return pa.table(columns, schema=self.kind)

    def _scalars(self, rows: np.ndarray, shards: np.ndarray) -> pa.Table:
        order = np.argsort(shards, kind="stable")
        parts: list[pa.RecordBatch] = []
        for shard in np.unique(shards).tolist():
            mine = rows[order[shards[order] == shard]]
            first = int(self._ends[shard]) - self._shards[shard].rows
            parts.append(self._batch(shard).take(pa.array(mine - first)))
        if not parts:
            return self.store.columns().slice(0, 0)
        return pa.Table.from_batches(parts).take(pa.array(np.argsort(order)))

    def _batch(self, shard: int) -> pa.RecordBatch:
        if shard not in self._mapped:
            entry, schema = self._shards[shard], self.store.schema
            batch = map_shard(self.store.folder / entry.file, schema, entry.modalities)
            names = arrow_schema(schema, ()).names
            self._mapped[shard] = pa.record_batch(
                [batch.column(name) for name in names], schema=arrow_schema(schema, ())
            )
        return self._mapped[shard]


def _with_ucd(field: pa.Field) -> pa.Field:
    return field.with_metadata({**(field.metadata or {}), b"ucd": ucd_of(field.name).encode()})


def _field(name: str, place: Place, spec: ModalitySpec) -> pa.Field:
    if isinstance(spec, TableSpec):
        about = {
            "unit": spec.units[spec.features.index(place.part)],
            "description": f"{place.part}, of the modality {place.modality}",
            "ucd": ucd_of(name, prefix=f"{place.modality}_"),
        }
        return pa.field(name, pa.float32(), metadata=about)
    dtype, shape = spec.fields()[place.part]
    about = {
        "unit": spec.unit if place.part == "flux" and spec.kind != "picture" else "",
        "description": f"{place.part} of the modality {place.modality}{_axis(spec)}",
        "ucd": "",
        "shape": json.dumps(list(shape)),
    }
    kind = pa.list_(pa.field("item", pa.from_numpy_dtype(dtype), False), int(np.prod(shape)))
    return pa.field(name, kind, metadata=about)


def _axis(spec: ModalitySpec) -> str:
    if not isinstance(spec, SpectrumSpec):
        return ""
    return (
        f"; log10 of the wavelength in angstrom is {spec.log10_start:g} + {spec.log10_step:g} k, "
        f"{spec.frame}"
    )


def _column(field: pa.Field, place: Place, spec: ModalitySpec, taken: Fields) -> pa.Array:
    if isinstance(spec, TableSpec):
        k = spec.features.index(place.part)
        known = taken["present"] & (taken["valid"][:, k] != 0)
        return pa.array(taken["values"][:, k], pa.float32(), mask=~known)
    values = pa.array(taken[place.part].reshape(-1))
    absent = pa.array(~taken["present"])
    return pa.FixedSizeListArray.from_arrays(values, type=field.type, mask=absent)


def is_stored(kind: pa.Schema) -> bool:
    """Whether a wide table was made of a store."""
    return _SCHEMA.encode() in (kind.metadata or {})


def stored_schema(kind: pa.Schema, where: str) -> tuple[StoreSchema, dict[str, str]]:
    """The schema and provenance of the store that a wide table was made from.

    Raises:
        InputError: Naming what it is read from, if the table says neither, or other columns.
    """
    metadata = kind.metadata or {}
    if not is_stored(kind):
        raise InputError(
            f"{where} was not written by `trifid export` (its metadata has no {_SCHEMA}): "
            "give flat tables to `trifid ingest`"
        )
    try:
        schema = parse(StoreSchema, json.loads(metadata[_SCHEMA.encode()]))
        given: Any = json.loads(metadata.get(_PROVENANCE.encode(), b"{}"))
        provenance = {str(key): str(value) for key, value in dict(given).items()}
        expected = arrow_schema(schema, ())
    except (ValueError, RecursionError, TypeError, ConfigError, StoreError) as error:
        raise InputError(f"{where}: its schema cannot be read: {error!s:.200}") from None
    fields = [*expected]
    for name, place in places(schema, arrays=True).items():
        fields.append(_field(name, place, schema.modalities[place.modality]))
    for field in fields:
        found = kind.get_field_index(field.name)
        if found < 0 or not _same(kind.field(found).type, field.type):
            got = "nothing" if found < 0 else str(kind.field(found).type)
            raise InputError(f"{where}: column {field.name!r} is {got}, expected {field.type}")
    if kind.get_field_index(pattern_name(schema)) < 0:
        raise InputError(f"{where}: there is no column {pattern_name(schema)!r}")
    return schema, provenance


def _same(got: pa.DataType, expected: pa.DataType) -> bool:
    """Equal types; the name of a list's items differs between formats."""
    if pa.types.is_fixed_size_list(expected):
        same_list = pa.types.is_fixed_size_list(got) and got.list_size == expected.list_size
        return same_list and got.value_type == expected.value_type
    if pa.types.is_list(expected):
        return pa.types.is_list(got) and got.value_type == expected.value_type
    return got == expected


def blocks(batch: pa.RecordBatch, schema: StoreSchema, where: str) -> Iterator[Block]:
    """The rows of a part of a wide table, one block for each set of modalities, in their order.

    Raises:
        InputError: If a row lacks content of a modality it says it has.
    """
    patterns = np.array(batch.column(pattern_name(schema)).to_pylist(), object)
    for pattern in dict.fromkeys(patterns.tolist()):
        rows = np.flatnonzero(patterns == pattern)
        part = batch.take(pa.array(rows)) if len(rows) < len(batch) else batch
        names = [name for name in (pattern or "").split("+") if name]
        if unknown := [name for name in names if name not in schema.modalities]:
            raise InputError(f"{where}: a row has the modality {unknown[0]!r:.40}, unknown here")
        columns = {name: part.column(name).to_pylist() for name in schema.columns}
        inputs = {name: _fields_of(part, name, schema, where) for name in names}
        yield Block(columns=columns, inputs=inputs)


def by_presence(
    columns: Mapping[str, Sequence[Any]],
    inputs: Mapping[str, Fields],
    present: Mapping[str, np.ndarray],
) -> Iterator[Block]:
    """Rows as blocks that share one set of modalities.

    Args:
        columns: Scalar columns of N rows.
        inputs: Fields of each modality, of all N rows.
        present: (N,) bool for each modality.
    """
    patterns = np.stack([present[name] for name in inputs], axis=1)
    for pattern in np.unique(patterns, axis=0):
        rows = np.flatnonzero((patterns == pattern).all(axis=1)).tolist()
        held = [name for name, has in zip(inputs, pattern.tolist(), strict=True) if has]
        yield Block(
            columns={name: [values[row] for row in rows] for name, values in columns.items()},
            inputs={name: {key: v[rows] for key, v in inputs[name].items()} for name in held},
        )


def _fields_of(part: pa.RecordBatch, modality: str, schema: StoreSchema, where: str) -> Fields:
    spec = schema.modalities[modality]
    columns = {p.part: n for n, p in places(schema, arrays=True).items() if p.modality == modality}
    if isinstance(spec, TableSpec):
        cells = [part.column(columns[name]) for name in spec.features]
        values = [cell.fill_null(0.0).to_numpy(zero_copy_only=False) for cell in cells]
        valid = [cell.is_valid().to_numpy(zero_copy_only=False) for cell in cells]
        return {
            "values": np.stack(values, axis=1).astype(np.float32),
            "valid": np.stack(valid, axis=1).astype(np.uint8),
        }
    found: Fields = {}
    for name, (dtype, shape) in spec.fields().items():
        column = part.column(columns[name])
        if column.null_count:
            row = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
            key = part.column("object_id")[row]
            raise InputError(f"{where}: {key!s:.80} has no {columns[name]}, but has {modality}")
        flat = column.flatten().to_numpy(zero_copy_only=False)
        found[name] = flat.reshape(len(part), *shape).astype(dtype, copy=False)
    return found
