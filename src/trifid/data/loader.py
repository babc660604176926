"""Batches from a store: rows in the caller's order, read ahead by one thread."""

import queue
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence

import numpy as np
import torch
from jaxtyping import Int64

from trifid.config import differences
from trifid.errors import StoreError
from trifid.schema.batch import Batch, Image, Input, Picture, Series, Spectrum, Table
from trifid.schema.modality import ModalitySpec, TableSpec
from trifid.store.read import Store

Rows = Int64[np.ndarray, "N"]
Fields = Mapping[str, np.ndarray]
Read = tuple[Rows, Mapping[str, Fields]]


class Loader:
    """Reads rows of a store as raw batches, keyed by modality.

    Args:
        store: An open store.
        modalities: The modalities to give, as the reader wants them. One that the store lacks is
            given as absent; a table is put into the wanted order of features.
        targets: Target name to one value per row of the store; or none.
        context: Columns to give along, one float per row of the store.

    Raises:
        StoreError: If a modality of the store has another shape, unit or frame than wanted.
    """

    def __init__(
        self,
        store: Store,
        modalities: Mapping[str, ModalitySpec],
        *,
        targets: Mapping[str, np.ndarray] | None = None,
        context: Mapping[str, np.ndarray] | None = None,
    ) -> None:
        self.store, self.targets, self.context = store, dict(targets or {}), dict(context or {})
        self.wanted = dict(modalities)
        stored = store.schema.modalities
        self._columns = {n: _columns(n, s, stored[n]) for n, s in modalities.items() if n in stored}
        self._ids = store.columns("object_id")["object_id"]

    def batch(self, rows: Rows) -> Batch:
        """The raw batch of these rows."""
        return self._assembled(self._read(rows))

    def _read(self, rows: Rows) -> Read:
        return rows, self.store.take(rows, list(self._columns))

    def _assembled(self, read: Read) -> Batch:
        rows, taken = read
        inputs = {name: self._input(name, spec, taken, rows) for name, spec in self.wanted.items()}
        targets = {n: torch.from_numpy(values[rows]) for n, values in self.targets.items()}
        context = {n: torch.from_numpy(values[rows]) for n, values in self.context.items()}
        ids = tuple(self._ids.take(rows).to_pylist())
        return Batch(ids=ids, inputs=inputs, targets=targets, context=context)

    def batches(
        self, rows: Rows, size: int, *, share: tuple[int, int] = (0, 1)
    ) -> Generator[Batch]:
        """The rows in order, `size` at a time, read one batch ahead; the last may be shorter.

        Args:
            rows: Store rows.
            size: Rows per batch over all processes.
            share: This process's number and how many there are: each gets every n-th row of a
                batch, or the whole batch where it has fewer rows than there are processes.
        """
        rank, world = share
        cuts = (rows[start : start + size] for start in range(0, len(rows), size))
        shares = (cut[rank::world] if len(cut) >= world else cut for cut in cuts)
        # The thread copies with NumPy only: torch would start a second team of processor threads
        # there, which gets in the way of the first one.
        for read in _ahead(self._read(part) for part in shares):
            yield self._assembled(read)

    def _input(
        self, name: str, spec: ModalitySpec, taken: Mapping[str, Fields], rows: Rows
    ) -> Input:
        if name in taken:
            fields = dict(taken[name])
            columns = self._columns[name]
            if columns is not None:
                fields |= {key: fields[key][:, columns] for key in ("values", "valid")}
            return as_input(spec, fields)
        return absent_input(spec, len(rows))


def as_input(spec: ModalitySpec, fields: Fields) -> Input:
    """The typed input of a modality's arrays, `present` among them."""
    tensors = {name: torch.from_numpy(value) for name, value in fields.items() if name != "mask"}
    if spec.kind == "image":
        return Image(**tensors)
    if spec.kind == "picture":
        return Picture(**tensors)
    if spec.kind == "spectrum":
        return Spectrum(**tensors)
    if spec.kind == "table":
        tensors["valid"] = tensors["valid"].bool()
        return Table(**tensors)
    tensors["valid"] = tensors["valid"].bool()
    return Series(**tensors)


def absent_input(spec: ModalitySpec, rows: int) -> Input:
    """An input of this kind without any row."""
    fields = {n: np.zeros((rows, *shape), dtype) for n, (dtype, shape) in spec.fields().items()}
    return as_input(spec, fields | {"present": np.zeros(rows, bool)})


def _columns(name: str, wanted: ModalitySpec, stored: ModalitySpec) -> np.ndarray | None:
    """For a table the positions of the wanted features; otherwise the two must agree."""
    if isinstance(wanted, TableSpec) and isinstance(stored, TableSpec):
        if wanted == stored:
            return None
        units = dict(zip(stored.features, stored.units, strict=True))
        for feature, unit in zip(wanted.features, wanted.units, strict=True):
            if feature not in units:
                raise StoreError(f"{name}: the store has no feature {feature!r}")
            if units[feature] and unit and unit != units[feature]:  # a catalogue may state none
                raise StoreError(
                    f"{name}.{feature} is in {units[feature]!r}, the model expects {unit!r}"
                )
        return np.array([stored.features.index(feature) for feature in wanted.features])
    if wanted != stored:
        raise StoreError(
            f"{name} does not fit what the model was trained on: {differences(wanted, stored)}"
        )
    return None


def _ahead(reads: Iterable[Read]) -> Generator[Read]:
    """The same items, the next one read by a thread while the last is used."""
    ready: queue.Queue[Read | BaseException | None] = queue.Queue(maxsize=1)
    stop = threading.Event()

    def put(item: Read | BaseException | None) -> None:
        while not stop.is_set():
            try:
                return ready.put(item, timeout=0.1)
            except queue.Full:
                continue
        return None

    def work() -> None:
        try:
            for read in reads:
                put(read)
                if stop.is_set():
                    return
            put(None)
        except BaseException as error:  # noqa: BLE001  handed to the reader, who raises it
            put(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def wanted_modalities(store: Store, names: Sequence[str]) -> dict[str, ModalitySpec]:
    """What a store knows of some modalities.

    Raises:
        StoreError: If it lacks one of them.
    """
    stored = store.schema.modalities
    for name in names:
        if name not in stored:
            raise StoreError(f"{store.folder} has no {name!r}; it has {', '.join(stored)}")
    return {name: stored[name] for name in names}
