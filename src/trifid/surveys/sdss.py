"""Spectra of SDSS-I/II, SEGUE, BOSS and eBOSS: spec-PLATE-MJD-FIBER.fits, lite or full.

    HDU 0            header: PLUG_RA, PLUG_DEC, PLATEID, MJD, FIBERID
    COADD            flux [1e-17 erg/s/cm2/angstrom], loglam [log10 vacuum angstrom], ivar, and_mask
    SPECOBJ or SPALL one row: class, subclass, z, zwarning, S/N, position, ids, photometry
    the rest         line fits, single exposures: not stored

COADD pixels lie on trifid's grid already (172 real files: within 0.0024 pixel), so storing them is
an integer shift, which is checked. `ivar` 0 alone means "no data": mask bits are kept beside it.
`sn_median` is the survey's median S/N per native pixel (SN_MEDIAN_ALL), computed where absent.
Identity comes from what a file holds, never from its name.
"""

import hashlib
import io
import mmap
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from astropy.io import fits

from trifid.errors import InputError
from trifid.registry import register
from trifid.schema.modality import ColumnSpec
from trifid.surveys import fits_table
from trifid.surveys.base import Survey
from trifid.surveys.on_grid import place
from trifid.surveys.spectra import (
    FIT_COLUMNS,
    Contents,
    Identity,
    OtherFileError,
    Spectrum,
    clean,
    number,
    position,
    says_simulated,
)

_FILE = re.compile(r"spec-(?!.*_sp\d+-\d+\.).*\.fits?(\.gz)?$", re.IGNORECASE)
_FIRST_BOSS_PLATE = 3510
_PIXELS = ("flux", "ivar", "loglam", "and_mask")
_FAILURES = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError)
_NOBODY = frozenset({"", "0", "-1"})

COLUMNS: dict[str, ColumnSpec] = {
    "plate": ColumnSpec(type="int64", description="spectroscopic plate"),
    "mjd": ColumnSpec(type="int64", unit="d", description="modified Julian date of the plate"),
    "fiber": ColumnSpec(type="int64", description="fibre number"),
    "run2d": ColumnSpec(type="string", description="version of the spectroscopic reduction"),
    "specobjid": ColumnSpec(type="string", description="spectrum id of the survey"),
    "bestobjid": ColumnSpec(type="string", description="photometric object (DR8+ objid)"),
} | FIT_COLUMNS
"""The scalar columns a spec file gives."""

_BANDS = "ugriz"
_FEATURES: dict[str, tuple[str, int | None, str]] = {
    "redshift": ("Z", None, ""),
    "redshift_error": ("Z_ERR", None, ""),
    "sn_median": ("SN_MEDIAN_ALL", None, ""),
    "vdisp": ("VDISP", None, "km/s"),
    "vdisp_error": ("VDISP_ERR", None, "km/s"),
    **{f"spectroflux_{b}": ("SPECTROFLUX", i, "nanomaggy") for i, b in enumerate(_BANDS)},
    **{f"psfmag_{b}": ("PSFMAG", i, "mag") for i, b in enumerate(_BANDS)},
    **{f"modelmag_{b}": ("MODELMAG", i, "mag") for i, b in enumerate(_BANDS)},
    **{f"extinction_{b}": ("EXTINCTION", i, "mag") for i, b in enumerate(_BANDS)},
}
ROW_FEATURES: dict[str, str] = {name: unit for name, (_, _, unit) in _FEATURES.items()}
"""Numbers of a spec file's own survey row, with units: a table where no catalogue is given.
SDSS-I/II rows carry no photometry (psfmag, modelmag, extinction), those of BOSS do."""


@register("survey", paper="York et al. 2000, AJ 120, 1579; Dawson et al. 2013, AJ 145, 10")
def sdss() -> Survey:
    """SDSS-I/II, SEGUE, BOSS and eBOSS: spectra, frames and pictures."""
    return Survey(
        files={
            "spec-PLATE-MJD-FIBER.fits[.gz]": "spectrum, lite or full",
            "frame-BAND-RUN-CAMCOL-FIELD.fits[.bz2]": "calibrated frame, cut around positions",
            "stamp-BAND-NAME.fits": "FITS image centred on one object",
            "OBJID.jpeg, .png": "colour picture centred on one object",
        },
        columns=COLUMNS,
        features=ROW_FEATURES,
        credit="https://www.sdss.org/collaboration/citing-sdss/",
        acknowledgement=(
            "Made from data of the Sloan Digital Sky Survey (SDSS), to which publications owe its "
            "official acknowledgement: https://www.sdss.org/collaboration/citing-sdss/"
        ),
        spectra=SdssSpectra(),
    )


