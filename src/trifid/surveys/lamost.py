"""Low-resolution spectra of LAMOST: spec-LMJD-PLANID_spSS-FFF.fits[.gz].

    image layout (to DR7)    HDU 0: rows of flux, ivar, wavelength, and_mask, or_mask
    table layout (later)     COADD: FLUX, IVAR, WAVELENGTH, ANDMASK, ORMASK, a vector of one row
                             or a row per pixel
    header of HDU 0 in both  OBSID, RA, DEC, CLASS, SUBCLASS, Z, Z_ERR, SNRU .. SNRZ (or SN_U ..)

Wavelengths are vacuum, heliocentric and logarithmic, so most lie on trifid's grid and are shifted;
others are resampled. The flux is calibrated relatively: its shape counts, its scale does not. The
resolving power is the instrument's nominal one. A row's key is `lamost-OBSID`.

Format: http://www.lamost.org/dr8/v1.0/doc/lr-data-production-description and readers of others.
No real file was at hand: all of this is unverified, above all the numbers of the mask bits.
"""

import hashlib
import re
from pathlib import Path
from typing import Any

import numpy as np

from trifid.errors import InputError
from trifid.registry import register
from trifid.surveys import fits_image, fits_table, on_grid
from trifid.surveys.base import Survey
from trifid.surveys.spectra import (
    FIT_COLUMNS,
    SURVEY_COLUMNS,
    Contents,
    Identity,
    OtherFileError,
    Spectrum,
    clean,
    number,
    position,
    says_simulated,
)

MASK_BITS = {
    # LAMOST    SPPIXMASK    what both mean
    2: 22,  # NOSKY       NOSKY        no sky level at this wavelength
    3: 23,  # BRIGHTSKY   BRIGHTSKY    bright sky
    5: 24,  # NODATA      NODATA       no good data
}
"""Bits of LAMOST's and_mask and those of SPPIXMASK that mean the same. BADCCD (0), BADPROFILE (1)
and BADCENTER (4) have no such bit and are dropped. Unverified: the documents count from bit 1,
which is read as 2**0."""

RESOLVING_POWER = 1800.0  # at 5500 A, nominal (LAMOST data release documents)
_FILE = re.compile(r"spec-\d+-.+_sp\d+-\d+\.fits?(\.gz)?$", re.IGNORECASE)
_LOWEST_REDSHIFT = -0.1  # below it lies the -9999 of a failed fit
_BANDS = "ugriz"

COLUMNS = FIT_COLUMNS | SURVEY_COLUMNS
"""The scalar columns a file gives."""

FEATURES: dict[str, str] = {
    **{"redshift": "", "redshift_error": "", "sn_median": ""},
    **{f"snr_{band}": "" for band in _BANDS},
}
"""Numbers of a file's header."""


@register("survey", paper="Luo et al. 2015, RAA 15, 1095")
def lamost() -> Survey:
    """LAMOST low resolution: relative spectra of stars, galaxies and quasars."""
    return Survey(
        files={"spec-LMJD-PLANID_spSS-FFF.fits[.gz]": "spectrum of relative flux"},
        columns=COLUMNS,
        features=FEATURES,
        credit="http://www.lamost.org/dr8/v1.0/doc/lr-data-production-description",
        acknowledgement=(
            "Made from data of the Guoshoujing Telescope (LAMOST), to which publications owe its "
            "official acknowledgement: http://www.lamost.org"
        ),
        spectra=LamostSpectra(),
    )


