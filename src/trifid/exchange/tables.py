"""Flat tables as Parquet, FITS, VOTable or CSV: units, descriptions, UCDs, provenance, credit.

Fields carry `unit`, `description` and `ucd` in their metadata, the table what it is made from and
whom to thank. Parquet keeps text as it is. The others lose control characters, which XML and FITS
forbid; FITS, which is ASCII, gets the rest as backslash escapes.

    Parquet   metadata of fields and of the table
    FITS      TUNITn, TCOMMn, TUCDn; header cards; acknowledgement and citation as COMMENT
    VOTable   unit, ucd and DESCRIPTION of each FIELD; an INFO for each entry
    CSV       comment lines in front
"""

import csv
import textwrap
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trifid.exchange.ucd import ucd_of
from trifid.files import written_whole
from trifid.schema.astropy_header import with_astropy_header

CREDIT = ("acknowledgement", "citation")
_FORMULA = ("=", "+", "-", "@")
_CARD = 72  # letters of a COMMENT card
_LONGEST_NAME = 60  # a FITS card holds no longer name of a column


def write_catalogue(table: pa.Table, path: Path) -> None:
    """Writes a table whole, in the format of the path's suffix (a key of `FORMATS`)."""
    with written_whole(path) as temporary:
        FORMATS[path.suffix](table, temporary)


def _parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(with_astropy_header(table), path)


def _fits(table: pa.Table, path: Path) -> None:
    from astropy.io import fits

    table = _logicals_as_numbers(table)
    hdu = fits.table_to_hdu(_astropy(table, _ascii))
    for number, field in enumerate(table.schema, start=1):
        about = _about(field)
        cards = {
            "TUNIT": _standard_unit(about["unit"], "fits") or about["unit"],
            "TUCD": about["ucd"],
            "TCOMM": about["description"],
        }
        hdu.header.update({f"{card}{number}": _ascii(text) for card, text in cards.items() if text})
    metadata = _metadata(table)
    for card, (key, value) in zip(_cards(metadata), metadata.items(), strict=True):
        text = _ascii(value)
        if key in CREDIT:
            for line in textwrap.wrap(f"{key}: {text}", _CARD, break_on_hyphens=False):
                hdu.header.add_comment(line)
        else:
            hdu.header[card] = text
    hdu.writeto(path)


def _logicals_as_numbers(table: pa.Table) -> pa.Table:
    """Logical columns that have nulls as 0 and 1: few readers know the null of FITS logicals."""
    for index, field in enumerate(table.schema):
        if pa.types.is_boolean(field.type) and table[index].null_count:
            table = table.set_column(index, field.with_type(pa.int16()), table[index].cast("int16"))
    return table


def _cards(names: Iterable[str]) -> list[str]:
    """A keyword of eight characters for each name, all different."""
    used: list[str] = []
    for name in names:
        stem = "".join(c for c in name.upper() if c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
        card, number = stem[:8], 1
        while not card or card in used:
            number += 1
            card = f"{stem[:6]}{number}"
        used.append(card)
    return used


def _votable(table: pa.Table, path: Path) -> None:
    from astropy.io.votable import from_table, writeto
    from astropy.io.votable.exceptions import W03
    from astropy.io.votable.tree import Info

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", W03)  # XML ids are made from the names of columns
        votable = from_table(_astropy(table, _plain))
    (resource,) = votable.resources
    for field, column in zip(table.schema, resource.tables[0].fields, strict=True):
        about = _about(field)
        column.ucd = about["ucd"] or None
        unit, description = about["unit"], about["description"]
        column.unit = _vo_unit(unit) or None
        if unit and not column.unit:
            description = f"{description} [{unit}]"
        column.description = description.strip() or None
    metadata = _metadata(table)
    resource.description = metadata.get("description") or "written by trifid"
    resource.infos.extend(Info(name=key, value=value) for key, value in metadata.items())
    writeto(votable, str(path))


def _vo_unit(unit: str) -> str:
    """A unit as VOUnits write it; a word that they do not know is quoted, which they allow."""
    known = _standard_unit(unit, "vounit")
    return known or (f"'{unit}'" if unit.isascii() and unit.isalpha() else "")


def _standard_unit(unit: str, standard: str) -> str:
    """A unit in the spelling of a standard; empty where the standard has no such unit."""
    from astropy import units

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", units.UnitsWarning)  # on old spellings
            return units.Unit(unit).to_string(standard) if unit else ""
    except (ValueError, TypeError, ArithmeticError, RecursionError):
        return ""


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
    """An astropy table of the values, with names that differ; nulls are masked."""
    from astropy.table import Column, MaskedColumn, Table

    columns: list[Any] = []
    for name, field in zip(_names(table, text), table.schema, strict=True):
        array = table[field.name].combine_chunks()
        if pa.types.is_string(field.type):
            values = np.array([text(value or "") for value in array.to_pylist()], dtype=np.str_)
            columns.append(Column(values, name=name))
        elif pa.types.is_floating(field.type) or not array.null_count:
            columns.append(Column(array.to_numpy(zero_copy_only=False), name=name))  # null is NaN
        else:
            null = _unused(array)
            values = array.fill_null(pa.scalar(null, field.type)).to_numpy(zero_copy_only=False)
            mask = array.is_null().to_numpy(zero_copy_only=False)
            columns.append(MaskedColumn(values, name=name, mask=mask, fill_value=null))
    return Table(columns)


def _unused(array: pa.Array) -> int | bool:
    """A value that stands for null: of integers one that does not occur."""
    if pa.types.is_boolean(array.type):
        return False
    limits = np.iinfo(array.type.to_pandas_dtype())
    held = set(array.drop_null().unique().to_pylist())
    return next(number for number in range(int(limits.min), int(limits.max)) if number not in held)


def _names(table: pa.Table, text: Callable[[str], str]) -> list[str]:
    """Names that stay different where only upper and lower case or control characters differ."""
    used: set[str] = set()
    names: list[str] = []
    for column in table.column_names:
        stem = text(column)[:_LONGEST_NAME] or "column"
        name, number = stem, 1
        while name.lower() in used:
            number += 1
            name = f"{stem}_{number}"
        used.add(name.lower())
        names.append(name)
    return names


def _about(field: pa.Field) -> dict[str, str]:
    """Unit, description and UCD of a column, plain text; a UCD not given follows from the name."""
    given = {k.decode(): _plain(v.decode()) for k, v in (field.metadata or {}).items()}
    known = {name: given.get(name, "") for name in ("unit", "description")}
    return known | {"ucd": given.get("ucd", ucd_of(field.name))}


def _plain(text: str) -> str:
    """Text without control characters, line ends and other unprintable ones."""
    return "".join(letter for letter in text if letter.isprintable())


def _ascii(text: str) -> str:
    return _plain(text).encode("ascii", "backslashreplace").decode("ascii")


def _metadata(table: pa.Table) -> dict[str, str]:
    return {k.decode(): _plain(v.decode()) for k, v in (table.schema.metadata or {}).items()}
