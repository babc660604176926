"""Rows as Parquet: one file or many, written part by part, and back into a store.

A row group is a shard, so a store that goes out to one file and back has the same bytes.
"""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trifid.errors import InputError
from trifid.exchange.output import new_file
from trifid.exchange.wide import Wide, blocks, stored_schema
from trifid.progress import Advance, progress
from trifid.schema.block import Block
from trifid.schema.modality import StoreSchema
from trifid.store.write import StoreWriter, write_shard

WRITING: dict[str, Any] = {"compression": "zstd", "write_page_checksum": True}
_BATCH_ROWS, _BATCH_BYTES = 2048, 64 * 2**20  # of a part that is read at once
_UNREADABLE = (pa.ArrowException, OSError, ValueError, KeyError)


def write_parquet(wide: Wide, out: Path, advance: Advance) -> None:
    """Writes a store as one Parquet file; memory holds one shard.

    Raises:
        ConfigError: If the file exists.
        OSError: If it cannot be written.
    """
    with (
        new_file(out) as temporary,
        pq.ParquetWriter(temporary, wide.kind, **WRITING) as writer,
    ):
        for rows in wide.shard_rows():
            writer.write_table(wide.take(rows), row_group_size=len(rows))
            advance(len(rows))


def read_kind(path: Path) -> pa.Schema:
    """The Arrow schema of a Parquet file, with its metadata.

    Raises:
        InputError: If it is no readable Parquet file.
    """
    try:
        return pq.read_schema(path)
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def read_parquet(files: Sequence[Path], out: Path, form: str) -> int:
    """Makes a store of Parquet files that `trifid export` wrote; gives the number of rows.

    Args:
        files: Parts of one table, in order.
        out: The store.
        form: What the files are, for the store's provenance.

    Raises:
        InputError: Naming the file, if one was not written by `trifid export` or is damaged.
        StoreError: If the store cannot be written, or holds a finished one.
    """
    schema, provenance = stored_schema(read_kind(files[0]), str(files[0]))
    for path in files[1:]:
        if stored_schema(read_kind(path), str(path))[0] != schema:
            raise InputError(f"{path}: its schema differs from that of {files[0].name}")
    rows = sum(pq.read_metadata(path).num_rows for path in files)
    parts = (block for path in files for block in _blocks(path, schema))
    if len(files) > 1:
        parts = merged(parts, schema)
    return write_store(out, schema, provenance | {"imported_from": form}, parts, rows)


def write_store(
    out: Path, schema: StoreSchema, provenance: dict[str, str], parts: Iterator[Block], rows: int
) -> int:
    """Writes blocks as the shards of a new store, in their order; gives the number of rows.

    Args:
        out: The store.
        schema: Of the store.
        provenance: Of the store.
        parts: The blocks.
        rows: How many rows there will be, for the progress.

    Raises:
        StoreError: If the store cannot be written, or a block does not fit the schema.
        InputError: If there are no rows.
    """
    total = 0
    with (
        StoreWriter(out, schema, provenance=provenance) as writer,
        progress("import", rows) as advance,
    ):
        for number, block in enumerate(parts):
            writer.add(write_shard(out, number, block, schema))
            advance(len(block))
            total += len(block)
        if not total:
            raise InputError(f"{out}: nothing to write, what was given holds no rows")
        writer.finish([])
    return total


def merged(parts: Iterator[Block], schema: StoreSchema) -> Iterator[Block]:
    """Blocks of the same modalities joined to the size of a shard; for files of a few rows."""
    most = _rows_at_once(schema)
    waiting: dict[tuple[str, ...], list[Block]] = {}
    for block in parts:
        held = waiting.setdefault(tuple(sorted(block.inputs)), [])
        held.append(block)
        if sum(map(len, held)) >= most:
            yield _joined(held)
            held.clear()
    yield from (_joined(held) for held in waiting.values() if held)


def _joined(held: list[Block]) -> Block:
    first = held[0]
    return Block(
        columns={
            name: [value for block in held for value in block.columns[name]]
            for name in first.columns
        },
        inputs={
            name: {key: np.concatenate([block.inputs[name][key] for block in held]) for key in keys}
            for name, keys in first.inputs.items()
        },
    )


def _rows_at_once(schema: StoreSchema) -> int:
    size = sum(
        dtype.itemsize * math.prod(shape)
        for spec in schema.modalities.values()
        for dtype, shape in spec.fields().values()
    )
    return max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(size, 1)))


def _blocks(path: Path, schema: StoreSchema) -> Iterator[Block]:
    count = _rows_at_once(schema)
    try:
        with pq.ParquetFile(path, memory_map=True, page_checksum_verification=True) as file:
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(count, row_groups=[group], use_threads=False):
                    yield from blocks(batch, schema, str(path))
    except _UNREADABLE as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: BaseException) -> InputError:
    line = str(error).strip().split("\n")[0]
    return InputError(f"{path} is not a readable Parquet file ({line:.200})")
