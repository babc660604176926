"""SDSS images: calibrated frames, FITS stamps and mosaics, colour pictures.

    file                                    kind      key
    frame-r-004948-3-0199.fits[.bz2|.gz]    frame     004948-3-0199
    mosaic_r.fits (any FITS image)          frame     mosaic: the name without its band
    stamp-r-164.4311-39.0359[_x].fits       stamp     164.4311-39.0359; variants _x share it
    hips-r-1237648721217716541.fits         hips      1237648721217716541
    1237648721217716541.jpeg, .jpg, .png    picture   the objid in the name, else the name

Files of one key hold one piece of sky in several bands. The band is that of the name, else of the
header: mosaics are often written with the header of another band. Of a FITS file only the primary
image is read: frames keep their sky model and stamps their PSF behind it. Its unit is nanomaggy per
pixel, sky subtracted; a file that says otherwise in BUNIT is refused, one that says nothing (the
stamps) is taken at its word. The position of a stamp is that of its central pixel: the name
separates right ascension and declination by `-`, which hides a sign.

Headers are checked against the size of the file before anything is allocated; of a compressed
file no more is unpacked than the header announces.
"""

import bz2
import contextlib
import gzip
import io
import re
import warnings
import zlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from jaxtyping import Bool, Float, Float32
from numpy import ndarray

from trifid.errors import InputError
from trifid.transforms.warp import world_to_pixel

MAX_PIXELS = 2**26  # of a FITS image; an SDSS frame has 3 million
_MAX_HEADER = 2**20  # [byte]
_CHUNK = 2**22  # [byte]
_BLOCK = 2880  # [byte] of FITS
_END = b"END".ljust(80)
_PRINTABLE = bytes(byte if 0x20 <= byte < 0x7F else ord("?") for byte in range(256))

_UNPACK = {".bz2": bz2.open, ".gz": gzip.open}
_SUFFIXES = re.compile(r"\.(fits|fit|fts)(\.(bz2|gz))?$", re.IGNORECASE)
_PICTURES = re.compile(r"\.(jpe?g|png)$", re.IGNORECASE)
_FRAME = re.compile(r"frame-([ugriz])-(\d{6})-([1-6])-(\d{4})", re.ASCII)
_STAMP = re.compile(r"stamp-([ugriz])-([^_]+)(?:_.*)?")
_HIPS = re.compile(r"hips-([ugriz])-(\d{17,20})", re.ASCII)
_BAND = re.compile(r"(?:^|[-_])([ugriz])(?=[-_]|$)")
_OBJID = re.compile(r"(?<!\d)\d{17,20}(?!\d)", re.ASCII)
_NUMBERS = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}
_KEYWORDS = (
    *("NAXIS", "NAXIS1", "NAXIS2", "BITPIX", "BSCALE", "BZERO", "BLANK"),
    *("BUNIT", "FILTER", "BAND", "RUN", "CAMCOL", "FIELD", "NMGY", "SOFTBIAS"),
    *("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2", "CD1_1", "CD1_2", "CDELT1"),
)
_LARGEST_COUNT = 65535  # [DN] of the camera's 16-bit converters
_NEARLY = 0.9  # sampling on another grid lowers a peak; wells may fill a little earlier
_NANOMAGGY = {"", "nanomaggy", "nanomaggies", "nmgy"}


@dataclass(frozen=True)
class ImageFile:
    """What an image file is, before its pixels are read.

    Attributes:
        path: Where it lies.
        kind: `frame` needs positions; the others hold one target at their centre. `hips` comes
            from an image service: interpolated twice, in the unit of the service.
        band: One of ugriz; None for pictures.
        key: The same for all bands of one piece of sky; the objid of a picture.
    """

    path: Path
    kind: Literal["frame", "stamp", "hips", "picture"]
    band: str | None
    key: str


@dataclass(frozen=True)
class Frame:
    """One calibrated image in one band.

    Attributes:
        flux: (H, W) [nanomaggy per pixel], finite.
        wcs: Celestial, right ascension first.
        band: One of ugriz.
        run, camcol, field: Where SDSS took it, as far as name and header say.
        bad_pixels: How many pixels were NaN, infinite or BLANK; they are 0 in `flux`.
        saturation: Flux [nanomaggy] from which a pixel counts as saturated: nine tenths of what
            the 16-bit converter can hold above its bias, sky neglected (it is 100 DN or so);
            None where the header has no calibration (NMGY), as in stamps.
    """

    flux: Float32[ndarray, "H W"]
    wcs: WCS
    band: str
    run: int | None
    camcol: int | None
    field: int | None
    bad_pixels: int
    saturation: float | None

    def center(self) -> tuple[float, float]:
        """Right ascension and declination [deg] of the centre."""
        height, width = self.flux.shape
        ra, dec = self.wcs.all_pix2world((width - 1) / 2, (height - 1) / 2, 0)
        return float(ra), float(dec)

    def contains(self, ra: Float[ndarray, "N"], dec: Float[ndarray, "N"]) -> Bool[ndarray, "N"]:
        """Which positions [deg] lie on a pixel of the frame."""
        height, width = self.flux.shape
        x, y = world_to_pixel(self.wcs, ra, dec)
        return (x >= -0.5) & (x < width - 0.5) & (y >= -0.5) & (y < height - 0.5)


