"""A direct reader of FITS binary tables, for the files that ingest reads by the million.

It reads what spec files and catalogues hold (numbers, strings, logicals, fixed-length vectors,
scaled and unsigned integers) straight from the file's bytes. Layouts are parsed once per distinct
header: the spec files of one plate share theirs. Every size a header claims is compared with the
bytes there are before anything is allocated. What is rarer (variable-length arrays, bit columns,
compressed tables) raises `UnusualTable`, and the caller takes astropy instead.

Format: FITS standard 4.0, sections 3.3 (blocks), 4.2 (values) and 7.3 (binary tables).
"""

import bz2
import functools
import gzip
import io
import math
import mmap
import os
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trifid.errors import InputError

Buffer = bytes | mmap.mmap

_BLOCK, _CARD = 2880, 80
_END = b"END".ljust(_CARD)
_MAX_BYTES = 2**30
_TOO_LARGE = "more than 1 GiB; files of this kind are smaller"
_TFORM = re.compile(r"(\d*)([A-Z])(.*)")
_CODES = {"L": "S1", "B": "u1", "I": ">i2", "J": ">i4", "K": ">i8", "E": ">f4", "D": ">f8"}
_PLAIN = {"B": ">B", "I": ">h", "J": ">i", "K": ">q", "E": ">f", "D": ">d"}
_UNSIGNED = {">i2": ("u2", 2**15), ">i4": ("u4", 2**31), ">i8": ("u8", 2**63)}


class UnusualTable(Exception):  # noqa: N818  (a signal between readers, never shown to a user)
    """A FITS feature this reader leaves to astropy."""


@dataclass(frozen=True)
class Column:
    """Where a column's values lie in a row, and how its stored numbers become values.

    Attributes:
        name, unit: As the header has them.
        code: Letter of TFORM.
        offset: First byte in a row.
        dtype, shape: Of a row's cell, big-endian.
        scale, zero, null: TSCAL, TZERO, TNULL.
        plain: Struct format of a cell that is one unscaled number.
    """

    name: str
    code: str
    offset: int
    dtype: np.dtype
    shape: tuple[int, ...]
    scale: float
    zero: float
    null: int | None
    unit: str
    plain: str | None = None


@dataclass(frozen=True)
class Layout:
    """A parsed table header: its name, its row width and its columns by lower-case name."""

    name: str
    row_bytes: int
    rows: int
    columns: dict[str, Column]


@dataclass(frozen=True)
class Hdu:
    """One header-data unit inside a buffer: header bytes and the place of its data."""

    header: bytes
    start: int
    size: int

    @property
    def is_table(self) -> bool:
        """Whether it is a binary table."""
        return self.header.startswith(b"XTENSION= 'BINTABLE'")


@dataclass(frozen=True)
class Table:
    """The rows of one binary table; columns are found without regard to case."""

    data: Buffer
    start: int
    layout: Layout

    def __len__(self) -> int:
        return self.layout.rows

    def __contains__(self, name: str) -> bool:
        return name.lower() in self.layout.columns

    def column(self, name: str) -> np.ndarray:
        """All values of a column in native byte order, scaled; text without its padding.

        Raises:
            InputError: If there is no such column.
            UnusualTable: If astropy must read it.
        """
        entry = self._find(name)
        return _values(self._raw(entry), entry)

    def nulls(self, name: str) -> np.ndarray:
        """Marks the cells of an integer column that hold its TNULL value."""
        entry = self._find(name)
        raw = self._raw(entry)
        return np.zeros(raw.shape, bool) if entry.null is None else raw == entry.null

    def cell(self, name: str, row: int = 0) -> Any:
        """One value: a Python number or text, a list for a vector, None if absent."""
        entry = self.layout.columns.get(name.lower())
        if entry is None or row >= self.layout.rows:
            return None
        begin = self.start + row * self.layout.row_bytes + entry.offset
        if entry.plain is not None:
            return struct.unpack_from(entry.plain, self.data, begin)[0]
        raw = np.frombuffer(self.data, entry.dtype, math.prod(entry.shape), begin)
        values = _values(raw, entry)
        return values.reshape(entry.shape).tolist() if entry.shape else values.tolist()[0]

    def _raw(self, entry: Column) -> np.ndarray:
        return np.ndarray(
            (self.layout.rows, *entry.shape),
            entry.dtype,
            self.data,
            self.start + entry.offset,
            (self.layout.row_bytes, *_strides(entry)),
        )

    def _find(self, name: str) -> Column:
        entry = self.layout.columns.get(name.lower())
        if entry is None:
            known = ", ".join(sorted(self.layout.columns))
            raise InputError(
                f"table {self.layout.name or '(unnamed)'} has no column {name!r:.80}; "
                f"it has {known:.200}"
            )
        return entry


