"""Reading a store: scalar columns as Arrow, modalities as fresh NumPy arrays in any order."""

from collections.abc import Sequence
from difflib import get_close_matches
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trifid.errors import StoreError
from trifid.schema.modality import StoreSchema
from trifid.store.manifest import Manifest, read_manifest
from trifid.store.shard import arrow_schema, check_shard, field_bytes, map_shard
from trifid.store.write import check_unique, read_skipped


class Store:
    """A finished store. Shards are mapped when first used; a pickled copy maps them again.

    A shard that another process truncates while it is mapped kills the reader (the operating
    system sends SIGBUS), so a foreign store should be opened with `full=True` from a place
    nobody else writes to.
    """

    def __init__(self, folder: Path, manifest: Manifest) -> None:
        self.folder, self.manifest = folder, manifest
        self.schema: StoreSchema = manifest.schema_
        self._ends = np.cumsum([shard.rows for shard in manifest.shards], dtype=np.int64)
        self._mapped: dict[int, pa.RecordBatch] = {}
        self._views: dict[tuple[str, str], dict[int, memoryview]] = {}

    @classmethod
    def open(cls, folder: Path, *, full: bool = False) -> "Store":
        """Opens a store after comparing the files' sizes with the manifest.

        Args:
            folder: The store.
            full: Also read every byte: hashes, columns, row counts, finite values, unique ids.

        Raises:
            StoreError: If it is missing, unfinished, foreign, truncated or (full) altered.
        """
        manifest = read_manifest(folder)
        arrow_schema(manifest.schema_, manifest.schema_.modalities)
        for shard in manifest.shards:
            path = folder / shard.file
            if not path.is_file():
                raise StoreError(f"{path} is missing: restore it or write the store again")
            if (size := path.stat().st_size) != shard.bytes:
                raise StoreError(
                    f"{path} has {size} bytes, the manifest has {shard.bytes}: "
                    "restore it or write the store again"
                )
        if full:
            check_unique(
                folder,
                (check_shard(folder / s.file, s, manifest.schema_) for s in manifest.shards),
            )
        return cls(folder, manifest)

    def __len__(self) -> int:
        return self.manifest.rows

    def __reduce__(self) -> tuple[Any, ...]:
        return (Store, (self.folder, self.manifest))

    def hash(self) -> str:
        """SHA-256 over schema and shards."""
        return self.manifest.hash()

    def skipped(self) -> pa.Table:
        """The files and rows that were not stored: columns file, object_id, reason."""
        return read_skipped(self.folder)

    def columns(self, *names: str) -> pa.Table:
        """Scalar columns of all rows in store order, in memory; all of them without names.

        Raises:
            StoreError: If there is no such column.
        """
        for name in names:
            if name not in self.schema.columns:
                raise StoreError(_unknown("column", name, self.schema.columns, self.folder))
        kind = arrow_schema(self.schema, ())
        if names:
            kind = pa.schema([kind.field(name) for name in names])
        batches = [self._batch(i).select(kind.names) for i in range(len(self.manifest.shards))]
        batches = [pa.record_batch(batch.columns, schema=kind) for batch in batches]
        return pa.Table.from_batches(batches, schema=kind).combine_chunks()

    def present(self, modality: str) -> np.ndarray:
        """(N,) bool: which rows have a modality."""
        self._check_modality(modality)
        return np.repeat(self._has(modality), [shard.rows for shard in self.manifest.shards])

    def take(self, rows: np.ndarray, modalities: Sequence[str]) -> dict[str, dict[str, np.ndarray]]:
        """Copies rows into fresh arrays, in the order asked for.

        Args:
            rows: (B,) row numbers; repeats are allowed.
            modalities: Which modalities to read.

        Returns:
            For each modality its fields (B, *shape) and `present` (B,) bool; absent rows are 0.

        Raises:
            StoreError: If a row or modality does not exist.
        """
        rows = self._check_rows(rows)
        shards = np.searchsorted(self._ends, rows, side="right")
        first = np.array([0, *self._ends.tolist()])[shards]
        return {modality: self._copy(modality, shards, rows - first) for modality in modalities}

    def _copy(self, modality: str, shards: np.ndarray, places: np.ndarray) -> dict[str, np.ndarray]:
        # Byte slices row by row: measured faster than row indexing, memmove by address and
        # np.take per shard (benchmarks/README.md).
        self._check_modality(modality)
        present = self._has(modality)[shards]
        targets = np.flatnonzero(present)
        places, sources = places[targets], shards[targets].tolist()
        taken: dict[str, np.ndarray] = {}
        for field, (dtype, shape) in self.schema.modalities[modality].fields().items():
            make = np.empty if present.all() else np.zeros
            out = make((len(present), *shape), dtype)
            into, size = out.reshape(-1).view(np.uint8).data, dtype.itemsize * prod(shape)
            source = self._bytes(modality, field, set(sources))
            starts, begins = (targets * size).tolist(), (places * size).tolist()
            for start, shard, begin in zip(starts, sources, begins, strict=True):
                into[start : start + size] = source[shard][begin : begin + size]
            taken[field] = out
        return taken | {"present": present}

    def _bytes(self, modality: str, field: str, shards: set[int]) -> dict[int, memoryview]:
        views = self._views.setdefault((modality, field), {})
        for shard in shards - views.keys():
            views[shard] = field_bytes(self._batch(shard), modality, field)
        return views

    def _has(self, modality: str) -> np.ndarray:
        return np.array([modality in shard.modalities for shard in self.manifest.shards], bool)

    def _batch(self, shard: int) -> pa.RecordBatch:
        if shard not in self._mapped:
            entry = self.manifest.shards[shard]
            batch = map_shard(self.folder / entry.file, self.schema, entry.modalities)
            if len(batch) != entry.rows:
                raise StoreError(
                    f"{self.folder / entry.file} has {len(batch)} rows, the manifest {entry.rows}"
                )
            self._mapped[shard] = batch
        return self._mapped[shard]

    def _check_rows(self, rows: np.ndarray) -> np.ndarray:
        rows = np.asarray(rows)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise StoreError(f"rows must be a list of integers, got {rows.dtype} {rows.shape}")
        if rows.size and (rows.min() < 0 or rows.max() >= len(self)):
            wrong = rows[(rows < 0) | (rows >= len(self))][0]
            raise StoreError(f"row {wrong} does not exist: {self.folder} has {len(self)} rows")
        return rows.astype(np.int64)

    def _check_modality(self, modality: str) -> None:
        if modality not in self.schema.modalities:
            raise StoreError(_unknown("modality", modality, self.schema.modalities, self.folder))


def _unknown(kind: str, name: str, known: dict[str, Any], folder: Path) -> str:
    near = get_close_matches(name, known, n=3) or sorted(known)[:10]
    return f"{folder} has no {kind} {name!r:.80}; it has {', '.join(near) or 'none'}"
