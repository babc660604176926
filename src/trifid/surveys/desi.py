"""Coadded spectra of DESI: coadd-*.fits of healpixels and tiles, with redrock-*.fits beside them.

    HDU 0                     header: SURVEY, PROGRAM (healpixels) or TILEID, SPGRPVAL (tiles)
    FIBERMAP                  a row a target: TARGETID, TARGET_RA, TARGET_DEC, photometry
    B_, R_, Z_WAVELENGTH      (P,) vacuum, barycentric, 0.8 A apart
    B_, R_, Z_FLUX, _IVAR     (N, P) 1e-17 erg/s/cm2/angstrom
    B_, R_, Z_MASK            (N, P) bits of desispec.maskbits.specmask
    B_, R_, Z_RESOLUTION      (N, 11, P) diagonals of the resolution matrix
    SCORES                    a row a target: MEDIAN_COADD_SNR_*
    REDSHIFTS (redrock file)  Z, ZERR, ZWARN, SPECTYPE, SUBTYPE, by TARGETID

The three arms are resampled onto trifid's grid conserving flux and joined by inverse variance. A
target can lie in several files, so its key carries what tells them apart:
`desi-TARGETID-SURVEY-PROGRAM`, or `desi-TARGETID-tileTILE-NIGHT`. Fibres on the sky are left out.

Format: https://desidatamodel.readthedocs.io and one real file (SV3, desispec 0.51.8). Not tried
on real files: tile coadds, and redrock files beside a coadd.
"""

import functools
import mmap
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trifid.errors import InputError
from trifid.files import sha256_file
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
    # specmask     SPPIXMASK       what both mean
    0: 19,  # SOMEBADPIX   PARTIALREJECT   some input pixels were rejected
    1: 18,  # ALLBADPIX    FULLREJECT      all input pixels were rejected
    3: 17,  # LOWFLAT      LOWFLAT         flat field below 0.5
    5: 23,  # BRIGHTSKY    BRIGHTSKY       bright sky
    8: 24,  # NODATA       NODATA          no data
}
"""Bits of DESI's specmask and those of SPPIXMASK that mean the same. COSMIC, BADFIBERFLAT, BADSKY,
BAD2DFIT and BADFIBER have no such bit and are dropped; where they matter DESI sets ivar to 0.
Source: desispec/py/desispec/maskbits.py."""

_ARMS = ("B", "R", "Z")
_COADD = re.compile(r"coadd-.+\.fits(\.gz)?$", re.IGNORECASE)
_REDROCK = re.compile(r"redrock-.+\.fits(\.gz)?$", re.IGNORECASE)
_PHOTOMETRY = ("G", "R", "Z", "W1", "W2")
_FWHM = 2.0 * np.sqrt(2.0 * np.log(2.0))

COLUMNS = (
    FIT_COLUMNS
    | SURVEY_COLUMNS
    | {
        "targetid": SURVEY_COLUMNS["survey"].replace(description="DESI TARGETID"),
        "fiberstatus": FIT_COLUMNS["zwarning"].replace(description="DESI COADD_FIBERSTATUS bits"),
    }
)
"""The scalar columns a target of a coadd file gives."""

FEATURES: dict[str, str] = {
    **{"redshift": "", "redshift_error": "", "sn_median": "", "ebv": "mag"},
    **{f"flux_{band.lower()}": "nanomaggy" for band in _PHOTOMETRY},
}
"""Numbers of a target's own rows, with units: the Legacy Surveys' and WISE photometry."""


@register("survey", paper="DESI Collaboration 2024, AJ 168, 58")
def desi() -> Survey:
    """DESI: coadded spectra of healpixels and tiles, with the redshifts beside them."""
    return Survey(
        files={
            "coadd-*.fits[.gz]": "spectra of many targets",
            "redrock-*.fits": "their classes and redshifts, read with the coadd of the same name",
        },
        columns=COLUMNS,
        features=FEATURES,
        credit="https://data.desi.lbl.gov/doc/acknowledgments/",
        acknowledgement=(
            "Made from data of the Dark Energy Spectroscopic Instrument (DESI), to which "
            "publications owe its official acknowledgement: "
            "https://data.desi.lbl.gov/doc/acknowledgments/"
        ),
        spectra=DesiSpectra(),
    )


