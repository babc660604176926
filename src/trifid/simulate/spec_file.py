"""One simulated spectrum as a spec-lite FITS file: COADD, the survey's row, SPZLINE.

`model` is no template fit but the spectrum smoothed over 15 pixels, `sky` the level that the noise
curve implies; SPZLINE holds fits of single lines of a fixed width at the measured redshift.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from astropy.io import fits
from scipy.ndimage import uniform_filter1d

from trifid.physics import lines
from trifid.schema import grid
from trifid.simulate.instruments import Instrument

_SKY = 4.0  # typical sky at 6500-7000 angstrom [1e-17 erg/s/cm2/angstrom]
_SMOOTH = 15  # [pixel]
_LINE_SIGMA = {"GALAXY": 150.0, "QSO": 1500.0, "STAR": 150.0}  # [km/s]
_BANDS = "ugriz"
_LINES = {
    "[O_II] 3725": "oii_3726",
    "[O_II] 3727": "oii_3729",
    "H_delta": "h_delta",
    "H_gamma": "h_gamma",
    "H_beta": "h_beta",
    "[O_III] 4959": "oiii_4959",
    "[O_III] 5007": "oiii_5007",
    "[O_I] 6300": "oi_6300",
    "[N_II] 6548": "nii_6548",
    "H_alpha": "h_alpha",
    "[N_II] 6583": "nii_6584",
    "[S_II] 6716": "sii_6717",
    "[S_II] 6730": "sii_6731",
}


def spec_file(
    columns: Mapping[str, Any],
    spectrum: Mapping[str, np.ndarray],
    numbers: Mapping[str, float],
    instrument: Instrument,
) -> fits.HDUList:
    """The file of one row.

    Args:
        columns: Scalar columns of the row.
        spectrum: flux, ivar and mask on the store's grid (L,).
        numbers: Table features, as far as the row has them.
        instrument: Which took it.
    """
    header = fits.Header()
    header["TELESCOP"], header["PLATEID"] = "SIMULATED", columns["plate"]
    header["MJD"], header["FIBERID"] = columns["mjd"], columns["fiber"]
    header["PLUG_RA"], header["PLUG_DEC"] = columns["ra"], columns["dec"]
    header["RUN2D"], header["SIMULATE"] = columns["run2d"], True
    name = "SPALL" if instrument.name == "BOSS" else "SPECOBJ"
    return fits.HDUList(
        [
            fits.PrimaryHDU(header=header),
            fits.BinTableHDU(_coadd(spectrum, instrument), name="COADD"),
            fits.BinTableHDU(_row(columns, numbers, name), name=name),
            fits.BinTableHDU(_lines(columns, spectrum), name="SPZLINE"),
        ]
    )


def _coadd(spectrum: Mapping[str, np.ndarray], instrument: Instrument) -> np.ndarray:
    """The native pixels: from the first to the last that hold data or a mask."""
    used = np.flatnonzero((spectrum["ivar"] > 0) | (spectrum["mask"] != 0))
    inside = slice(int(used[0]), int(used[-1]) + 1)
    flux, ivar, mask = (spectrum[key][inside] for key in ("flux", "ivar", "mask"))
    loglam = grid.log10_wavelengths()[inside]
    weight = uniform_filter1d(ivar, _SMOOTH)
    model = uniform_filter1d(flux * ivar, _SMOOTH) / np.where(weight > 0, weight, 1.0)
    values = {
        "flux": flux,
        "loglam": loglam,
        "ivar": ivar,
        "and_mask": mask,
        "or_mask": mask,
        "wdisp": instrument.line_spread(10.0**loglam),
        "sky": _SKY * instrument.noise_curve(10.0**loglam),
        "model": model,
    }
    kinds = [(key, ">i4" if key.endswith("mask") else ">f4") for key in values]
    table = np.zeros(flux.size, dtype=kinds)
    for key, array in values.items():
        table[key] = array
    return table


def _row(columns: Mapping[str, Any], numbers: Mapping[str, float], kind: str) -> np.ndarray:
    """The survey's row; BOSS rows carry photometry, those of SDSS-I/II do not."""
    survey, program = ("boss", "boss") if kind == "SPALL" else ("sdss", "legacy")
    number = -1.0 if columns["redshift"] is None else columns["redshift"]
    values: dict[str, tuple[str, Any]] = {
        "SURVEY": ("S6", survey),
        "INSTRUMENT": ("S4", columns["instrument"]),
        "PROGRAMNAME": ("S6", program),
        "SPECOBJID": ("S22", columns["specobjid"]),
        "BESTOBJID" if kind == "SPECOBJ" else "OBJID": ("S19", columns["bestobjid"]),
        "RUN2D": ("S7", columns["run2d"]),
        "PLATE": (">i4", columns["plate"]),
        "MJD": (">i4", columns["mjd"]),
        "FIBERID": (">i4", columns["fiber"]),
        "PLUG_RA": (">f8", columns["ra"]),
        "PLUG_DEC": (">f8", columns["dec"]),
        "CLASS": ("S6", columns["class"] or ""),
        "SUBCLASS": ("S21", columns.get("subclass") or ""),
        "Z": (">f4", number),
        "Z_ERR": (">f4", columns.get("redshift_error") or 0.0),
        "ZWARNING": (">i4", columns["zwarning"]),
        "SN_MEDIAN_ALL": (">f4", columns["sn_median"]),
    }
    if kind == "SPALL" and numbers:
        for key in ("psfmag", "modelmag", "fibermag", "extinction"):
            five = [numbers.get(f"{key}_{band}", np.nan) for band in _BANDS]
            values[key.upper()] = (">f4", five)
    kinds = [(key, kind, 5) if isinstance(value, list) else (key, kind)
             for key, (kind, value) in values.items()]  # fmt: skip
    row = np.zeros(1, dtype=kinds)
    for key, (_, value) in values.items():
        row[key][0] = value
    return row


