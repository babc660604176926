"""What a file must be before it counts as fetched: size, hash, and the form its name promises."""

import base64
import binascii
import bz2
import hashlib
import mmap
import re
from collections.abc import Mapping
from pathlib import Path

from trifid.errors import InputError
from trifid.surveys import fits_table
from trifid.surveys.sdss_paths import MAX_PICTURE

MAX_BYTES = {".fits": 2**28, ".bz2": 2**27, ".jpeg": 2**25}
"""Most bytes of a file by the end of its name: full spectra hold all single exposures."""

_BLOCK = 2880  # [byte] of FITS
_SPECTRUM_HDUS = 3  # header, COADD, the survey's row
_DIGEST = re.compile(r"(?:^|[,\s])sha-256=:?([A-Za-z0-9+/]{43}=):?(?:[,\s]|$)", re.IGNORECASE)
_PAGE = re.compile(rb"\s*<(!doctype|html|head|\?xml|body)", re.IGNORECASE)
_SHAPE = re.compile(rb"NAXIS[1-9] *= *(\d+)")
_BZ2_END = 0x177245385090  # the digits of sqrt(pi), before the last checksum of a bzip2 file


def most_bytes(name: str) -> int:
    """The most bytes that a file of this name may have."""
    return MAX_BYTES.get(Path(name).suffix.lower(), 2**26)


def is_page(head: bytes) -> bool:
    """Whether an answer begins as a web page does, which no survey file does."""
    return _PAGE.match(head) is not None


def digest_of(headers: Mapping[str, str]) -> str | None:
    """The SHA-256 (hexadecimal) of the whole file that a server announces (RFC 9530, RFC 3230)."""
    for name in ("repr-digest", "digest"):
        if match := _DIGEST.search(headers.get(name, "")):
            try:
                return base64.b64decode(match[1], validate=True).hex()
            except binascii.Error:
                return None
    return None


def check_form(path: Path, name: str) -> None:
    """Checks that a file has the beginning and the end that its name promises.

    Packed files are not unpacked whole: their last checksum is there, and ingest checks it.

    Raises:
        InputError: Saying what is wrong.
    """
    size = path.stat().st_size
    with path.open("rb") as handle:
        head = handle.read(_BLOCK)
        handle.seek(max(size - 16, 0))
        tail = handle.read()
    if not head:
        raise InputError("the file is empty")
    if is_page(head):
        raise InputError("a web page instead of the file")
    if name.endswith(".bz2"):
        _check_bz2(head, tail)
    elif name.endswith(".fits"):
        if not head.startswith(b"SIMPLE  =") or size % _BLOCK:
            raise InputError(f"no whole FITS file: {size} bytes that begin with {head[:9]!r}")
        _check_fits(path, _SPECTRUM_HDUS if name.startswith("spec-") else 1)
    elif name.endswith((".jpeg", ".jpg")):
        if not (head.startswith(b"\xff\xd8") and tail.rstrip(b"\0").endswith(b"\xff\xd9")):
            raise InputError("no whole JPEG picture")
        check_picture(path)


def check_picture(path: Path, size: int | None = None) -> None:
    """Unpacks a JPEG picture to see that it is whole, and as large as it was asked for.

    Args:
        path: The file.
        size: Pixels on a side; None where that is not known.

    Raises:
        InputError: If it is not.
    """
    from PIL import Image

    try:
        with Image.open(path, formats=["JPEG"]) as picture:
            if max(picture.size) > MAX_PICTURE:
                raise InputError(f"a picture of {picture.size} pixels; at most {MAX_PICTURE}")
            if size is not None and picture.size != (size, size):
                raise InputError(f"a picture of {picture.size} pixels; asked for {size} x {size}")
            picture.load()
    except (OSError, SyntaxError, ValueError):
        raise InputError("the JPEG picture is damaged") from None


def check_image(path: Path, size: int) -> None:
    """A FITS image has as many pixels on each side as it was asked for.

    Raises:
        InputError: If it has not.
    """
    with path.open("rb") as handle:
        shape = _SHAPE.findall(handle.read(_BLOCK))
    if [int(number) for number in shape] != [size, size]:
        raise InputError(f"a FITS image of {shape!r:.60} pixels; asked for {size} x {size}")


def _check_fits(path: Path, least: int) -> None:
    """Every header-data unit is as long as its header says, and none of the last is missing."""
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        count = len(fits_table.hdus(data))
    if count < least:
        raise InputError(f"the FITS file has {count} parts; expected {least} or more")


def _check_bz2(head: bytes, tail: bytes) -> None:
    """The end of a bzip2 file is a marker and a checksum, shifted by 0 to 7 bits."""
    if not head.startswith(b"BZh"):
        raise InputError(f"no bzip2 file: it begins with {head[:4]!r}")
    last = int.from_bytes(tail, "big")
    if not any(last >> (32 + shift) & (2**48 - 1) == _BZ2_END for shift in range(8)):
        raise InputError("the bzip2 file is cut short")
    try:
        start = bz2.BZ2Decompressor().decompress(head, max_length=9)
    except OSError:
        raise InputError("the bzip2 file is damaged") from None
    if start and not b"SIMPLE  =".startswith(start[:9]):
        raise InputError(f"the packed file is no FITS file: it begins with {start!r}")


def sha256_matches(path: Path, wanted: str | None) -> bool:
    """Whether a file has a SHA-256, where one is known."""
    if wanted is None:
        return True
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest() == wanted


def sha256_of(data: bytes | bytearray) -> str:
    """SHA-256 of bytes, as hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()