class DesiSpectra:
    """Reads the spectra of coadd files."""

    def recognises(self, name: str) -> bool:
        """Whether it is named coadd-*.fits or redrock-*.fits."""
        return bool(_COADD.match(name) or _REDROCK.match(name))

    def contents(self, path: Path) -> Contents:
        """The targets of a coadd file; nothing of a redrock file, which is read with its coadd."""
        if _REDROCK.match(path.name):
            if any(path.with_name(name).is_file() for name in _partners(path.name, "coadd")):
                return Contents()
            raise OtherFileError(f"{path}: no coadd file of the same name lies beside it")
        return _open(path).contents()

    def read(self, path: Path, index: int | None) -> Spectrum:
        """One target of a coadd file."""
        coadd = _open(path)
        try:
            return coadd.spectrum(index or 0)
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


@dataclass(frozen=True)
class _Coadd:
    """An open coadd file: what is small of all targets, and where the rest lies."""

    targetid: np.ndarray
    ending: str
    simulated: bool
    fibermap: fits_table.Table
    scores: fits_table.Table | None
    images: dict[str, fits_image.FitsImage]
    redshifts: dict[int, dict[str, Any]]
    files: tuple[tuple[Path, int], ...]

    def contents(self) -> Contents:
        ra, dec = self._all("target_ra"), self._all("target_dec")
        kind, noise = self._all("objtype"), self._scores()
        found: list[Identity] = []
        left_out: list[tuple[str, str]] = []
        for index in range(len(self.targetid)):
            object_id = self.object_id(index)
            if kind is not None and str(kind[index]) == "SKY":
                left_out.append((object_id, "a fibre on the sky (OBJTYPE SKY), no object"))
                continue
            place = (None, None)
            if ra is not None and dec is not None:
                place = position(float(ra[index]), float(dec[index]))
            found.append(
                Identity(object_id, None, *place, self.simulated, index, float(noise[index]))
            )
        return Contents(found, left_out)

    def object_id(self, index: int) -> str:
        return f"desi-{int(self.targetid[index])}{self.ending}"

    def spectrum(self, index: int) -> Spectrum:
        if not 0 <= index < len(self.targetid):
            raise InputError(f"no row {index}: it has {len(self.targetid)} targets")
        arms: list[on_grid.Pixels] = []
        ratios: list[np.ndarray] = []
        powers: list[np.ndarray] = []
        outside = 0
        for arm in (arm for arm in _ARMS if f"{arm}_FLUX" in self.images):
            wavelength = self.images[f"{arm}_WAVELENGTH"].all()
            flux, ivar = (self.images[f"{arm}_{part}"].row(index) for part in ("FLUX", "IVAR"))
            good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
            if not good.any():
                continue
            mask = self._mask(arm, index, flux.shape)
            *pixels, beyond = on_grid.resample(wavelength, flux, ivar, mask)
            arms.append((pixels[0], pixels[1], pixels[2]))
            ratios.append(flux[good] * np.sqrt(ivar[good]))
            powers.append(self._power(arm, index, wavelength)[good])
            outside += beyond
        if not arms or not any(pixels[1].any() for pixels in arms):
            raise InputError(on_grid.EMPTY)
        flux, ivar, mask = on_grid.join(arms)
        columns = self._columns(index) | {
            "sn_median": float(np.median(np.concatenate(ratios))),
            "resolving_power": _median(np.concatenate(powers)),
            "pixels_outside": outside,
        }
        identity = Identity(self.object_id(index), simulated=self.simulated, index=index)
        features = self._features(index, columns)
        sources = {path.name: _sha256(path, mtime) for path, mtime in self.files}
        return Spectrum(identity, flux, ivar, mask, columns, features, sources)

    def _mask(self, arm: str, index: int, shape: tuple[int, ...]) -> np.ndarray:
        stored = self.images.get(f"{arm}_MASK")
        if stored is None:
            return np.zeros(shape, np.int32)
        return on_grid.translate(stored.row(index), MASK_BITS)

    def _power(self, arm: str, index: int, wavelength: np.ndarray) -> np.ndarray:
        """lambda/FWHM of each pixel, from the spread of the resolution matrix; NaN if unknown."""
        stored = self.images.get(f"{arm}_RESOLUTION")
        if stored is None or len(stored.shape) != 3 or stored.shape[0] != len(self.targetid):
            return np.full(len(wavelength), np.nan)
        weights = stored.row(index).astype(np.float64)
        offsets = np.arange(len(weights))[:, None] - len(weights) // 2
        with np.errstate(invalid="ignore", divide="ignore"):
            total = weights.sum(0)
            mean = (weights * offsets).sum(0) / total
            spread = np.sqrt((weights * offsets**2).sum(0) / total - mean**2)
            return wavelength / (_FWHM * spread * np.gradient(wavelength))

    def _columns(self, index: int) -> dict[str, Any]:
        fit = self.redshifts.get(int(self.targetid[index]), {})
        status = self._cell("coadd_fiberstatus", index)
        return {
            "class": clean(fit.get("spectype")),
            "subclass": clean(fit.get("subtype"), empty=""),
            "redshift": number(fit.get("z")),
            "redshift_error": number(fit.get("zerr")),
            "zwarning": fit.get("zwarn"),
            "instrument": "DESI",
            "survey": "desi",
            "targetid": str(int(self.targetid[index])),
            "fiberstatus": status if isinstance(status, int) else None,
        }

    def _features(self, index: int, columns: dict[str, Any]) -> dict[str, float | None]:
        features = {name: columns[name] for name in ("redshift", "redshift_error", "sn_median")}
        features["ebv"] = number(self._cell("ebv", index)) if self._measured(index) else None
        for band in _PHOTOMETRY:
            error = self._cell(f"flux_ivar_{band}", index)
            flux = number(self._cell(f"flux_{band}", index)) if error else None
            features[f"flux_{band.lower()}"] = flux
        return features

    def _measured(self, index: int) -> bool:
        """Whether the target comes from imaging: the others have zeros everywhere."""
        return any(self._cell(f"flux_ivar_{band}", index) for band in _PHOTOMETRY)

    def _cell(self, name: str, index: int) -> Any:
        return self.fibermap.cell(name, index)

    def _all(self, name: str) -> np.ndarray | None:
        return self.fibermap.column(name) if name in self.fibermap else None

    def _scores(self) -> np.ndarray:
        """The largest of the arms' median S/N; 0 where the file does not say."""
        best = np.zeros(len(self.targetid))
        if self.scores is not None and len(self.scores) == len(best):
            for arm in _ARMS:
                name = f"median_coadd_snr_{arm}"
                if name in self.scores:
                    best = np.fmax(best, self.scores.column(name))
        return best


