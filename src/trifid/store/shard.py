"""One shard: an uncompressed Arrow file of a single record batch that can be memory-mapped.

Scalar columns carry their name; the fields of a modality are columns `modality.field` of
fixed-size lists with the shape in their metadata. An absent modality is an absent column.
"""

import json
import math
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trifid.errors import StoreError
from trifid.files import sha256_file, written_whole
from trifid.schema.block import Block
from trifid.schema.modality import IDENTITY_COLUMNS, ColumnSpec, StoreSchema
from trifid.store.manifest import ShardEntry, shard_name

_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "list<string>": pa.list_(pa.string()),
}
# Values that Arrow would take and change: floats cut to integers, text cut into letters.
_SILENTLY_CHANGED: dict[str, tuple[type, ...]] = {
    str(_TYPES["int64"]): (float, np.floating),
    str(_TYPES["list<string>"]): (str, bytes),
}
_REQUIRED = frozenset({"object_id", "group"})
_LARGEST_LIST = 2**31 - 1


def column_name(modality: str, field: str) -> str:
    """Name of the Arrow column that holds a field of a modality."""
    return f"{modality}.{field}"


def arrow_schema(schema: StoreSchema, modalities: Iterable[str]) -> pa.Schema:
    """The Arrow schema of a shard with these modalities; the same whatever order they come in.

    Raises:
        StoreError: If an identity column is missing or changed, a name is used twice, or a
            modality has an impossible shape.
    """
    for name, spec in IDENTITY_COLUMNS.items():
        if name not in schema.columns or schema.columns[name].type != spec.type:
            raise StoreError(f"the schema has no identity column {name!r} of type {spec.type}")
    names = [*IDENTITY_COLUMNS, *sorted(set(schema.columns) - set(IDENTITY_COLUMNS))]
    fields = [_scalar_field(name, schema.columns[name]) for name in names]
    for modality in sorted(modalities):
        for field, (dtype, shape) in schema.modalities[modality].fields().items():
            fields.append(_list_field(column_name(modality, field), dtype, shape))
    if len({field.name for field in fields}) != len(fields):
        raise StoreError("the schema uses the name of a modality's field for a scalar column too")
    text = json.dumps(schema.model_dump(mode="json"), sort_keys=True)
    return pa.schema(fields, metadata={"trifid": text})


def _scalar_field(name: str, spec: ColumnSpec) -> pa.Field:
    metadata = {"unit": spec.unit, "description": spec.description}
    return pa.field(name, _TYPES[spec.type], name not in _REQUIRED, metadata=metadata)


def _list_field(name: str, dtype: np.dtype, shape: tuple[int, ...]) -> pa.Field:
    size = math.prod(shape)
    if not shape or min(shape) < 1 or size > _LARGEST_LIST:
        raise StoreError(f"{name} has shape {shape}: every length must be 1 or more and not huge")
    kind = pa.list_(pa.field("item", pa.from_numpy_dtype(dtype), nullable=False), size)
    return pa.field(name, kind, nullable=False, metadata={"shape": json.dumps(list(shape))})


def write_shard(folder: Path, number: int, block: Block, schema: StoreSchema) -> ShardEntry:
    """Writes a block as one shard, whole or not at all; its bytes depend on nothing else.

    Scalar columns: None and NaN become null; infinity is refused, and so is a float where an
    integer is expected.

    Raises:
        StoreError: If the block does not fit the schema or the file cannot be written.
    """
    path = folder / shard_name(number)
    if len(block) == 0:
        raise StoreError(f"{path.name}: a shard needs at least one row")
    block.check(schema)
    kind = arrow_schema(schema, block.inputs)
    arrays = [_scalar_array(kind.field(name), block.columns[name]) for name in _scalars(kind)]
    for name in kind.names[len(arrays) :]:
        modality, _, field = name.rpartition(".")
        array = np.ascontiguousarray(block.inputs[modality][field])
        values = pa.array(array.reshape(-1))
        arrays.append(pa.FixedSizeListArray.from_arrays(values, type=kind.field(name).type))
    batch = pa.record_batch(arrays, schema=kind)
    try:
        with written_whole(path) as temporary:
            with pa.OSFile(str(temporary), "wb") as sink, pa.ipc.new_file(sink, kind) as writer:
                writer.write_batch(batch)
            sha256, size = sha256_file(temporary), temporary.stat().st_size
    except OSError as error:
        raise cannot_write(path, error) from None
    modalities = tuple(sorted(block.inputs))
    return ShardEntry(
        file=path.name, rows=len(block), bytes=size, sha256=sha256, modalities=modalities
    )


