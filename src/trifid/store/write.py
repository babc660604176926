"""Writing a store: one writer at a time, shards in any order, the manifest last.

A store without manifest is unfinished; the next writer finds the shards that are complete.
"""

import contextlib
import fcntl
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

from trifid.config import differences
from trifid.errors import StoreError
from trifid.files import sha256_file, write_json, write_text, written_whole
from trifid.schema.block import Skipped
from trifid.schema.modality import StoreSchema
from trifid.store.card import CARD, data_card
from trifid.store.manifest import (
    LOCK,
    MANIFEST,
    SKIPPED,
    Manifest,
    ShardEntry,
    read_manifest,
    shard_files,
    shard_number,
)
from trifid.store.shard import arrow_schema, cannot_write, map_shard, write_shard

__all__ = ["StoreWriter", "read_skipped", "write_shard"]

_SKIPPED_SCHEMA = pa.schema([(name, pa.string()) for name in ("file", "object_id", "reason")])
_locks: set[int] = set()


def _forget_locks() -> None:
    # A forked worker must not hold its parent's lock: it may outlive a killed parent.
    while _locks:
        with contextlib.suppress(OSError):
            os.close(_locks.pop())


os.register_at_fork(after_in_child=_forget_locks)


class StoreWriter:
    """Collects the shards of one store and finishes it; a context manager that holds the lock.

    Left without `finish`, by an error or a kill, the folder stays an unfinished store.
    """

    def __init__(
        self,
        folder: Path,
        schema: StoreSchema,
        *,
        provenance: dict[str, str],
        extend: bool = False,
    ) -> None:
        """Locks the folder, which is made if needed.

        Args:
            folder: The store.
            schema: Its modalities and columns.
            provenance: What a reader should know about the origin; no time stamps.
            extend: Add shards to a finished store of the same schema instead of refusing it.

        Raises:
            StoreError: If another process writes there, the folder holds a finished store (or,
                to extend, one of another schema), or it cannot be written.
        """
        self.folder, self.schema = folder, schema
        self._provenance = dict(provenance)
        self._entries: dict[int, ShardEntry] = {}
        self._skipped: list[Skipped] = []
        arrow_schema(schema, schema.modalities)
        self._lock = _lock(folder)
        try:
            if (folder / MANIFEST).exists():
                self._take_over(read_manifest(folder), extend)
            stale_files = [".shard-*.tmp", f".{MANIFEST}.*.tmp", f".{CARD}.*.tmp"]
            for stale in [path for name in stale_files for path in folder.glob(name)]:
                stale.unlink(missing_ok=True)
        except BaseException:
            self._release()
            raise

    def _take_over(self, manifest: Manifest, extend: bool) -> None:
        if not extend:
            raise StoreError(
                f"{self.folder} already holds a finished store of {manifest.rows} rows: "
                "give another folder or remove this one"
            )
        if manifest.schema_ != self.schema:
            raise StoreError(
                f"{self.folder} cannot be extended: {_difference(manifest.schema_, self.schema)}; "
                "ingest into a new store"
            )
        self._entries = {shard_number(entry.file): entry for entry in manifest.shards}
        self._provenance = manifest.provenance | self._provenance
        self._skipped = [Skipped(**row) for row in read_skipped(self.folder).to_pylist()]

    @property
    def next_number(self) -> int:
        """The first shard number after those of the store (0 in a new one)."""
        return max(self._entries, default=-1) + 1

    def shards_on_disk(self) -> dict[int, ShardEntry]:
        """Complete shards an unfinished write left behind, by number; damaged ones are removed."""
        found: dict[int, ShardEntry] = {}
        for number, path in shard_files(self.folder).items():
            if number in self._entries:
                continue
            try:
                found[number] = _entry_of(path, self.schema)
            except StoreError:
                path.unlink()
        return found

    def add(self, entry: ShardEntry) -> None:
        """Counts a written shard in; shards may come in any order.

        Raises:
            StoreError: If a shard of this number was added before or is not in the folder.
        """
        number = shard_number(entry.file)
        if number in self._entries:
            raise StoreError(f"{self.folder / entry.file} is already part of the store")
        if not (self.folder / entry.file).is_file():
            raise StoreError(f"{self.folder / entry.file} does not exist: write it before adding")
        self._entries[number] = entry

    def finish(self, skipped: Sequence[Skipped]) -> None:
        """Writes `skipped.parquet` and then the manifest, and gives the lock back.

        Shards that were not added (from another plan) are removed.

        Raises:
            StoreError: If an `object_id` occurs twice or a file cannot be written.
        """
        entries = tuple(self._entries.values())
        manifest = Manifest(schema_=self.schema, shards=entries, provenance=self._provenance)
        batches = [
            map_shard(self.folder / entry.file, self.schema, entry.modalities)
            for entry in manifest.shards
        ]
        check_unique(self.folder, batches)
        for number, path in shard_files(self.folder).items():
            if number not in self._entries:
                path.unlink()
        skipped = [*self._skipped, *skipped]
        _write_skipped(self.folder / SKIPPED, skipped)
        card = data_card(manifest, batches, sorted(item.reason for item in skipped))
        try:
            write_text(self.folder / CARD, card)
            write_json(self.folder / MANIFEST, manifest.document())
        except OSError as error:
            raise cannot_write(self.folder / MANIFEST, error) from None
        (self.folder / LOCK).unlink(missing_ok=True)
        self._release()

    def _release(self) -> None:
        if self._lock in _locks:
            _locks.remove(self._lock)
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._release()