class LamostSpectra:
    """Reads LAMOST files, which hold one spectrum each."""

    def recognises(self, name: str) -> bool:
        """Whether it is named spec-LMJD-PLANID_spSS-FFF.fits."""
        return bool(_FILE.match(name))

    def contents(self, path: Path) -> Contents:
        """Whose spectrum a file holds."""
        return Contents((self._open(path)[0],))

    def read(self, path: Path, index: int | None) -> Spectrum:
        """The spectrum of a file."""
        identity, cards, native, packed = self._open(path)
        try:
            flux, ivar, wavelength, mask = native
            bits = on_grid.translate(np.nan_to_num(mask).astype(np.int64), MASK_BITS)
            good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
            on_flux, on_ivar, on_mask, outside = on_grid.resample(wavelength, flux, ivar, bits)
            if not on_ivar.any():
                raise InputError(on_grid.EMPTY)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None
        columns = _columns(cards) | {
            "sn_median": float(np.median(flux[good] * np.sqrt(ivar[good]))),
            "pixels_outside": outside,
        }
        features = {name: columns.get(name) for name in FEATURES} | _ratios(cards)
        sources = {path.name: hashlib.sha256(packed).hexdigest()}
        return Spectrum(identity, on_flux, on_ivar, on_mask, columns, features, sources)

    def _open(self, path: Path) -> tuple[Identity, dict[str, Any], list[np.ndarray], bytes]:
        try:
            packed = fits_table.read_file(path)
            data = fits_table.unpack(packed)
            found = fits_table.hdus(data)
            cards = fits_table.parse_cards(found[0].header)
            native = _native(data, found)
            identity = _identity(cards, found[0].header)
        except (InputError, fits_table.UnusualTable) as error:
            kind = OtherFileError if isinstance(error, OtherFileError) else InputError
            raise kind(f"{path}: {error}") from None
        return identity, cards, native, packed


def _native(data: bytes, found: list[fits_table.Hdu]) -> list[np.ndarray]:
    """flux, ivar, wavelength and and_mask of the native pixels."""
    for hdu in (hdu for hdu in found if hdu.is_table):
        table = fits_table.table(data, hdu)
        if table.layout.name == "COADD" and "wavelength" in table:
            names = ("flux", "ivar", "wavelength", "andmask")
            return [_vector(table.column(name)) for name in names]
    image = fits_image.image(data, found[0])
    if image is None or len(image.shape) != 2 or image.shape[0] != 5:
        raise OtherFileError(
            "neither a table COADD with WAVELENGTH nor five image rows of flux, ivar, "
            "wavelength, and_mask, or_mask: not a LAMOST low-resolution spectrum"
        )
    rows = image.all().astype(np.float64)
    return [rows[0].astype(np.float32), rows[1].astype(np.float32), rows[2], rows[3]]


def _vector(values: np.ndarray) -> np.ndarray:
    """The pixels of a column: one row that is a vector, or a row a pixel."""
    return values[0] if values.ndim == 2 else values


def _identity(cards: dict[str, Any], header: bytes) -> Identity:
    obsid = cards.get("OBSID")
    if not isinstance(obsid, int | str) or not str(obsid).strip().isdigit():
        raise OtherFileError(f"no OBSID in its header (got {obsid!r:.40})")
    ra, dec = position(cards.get("RA"), cards.get("DEC"))
    noise = max((value for value in _ratios(cards).values() if value is not None), default=0.0)
    name = f"lamost-{int(obsid)}"
    return Identity(name, None, ra, dec, says_simulated(header), signal_to_noise=noise)


def _columns(cards: dict[str, Any]) -> dict[str, Any]:
    redshift, error = number(cards.get("Z")), number(cards.get("Z_ERR"))
    if redshift is not None and redshift < _LOWEST_REDSHIFT:
        redshift = None
    return {
        "class": clean(cards.get("CLASS")),
        "subclass": clean(cards.get("SUBCLASS"), empty=""),
        "redshift": redshift,
        "redshift_error": None if redshift is None else error,
        "instrument": "LAMOST",
        "survey": "lamost",
        "resolving_power": RESOLVING_POWER,
    }


def _ratios(cards: dict[str, Any]) -> dict[str, float | None]:
    """S/N in the five bands; negative numbers stand for none."""
    found: dict[str, float | None] = {}
    for band in _BANDS:
        name = f"SNR{band.upper()}"
        value = number(cards.get(name, cards.get(f"SN_{band.upper()}")))
        found[f"snr_{band}"] = value if value is None or value >= 0 else None
    return found