def read_file(path: Path) -> bytes:
    """The bytes of a file as they are, 1 GiB at most.

    Raises:
        InputError: If it cannot be read, is empty or too large.
    """
    try:
        with path.open("rb") as handle:
            if os.fstat(handle.fileno()).st_size > _MAX_BYTES:
                raise InputError(_TOO_LARGE)
            data = handle.read()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}") from None
    if not data:
        raise InputError("the file is empty")
    return data


def unpack(data: bytes) -> bytes:
    """Decompresses gzip and bzip2, to 1 GiB at most; other bytes are given back.

    Raises:
        InputError: If they are damaged or grow too large.
    """
    try:
        if data[:2] == b"\x1f\x8b":
            data = gzip.GzipFile(fileobj=io.BytesIO(data)).read(_MAX_BYTES + 1)
        elif data[:3] == b"BZh":
            data = bz2.BZ2File(io.BytesIO(data)).read(_MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"cannot be decompressed: {error}") from None
    if len(data) > _MAX_BYTES:
        raise InputError(_TOO_LARGE)
    return data


def hdus(data: Buffer) -> list[Hdu]:
    """Walks through all header-data units, comparing each claimed size with the bytes there are.

    Raises:
        InputError: If it is not FITS, is cut off, or claims sizes that do not fit.
    """
    if data[:6] != b"SIMPLE":
        raise InputError(f"not a FITS file: begins with {bytes(data[:8])!r}, expected SIMPLE")
    found: list[Hdu] = []
    position, length = 0, len(data)
    while position < length:
        if found and data[position : position + 8] != b"XTENSION":
            if bytes(data[position:length]).strip(b"\x00 "):
                raise InputError(f"byte {position}: expected a FITS extension, got other bytes")
            break
        end = data.find(_END, position)
        while end >= 0 and (end - position) % _CARD:
            end = data.find(_END, end + 1)
        start = position + _blocks(end + _CARD - position)
        if end < 0 or start > length:
            raise InputError(f"cut off inside the header of HDU {len(found)}")
        header = bytes(data[position:start])
        size = _data_size(header, len(found))
        if start + size > length:
            raise InputError(
                f"HDU {len(found)} claims {size} bytes of data, {length - start} are there: "
                "the file is cut off or its sizes are wrong"
            )
        found.append(Hdu(header, start, size))
        position = start + _blocks(size)
    return found


def table(data: Buffer, hdu: Hdu) -> Table:
    """The binary table of an HDU.

    Raises:
        InputError: If its header contradicts itself.
        UnusualTable: If astropy must read it.
    """
    return Table(data, hdu.start, layout(hdu.header))


@functools.lru_cache(maxsize=64)
def layout(header: bytes) -> Layout:
    """Parses a table's header. The result is kept, for files that share it byte for byte.

    Raises:
        InputError: If its columns do not add up to its row width.
        UnusualTable: If it has a feature that astropy must read.
    """
    cards = parse_cards(header)
    if cards.get("ZTABLE"):
        raise UnusualTable("compressed table")
    columns: dict[str, Column] = {}
    offset = 0
    for number in range(1, _integer(cards, "TFIELDS") + 1):
        entry, width = _column(cards, number, offset)
        columns.setdefault(entry.name.lower(), entry)
        offset += width
    row_bytes = _integer(cards, "NAXIS1")
    if offset != row_bytes:
        raise InputError(f"its columns take {offset} bytes a row, NAXIS1 says {row_bytes}")
    name = str(cards.get("EXTNAME", "")).strip().upper()
    return Layout(name, row_bytes, _integer(cards, "NAXIS2"), columns)


def parse_cards(header: bytes) -> dict[str, Any]:
    """Keywords and values of a header; comments and valueless cards are left out."""
    text = header.decode("latin-1")
    cards: dict[str, Any] = {}
    for begin in range(0, len(text), _CARD):
        if text[begin + 8 : begin + 10] == "= ":
            value = _value(text[begin + 10 : begin + _CARD])
            cards.setdefault(text[begin : begin + 8].rstrip(), value)
    return cards


def _value(text: str) -> Any:
    text = text.strip()
    if text.startswith("'"):
        closing = re.match(r"'((?:[^']|'')*)'", text)
        return closing.group(1).replace("''", "'").rstrip() if closing else text[1:].rstrip()
    text = text.split("/", 1)[0].strip()
    if text in ("T", "F"):
        return text == "T"
    for kind in (int, float):
        try:
            return kind(text.replace("D", "E"))
        except ValueError:
            continue
    return text


