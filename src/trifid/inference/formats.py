"""Flat tables as Parquet, FITS, VOTable or CSV, with units, descriptions and provenance.

Parquet keeps text as it is. The others lose control characters, which XML and FITS forbid; FITS,
which is ASCII, gets the rest as backslash escapes.
"""

import csv
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trifid.files import written_whole

_FORMULA = ("=", "+", "-", "@")


def write_catalogue(table: pa.Table, path: Path) -> None:
    """Writes a table whole, in the format of the path's suffix (a key of `FORMATS`)."""
    with written_whole(path) as temporary:
        FORMATS[path.suffix](table, temporary)


def _parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path)


def _fits(table: pa.Table, path: Path) -> None:
    _astropy(table, _ascii).write(path, format="fits", overwrite=True)


def _votable(table: pa.Table, path: Path) -> None:
    from astropy.io.votable import from_table, writeto
    from astropy.io.votable.exceptions import W03
    from astropy.io.votable.tree import Info

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", W03)  # XML ids are made from the names of columns
        votable = from_table(_astropy(table, _plain))
    infos = [Info(name=key, value=value) for key, value in _metadata(table).items()]
    votable.resources[0].infos.extend(infos)
    writeto(votable, str(path))


def _csv(table: pa.Table, path: Path) -> None:
    """RFC 4180 behind comment lines; text that a spreadsheet would run is quoted with '."""
    with path.open("w", newline="", encoding="utf-8") as handle:
        for key, value in _metadata(table).items():
            handle.write(f"# {key}: {value}\n")
        writer = csv.writer(handle)
        writer.writerow([_cell(name) for name in table.column_names])
        for batch in table.to_batches():
            columns = [column.to_pylist() for column in batch.columns]
            writer.writerows([_cell(value) for value in row] for row in zip(*columns, strict=True))


FORMATS: dict[str, Callable[[pa.Table, Path], None]] = {
    ".parquet": _parquet,
    ".fits": _fits,
    ".vot": _votable,
    ".csv": _csv,
}


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        value = _plain(value)
        return f"'{value}" if value.startswith(_FORMULA) else value
    return "" if value is None else value


def _astropy(table: pa.Table, text: Callable[[str], str]) -> Any:
    from astropy.table import Column, MaskedColumn, Table

    columns: list[Any] = []
    for field in table.schema:
        about = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
        array = table[field.name].combine_chunks()
        kind: Any = Column
        extra: dict[str, Any] = {}
        if pa.types.is_string(field.type):
            values = np.array([text(value or "") for value in array.to_pylist()], dtype=np.str_)
        elif pa.types.is_floating(field.type) or not array.null_count:
            values = array.to_numpy(zero_copy_only=False)  # a null float is NaN
        else:
            kind, extra = MaskedColumn, {"mask": array.is_null().to_numpy(zero_copy_only=False)}
            values = array.fill_null(pa.scalar(0).cast(field.type)).to_numpy(zero_copy_only=False)
        extra |= {
            "unit": about.get("unit") or None,
            "description": text(about.get("description", "")),
        }
        columns.append(kind(values, name=text(field.name), **extra))
    return Table(columns, meta={k.upper()[:8]: text(v) for k, v in _metadata(table).items()})


def _plain(text: str) -> str:
    """Text without control characters, line ends and other unprintable ones."""
    return "".join(letter for letter in text if letter.isprintable())


def _ascii(text: str) -> str:
    return _plain(text).encode("ascii", "backslashreplace").decode("ascii")


def _metadata(table: pa.Table) -> dict[str, str]:
    return {k.decode(): _plain(v.decode()) for k, v in (table.schema.metadata or {}).items()}
