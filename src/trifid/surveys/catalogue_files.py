"""Catalogue files of every format as plain columns: FITS, CSV, Parquet, VOTable.

Ids are read as text wherever a format allows it: a 19-digit id that has passed through a float is
another object's id.
"""

import csv
import hashlib
import io
import json
import re
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from trifid.errors import InputError
from trifid.files import sha256_file
from trifid.surveys import fits_table

SUFFIXES = (".fits", ".fit", ".csv", ".parquet", ".vot", ".votable", ".xml")
_PACKED = re.compile(r"\.(gz|bz2)$", re.IGNORECASE)
_ID_NAME = re.compile(r"obj_?id$|^object_id$|^source_?id$|^id$|^name$", re.IGNORECASE)


@dataclass(frozen=True)
class RawColumn:
    """One column of a catalogue file.

    Attributes:
        name: As the file has it.
        unit: As the file has it; empty where it says nothing.
        values: (N,) or (N, k): text (object), bool, integer or float.
        null: (N,) bool, marks missing values; NaN in floats is missing anyway.
    """

    name: str
    unit: str
    values: np.ndarray
    null: np.ndarray


def is_catalogue(path: Path) -> bool:
    """Whether a file name has the suffix of a catalogue; FITS files may be something else too."""
    return Path(_PACKED.sub("", path.name)).suffix.lower() in SUFFIXES


def read_columns(path: Path) -> list[RawColumn]:
    """Reads all columns of a catalogue file.

    Raises:
        InputError: Naming the file, if its format is unknown or it cannot be read.
    """
    suffix = Path(_PACKED.sub("", path.name)).suffix.lower()
    readers: dict[str, Callable[[bytes], list[RawColumn]]] = {
        ".fits": _fits,
        ".fit": _fits,
        ".csv": _csv,
        ".parquet": _parquet,
        ".vot": _votable,
        ".votable": _votable,
        ".xml": _votable,
    }
    if suffix not in readers:
        raise InputError(
            f"{path}: {suffix or 'no'} suffix; expected a catalogue as {', '.join(SUFFIXES)}"
        )
    try:
        columns = readers[suffix](fits_table.unpack(fits_table.read_file(path)))
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except (pa.ArrowException, csv.Error, ValueError, TypeError, KeyError, OSError) as error:
        line = str(error).strip().split("\n")[0]
        raise InputError(f"{path}: not a readable {suffix[1:]} catalogue ({line:.200})") from None
    if not columns or not len(columns[0].values):
        raise InputError(f"{path}: the catalogue has no rows")
    return columns


def read_parts(folder: Path) -> list[RawColumn]:
    """Reads all columns of a folder of Parquet files, the parts of one table, sorted by name.

    Raises:
        InputError: If there are none, or naming the one that cannot be read or does not fit.
    """
    paths = _part_files(folder)
    if not paths:
        raise InputError(f"{folder}: expected a HATS catalogue or a folder of .parquet files")
    columns = arrow_columns(join_parts((path, read_part(path)) for path in paths))
    if not columns or not len(columns[0].values):
        raise InputError(f"{folder}: the catalogue has no rows")
    return columns


def sha256_parts(folder: Path) -> str:
    """A hash of the names and bytes of the Parquet files of a folder."""
    names = [[str(p.relative_to(folder)), sha256_file(p)] for p in _part_files(folder)]
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def _part_files(folder: Path) -> list[Path]:
    """The Parquet files below a folder, sorted; names that begin with . or _ are no parts."""
    found = (path for path in folder.rglob("*.parquet") if path.is_file())
    hidden = (".", "_")
    return sorted(p for p in found if not any(n[0] in hidden for n in p.relative_to(folder).parts))


def read_part(path: Path, names: Sequence[str] | None = None) -> pa.Table:
    """Reads some columns of a Parquet file, or all.

    Raises:
        InputError: Naming the file, if it cannot be read or lacks one.
    """
    with opened_part(path, names or ()) as file:
        table = file.read(columns=names, use_threads=False)
        return table if names is None else table.select(names)


@contextmanager
def opened_part(path: Path, names: Sequence[str]) -> Generator[pq.ParquetFile]:
    """A Parquet file that has columns of these names, while it is read.

    Raises:
        InputError: Naming the file, if it is damaged, missing or lacks one.
    """
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            held = set(file.schema_arrow.names)
            if missing := [name for name in names if name not in held]:
                raise InputError(f"{path} has no column {missing[0]!r:.80}")
            yield file
    except FileNotFoundError:
        raise InputError(f"{path} does not exist, but belongs to the catalogue") from None
    except (pa.ArrowException, ValueError, TypeError, KeyError, OSError) as error:
        line = str(error).strip().split("\n")[0]
        raise InputError(f"{path}: not a readable parquet catalogue ({line:.200})") from None