def _lock(folder: Path) -> int:
    path = folder / LOCK
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise cannot_write(path, error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # the last writer may have removed the file between our open and our lock
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                _locks.add(descriptor)
                return descriptor
            os.close(descriptor)
        except BlockingIOError:
            os.close(descriptor)
            raise StoreError(
                f"{folder} is being written by another process (it holds {LOCK}): "
                "wait for it or give another folder"
            ) from None


def _entry_of(path: Path, schema: StoreSchema) -> ShardEntry:
    batch = map_shard(path, schema)
    names = {name.rpartition(".")[0] for name in batch.schema.names}
    return ShardEntry(
        file=path.name,
        rows=len(batch),
        bytes=path.stat().st_size,
        sha256=sha256_file(path),
        modalities=tuple(sorted(names & set(schema.modalities))),
    )


def check_unique(folder: Path, batches: Iterable[pa.RecordBatch]) -> None:
    """Looks for rows with the same `object_id`.

    Raises:
        StoreError: Naming the first id that occurs more than once.
    """
    ids = pa.chunked_array([batch.column("object_id") for batch in batches], type=pa.string())
    if len(ids.unique()) != len(ids):
        repeated = [item for item in ids.value_counts().to_pylist() if item["counts"] > 1]
        raise StoreError(
            f"{folder}: {len(repeated)} object_id occur more than once, first "
            f"{repeated[0]['values']!r:.80}; every row needs its own"
        )


def _write_skipped(path: Path, skipped: Sequence[Skipped]) -> None:
    rows = sorted({(item.file, item.object_id, item.reason) for item in skipped})
    columns = [pa.array([_as_text(row[i]) for row in rows], pa.string()) for i in range(3)]
    try:
        with written_whole(path) as temporary:
            pq.write_table(pa.table(columns, schema=_SKIPPED_SCHEMA), temporary)
    except OSError as error:
        raise cannot_write(path, error) from None


def _as_text(name: str) -> str:
    # Python keeps the bytes of a file name that is not UTF-8 as lone surrogates.
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def read_skipped(folder: Path) -> pa.Table:
    """The files and rows that were not stored: columns file, object_id, reason.

    Raises:
        StoreError: If the list is missing or not such a table.
    """
    path = folder / SKIPPED
    try:
        table = pq.read_table(path, schema=_SKIPPED_SCHEMA)
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{path} cannot be read: {error}") from None
    return table


def _difference(old: StoreSchema, new: StoreSchema) -> str:
    for kind in ("modalities", "columns"):
        before, after = getattr(old, kind), getattr(new, kind)
        if missing := sorted(set(before) - set(after)):
            return f"the new rows lack the {kind} {missing}"
        if added := sorted(set(after) - set(before)):
            return f"the new rows add the {kind} {added}"
        for name in sorted(before):
            if before[name] != after[name]:
                return f"{name!r} differs: {differences(before[name], after[name])}"
    return "the schemas differ"