@dataclass(frozen=True)
class ImageHeader:
    """What the header and the name of a FITS image say.

    Attributes:
        shape: Height and width [pixel].
        numbers: How a pixel is stored.
        scale, zero: A pixel is stored value x scale + zero [nanomaggy].
        blank: The stored integer that stands for no value.
        wcs, band, run, camcol, field, saturation: As in `Frame`.
    """

    shape: tuple[int, int]
    numbers: np.dtype
    scale: float
    zero: float
    blank: int | None
    wcs: WCS
    band: str
    run: int | None
    camcol: int | None
    field: int | None
    saturation: float | None

    @property
    def size(self) -> int:
        """Bytes of the pixels."""
        return self.shape[0] * self.shape[1] * self.numbers.itemsize


def identify_image(path: Path) -> ImageFile | None:
    """Says what an image file is, from its name and, for other FITS names, its header.

    None: not an image, or a FITS file that cannot be opened as one.
    """
    if _PICTURES.search(path.name):
        digits = _OBJID.search(path.stem)
        return ImageFile(path, "picture", None, digits.group() if digits else path.stem)
    suffix = _SUFFIXES.search(path.name)
    if suffix is None:
        return None
    stem = path.name[: suffix.start()]
    if match := _FRAME.fullmatch(stem):
        return ImageFile(path, "frame", match[1], "-".join(match.groups()[1:]))
    if match := _STAMP.fullmatch(stem):
        return ImageFile(path, "stamp", match[1], match[2])
    if match := _HIPS.fullmatch(stem):
        return ImageFile(path, "hips", match[1], match[2])
    try:
        with _opened(path) as stream:
            header = _read_header(stream, path)
    except InputError:
        return None
    key = _BAND.sub("", stem).strip("-_") if _named_band(stem) else stem
    return ImageFile(path, "frame", header.band, key or stem)


def read_image_header(path: Path) -> ImageHeader:
    """Reads and checks the primary header of a FITS image, and no pixels.

    Raises:
        InputError: If the file is no FITS image of one band in nanomaggy on the sky, or, where it
            is not compressed, is shorter than its header says.
    """
    with _opened(path) as stream:
        return _read_header(stream, path)


def read_frame(path: Path) -> Frame:
    """Reads the primary image of a FITS file with its band and WCS.

    Raises:
        InputError: If `read_image_header` refuses the file, or it is damaged or too short.
    """
    with _opened(path) as stream:
        header = _read_header(stream, path)
        data = _read_exactly(stream, header.size, path)
    flux, bad_pixels = _flux(data, header)
    return Frame(
        flux=flux,
        wcs=header.wcs,
        band=header.band,
        run=header.run,
        camcol=header.camcol,
        field=header.field,
        bad_pixels=bad_pixels,
        saturation=header.saturation,
    )


def one_line(error: Exception) -> str:
    """A library's message on one line, not too long."""
    return " ".join(str(error).split())[:200]


@contextlib.contextmanager
def _opened(path: Path) -> Generator[io.BufferedIOBase]:
    """The bytes of a file, unpacked as they are read; damage becomes an InputError."""
    try:
        with _UNPACK.get(path.suffix.lower(), open)(path, "rb") as stream:
            yield stream
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read to the end ({one_line(error)})") from None


def _read_header(stream: io.BufferedIOBase, path: Path) -> ImageHeader:
    """Reads and checks the primary header; the stream then stands at the pixels."""
    text = stream.read(_BLOCK)
    if not text.startswith(b"SIMPLE  ="):
        got = f"{text[:9]!r} at its start" if text else "an empty file"
        raise InputError(f"{path}: not a FITS file, got {got}")
    while _END not in (text[at : at + 80] for at in range(len(text) - _BLOCK, len(text), 80)):
        block = stream.read(_BLOCK)
        if len(block) < _BLOCK or len(text) > _MAX_HEADER:
            raise InputError(f"{path}: the FITS header has no END in {len(text)} bytes")
        text += block
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes on headers that bend the standard
            header = _understood(fits.Header.fromstring(text.translate(_PRINTABLE)), path)
    except (ValueError, TypeError, KeyError, fits.VerifyError) as error:
        raise InputError(f"{path}: the FITS header cannot be used ({one_line(error)})") from None
    if path.suffix.lower() not in _UNPACK and path.stat().st_size < len(text) + header.size:
        raise _too_short(path, header.size, path.stat().st_size - len(text))
    return header