def join_parts(parts: Iterable[tuple[Path, pa.Table]]) -> pa.Table:
    """The rows of several tables under each other; numbers get the wider type of two.

    Raises:
        InputError: Naming the file whose columns differ from those of the first.
    """
    tables: list[pa.Table] = []
    kind: pa.Schema | None = None
    for path, table in parts:
        first = kind if kind is not None else table.schema
        if differing := sorted(set(first.names) ^ set(table.column_names)):
            raise InputError(
                f"{path}: column {differing[0]!r:.80} is not in all parts of the table"
            )
        try:
            kind = pa.unify_schemas([first, table.schema], promote_options="permissive")
        except pa.ArrowException as error:
            line = str(error).strip().split("\n")[0]
            raise InputError(f"{path}: its columns differ from other parts ({line:.200})") from None
        tables.append(table)
    return pa.concat_tables(tables, promote_options="permissive")


def _fits(data: bytes) -> list[RawColumn]:
    tables = [hdu for hdu in fits_table.hdus(data) if hdu.is_table]
    if not tables:
        raise InputError("it has no binary table")
    try:
        table = fits_table.table(data, tables[0])
    except fits_table.UnusualTable:
        return _astropy(data, "fits")
    columns: list[RawColumn] = []
    for entry in table.layout.columns.values():
        values = table.column(entry.name)
        null = table.nulls(entry.name)
        null = null if null.ndim == 1 else np.zeros(len(values), bool)
        columns.append(RawColumn(entry.name, entry.unit, values, null))
    return columns


def _csv(data: bytes) -> list[RawColumn]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    comments = re.match(r"(#[^\n]*\n)*", text)  # SkyServer writes #Table1 above the names
    body = text[comments.end() :] if comments else text
    names = next(csv.reader(io.StringIO(body)), [])
    unique = [f"{i}" for i in range(len(names))]  # names may repeat in a file
    types = {str(i): pa.string() for i, name in enumerate(names) if _ID_NAME.search(name.strip())}
    table = pa_csv.read_csv(
        pa.BufferReader(body.encode()),
        read_options=pa_csv.ReadOptions(use_threads=False, column_names=unique, skip_rows=1),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True),
    )
    return [
        _arrow(name.strip(), "", column) for name, column in zip(names, table.columns, strict=True)
    ]


def _parquet(data: bytes) -> list[RawColumn]:
    return arrow_columns(pq.read_table(pa.BufferReader(data), use_threads=False))


def arrow_columns(table: pa.Table) -> list[RawColumn]:
    """The columns of an Arrow table; units are in the metadata of its fields."""
    units = [
        (field.metadata or {}).get(b"unit", b"").decode("utf-8", "replace")
        for field in table.schema
    ]
    return [
        _arrow(name, unit, column)
        for name, unit, column in zip(table.column_names, units, table.columns, strict=True)
    ]


def _arrow(name: str, unit: str, column: pa.ChunkedArray) -> RawColumn:
    null = np.asarray(column.is_null(), bool)
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_large_list(kind):
        rows = column.to_pylist()
        lengths = {len(row) for row in rows if row is not None}
        if len(lengths) == 1 and pa.types.is_floating(kind.value_type):
            blank = [np.nan] * lengths.pop()
            values = np.array([[np.nan if v is None else v for v in row or blank] for row in rows])
            return RawColumn(name, unit, values, null)
    if pa.types.is_boolean(kind):
        values = np.asarray(column.fill_null(False), bool)
    elif pa.types.is_integer(kind):
        values = column.fill_null(0).to_numpy()
    elif pa.types.is_floating(kind):
        values = column.to_numpy().astype(np.float64 if kind.bit_width == 64 else np.float32)
    else:
        if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            column = pa.chunked_array(
                [[None if v is None else str(v) for v in column.to_pylist()]], pa.string()
            )
        values = np.array(column.to_pylist(), object)
    return RawColumn(name, unit, values, null)


def _votable(data: bytes) -> list[RawColumn]:
    return _astropy(data, "votable")


def _astropy(data: bytes, form: str) -> list[RawColumn]:
    from astropy.table import Table

    options: dict[str, Any] = {"table_id": 0} if form == "votable" else {"hdu": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # notes on files that bend their standard
        try:
            table = Table.read(io.BytesIO(data), format=form, **options)
        except Exception as error:  # noqa: BLE001  (its XML parser raises its own bare kinds)
            raise InputError(f"astropy cannot read it as {form}: {error!s:.200}") from None
    columns: list[RawColumn] = []
    for name in table.colnames:
        column: Any = table[name]
        values = np.asarray(column.filled() if hasattr(column, "filled") else column)
        if values.dtype.kind in "SU":
            values = values.astype(str).astype(object)
        values = values.astype(values.dtype.newbyteorder("="))
        mask = np.asarray(getattr(column, "mask", np.zeros(len(table), bool)), bool)
        null = np.asarray(mask.reshape(len(table), -1).all(axis=1))
        columns.append(RawColumn(name, str(column.unit or ""), values, null))
    return columns