def _lines(columns: Mapping[str, Any], spectrum: Mapping[str, np.ndarray]) -> np.ndarray:
    """Fits of a Gaussian over a constant, line by line; errors -1 where there is no data."""
    kinds = [("PLATE", ">i4"), ("MJD", ">i4"), ("FIBERID", ">i4"), ("LINENAME", "S13")]
    kinds += [("LINEWAVE", ">f8")]
    floats = ("Z", "Z_ERR", "SIGMA", "SIGMA_ERR", "AREA", "AREA_ERR", "EW", "EW_ERR", "CONTLEVEL",
              "CONTLEVEL_ERR")  # fmt: skip
    kinds += [(f"LINE{key}", ">f4") for key in floats]
    kinds += [("LINENPIXLEFT", ">i4"), ("LINENPIXRIGHT", ">i4"), ("LINEDOF", ">f4")]
    kinds += [("LINECHI2", ">f4")]
    table = np.zeros(len(_LINES), dtype=kinds)
    redshift = columns["redshift"] or 0.0
    velocity = _LINE_SIGMA.get(columns["class"] or "", 150.0)
    for index, (name, key) in enumerate(_LINES.items()):
        rest = lines.EMISSION[key].wavelength
        row = table[index]
        row["PLATE"], row["MJD"], row["FIBERID"] = (
            columns[field] for field in ("plate", "mjd", "fiber")
        )
        row["LINENAME"], row["LINEWAVE"], row["LINEZ"] = name, rest, redshift
        row["LINESIGMA"] = velocity
        fit = _fit(spectrum, rest * (1.0 + redshift), velocity)
        for field, value in fit.items():
            row[f"LINE{field}"] = value
        if fit["AREA_ERR"] > 0 and fit["CONTLEVEL"] > 0:
            row["LINEEW"] = fit["AREA"] / fit["CONTLEVEL"]
            row["LINEEW_ERR"] = fit["AREA_ERR"] / fit["CONTLEVEL"]
        else:
            row["LINEEW_ERR"] = -1.0
        row["LINESIGMA_ERR"] = row["LINEZ_ERR"] = -1.0  # they are not fitted
    return table


def _fit(
    spectrum: Mapping[str, np.ndarray], wavelength: float, velocity: float
) -> dict[str, float]:
    """Weighted least squares of area and level around one observed wavelength [angstrom]."""
    nothing = {"AREA": 0.0, "AREA_ERR": -1.0, "CONTLEVEL": 0.0, "CONTLEVEL_ERR": -1.0}
    place = grid.index_of(float(np.log10(wavelength))) if wavelength > 0 else -1.0
    sigma = velocity / 69.03
    reach = int(8.0 * sigma) + 20
    if not reach < place < grid.LENGTH - reach:
        return nothing
    near = round(place) + np.arange(-reach, reach + 1)
    flux, ivar = (spectrum[key][near].astype(np.float64) for key in ("flux", "ivar"))
    step = np.log(10.0) * grid.LOG10_STEP * wavelength  # [angstrom per pixel]
    profile = np.exp(-0.5 * ((near - place) / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma * step)
    design = np.stack([profile, np.ones(near.size)])
    normal = (design * ivar) @ design.T
    if (ivar[np.abs(near - place) < 2.0 * sigma] > 0).sum() < 3 or np.linalg.cond(normal) > 1e12:
        return nothing
    inverse = np.linalg.inv(normal)
    values = inverse @ (design @ (ivar * flux))
    error = np.sqrt(np.diag(inverse))
    chi2 = float((ivar * (flux - values @ design) ** 2).sum())
    return {
        "AREA": values[0],
        "AREA_ERR": error[0],
        "CONTLEVEL": values[1],
        "CONTLEVEL_ERR": error[1],
        "NPIXLEFT": int((ivar[:reach] > 0).sum()),
        "NPIXRIGHT": int((ivar[reach + 1 :] > 0).sum()),
        "DOF": float((ivar > 0).sum() - 2),
        "CHI2": chi2,
    }