def _open(path: Path) -> _Coadd:
    """An open coadd file, from memory if it was among the last and has not changed."""
    try:
        beside = [path.with_name(name) for name in _partners(path.name, "redrock")]
        redrock = next((other for other in beside if other.is_file()), None)
        state = path.stat()
        return _read(path, redrock, state.st_mtime_ns, state.st_size)
    except OtherFileError as error:
        raise OtherFileError(f"{path}: {error}") from None
    except (OSError, InputError, fits_table.UnusualTable) as error:
        raise InputError(f"{path}: {_line(error)}") from None


@functools.lru_cache(maxsize=2)
def _read(path: Path, redrock: Path | None, _mtime_ns: int, _size: int) -> _Coadd:
    data = _bytes(path)
    found = {fits_image.name_of(hdu): hdu for hdu in fits_table.hdus(data)}
    if "FIBERMAP" not in found or not any(f"{arm}_FLUX" in found for arm in _ARMS):
        raise OtherFileError("no FIBERMAP and B_FLUX, R_FLUX or Z_FLUX: not a DESI coadd file")
    fibermap = fits_table.table(data, found["FIBERMAP"])
    targetid = fibermap.column("targetid")
    if not len(fibermap) or targetid.dtype.kind not in "iu":
        raise InputError(
            f"FIBERMAP has {len(fibermap)} targets, TARGETID is {targetid.dtype}; expected integers"
        )
    parts = ("WAVELENGTH", "FLUX", "IVAR", "MASK", "RESOLUTION")
    images: dict[str, fits_image.FitsImage] = {}
    for name in (f"{arm}_{part}" for arm in _ARMS for part in parts):
        image = fits_image.image(data, found[name]) if name in found else None
        if image is not None:
            images[name] = image
    _check(images, len(fibermap))
    redshifts = _redshifts(redrock) if redrock is not None else {}
    files = (path,) if redrock is None else (path, redrock)
    header = fits_table.hdus(data)[0].header
    return _Coadd(
        targetid=targetid,
        ending=_ending(fits_table.parse_cards(header), fibermap),
        simulated=says_simulated(header),
        fibermap=fibermap,
        scores=fits_table.table(data, found["SCORES"]) if "SCORES" in found else None,
        images=images,
        redshifts=redshifts,
        files=tuple((file, file.stat().st_mtime_ns) for file in files),
    )


