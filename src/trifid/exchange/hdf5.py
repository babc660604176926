"""Columns of a table in an HDF5 file: every column a dataset with its unit and description.

HDF5 has no nulls: a null number is NaN or 0, null text is empty, and where a column of integers,
logicals or text has nulls, a dataset of logicals `NAME.null` says which they are. Lists of text
are JSON.
"""

import io
import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from trifid.errors import ConfigError

if TYPE_CHECKING:
    from types import ModuleType

NULL = ".null"
_LONGEST_ATTRIBUTE = 60_000  # bytes; HDF5 keeps no longer ones beside an object


def library() -> "ModuleType":
    """h5py, imported when it is first needed.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        import h5py
    except ImportError:
        raise ConfigError(
            "this format needs h5py, which is not installed: pip install 'trifid[hdf5]'"
        ) from None
    return h5py


class _Sink(io.FileIO):
    """A new file that, after an error of writing, goes on in memory until it is asked.

    HDF5 cannot close a file that it could not write: the process dies of it (a full disk).
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "x+")
        self._error: OSError | None = None
        self._held: list[tuple[int, bytes]] = []

    def write(self, data: Any, /) -> int:
        """Writes all of the data: to the file, or after an error to memory."""
        view, begin, done = memoryview(data).cast("B"), self.tell(), 0
        while done < len(view) and self._error is None:
            try:
                done += super().write(view[done:]) or 0
            except OSError as error:
                self._error = error
        if done < len(view):
            self._held.append((begin + done, bytes(view[done:])))
            self.seek(begin + len(view))
        return len(view)

    def readinto(self, buffer: Any, /) -> int:
        """Reads what was written, wherever it is."""
        if self._error is None:
            return super().readinto(buffer) or 0
        view, begin = memoryview(buffer).cast("B"), self.tell()
        view[super().readinto(view) or 0 :] = bytes(len(view) - (self.tell() - begin))
        for first, data in self._held:
            low, high = max(first, begin), min(first + len(data), begin + len(view))
            if low < high:
                view[low - begin : high - begin] = data[low - first : high - first]
        self.seek(begin + len(view))
        return len(view)

    def check(self) -> None:
        """Raises the error there was."""
        if self._error is not None:
            raise self._error


@contextmanager
def new_file(path: Path) -> Generator[tuple[Any, Callable[[], None]]]:
    """Gives an HDF5 file to fill, and a function to call now and then: it raises a full disk.

    Raises:
        ConfigError: If h5py is not installed.
        OSError: If the file exists or cannot be written whole.
    """
    h5py = library()
    with _Sink(path) as sink:
        try:
            with h5py.File(sink, "w") as file:
                yield file, sink.check
        except Exception:
            sink.check()  # the cause of what HDF5 says, if there is one
            raise
        sink.check()


def describe(target: Any, about: Mapping[str, str]) -> None:
    """Sets attributes; text that HDF5 cannot keep there is cut, empty text is left out."""
    for name, text in about.items():
        if text:
            kept = text.replace("\0", "").encode("utf-8", "replace")[:_LONGEST_ATTRIBUTE]
            target.attrs[name] = kept.decode("utf-8", "ignore")


def dataset_names(columns: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """The dataset of each column: its name, where HDF5 can have it, all different.

    A stroke would make a group of the name, and a point alone is the group itself.

    Args:
        columns: Names of columns.
        taken: Names that others need.
    """
    used = {known for name in taken for known in (name, f"{name}{NULL}")}
    names: dict[str, str] = {}
    for column in columns:
        name = column.replace("/", "_").replace("\0", "") or "_"
        name = "_" if name in (".", "..") else name
        while name in used or f"{name}{NULL}" in used:
            name += "_"
        used |= {name, f"{name}{NULL}"}
        names[column] = name
    return names


def create_column(file: Any, name: str, field: pa.Field, rows: int) -> None:
    """Makes the dataset of a column, and the one of its nulls where it may have any."""
    text = pa.types.is_string(field.type) or pa.types.is_list(field.type)
    kind = library().string_dtype("utf-8") if text else field.type.to_pandas_dtype()
    dataset = file.create_dataset(name, (rows,), kind)
    describe(dataset, {k.decode(): v.decode() for k, v in (field.metadata or {}).items()})
    if field.nullable and not pa.types.is_floating(field.type):
        file.create_dataset(f"{name}{NULL}", (rows,), bool)


def fill_column(file: Any, name: str, values: pa.ChunkedArray, span: slice) -> None:
    """Writes some rows of a column."""
    array, kind = values.combine_chunks(), values.type
    if f"{name}{NULL}" in file:
        file[f"{name}{NULL}"][span] = array.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_list(kind):
        cells = [json.dumps(value) if value is not None else "" for value in array.to_pylist()]
        file[name][span] = _without_nul(cells)
    elif pa.types.is_string(kind):
        file[name][span] = _without_nul([value or "" for value in array.to_pylist()])
    elif pa.types.is_floating(kind):
        file[name][span] = array.to_numpy(zero_copy_only=False)  # null is NaN
    else:
        zero = pa.scalar(0).cast(kind)
        file[name][span] = array.fill_null(zero).to_numpy(zero_copy_only=False)


def _without_nul(cells: list[str]) -> np.ndarray:
    """HDF5 ends text at a NUL; the others stay."""
    return np.array([cell.replace("\0", "") for cell in cells], object)


def read_column(file: Any, name: str, kind: str, span: slice) -> list[Any]:
    """Some rows of a scalar column as `create_column` wrote it; None where it is null.

    Args:
        file: An open HDF5 file.
        name: Of the column.
        kind: A `ColumnType` of the store.
        span: Which rows.
    """
    dataset = file[name]
    if kind in ("string", "list<string>"):
        values: list[Any] = dataset.asstr("utf-8", "replace")[span].tolist()
        if kind != "string":
            values = [json.loads(value) if value else None for value in values]
    else:
        values = dataset[span].tolist()
        if kind == "float64":
            values = [None if value != value else value for value in values]
    if f"{name}{NULL}" in file:
        missing = file[f"{name}{NULL}"][span].tolist()
        values = [None if gone else value for value, gone in zip(values, missing, strict=True)]
    return values


def read_features(file: Any, names: Sequence[str], span: slice) -> dict[str, np.ndarray]:
    """Some rows of the features of a table: values, and where they are valid."""
    values = np.stack([file[name][span] for name in names], axis=1).astype(np.float32)
    valid = np.isfinite(values)
    return {"values": np.where(valid, values, np.float32(0)), "valid": valid.astype(np.uint8)}
