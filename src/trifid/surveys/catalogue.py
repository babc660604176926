"""A catalogue as ingest needs it: keys and positions of its rows, labels and codes, numbers.

A row is found by plate-mjd-fibre (columns, or inside a DR8+ specObjID), by objid, or by an
`object_id` of the user's own; a row with ra and dec alone can be cut out of a frame. A column that
cannot be a key is refused with one line in `notes`: ids that went through floats, rounded ids, ids
that repeat over different positions. The rest of a refused column's row is kept.

Text, integers and logicals become scalar columns, and so do the floats a caller names; other
floats, and vectors of five floats in an SDSS catalogue (ugriz), become features of the table.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa

from trifid.errors import InputError
from trifid.files import sha256_file
from trifid.surveys.catalogue_files import RawColumn, read_columns, read_parts, sha256_parts
from trifid.surveys.catalogue_hats import is_hats, open_hats
from trifid.surveys.sdss import spectrum_id, split_specobjid

_PLATE, _MJD, _FIBER = ("plate", "plateid"), ("mjd",), ("fiberid", "fiber", "fibre", "fiber_id")
_SPECOBJID = ("specobjid", "spec_objid", "spec_obj_id")
_OBJID = ("bestobjid", "objid", "photoobjid", "obj_id", "dr7objid", "dr8objid")
_RA = ("ra", "raj2000", "ra_icrs", "radeg", "plug_ra")
_DEC = ("dec", "dej2000", "decj2000", "de_icrs", "dec_icrs", "dedeg", "decdeg", "plug_dec")
_NOTHING = frozenset({"", "0", "-1", "nan", "null", "none", "n/a", "--"})
_APART = 1.0  # [arcsec]
_ROUNDED = 10**6  # a column whose ids are all multiples of this was rounded
_UNITLESS = frozenset({"-", "none", "unknown"})


@dataclass(frozen=True)
class Catalogue:
    """N rows of a catalogue.

    Attributes:
        path: The file or folder.
        sha256: Its hash.
        spectrum_ids: `sdss-PLATE-MJD-FIBER` of each row, or None.
        objids: Photometric objid of each row as text, or None.
        names: The user's own `object_id` of each row, or None.
        ra, dec: (N,) positions [deg]; NaN where unknown.
        scalars: Text, integers, logicals and the floats asked for, lower-case names, units in the
            fields' metadata.
        features: Names and units of all other numbers.
        values: (N, F) float32, 0 where not valid.
        valid: (N, F) uint8.
        notes: One line for each column that was refused or left out.
    """

    path: Path
    sha256: str
    spectrum_ids: list[str | None]
    objids: list[str | None]
    names: list[str | None]
    ra: np.ndarray
    dec: np.ndarray
    scalars: pa.Table
    features: dict[str, str]
    values: np.ndarray
    valid: np.ndarray
    notes: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.ra)


@dataclass
class _Sorting:
    """Columns by clean name while a catalogue is taken apart."""

    path: Path
    columns: dict[str, RawColumn]
    notes: list[str] = field(default_factory=list)

    def pop(self, names: Sequence[str]) -> tuple[str, RawColumn] | None:
        for name in names:
            if name in self.columns:
                return name, self.columns.pop(name)
        return None

    def refuse(self, name: str, why: str) -> None:
        self.notes.append(f"{self.path.name}: column {name!r} cannot be a key: {why}")

    def leave_out(self, name: str, why: str) -> None:
        self.notes.append(f"{self.path.name}: column {name!r} is left out: {why}")


def read_catalogue(path: Path, columns: Collection[str] = ()) -> Catalogue:
    """Reads a catalogue and finds its keys.

    Args:
        path: The file, a HATS catalogue, or a folder of Parquet files of one table.
        columns: Names, in lower case, of floats that are to be scalar columns.

    Raises:
        InputError: If a file cannot be read or no column can tell the rows apart.
    """
    if not path.is_dir():
        raw = read_columns(path)
        read = take_apart(path, sha256_file(path), raw, columns)
    elif is_hats(path):
        hats = open_hats(path)
        raw, left_out = hats.read()
        read = take_apart(path, hats.sha256, raw, columns, left_out)
    else:
        read = take_apart(path, sha256_parts(path), read_parts(path), columns)
    if not (
        any(read.spectrum_ids) or any(read.objids) or any(read.names) or np.isfinite(read.ra).any()
    ):
        why = "; ".join(note.split(": ", 1)[1] for note in read.notes)
        raise InputError(
            f"{path}: no column can be a key; expected plate + mjd + fiberid, specobjid, objid, "
            f"object_id, or ra + dec{'; ' + why if why else ''}"
        )
    return read


def take_apart(
    path: Path,
    sha256: str,
    raw: Sequence[RawColumn],
    columns: Collection[str] = (),
    left_out: Sequence[str] = (),
) -> Catalogue:
    """Sorts the columns of a catalogue into keys, positions, scalars and features.

    Args:
        path: Where they are from.
        sha256: Its hash.
        raw: The columns, each of N values.
        columns: Names, in lower case, of floats that are to be scalar columns.
        left_out: A line for each column that was not read.
    """
    rows = len(raw[0].values)
    sorting = _Sorting(path, _by_clean_name(raw), [f"{path.name}: {line}" for line in left_out])
    ra, dec = _positions(sorting, rows)
    plate_keys = _plate_mjd_fiber(sorting, rows, ra, dec)
    spec_keys = _key(sorting, _SPECOBJID, rows, ra, dec, _specobjid)
    objids = _key(sorting, _OBJID, rows, ra, dec, lambda text: text)
    names = _names(sorting, rows, ra, dec)
    spectrum_ids = [a or b for a, b in zip(plate_keys, spec_keys, strict=True)]
    features, values, valid = _features(sorting, rows, columns)
    return Catalogue(
        path=path,
        sha256=sha256,
        spectrum_ids=spectrum_ids,
        objids=objids,
        names=names,
        ra=ra,
        dec=dec,
        scalars=_scalars(sorting, rows),
        features=features,
        values=values,
        valid=valid,
        notes=tuple(sorting.notes),
    )


def clean_text(text: str) -> str:
    """A text without control and other unprintable characters, without spaces around it."""
    return "".join(c for c in " ".join(text.split()) if c.isprintable()).strip()


def _by_clean_name(raw: Sequence[RawColumn]) -> dict[str, RawColumn]:
    """Lower-case names of letters, digits and _; a name met before gets _2, _3, ..."""
    named: dict[str, RawColumn] = {}
    for column in raw:
        base = re.sub(r"[^a-z0-9_]+", "_", column.name.lower()).strip("_")[:60] or "column"
        name, count = base, 1
        while name in named:
            count += 1
            name = f"{base}_{count}"
        named[name] = column
    return named


def _positions(sorting: _Sorting, rows: int) -> tuple[np.ndarray, np.ndarray]:
    pair: list[np.ndarray] = []
    for names, low, high in ((_RA, 0.0, 360.0), (_DEC, -90.0, 90.0)):
        values = np.full(rows, np.nan)
        found = sorting.pop(names)
        if found is not None and found[1].values.dtype.kind in "fiu" and found[1].values.ndim == 1:
            values = np.where(found[1].null, np.nan, found[1].values.astype(np.float64))
            values[~((values >= low) & (values <= high))] = np.nan
        elif found is not None:
            sorting.leave_out(found[0], "a position in degrees is expected as numbers")
        pair.append(values)
    unknown = np.isnan(pair[0]) | np.isnan(pair[1])
    for values in pair:
        values[unknown] = np.nan
    return pair[0], pair[1]


def _plate_mjd_fiber(
    sorting: _Sorting, rows: int, ra: np.ndarray, dec: np.ndarray
) -> list[str | None]:
    present = [any(name in sorting.columns for name in group) for group in (_PLATE, _MJD, _FIBER)]
    if not all(present):
        return [None] * rows
    found = [sorting.pop(group) for group in (_PLATE, _MJD, _FIBER)]
    parts: list[list[int | None]] = []
    for name, column in (entry for entry in found if entry is not None):
        numbers = _small_integers(column)
        if numbers is None:
            sorting.refuse(name, "whole numbers are expected")
            return [None] * rows
        parts.append(numbers)
    keys = [
        spectrum_id(plate, mjd, fiber) if plate and mjd and fiber else None
        for plate, mjd, fiber in zip(*parts, strict=True)
    ]
    return _single(sorting, "plate, mjd, fiberid", keys, ra, dec)


def _small_integers(column: RawColumn) -> list[int | None] | None:
    values = column.values
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        return None
    known = ~column.null
    if values.dtype.kind == "f":
        known &= np.isfinite(values)
        if (values[known] != np.round(values[known])).any():
            return None
    return [
        int(v) if k and 0 < v < 10**9 else None for v, k in zip(values, known.tolist(), strict=True)
    ]


def _key(
    sorting: _Sorting,
    names: Sequence[str],
    rows: int,
    ra: np.ndarray,
    dec: np.ndarray,
    convert: Callable[[str], str | None],
) -> list[str | None]:
    """The first of several id columns that can be a key, converted; others stay as text."""
    for name in [name for name in names if name in sorting.columns]:
        column = sorting.columns.pop(name)
        ids = _exact_ids(sorting, name, column)
        keys = [None if text is None else convert(text) for text in ids or ()]
        if ids and not any(keys):
            sorting.refuse(name, f"its values, such as {_example(ids)}, are no DR8+ ids")
        elif any(keys):
            keys = _single(sorting, name, keys, ra, dec)
        if any(keys):
            if convert(_example(ids or ())) != _example(ids or ()):
                sorting.columns[name] = RawColumn(name, "", np.array(ids, object), column.null)
            return keys
    return [None] * rows


def _specobjid(text: str) -> str | None:
    parts = split_specobjid(int(text)) if len(text) < 20 else None
    return spectrum_id(*parts) if parts else None


def _names(sorting: _Sorting, rows: int, ra: np.ndarray, dec: np.ndarray) -> list[str | None]:
    found = sorting.pop(("object_id",))
    if found is None:
        return [None] * rows
    name, column = found
    if column.values.dtype.kind not in "OiubU" or column.values.ndim != 1:
        sorting.refuse(name, "text or whole numbers are expected")
        return [None] * rows
    texts = [
        None if null or value is None else clean_text(str(value))[:200] or None
        for value, null in zip(column.values.tolist(), column.null.tolist(), strict=True)
    ]
    return _single(sorting, name, texts, ra, dec)


def _exact_ids(sorting: _Sorting, name: str, column: RawColumn) -> list[str | None] | None:
    """Ids as digits; None with a note if they have lost digits or are no ids."""
    values = column.values
    if values.ndim != 1 or values.dtype.kind not in "iuO":
        sorting.refuse(name, f"it holds {values.dtype} values, which cannot hold 18 digits exactly")
        return None
    texts = [
        None
        if null or value is None or str(value).strip().lower() in _NOTHING
        else str(value).strip()
        for value, null in zip(values.tolist(), column.null.tolist(), strict=True)
    ]
    known = [text for text in texts if text is not None]
    wrong = [text for text in known if not (text.isascii() and text.isdigit())]
    if wrong:
        distinct = len(set(known))
        sorting.refuse(
            name,
            f"{len(wrong)} of {len(texts)} values are no exact integers, such as {wrong[0]!r:.40} "
            f"({distinct} distinct)",
        )
        return None
    if len(known) >= 3 and all(int(text) % _ROUNDED == 0 for text in known):
        sorting.refuse(name, f"all {len(known)} values are rounded, such as {known[0]}")
        return None
    return texts


def _single(
    sorting: _Sorting, name: str, keys: list[str | None], ra: np.ndarray, dec: np.ndarray
) -> list[str | None]:
    """The keys, unless one of them stands for several places in the sky."""
    first: dict[str, int] = {}
    clashes: dict[str, int] = defaultdict(int)
    for row, key in enumerate(keys):
        if key is None or np.isnan(ra[row]):
            continue
        other = first.setdefault(key, row)
        if other != row and _separation(ra, dec, row, other) > _APART:
            clashes[key] += 1
    if not clashes:
        return keys
    example = next(iter(clashes))
    sorting.refuse(
        name,
        f"{len(clashes)} ids are repeated over different positions, such as {example!r:.60} "
        f"at {clashes[example] + 1} places",
    )
    return [None] * len(keys)


def _separation(ra: np.ndarray, dec: np.ndarray, one: int, other: int) -> float:
    """Angle [arcsec] between two rows, good for small angles."""
    d_ra = (ra[one] - ra[other] + 180.0) % 360.0 - 180.0
    return float(np.hypot(d_ra * np.cos(np.radians(dec[one])), dec[one] - dec[other]) * 3600.0)


def _example(ids: Sequence[str | None]) -> str:
    return next((text for text in ids if text is not None), "")


def _features(
    sorting: _Sorting, rows: int, columns: Collection[str]
) -> tuple[dict[str, str], np.ndarray, np.ndarray]:
    """Takes the floats out of what is left, but for those that are to be columns."""
    found: dict[str, tuple[str, np.ndarray]] = {}
    floats = [n for n, c in sorting.columns.items() if c.values.dtype.kind == "f"]
    for name in [n for n in floats if n not in columns or sorting.columns[n].values.ndim > 1]:
        column = sorting.columns.pop(name)
        values = np.where(
            column.null.reshape(-1, *[1] * (column.values.ndim - 1)), np.nan, column.values
        )
        unit = "" if column.unit.lower() in _UNITLESS else clean_text(column.unit)
        if values.ndim == 1:
            found[name] = (unit, values)
        elif values.ndim == 2 and values.shape[1] == 5:
            found |= {f"{name}_{band}": (unit, values[:, i]) for i, band in enumerate("ugriz")}
        else:
            sorting.leave_out(
                name, f"{values.shape[1:]} numbers a row; expected one, or five (ugriz)"
            )
    with np.errstate(over="ignore"):
        matrix = np.zeros((rows, len(found)), np.float32)
        for index, (_, values) in enumerate(found.values()):
            matrix[:, index] = values
    valid = np.isfinite(matrix)
    matrix[~valid] = 0
    return {name: unit for name, (unit, _) in found.items()}, matrix, valid.astype(np.uint8)


def _scalars(sorting: _Sorting, rows: int) -> pa.Table:
    arrays: list[pa.Array] = []
    fields: list[pa.Field] = []
    for name, column in sorting.columns.items():
        values, null = column.values, column.null
        if values.ndim != 1 or values.dtype.kind not in "fiubOU":
            sorting.leave_out(name, f"{values.dtype} of shape {values.shape[1:]} cannot be stored")
            continue
        if values.dtype.kind in "iu" and (
            values.dtype != np.uint64 or values.max(initial=0) < 2**63
        ):
            array = pa.array(values.astype(np.int64), pa.int64(), mask=null)
        elif values.dtype.kind == "f":
            unknown = null | ~np.isfinite(values)
            array = pa.array(values.astype(np.float64), pa.float64(), mask=unknown)
        elif values.dtype.kind == "b":
            array = pa.array(values, pa.bool_(), mask=null)
        else:
            texts = [
                None if n or v is None else clean_text(str(v)) or None
                for v, n in zip(values.tolist(), null.tolist(), strict=True)
            ]
            array = pa.array(texts, pa.string())
        unit = "" if column.unit.lower() in _UNITLESS else clean_text(column.unit)
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata={"unit": unit}))
    if not fields:
        return pa.table({"": pa.nulls(rows)}).select([])
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))