class SdssSpectra:
    """Reads spec files, which hold one spectrum each."""

    def recognises(self, name: str) -> bool:
        """Whether it is named spec-*.fits, and not as LAMOST's are: spec-*_sp01-001.fits."""
        return bool(_FILE.match(name))

    def contents(self, path: Path) -> Contents:
        """Whose spectrum a spec file holds."""
        return Contents((read_identity(path),))

    def read(self, path: Path, index: int | None) -> Spectrum:
        """The spectrum of a spec file."""
        try:
            data = fits_table.read_file(path)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        sources = {path.name: hashlib.sha256(data).hexdigest()}
        return replace(read_spectrum(path, data), sources=sources)


class _Rows(Protocol):
    def __contains__(self, name: str) -> bool: ...
    def column(self, name: str) -> np.ndarray: ...
    def cell(self, name: str) -> Any: ...


@dataclass(frozen=True)
class _Parts:
    """What is read of a spec file: primary header, COADD, and the survey's row if it has one."""

    header: bytes
    pixels: _Rows
    row: _Rows | None


def spectrum_id(plate: int, mjd: int, fiber: int) -> str:
    """`sdss-PLATE-MJD-FIBER`, with the zeros of the file names."""
    return f"sdss-{plate:04d}-{mjd:05d}-{fiber:04d}"


def split_specobjid(number: int) -> tuple[int, int, int] | None:
    """Plate, MJD and fibre inside a DR8+ specObjID, or None if it cannot be one.

    Source: https://www.sdss.org/dr17/help/glossary/#specobj (bits 50-63 plate, 38-49 fibre,
    24-37 MJD - 50000).
    """
    plate, fiber, mjd = number >> 50, number >> 38 & 0xFFF, (number >> 24 & 0x3FFF) + 50000
    possible = 0 < plate < 2**14 and 0 < fiber <= 1000 and 51000 < mjd < 62000
    return (plate, mjd, fiber) if possible else None


def read_identity(path: Path) -> Identity:
    """Reads the ids and position of a spec file, touching headers and its one row only.

    Raises:
        InputError: Naming the file, if it is not a whole spec file.
    """
    try:
        with path.open("rb") as handle:
            head = handle.read(6)
            if head == b"SIMPLE":
                with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
                    return _identity(_open(data))
        return _identity(_open(fits_table.unpack(fits_table.read_file(path))))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except InputError as error:
        raise type(error)(f"{path}: {error}") from None


def read_spectrum(path: Path, data: bytes | None = None) -> Spectrum:
    """Reads a spec file onto the grid.

    Args:
        path: The file.
        data: Its bytes as on disk, where the caller holds them already.

    Raises:
        InputError: Naming the file, if it is not a whole spec file or has no valid pixel.
    """
    try:
        parts = _open(fits_table.unpack(data or fits_table.read_file(path)))
        native = {name: parts.pixels.column(name) for name in _PIXELS}
        flux, ivar, mask, outside = place(**native)
        identity = _identity(parts)
        columns = _columns(identity, parts.row) | {"pixels_outside": outside}
    except InputError as error:
        raise type(error)(f"{path}: {error}") from None
    if columns["sn_median"] is None:
        good = ivar > 0
        columns["sn_median"] = float(np.median(flux[good] * np.sqrt(ivar[good])))
    return Spectrum(identity, flux, ivar, mask, columns, _features(parts.row))


def _open(data: fits_table.Buffer) -> _Parts:
    found = fits_table.hdus(data)
    tables = [hdu for hdu in found if hdu.is_table]
    try:
        direct = [fits_table.table(data, hdu) for hdu in tables[:2]]
        if [entry.layout.name for entry in direct] not in (
            ["COADD", "SPECOBJ"],
            ["COADD", "SPALL"],
        ):
            direct = [fits_table.table(data, hdu) for hdu in tables]
        chosen = _choose(direct, [entry.layout.name for entry in direct])
    except fits_table.UnusualTable:
        chosen = _open_with_astropy(bytes(data))
    return _Parts(found[0].header, *chosen)


def _choose(tables: Sequence[_Rows], names: Sequence[str]) -> tuple[_Rows, _Rows | None]:
    spectra = [t for t in tables if "loglam" in t and "flux" in t]
    if not spectra:
        listed = ", ".join(name or "(unnamed)" for name in names) or "none"
        raise OtherFileError(f"no COADD table with flux and loglam; tables here: {listed:.200}")
    rows = [t for t in tables if "class" in t and "z" in t]
    by_name = dict(zip(names, tables, strict=True))
    named = by_name.get("SPECOBJ", by_name.get("SPALL"))
    return by_name.get("COADD", spectra[0]), named or (rows[0] if rows else None)


