"""Rows of the catalogue service: fetched page by page, kept on disk, joined to a Parquet file."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trifid.errors import InputError
from trifid.fetch.lists import ObjectList, match
from trifid.files import write_text, written_whole
from trifid.schema.astropy_header import with_astropy_header
from trifid.surveys.sdss_paths import Release
from trifid.surveys.sdss_query import (
    MAX_KEYS,
    MAX_PLACES,
    MAX_ROWS,
    Column,
    QueryOptions,
    Selection,
    columns_of,
    keys_query,
    objids_query,
    places_query,
    rows_query,
)

SENTINEL = -9998.0
"""Values at or below it stand for none: the tables write -9999."""

_NOTHING = frozenset({"", "null", "nan", "none"})
_TYPES: dict[str, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
}
Ask = Callable[[str, Callable[[str], object]], str]
"""Sends SQL and gives the CSV; the second argument raises InputError for what is no answer."""


@dataclass(frozen=True)
class Wanted:
    """What is asked of the catalogue.

    Attributes:
        selection: Which.
        release: Which.
        options: What the user chose.
        limit: At most so many rows; None for all.
        listed: Objects wanted instead of the selection's cuts.
    """

    selection: Selection
    release: Release
    options: QueryOptions
    limit: int | None = None
    listed: ObjectList = field(default_factory=ObjectList)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns of the catalogue."""
        return columns_of(self.selection, self.release, self.options)

    def sql(self) -> str:
        """The whole as one text, for people."""
        if not self.listed.rows:
            return rows_query(self.selection, self.release, self.options, top=self.limit) + "\n"
        parts = _parts(self)
        first = _listed_sql(self, parts[0]) if parts else ""
        count = len(self.listed.rows)
        return f"-- the first of {len(parts)} queries for {count} listed objects\n{first}\n"