def cannot_write(path: Path, error: OSError) -> StoreError:
    """The one line for a file that could not be written; nothing of it is left."""
    reason = os.strerror(error.errno) if error.errno else str(error)
    return StoreError(
        f"{path} cannot be written ({reason}): "
        "free space or permissions, then run the same command again to resume"
    )


def _scalars(kind: pa.Schema) -> list[str]:
    return [field.name for field in kind if not pa.types.is_fixed_size_list(field.type)]


def _scalar_array(field: pa.Field, values: Sequence[Any]) -> pa.Array:
    wrong = _SILENTLY_CHANGED.get(str(field.type), ())
    try:
        for value in values:
            if isinstance(value, wrong) and value == value:  # NaN is null
                raise TypeError(f"got {value!r:.40}")
        array = pa.array(list(values), type=field.type, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError) as error:
        raise StoreError(f"column {field.name!r} is not {field.type}: {error}") from None
    if array.null_count and not field.nullable:
        raise StoreError(f"column {field.name!r} has {array.null_count} nulls: every row needs one")
    if pa.types.is_floating(field.type) and not _finite(array):
        raise StoreError(f"column {field.name!r} holds infinity: store null instead")
    return array


def _finite(array: pa.Array) -> bool:
    return bool(np.isfinite(array.drop_null().to_numpy(zero_copy_only=False)).all())


def map_shard(
    path: Path, schema: StoreSchema, modalities: Iterable[str] | None = None
) -> pa.RecordBatch:
    """Maps a shard and compares its columns with the schema; reads no row.

    Args:
        path: The shard file.
        schema: The schema of the store.
        modalities: Those the shard must have; None takes what the file has.

    Raises:
        StoreError: If the file is not an Arrow file of one batch with these columns.
    """
    try:
        reader = pa.ipc.open_file(pa.memory_map(str(path)))
        if reader.num_record_batches != 1:
            raise StoreError(f"{path}: {reader.num_record_batches} record batches, expected 1")
        batch = reader.get_batch(0)
        batch.validate()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise StoreError(f"{path} is not a readable shard: {error}") from None
    if modalities is None:
        modalities = {name.rpartition(".")[0] for name in batch.schema.names}
        modalities &= set(schema.modalities)
    expected = arrow_schema(schema, modalities)
    if not batch.schema.equals(expected, check_metadata=True):
        raise StoreError(f"{path}: {_difference(batch.schema, expected)}")
    for name, column in zip(expected.names, batch.columns, strict=True):
        if not expected.field(name).nullable and column.null_count:
            raise StoreError(f"{path}: column {name!r} has nulls")
    return batch


def _difference(got: pa.Schema, expected: pa.Schema) -> str:
    for field in expected:
        if field.name not in got.names:
            return f"column {field.name!r} is missing"
        found = got.field(field.name)
        if not found.equals(field, check_metadata=True):
            return f"column {field.name!r} is {found.type}, expected {field.type}"
    unknown = sorted(set(got.names) - set(expected.names))
    return f"unknown columns {unknown}" if unknown else "its schema is not that of the store"


def field_bytes(batch: pa.RecordBatch, modality: str, field: str) -> memoryview:
    """The bytes of a field in a mapped shard, row after row; the view keeps the mapping alive."""
    values = batch.column(column_name(modality, field)).values
    return values.to_numpy(zero_copy_only=True).view(np.uint8).data


def check_shard(path: Path, entry: ShardEntry, schema: StoreSchema) -> pa.RecordBatch:
    """Reads a whole shard: hash, columns, row count, text encoding, finite numbers.

    Raises:
        StoreError: Naming the shard and the first thing that is wrong with it.
    """
    if (sha256 := sha256_file(path)) != entry.sha256:
        raise StoreError(
            f"{path} was changed: SHA-256 {sha256[:12]}, the manifest has {entry.sha256[:12]}"
        )
    batch = map_shard(path, schema, entry.modalities)
    if len(batch) != entry.rows:
        raise StoreError(f"{path} has {len(batch)} rows, the manifest has {entry.rows}")
    try:
        batch.validate(full=True)
    except pa.ArrowException as error:
        raise StoreError(f"{path} is damaged: {error}") from None
    for field, column in zip(batch.schema, batch.columns, strict=True):
        values = column.values if pa.types.is_fixed_size_list(field.type) else column
        if pa.types.is_floating(values.type) and not _finite(values):
            raise StoreError(f"{path}: column {field.name!r} holds NaN or infinity")
    return batch
