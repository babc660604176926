"""The catalogue of a fetch: a Parquet file, written and read a part at a time."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trifid.files import written_whole
from trifid.schema.astropy_header import astropy_header

PART = 4096  # rows of a row group, at least: what is in memory at a time


@dataclass(frozen=True)
class Catalogue:
    """A Parquet file with a row for each spectrum; its length is its number of rows."""

    path: Path

    def __len__(self) -> int:
        return pq.read_metadata(self.path).num_rows

    def parts(self, *columns: str) -> Iterator[pa.Table]:
        """Its rows in order, of some columns or of all."""
        with pq.ParquetFile(self.path) as file:
            for number in range(file.num_row_groups):  # `iter_batches` would hold all it has read
                yield file.read_row_group(number, columns=list(columns) or None)

    def read(self, *columns: str) -> pa.Table:
        """Some columns of all rows."""
        return pq.read_table(self.path, columns=list(columns))


def write_parts(path: Path, parts: Iterable[pa.Table], schema: pa.Schema) -> None:
    """Writes a Parquet file whole, from parts of that schema."""
    with written_whole(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        held: list[pa.Table] = []
        for part in parts:
            held.append(part)
            if sum(table.num_rows for table in held) >= PART:
                writer.write_table(pa.concat_tables(held))
                held.clear()
        if held:
            writer.write_table(pa.concat_tables(held))


def write_catalogue(path: Path, rows: Catalogue, taken: Collection[int] | None = None) -> None:
    """Writes a catalogue so that astropy reads it with units; a text that is not there is empty.

    Args:
        path: Where.
        rows: What.
        taken: Numbers of the rows that are written; None for all.
    """
    schema: pa.Schema = pq.read_schema(rows.path)
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    longest = dict.fromkeys(texts, 0)
    for part in rows.parts(*texts):
        for name in texts:
            lengths = (len(text) for text in part[name].to_pylist() if text)
            longest[name] = max(longest[name], *lengths, 0)
    header = {**(schema.metadata or {}), **astropy_header(schema, longest)}
    schema = schema.with_metadata(header)
    write_parts(path, _filled(rows, texts, taken, schema), schema)


def _filled(
    rows: Catalogue, texts: Collection[str], taken: Collection[int] | None, schema: pa.Schema
) -> Iterator[pa.Table]:
    """Parts of the taken rows, empty text for null."""
    start = 0
    for part in rows.parts():
        numbers = range(start, start + part.num_rows)
        start = numbers.stop
        if taken is not None:
            part = part.filter(pa.array([number in taken for number in numbers], pa.bool_()))
        columns = [
            pc.fill_null(part[name], "") if name in texts else part[name]
            for name in part.column_names
        ]
        yield pa.Table.from_arrays(columns, schema=schema)
