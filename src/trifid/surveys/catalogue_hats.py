"""HATS catalogues that others wrote: their files, and which of them hold a piece of the sky.

    NAME/hats.properties, or properties    which columns are right ascension and declination
    NAME/partition_info.csv                the pixels of the sky that have a file
    NAME/dataset/Norder=K/Dir=D/Npix=P.parquet, or a folder Npix=P of files
    NAME/collection.properties             of a collection: which of its folders is the catalogue
    NAME/catalog_info.json                 HiPSCat, before HATS: it has no folder `dataset`

Source: https://www.ivoa.net/documents/Notes/HATS/. Nested columns, bytes and the number of the
pixel are not read.
"""

import csv
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from trifid.errors import InputError
from trifid.physics.healpix import HIGHEST_ORDER
from trifid.surveys.catalogue_files import (
    RawColumn,
    arrow_columns,
    join_parts,
    opened_part,
    read_part,
)

_ABOUT, _OLD_ABOUT = ("hats.properties", "properties"), "catalog_info.json"
_COLLECTION = "collection.properties"
_PARTITIONS, _DATASET = "partition_info.csv", "dataset"
_INDEXES = frozenset({"_healpix_29", "_hipscat_index", "Norder", "Dir", "Npix"})


@dataclass(frozen=True)
class Hats:
    """A HATS catalogue.

    Attributes:
        path: Its folder.
        sha256: Hash of what it says about itself and of names and sizes of its files, not of all
            their bytes.
        ra, dec: Names of the columns [deg].
        index: Names of columns that only number pixels.
        data: The folder below which the partitions lie.
        suffix: Of a partition's name.
        orders, pixels: (P,) int64, one file or folder each.
    """

    path: Path
    ra: str
    dec: str
    index: frozenset[str]
    data: Path
    suffix: str
    orders: np.ndarray
    pixels: np.ndarray
    sha256: str = field(default="")

    def read(self) -> tuple[list[RawColumn], list[str]]:
        """All columns of all rows, but for those that are left out, and the names of these.

        Raises:
            InputError: Naming the file that cannot be read.
        """
        files = self._files(np.arange(self.orders.size))
        names, left_out = self.usable(self.kind(files))
        return named_columns(join_parts((path, read_part(path, names)) for path in files)), left_out

    def near(self, wanted: np.ndarray, order: int) -> list[Path]:
        """The files of partitions that share sky with nested pixels of an order."""
        found = np.zeros(self.orders.size, bool)
        for held in np.unique(self.orders).tolist():
            here, down = self.orders == held, 2 * (order - held)
            if down >= 0:
                found[here] = np.isin(self.pixels[here], wanted >> down)
            else:
                found[here] = np.isin(self.pixels[here] >> -down, wanted)
        return self._files(np.flatnonzero(found))

    def partition(self, number: int) -> list[Path]:
        """The files of a partition, which need not exist."""
        order, pixel = int(self.orders[number]), int(self.pixels[number])
        folder = self.data / f"Norder={order}" / f"Dir={pixel // 10_000 * 10_000}"
        several = folder / f"Npix={pixel}"
        if not several.is_dir():
            return [folder / f"Npix={pixel}{self.suffix}"]
        return sorted(path for path in several.iterdir() if path.name[0] not in "._")

    def kind(self, files: list[Path]) -> pa.Schema:
        """The columns: of the whole where it says them, else of the first file."""
        common = self.data / "_common_metadata"
        first = [common] if common.is_file() else files[:1]
        for path in first:
            with opened_part(path, [self.ra, self.dec]) as file:
                return file.schema_arrow
        return pa.schema([(name, pa.float64()) for name in (self.ra, self.dec)])

    def usable(self, kind: pa.Schema) -> tuple[list[str], list[str]]:
        """Names of columns to read, positions first, and a line for each that is left out."""
        names, left_out = [self.ra, self.dec], []
        for item in kind:
            if item.name in names:
                continue
            if item.name in self.index:
                left_out.append(f"column {item.name!r:.80} is left out: it numbers a pixel")
            elif _is_flat(item.type):
                names.append(item.name)
            else:
                left_out.append(f"column {item.name!r:.80} is left out: {item.type!s:.60}")
        return names, left_out

    def _files(self, numbers: np.ndarray) -> list[Path]:
        return [path for number in numbers for path in self.partition(number)]


def is_hats(folder: Path) -> bool:
    """Whether a folder says that it is a HATS catalogue."""
    names = (_ABOUT[0], _COLLECTION, _OLD_ABOUT)
    return any((folder / name).is_file() for name in names) or (
        (folder / _ABOUT[1]).is_file() and (folder / _DATASET).is_dir()
    )


