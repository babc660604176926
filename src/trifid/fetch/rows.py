"""Rows of the catalogue service: fetched page by page, kept on disk, given as tables."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from trifid.errors import InputError
from trifid.fetch.lists import ObjectList, match
from trifid.files import write_text
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
Row = dict[str, Any]
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


def gather(wanted: Wanted, ask: Ask, folder: Path) -> Iterator[pa.Table]:
    """All rows, a table for each page; pages that lie in the folder already are not asked again.

    Args:
        wanted: What.
        ask: Sends SQL and gives the CSV, asking again where it is no answer.
        folder: Where pages are kept until the catalogue is whole.

    Raises:
        InputError: If a row has no key.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pages = (_listed_pages if wanted.listed.rows else _pages)(wanted, ask, folder)
    return (as_table(page, wanted) for page in pages)


def _pages(wanted: Wanted, ask: Ask, folder: Path) -> Iterator[list[Row]]:
    """Pages of the selection, each after the last row of the one before, until one is empty."""
    left = wanted.limit
    last: tuple[int, int] | None = None
    number = 0
    while left is None or left > 0:
        top = MAX_ROWS if left is None else min(MAX_ROWS, left)
        sql = rows_query(wanted.selection, wanted.release, wanted.options, top=top, after=last)
        path = folder / f"{number:05d}.csv"
        page = _page(wanted, ask, path, sql, after=last)[:left]
        if not page:
            return
        yield page
        last = _place(page[-1])
        left = None if left is None else left - len(page)
        number += 1


def in_order(page: Sequence[Row], last: tuple[int, int] | None = None) -> list[Row]:
    """The rows of a page of a selection, each spectrum once.

    Args:
        page: The rows.
        last: Place of the last row of the page before.

    Raises:
        InputError: If a row has no key or comes before the one before it.
    """
    kept: list[Row] = []
    for row in page:
        place = _place(row)
        if last is not None and place < last:
            raise InputError(f"an answer is not in order: {row['specobjid']} comes too late")
        if place != last:
            kept.append(row)
        last = place
    return kept


def _place(row: Row) -> tuple[int, int]:
    """The place of a row in the order of a selection."""
    _check_key(row)
    return row["order_key"], int(row["specobjid"])


def _listed_pages(wanted: Wanted, ask: Ask, folder: Path) -> Iterator[list[Row]]:
    """Spectra of listed objects, each once."""
    seen: set[str] = set()  # no larger than the list, which is in memory too
    for page in _answers(wanted, ask, folder):
        fresh = {str(row["specobjid"]): row for row in page if str(row["specobjid"]) not in seen}
        seen.update(fresh)
        yield list(fresh.values())


def _answers(wanted: Wanted, ask: Ask, folder: Path) -> Iterator[list[Row]]:
    """Answers to a list; what one lacks is asked for once more: it may be cut."""
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


def _page(
    wanted: Wanted, ask: Ask, path: Path, sql: str, *, after: tuple[int, int] | None = None
) -> list[Row]:
    """An answer, from the disk if it lies there; of a selection only if it goes on in order."""

    def read(text: str) -> list[Row]:
        page = read_page(text, wanted.columns)
        return page if wanted.listed.rows else in_order(page, after)

    if path.is_file():
        return read(path.read_text(encoding="utf-8"))
    text = ask(sql, read)
    write_text(path, text)
    return read(text)


def read_page(text: str, columns: Sequence[Column]) -> list[Row]:
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
    rows: list[Row] = []
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


def as_table(rows: Sequence[Row], wanted: Wanted) -> pa.Table:
    """Rows as a table whose fields carry units and descriptions.

    Raises:
        InputError: If a row has no key.
    """
    for row in rows:
        _check_key(row)
    schema = schema_of(wanted)
    arrays = [pa.array([row[field.name] for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(arrays, schema=schema)


def _check_key(row: Row) -> None:
    names = ("specobjid", "plate", "mjd", "fiberid", "run2d", "order_key")
    if None in [row[name] for name in names] or not str(row["specobjid"]).isdecimal():
        raise InputError(f"a row without its key: {list(row.values())[:7]}")


def schema_of(wanted: Wanted) -> pa.Schema:
    """The columns of a catalogue, with units and descriptions, and what it is."""
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
    return pa.schema(fields, metadata=about)