class _AstropyRows:
    """A table read by astropy, for files the direct reader leaves to it."""

    def __init__(self, rows: Any) -> None:
        self._values: dict[str, np.ndarray] = {}
        for name in rows.names:
            values = np.asarray(rows[name])
            self._values[name.lower()] = values.astype(values.dtype.newbyteorder("="))

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._values

    def column(self, name: str) -> np.ndarray:
        if name not in self:
            raise InputError(f"no column {name!r}; it has {', '.join(self._values):.200}")
        return self._values[name.lower()]

    def cell(self, name: str) -> Any:
        values = self._values.get(name.lower(), np.zeros(0))
        return values[0].tolist() if len(values) else None


def _open_with_astropy(data: bytes) -> tuple[_Rows, _Rows | None]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes on headers that bend the standard
            with fits.open(io.BytesIO(data), memmap=False) as opened:
                tables = [hdu for hdu in opened if isinstance(hdu, fits.BinTableHDU)]
                names = [str(hdu.name).upper() for hdu in tables]
                return _choose([_AstropyRows(hdu.data) for hdu in tables], names)
    except (fits.VerifyError, *_FAILURES) as error:
        raise InputError(f"astropy cannot read its tables: {error!s:.200}") from None


def _identity(parts: _Parts) -> Identity:
    row = parts.row
    numbers = [None if row is None else row.cell(name) for name in ("plate", "mjd", "fiberid")]
    ra, dec = _position(row)
    if None in numbers or ra is None:
        cards = fits_table.parse_cards(parts.header)
        instead = (cards.get("PLATEID", cards.get("PLATE")), cards.get("MJD"), cards.get("FIBERID"))
        numbers = [b if a is None else a for a, b in zip(numbers, instead, strict=True)]
        if ra is None:
            ra, dec = position(cards.get("PLUG_RA"), cards.get("PLUG_DEC"))
    if not all(isinstance(key, int) and 0 < key < 10**9 for key in numbers):
        raise OtherFileError(f"no plate, MJD and fibre in its row or header (got {numbers})")
    name = spectrum_id(*(int(key) for key in numbers if key is not None))
    return Identity(name, _bestobjid(row), ra, dec, says_simulated(parts.header))


def _position(row: _Rows | None) -> tuple[float | None, float | None]:
    """The fibre's position: BOSS rows without photometric match have RA = DEC = 0."""
    if row is None:
        return None, None
    if "plug_ra" in row:
        return position(row.cell("plug_ra"), row.cell("plug_dec"))
    return position(row.cell("ra"), row.cell("dec"))


def _bestobjid(row: _Rows | None) -> str | None:
    """BESTOBJID, or the text column OBJID of BOSS (in SDSS-I/II that is five numbers)."""
    if row is None:
        return None
    for name in ("bestobjid", "objid"):
        value = row.cell(name)
        if isinstance(value, str | int):
            text = str(value).strip()
            return text if text.isdigit() and text not in _NOBODY else None
    return None


def _columns(identity: Identity, row: _Rows | None) -> dict[str, Any]:
    def value(name: str) -> Any:
        return None if row is None else row.cell(name)

    sn = value("sn_median_all")
    if sn is None:
        sn = value("sn_median")
    plate, mjd, fiber = (int(part) for part in identity.object_id.split("-")[1:])
    instrument = clean(value("instrument"))
    if instrument is None:
        instrument = "BOSS" if plate >= _FIRST_BOSS_PLATE else "SDSS"
    return {
        "plate": plate,
        "mjd": mjd,
        "fiber": fiber,
        "run2d": clean(value("run2d")),
        "specobjid": clean(value("specobjid")),
        "bestobjid": identity.bestobjid,
        "class": clean(value("class")),
        "subclass": clean(value("subclass"), empty=""),
        "redshift": number(value("z")),
        "redshift_error": number(value("z_err")),
        "zwarning": value("zwarning"),
        "sn_median": number(sn),
        "instrument": instrument,
    }


def _features(row: _Rows | None) -> dict[str, float | None]:
    if row is None:
        return dict.fromkeys(_FEATURES)
    read = {column: row.cell(column) for column in {column for column, _, _ in _FEATURES.values()}}
    features: dict[str, float | None] = {}
    for name, (column, index, _) in _FEATURES.items():
        value = read[column]
        if index is not None:
            value = value[index] if isinstance(value, list) and len(value) == 5 else None
        features[name] = number(value)
    return features