def open_hats(folder: Path) -> Hats:
    """Reads what a HATS catalogue says about itself, and lists its partitions.

    Raises:
        InputError: Naming the file that is missing or damaged.
    """
    collection = folder / _COLLECTION
    if collection.is_file() and not (folder / _ABOUT[0]).is_file():
        table = _properties(collection).get("hats_primary_table_url", "")
        parts = Path(table).parts
        if not table or {"..", "/"} & set(parts) or not (folder / table).is_dir():
            raise InputError(f"{collection}: its hats_primary_table_url {table!r:.80} is no folder")
        return replace(open_hats(folder / table), path=folder)
    about = next((folder / n for n in (*_ABOUT, _OLD_ABOUT) if (folder / n).is_file()), None)
    if about is None:
        raise InputError(f"{folder} has no {_ABOUT[0]}: expected a HATS catalogue")
    said = _json(about) if about.name == _OLD_ABOUT else _properties(about)
    sort = said.get("dataproduct_type") or said.get("catalog_type") or "object"
    if sort not in ("object", "source"):
        raise InputError(f"{about}: it is a HATS {sort:.40}, expected a catalogue of objects")
    ra, dec = (said.get(f"hats_col_{n}") or said.get(f"{n}_column", "") for n in ("ra", "dec"))
    if not ra or not dec:
        raise InputError(f"{about}: expected hats_col_ra and hats_col_dec, its position columns")
    suffix = said.get("hats_npix_suffix", ".parquet")
    if not re.fullmatch(r"/|(\.\w+)+", suffix):
        raise InputError(f"{about}: hats_npix_suffix {suffix!r:.40}; expected .parquet or /")
    data = folder / _DATASET if (folder / _DATASET).is_dir() else folder
    partitions = sorted(set(_partitions(folder, data)))
    if not partitions:
        raise InputError(f"{folder}: it has no partitions Norder=*/Dir=*/Npix=*")
    found = Hats(
        path=folder,
        ra=ra,
        dec=dec,
        index=(_INDEXES | {said.get("hats_col_healpix", "")}) - {ra, dec},
        data=data,
        suffix=suffix.removesuffix("/"),
        orders=np.array([order for order, _ in partitions]),
        pixels=np.array([pixel for _, pixel in partitions]),
    )
    return replace(found, sha256=_hash(found, about))


def _hash(hats: Hats, about: Path) -> str:
    digest = hashlib.sha256(about.read_bytes())
    for number in range(hats.orders.size):
        for path in hats.partition(number):
            size = path.stat().st_size if path.exists() else None
            digest.update(json.dumps([str(path.relative_to(hats.data)), size]).encode())
    return digest.hexdigest()


def _partitions(folder: Path, data: Path) -> Iterator[tuple[int, int]]:
    """Order and number of each pixel that has a file: as listed, else as found."""
    listed = folder / _PARTITIONS
    if not listed.is_file():
        for path in data.glob("Norder=*/Dir=*/Npix=*"):
            match = re.match(
                r"Norder=(\d{1,2})/Dir=\d+/Npix=(\d{1,19})\b", str(path.relative_to(data))
            )
            if match:
                yield int(match[1]), int(match[2])
        return
    try:
        for row in csv.DictReader(listed.read_text(encoding="utf-8").splitlines()):
            order, pixel = int(row["Norder"]), int(row["Npix"])
            if not (0 <= order <= HIGHEST_ORDER and 0 <= pixel < 12 * 4**order):
                raise ValueError(f"there is no pixel {pixel} of order {order}")
            yield order, pixel
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{listed} cannot be read: {error!r:.200}") from None


def _properties(path: Path) -> dict[str, str]:
    """A file of Java properties."""
    said: dict[str, str] = {}
    for line in _text(path).replace("\\\n", "").splitlines():
        match = re.match(r"\s*([^#!\s=:][^\s=:]*)\s*[=:\s]\s*(.*)", line)
        if match:
            said[match[1]] = re.sub(r"\\(.)", r"\1", match[2]).strip()
    return said


def _json(path: Path) -> dict[str, str]:
    try:
        said: Any = json.loads(_text(path))
        return {str(key): str(value) for key, value in dict(said).items() if value is not None}
    except (ValueError, TypeError, RecursionError) as error:
        raise InputError(f"{path} cannot be read: {error!s:.200}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {error!s:.200}") from None


def _is_flat(kind: pa.DataType) -> bool:
    kinds = pa.types
    if kinds.is_dictionary(kind):
        kind = kind.value_type
    return not (
        kinds.is_nested(kind)
        or kinds.is_binary(kind)
        or kinds.is_large_binary(kind)
        or kinds.is_fixed_size_binary(kind)
        or isinstance(kind, pa.BaseExtensionType)
    )


def named_columns(table: pa.Table) -> list[RawColumn]:
    """Columns of a table that begins with the positions, under the names that a catalogue knows."""
    ra, dec, *others = arrow_columns(table)
    if ra.values.dtype.kind in "fiu":
        ra = replace(ra, values=np.where(ra.values < 0, ra.values + 360.0, ra.values))
    return [replace(ra, name="ra"), replace(dec, name="dec"), *others]