@functools.lru_cache(maxsize=16)
def _sha256(path: Path, _mtime_ns: int) -> str:
    return sha256_file(path)


def _bytes(path: Path) -> fits_table.Buffer:
    """A file's bytes: mapped, since coadds have hundreds of MB, or unpacked where compressed."""
    with path.open("rb") as handle:
        if handle.read(6) == b"SIMPLE":
            return mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ)
    return fits_table.unpack(fits_table.read_file(path))


def _check(images: dict[str, fits_image.FitsImage], targets: int) -> None:
    """Compares the shapes of each arm's images.

    Raises:
        InputError: Naming the image that does not fit.
    """
    for arm in (arm for arm in _ARMS if f"{arm}_FLUX" in images):
        wavelength = images.get(f"{arm}_WAVELENGTH")
        shape = (targets, *(wavelength.shape if wavelength is not None else (0,)))
        for part in ("FLUX", "IVAR", "MASK"):
            image = images.get(f"{arm}_{part}")
            if image is None and part != "MASK":
                raise InputError(f"it has {arm}_FLUX and no {arm}_{part}")
            if image is not None and image.shape != shape:
                raise InputError(
                    f"{arm}_{part} has shape {image.shape}; FIBERMAP and {arm}_WAVELENGTH make "
                    f"it {shape}"
                )


def _ending(cards: dict[str, Any], fibermap: fits_table.Table) -> str:
    """What tells this file's spectrum of a target from that of other files."""
    tile = cards.get("TILEID")
    if tile is None and "tileid" in fibermap:
        tile = fibermap.cell("tileid")
    if "SURVEY" in cards and "PROGRAM" in cards and cards.get("SPGRP", "healpix") == "healpix":
        parts: Sequence[Any] = (cards["SURVEY"], cards["PROGRAM"])
    elif tile is not None:
        parts = (f"tile{tile}", cards.get("SPGRPVAL", cards.get("NIGHT", "")))
    else:
        parts = ()
    words = [clean(part) for part in parts]
    return "".join(f"-{word}" for word in words if word)


def _redshifts(path: Path) -> dict[int, dict[str, Any]]:
    """The rows of a redrock file by TARGETID."""
    data = _bytes(path)
    try:
        found = {fits_image.name_of(hdu): hdu for hdu in fits_table.hdus(data)}
        hdu = found.get("REDSHIFTS", found.get("ZBEST"))
        if hdu is None:
            raise InputError("no table REDSHIFTS")
        table = fits_table.table(data, hdu)
        names = [n for n in ("z", "zerr", "zwarn", "spectype", "subtype") if n in table]
        values = [table.column(name).tolist() for name in names]
        rows = (dict(zip(names, row, strict=True)) for row in zip(*values, strict=True))
        return dict(zip(table.column("targetid").tolist(), rows, strict=True))
    except (InputError, fits_table.UnusualTable) as error:
        raise InputError(f"{path.name} beside it: {_line(error)}") from None


def _partners(name: str, kind: str) -> list[str]:
    """The name of the file of the other kind, plain and compressed."""
    plain = f"{kind}-{name.partition('-')[2]}".removesuffix(".gz")
    return [plain, f"{plain}.gz"]


def _median(values: np.ndarray) -> float | None:
    known = values[np.isfinite(values) & (values > 0)]
    return float(np.median(known)) if len(known) else None


def _line(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be read: {error.strerror or error}"
    return str(error)