def gather(wanted: Wanted, ask: Ask, folder: Path) -> pa.Table:
    """All rows, asked for page by page; pages that lie in the folder already are not asked again.

    Args:
        wanted: What.
        ask: Sends SQL and gives the CSV, asking again where it is no answer.
        folder: Where pages are kept until the catalogue is whole.

    Raises:
        InputError: If a row has no key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = (_listed_pages if wanted.listed.rows else _pages)(wanted, ask, folder)
    seen: set[str] = set()
    tables = [as_table([], wanted)]
    for page in pages:
        fresh = {str(row["specobjid"]): row for row in page if str(row["specobjid"]) not in seen}
        seen.update(fresh)
        tables.append(as_table(list(fresh.values()), wanted))
    limit = None if wanted.listed.rows else wanted.limit
    return pa.concat_tables(tables).slice(0, limit).combine_chunks()


def _pages(wanted: Wanted, ask: Ask, folder: Path) -> Iterator[list[dict[str, Any]]]:
    """Pages of the selection, each after the last row of the one before, until one is empty."""
    left = wanted.limit
    after: tuple[int, int] | None = None
    number = 0
    while left is None or left > 0:
        top = MAX_ROWS if left is None else min(MAX_ROWS, left)
        sql = rows_query(wanted.selection, wanted.release, wanted.options, top=top, after=after)
        page = _page(wanted, ask, folder / f"{number:05d}.csv", sql)
        if not page:
            return
        yield page
        after = (page[-1]["order_key"], int(page[-1]["specobjid"]))
        left = None if left is None else left - len(page)
        number += 1


def _listed_pages(wanted: Wanted, ask: Ask, folder: Path) -> Iterator[list[dict[str, Any]]]:
    """Spectra of listed objects; what an answer lacks is asked for once more: it may be cut."""
    for number, part in enumerate(_parts(wanted)):
        path = folder / f"{number:05d}.csv"
        page = _page(wanted, ask, path, _listed_sql(wanted, part))
        yield page
        whole = path.read_text(encoding="utf-8").endswith("\n")
        matches = match(part, as_table(page, wanted))
        rows = tuple(item.listed for item in matches if not item.found or not whole)
        if rows:
            sql = _listed_sql(wanted, ObjectList(rows, part.radius))
            yield _page(wanted, ask, folder / f"{number:05d}-again.csv", sql)


def _parts(wanted: Wanted) -> list[ObjectList]:
    """The listed objects, as many in each part as a query takes, all of one kind, each once."""
    listed, parts = wanted.listed, list[ObjectList]()
    for kind, most in (("spectrum", MAX_KEYS), ("objid", MAX_KEYS), ("position", MAX_PLACES)):
        rows = {row.asked: row for row in listed.rows if row.kind == kind}
        ordered = [rows[asked] for asked in sorted(rows)]
        parts += [
            ObjectList(tuple(ordered[start : start + most]), listed.radius)
            for start in range(0, len(ordered), most)
        ]
    return parts


def _listed_sql(wanted: Wanted, part: ObjectList) -> str:
    where = (wanted.selection, wanted.release)
    if part.spectra:
        return keys_query(*where, part.spectra, wanted.options)
    if part.objids:
        return objids_query(*where, part.objids, wanted.options)
    return places_query(*where, part.places, part.radius, wanted.options)


def _page(wanted: Wanted, ask: Ask, path: Path, sql: str) -> list[dict[str, Any]]:
    if path.is_file():
        return read_page(path.read_text(encoding="utf-8"), wanted.columns)
    text = ask(sql, lambda answer: read_page(answer, wanted.columns))
    write_text(path, text)
    return read_page(text, wanted.columns)


def read_page(text: str, columns: Sequence[Column]) -> list[dict[str, Any]]:
    """The rows of an answer in CSV.

    A last line without its end is left out: it may have been cut, and the next page brings it.

    Raises:
        InputError: If the names or a value are not what was asked for.
    """
    body = text[: text.rfind("\n") + 1].replace("\r\n", "\n")
    if body.startswith("#"):
        body = body[body.find("\n") + 1 :]
    lines = csv.reader(io.StringIO(body))
    names = [name.strip().lower() for name in next(lines, [])]
    expected = [column.name for column in columns]
    if names != expected:
        got = text.strip().split("\n")[0]
        raise InputError(
            f"the catalogue service answered {got[:120]!r}; expected the columns {expected[:3]} ..."
        )
    rows: list[dict[str, Any]] = []
    for number, cells in enumerate(lines, 1):
        if not cells:
            continue
        if len(cells) != len(columns):
            raise InputError(f"row {number} of an answer has {len(cells)} values of {len(columns)}")
        rows.append(
            {c.name: _value(cell, c, number) for c, cell in zip(columns, cells, strict=True)}
        )
    if not rows and not text.endswith("\n"):
        raise InputError("an answer is cut short before its first row ends")
    return rows


def _value(text: str, column: Column, number: int) -> Any:
    text = text.strip()
    if text.lower() in _NOTHING:
        return None
    if column.type == "string":
        return "".join(c for c in text if c.isprintable())[:200]
    try:
        value = int(text) if column.type == "int64" and "." not in text else float(text)
    except ValueError:
        raise InputError(
            f"row {number}, column {column.name}: {text[:40]!r}; expected a number"
        ) from None
    if value <= SENTINEL or value != value:
        return None
    return int(value) if column.type == "int64" else float(value)


def as_table(rows: Sequence[dict[str, Any]], wanted: Wanted) -> pa.Table:
    """Rows as a table whose fields carry units and descriptions.

    Raises:
        InputError: If a row has no key.
    """
    for row in rows:
        if None in (row["specobjid"], row["plate"], row["mjd"], row["fiberid"], row["run2d"]):
            raise InputError(f"a row without its key: {list(row.values())[:7]}")
    fields = [
        pa.field(
            column.name,
            _TYPES[column.type],
            metadata={"unit": column.unit, "description": column.description},
        )
        for column in wanted.columns
    ]
    about = {
        "task": wanted.selection.task,
        "release": wanted.release.name,
        "paper": wanted.selection.paper,
        "credit": "https://www.sdss.org/collaboration/citing-sdss/",
    }
    arrays = [
        pa.array([row[field.name] for row in rows], field.type)  # type: ignore[arg-type]
        for field in fields
    ]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=about))


def write_catalogue(path: Path, table: pa.Table) -> None:
    """Writes a catalogue so that astropy reads it with units; a text that is not there is empty."""
    for index, column in enumerate(table.schema):
        if pa.types.is_string(column.type):
            table = table.set_column(index, column, pc.fill_null(table[index], ""))
    write_table(path, with_astropy_header(table))


def write_table(path: Path, table: pa.Table) -> None:
    """Writes a Parquet file whole."""
    with written_whole(path) as temporary:
        pq.write_table(table, temporary)