def _understood(header: fits.Header, path: Path) -> ImageHeader:
    values: dict[str, Any] = {key: header[key] for key in _KEYWORDS if key in header}
    axes = values.get("NAXIS")
    if axes != 2:
        raise InputError(f"{path}: the primary HDU has {axes} axes; expected an image with 2")
    width, height = values.get("NAXIS1", 0), values.get("NAXIS2", 0)
    fits_in = isinstance(width, int) and isinstance(height, int) and min(width, height) >= 2
    if not fits_in or width * height > MAX_PIXELS:
        raise InputError(
            f"{path}: NAXIS1 {width}, NAXIS2 {height}; expected 2 or more each, and at most "
            f"{MAX_PIXELS} pixels"
        )
    if values.get("BITPIX") not in _NUMBERS:
        raise InputError(f"{path}: BITPIX {values.get('BITPIX')}; expected {sorted(_NUMBERS)}")
    unit = str(values.get("BUNIT", "")).strip().lower()
    if unit not in _NANOMAGGY:
        raise InputError(f"{path}: BUNIT {unit!r:.40}; expected nanomaggy: calibrate it first")
    stem = _SUFFIXES.sub("", path.name)
    match = _FRAME.fullmatch(stem)
    named = [int(part) for part in match.groups()[1:]] if match else [None] * 3
    run, camcol, field = (
        _integer(values, key) if value is None else value
        for key, value in zip(("RUN", "CAMCOL", "FIELD"), named, strict=True)
    )
    return ImageHeader(
        shape=(height, width),
        numbers=np.dtype(_NUMBERS[values["BITPIX"]]),
        scale=float(values.get("BSCALE", 1)),
        zero=float(values.get("BZERO", 0)),
        blank=_integer(values, "BLANK"),
        wcs=_celestial(header, values, path),
        band=_band(stem, values, path),
        run=run,
        camcol=camcol,
        field=field,
        saturation=_saturation(values),
    )


def _saturation(values: dict[str, Any]) -> float | None:
    scale, bias = values.get("NMGY"), values.get("SOFTBIAS", 0)
    if not isinstance(scale, int | float) or not isinstance(bias, int | float) or not scale > 0:
        return None
    return _NEARLY * (_LARGEST_COUNT - bias) * scale


def _integer(values: dict[str, Any], key: str) -> int | None:
    value = values.get(key)
    return value if isinstance(value, int) else None


def _named_band(stem: str) -> str | None:
    """The one band a file name gives between separators; None for no band, or several."""
    named = {match[1] for match in _BAND.finditer(stem)}
    return named.pop() if len(named) == 1 else None


def _band(stem: str, values: dict[str, Any], path: Path) -> str:
    if named := _named_band(stem):
        return named
    written = str(values.get("FILTER", values.get("BAND", ""))).strip().lower()
    if written not in tuple("ugriz"):
        raise InputError(
            f"{path}: no band in the name or in FILTER ({written!r:.20}); expected one of ugriz, "
            "as in frame-r-004948-3-0199.fits or mosaic_r.fits"
        )
    return written


def _celestial(header: fits.Header, values: dict[str, Any], path: Path) -> WCS:
    types = [str(values.get(key, "")) for key in ("CTYPE1", "CTYPE2")]
    if not (types[0].startswith("RA---") and types[1].startswith("DEC--")):
        raise InputError(
            f"{path}: CTYPE {types}; expected RA---TAN, DEC--TAN: a position on the sky"
        )
    place = {key: values.get(key) for key in ("CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2")}
    if not all(isinstance(value, int | float) for value in place.values()):
        raise InputError(f"{path}: the WCS has {place}; expected numbers")
    if not {"CD1_1", "CD1_2", "CDELT1"} & set(values):
        raise InputError(f"{path}: the WCS gives pixels no size; expected CD or CDELT keywords")
    wcs = WCS(header)
    system, equinox = wcs.wcs.radesys, wcs.wcs.equinox
    if system not in ("", "ICRS", "FK5") or not (equinox == 2000 or np.isnan(equinox)):
        raise InputError(
            f"{path}: coordinates in {system or 'an unnamed system'}, equinox {equinox}; expected "
            "ICRS or FK5, equinox 2000"
        )
    return wcs


def _read_exactly(stream: io.BufferedIOBase, count: int, path: Path) -> bytearray:
    """Reads `count` bytes in pieces: what a header announces is only allocated as it arrives."""
    data = bytearray()
    while len(data) < count:
        piece = stream.read(min(_CHUNK, count - len(data)))
        if not piece:
            raise _too_short(path, count, len(data))
        data += piece
    return data


def _too_short(path: Path, expected: int, got: int) -> InputError:
    return InputError(
        f"{path}: the header announces {expected} bytes of pixels, the file has {got}: it is cut "
        "short or its header lies; fetch it again"
    )


def _flux(data: bytearray, header: ImageHeader) -> tuple[Float32[ndarray, "H W"], int]:
    """Calibrated pixels, and how many were not numbers (they are 0)."""
    stored = np.frombuffer(data, header.numbers).reshape(header.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        if (header.scale, header.zero) == (1.0, 0.0):
            flux = stored.astype(np.float32)
        else:
            flux = (stored * header.scale + header.zero).astype(np.float32)
    bad = ~np.isfinite(flux)
    if header.blank is not None and stored.dtype.kind in "iu":
        bad |= stored == header.blank
    flux[bad] = 0
    return flux, int(bad.sum())
