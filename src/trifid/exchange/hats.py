"""HATS: a catalogue as Parquet files that divide the sky, for LSDB and its cross-matches.

    NAME/hats.properties               what it is, whom to thank
    NAME/partition_info.csv            the pixels that have a file
    NAME/dataset/_metadata, _common_metadata
    NAME/dataset/Norder=K/Dir=D/Npix=P.parquet

Source: https://www.ivoa.net/documents/Notes/HATS/. A pixel with too many rows for one file is
divided into the four of the next order. Rows lie in the order of `_healpix_29`, their nested pixel
of order 29. A row without position has no place on the sky and stays out, counted.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trifid.errors import ConfigError, InputError
from trifid.exchange.output import new_folder
from trifid.exchange.parquet import WRITING
from trifid.physics.healpix import HIGHEST_ORDER, nested_pixels
from trifid.progress import Advance
from trifid.version import __version__

PIXEL = "_healpix_29"
PROPERTIES, PARTITIONS, DATASET = "hats.properties", "partition_info.csv", "dataset"
PARTITION_BYTES, CHUNK_BYTES = 256 * 2**20, 32 * 2**20  # of a file, of what is written at once
_DEEPEST = 10  # no partition is smaller: 3.4 arcmin


class Rows(Protocol):
    """A table that gives its rows in any order."""

    kind: pa.Schema

    def take(self, rows: np.ndarray) -> pa.Table:
        """Some rows, in the order asked for."""
        ...


@dataclass(frozen=True)
class TableRows:
    """An Arrow table in memory."""

    table: pa.Table

    @property
    def kind(self) -> pa.Schema:
        """Its schema."""
        return self.table.schema

    def take(self, rows: np.ndarray) -> pa.Table:
        """Some rows, in the order asked for."""
        return self.table.take(pa.array(rows))


@dataclass(frozen=True)
class Partition:
    """The rows of one file: a range of the rows sorted by pixel."""

    order: int
    pixel: int
    first: int
    rows: int

    @property
    def file(self) -> str:
        """Where it lies, below the folder `dataset`."""
        folder = self.pixel // 10_000 * 10_000
        return f"Norder={self.order}/Dir={folder}/Npix={self.pixel}.parquet"


def divide(pixels: np.ndarray, most: int) -> list[Partition]:
    """Divides the sky into pixels of at most `most` rows each.

    Args:
        pixels: (N,) nested pixels of order 29, ascending.
        most: Rows of a partition; a pixel of the deepest order may have more.
    """
    found: list[Partition] = []
    waiting = np.ones(len(pixels), bool)
    for order in range(_DEEPEST + 1):
        rows = np.flatnonzero(waiting)
        numbers = pixels[rows] >> (2 * (HIGHEST_ORDER - order))
        for number, begin, count in zip(
            *np.unique(numbers, return_index=True, return_counts=True), strict=True
        ):
            if count <= most or order == _DEEPEST:
                first = int(rows[begin])
                found.append(Partition(order, int(number), first, int(count)))
                waiting[first : first + count] = False
    return found


def write_hats(source: Rows, ra: np.ndarray, dec: np.ndarray, out: Path, advance: Advance) -> int:
    """Writes a catalogue; gives how many rows were left out for want of a position.

    Memory holds positions and a part of one partition.

    Args:
        source: The rows.
        ra: (N,) right ascension [deg, ICRS]; NaN = unknown.
        dec: (N,) declination [deg, ICRS]; NaN = unknown.
        out: A folder that does not exist yet; its name is that of the catalogue.
        advance: Is told how many rows are done.

    Raises:
        InputError: If no row has a position.
        ConfigError: If `out` exists, or a column is called `_healpix_29`.
        OSError: If it cannot be written.
    """
    if PIXEL in source.kind.names:
        raise ConfigError(f"a column is called {PIXEL}, which HATS needs for itself: rename it")
    placed = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90))
    if not len(placed):
        raise InputError("no row has a position (ra, dec), and HATS divides the sky by it")
    pixels = nested_pixels(ra[placed], dec[placed], HIGHEST_ORDER)
    ascending = np.argsort(pixels, kind="stable")
    rows, pixels = placed[ascending], pixels[ascending]
    width = row_bytes(source.kind)
    partitions = divide(pixels, max(1, PARTITION_BYTES // width))
    about = {"unit": "", "description": "nested HEALPix pixel of order 29", "ucd": "pos.healpix"}
    kind = source.kind.insert(0, pa.field(PIXEL, pa.int64(), False, metadata=about))
    with new_folder(out) as folder:
        footers = []
        for part in partitions:
            path = folder / DATASET / part.file
            path.parent.mkdir(parents=True, exist_ok=True)
            span = slice(part.first, part.first + part.rows)
            with pq.ParquetWriter(path, kind, **WRITING) as writer:
                for table in _chunks(source, rows[span], pixels[span], kind, width):
                    writer.write_table(table)
                    advance(len(table))
            footers.append(pq.read_metadata(path))
            footers[-1].set_file_path(part.file)
        pq.write_metadata(kind, folder / DATASET / "_common_metadata")
        pq.write_metadata(kind, folder / DATASET / "_metadata", footers)
        lines = [f"{part.order},{part.pixel}\n" for part in partitions]
        (folder / PARTITIONS).write_text("Norder,Npix\n" + "".join(lines), encoding="utf-8")
        text = _properties(out.name, kind, partitions)
        (folder / PROPERTIES).write_text(text, encoding="utf-8")
    return len(ra) - len(placed)


def row_bytes(kind: pa.Schema) -> int:
    """About how many bytes a row of a table takes."""
    return sum(
        field.type.list_size * field.type.value_type.bit_width // 8
        if pa.types.is_fixed_size_list(field.type)
        else 16
        for field in kind
    )


def _chunks(
    source: Rows, rows: np.ndarray, pixels: np.ndarray, kind: pa.Schema, width: int
) -> Iterator[pa.Table]:
    step = max(1, CHUNK_BYTES // width)
    for begin in range(0, len(rows), step):
        table = source.take(rows[begin : begin + step])
        number = pa.array(pixels[begin : begin + step])
        yield pa.table([number, *table.columns], schema=kind)


def _properties(name: str, kind: pa.Schema, partitions: list[Partition]) -> str:
    """The properties file: keys of the HATS note and, for credit, of HiPS."""
    metadata = {k.decode(): v.decode() for k, v in (kind.metadata or {}).items()}
    orders = [part.order for part in partitions]
    entries = {
        "obs_collection": name,
        "obs_description": metadata.get("description", ""),
        "obs_ack": metadata.get("acknowledgement", ""),
        "bib_reference": metadata.get("citation", ""),
        "dataproduct_type": "object",
        "hats_nrows": sum(part.rows for part in partitions),
        "hats_col_ra": "ra",
        "hats_col_dec": "dec",
        "hats_col_healpix": PIXEL,
        "hats_col_healpix_order": HIGHEST_ORDER,
        "hats_npix_suffix": ".parquet",
        "hats_max_rows": max(part.rows for part in partitions),
        "hats_order": max(orders),
        "moc_sky_fraction": f"{sum(1 / (12 * 4**order) for order in orders):.8f}",
        "hats_builder": f"trifid {__version__}",
        "hats_version": "v1.0",
    }
    lines = [f"{key}={_escaped(str(value))}\n" for key, value in entries.items() if value != ""]
    return "#HATS catalog\n" + "".join(lines)


def _escaped(text: str) -> str:
    """Text that a reader of Java's properties gives back; without control characters."""
    plain = "".join(letter for letter in text if letter.isprintable())
    return plain.replace("\\", "\\\\")


def hats_files(folder: Path) -> list[Path]:
    """The Parquet files of a HATS catalogue, in the order of their pixels.

    Raises:
        InputError: If the folder has none.
    """
    found = sorted((folder / DATASET).glob("Norder=*/Dir=*/Npix=*.parquet"), key=_place)
    if not found:
        raise InputError(f"{folder}: no Norder=*/Dir=*/Npix=*.parquet in its folder {DATASET}")
    return found


def _place(path: Path) -> tuple[int, int, str]:
    order, pixel = path.parent.parent.name[7:], path.stem[5:]
    if not (order.isdecimal() and pixel.isdecimal()):
        return 99, 0, str(path)
    return int(order), int(pixel), ""