def _column(cards: dict[str, Any], number: int, offset: int) -> tuple[Column, int]:
    form = _TFORM.match(str(cards.get(f"TFORM{number}", "")))
    if form is None:
        raise InputError(f"column {number} has no readable TFORM")
    count = int(form.group(1) or 1)
    code = form.group(2)
    if code not in _CODES and code != "A":
        raise UnusualTable(f"column format {form.group(0)}")
    if code == "A":
        dtype, shape = np.dtype(f"S{count}"), ()
        width = count
        if f"TDIM{number}" in cards or count == 0:
            dtype, shape = np.dtype("S1"), (count,)
    else:
        dtype = np.dtype(_CODES[code])
        shape = () if count == 1 else (count,)
        width = count * dtype.itemsize
        if f"TDIM{number}" in cards and count > 1:
            shape = _dimensions(str(cards[f"TDIM{number}"]), count)
    null = cards.get(f"TNULL{number}")
    scale, zero = cards.get(f"TSCAL{number}", 1.0), cards.get(f"TZERO{number}", 0)
    plain = _PLAIN.get(code) if shape == () and scale == 1 and zero == 0 else None
    return Column(
        name=str(cards.get(f"TTYPE{number}", f"col{number}")).strip(),
        code=code,
        offset=offset,
        dtype=dtype,
        shape=shape,
        scale=float(scale),
        zero=zero,
        null=null if isinstance(null, int) else None,
        unit=str(cards.get(f"TUNIT{number}", "")).strip(),
        plain=plain,
    ), width


def _dimensions(text: str, count: int) -> tuple[int, ...]:
    shape = tuple(int(part) for part in reversed(re.findall(r"\d+", text)))
    if math.prod(shape) != count:
        raise InputError(f"TDIM {text} does not describe {count} values")
    return shape


def _values(raw: np.ndarray, entry: Column) -> np.ndarray:
    if entry.code == "A":
        return np.array([_text(item) for item in raw.ravel().tolist()], object).reshape(raw.shape)
    if entry.code == "L":
        return raw == b"T"
    if entry.scale == 1.0 and entry.zero == 0:
        return raw.astype(raw.dtype.newbyteorder("="))
    unsigned = _UNSIGNED.get(entry.dtype.str)
    if entry.scale == 1.0 and unsigned is not None and entry.zero == unsigned[1]:
        kind, middle = unsigned
        return raw.astype(raw.dtype.newbyteorder("=")).view(kind) ^ np.dtype(kind).type(middle)
    if entry.code == "B" and entry.scale == 1.0 and entry.zero == -128:
        return (raw ^ np.uint8(128)).view(np.int8)
    return raw.astype(np.float64) * entry.scale + entry.zero


def _text(item: bytes) -> str:
    return item.split(b"\x00", 1)[0].decode("utf-8", "replace").rstrip()


def _strides(entry: Column) -> tuple[int, ...]:
    sizes: list[int] = []
    step = entry.dtype.itemsize
    for length in reversed(entry.shape):
        sizes.append(step)
        step *= length
    return tuple(reversed(sizes))


def _data_size(header: bytes, number: int) -> int:
    """Bytes of data after a header, from its mandatory first cards."""
    cards = [header[begin : begin + _CARD] for begin in range(0, min(len(header), 1200), _CARD)]
    bits = _mandatory(cards, 1, b"BITPIX", number)
    axes = _mandatory(cards, 2, b"NAXIS", number)
    if abs(bits) not in (8, 16, 32, 64) or not 0 <= axes <= 10:
        raise InputError(f"HDU {number} has BITPIX {bits} and NAXIS {axes}, which cannot be")
    lengths = [
        _mandatory(cards, 2 + axis, f"NAXIS{axis}".encode(), number) for axis in range(1, axes + 1)
    ]
    heap = _mandatory(cards, 3 + axes, b"PCOUNT", number) if number else 0
    if heap < 0 or min(lengths, default=0) < 0:
        raise InputError(f"HDU {number} claims negative sizes {lengths}, heap {heap}")
    return (math.prod(lengths) + heap) * (abs(bits) // 8) if axes else 0


def _mandatory(cards: Sequence[bytes], place: int, key: bytes, number: int) -> int:
    card = cards[place] if place < len(cards) else b""
    try:
        if card[:8].rstrip() != key:
            raise ValueError
        return int(card[10:].split(b"/", 1)[0])
    except ValueError:
        raise InputError(
            f"HDU {number}: card {place + 1} should be {key.decode()} with an integer, "
            f"got {card[:30]!r}"
        ) from None


def _integer(cards: dict[str, Any], key: str) -> int:
    value = cards.get(key)
    if not isinstance(value, int) or value < 0:
        raise InputError(f"the table's {key} is {value!r}, expected a count")
    return value


def _blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK
