"""Small files of every survey, written by astropy, with a spectrum whose truth is known.

The truth is a sloping continuum with one line; `average` is its exact mean over pixels. A survey's
writer puts it on that survey's own pixels: contract/test_surveys.py asks one of every survey.
"""

from pathlib import Path

import numpy as np
from astropy.io import fits
from scipy.special import erf

LINE, WIDTH, HEIGHT = 6301.3, 6.0, 20.0  # [angstrom], [angstrom], flux
NOISE = 0.5
TARGETID = 39627866878511337


def average(edges):
    """The mean flux between edges [angstrom]."""
    area = 5.0 * edges + 5e-4 * (edges - 6000.0) ** 2
    area += HEIGHT * WIDTH * np.sqrt(np.pi / 2) * erf((edges - LINE) / WIDTH / np.sqrt(2))
    return np.diff(area) / np.diff(edges)


def log_edges(centres):
    """Pixel edges half-way between logarithmic centres."""
    step = centres[1] / centres[0]
    return np.append(centres, centres[-1] * step) / np.sqrt(step)


def measured(edges, *, seed=0, empty=False, noise=NOISE):
    """Flux with noise, and its inverse variance; all bad where `empty`."""
    flux = average(edges)
    flux += np.random.default_rng(seed).normal(0, noise, len(flux))
    ivar = np.full(len(flux), 0.0 if empty else noise**-2)
    return flux.astype("f4"), ivar.astype("f4")


def cased(names, upper):
    """Names of columns in the wanted case."""
    return [name.upper() if upper else name.lower() for name in names]


def table(name, cells, upper=True):
    """A binary table of columns {name: (form, array)}."""
    names = cased(cells, upper)
    columns = [
        fits.Column(key, form, array=np.asarray(array))
        for key, (form, array) in zip(names, cells.values(), strict=True)
    ]
    return fits.BinTableHDU.from_columns(columns, name=name)


def write(path, *hdus, **header):
    """Writes a file; the header is that of the primary HDU."""
    primary = hdus[0] if isinstance(hdus[0], fits.PrimaryHDU) else fits.PrimaryHDU()
    primary.header.update(header)
    rest = [hdu for hdu in hdus if hdu is not primary]
    path.parent.mkdir(parents=True, exist_ok=True)
    fits.HDUList([primary, *rest]).writeto(path, overwrite=True)
    return path


def sdss(folder: Path, *, upper=False, **options) -> Path:
    """A spec file of SDSS."""
    loglam = 3.58 + 1e-4 * np.arange(3850)
    flux, ivar = measured(log_edges(10**loglam), **options)
    coadd = {"flux": ("E", flux), "loglam": ("E", loglam), "ivar": ("E", ivar)}
    row = {"PLATE": ("J", [266]), "MJD": ("J", [51630]), "FIBERID": ("J", [7])}
    row |= {"PLUG_RA": ("D", [145.0]), "PLUG_DEC": ("D", [1.0]), "CLASS": ("6A", ["GALAXY"])}
    row |= {"Z": ("E", [0.1]), "Z_ERR": ("E", [1e-5]), "ZWARNING": ("J", [0])}
    coadd["and_mask"] = ("J", np.zeros(3850, "i4"))
    hdus = table("COADD", coadd, upper), table("SPECOBJ", row, not upper)
    return write(folder / "spec-0266-51630-0007.fits", *hdus)


def lamost(folder: Path, *, upper=True, start=3.5682, **options) -> Path:
    """A LAMOST file of the image layout; `start` off the grid makes it resampled."""
    centres = 10 ** (start + 1e-4 * np.arange(3909))
    flux, ivar = measured(log_edges(centres), **options)
    rows = np.zeros((5, 3909), "f4")
    rows[:3] = flux, ivar, centres
    header = {"OBSID": 101001, "RA": 145.0, "DEC": 1.0, "CLASS": "STAR", "SUBCLASS": "F5"}
    header |= {"Z": -0.0001, "Z_ERR": 1e-5, "SNRU": 3.0, "SNRG": 12.5, "SNRR": 20.0}
    primary = fits.PrimaryHDU(rows)
    return write(folder / "spec-55859-F5902_sp01-001.fits", primary, **header)


def lamost_table(folder: Path, *, upper=True, **options) -> Path:
    """A LAMOST file of the table layout: one row of vectors, off the grid by 0.4 pixel."""
    centres = 10 ** (3.56824 + 1e-4 * np.arange(3909))
    flux, ivar = measured(log_edges(centres), **options)
    zero = np.zeros(3909, "f4")
    cells = {"FLUX": flux, "IVAR": ivar, "WAVELENGTH": centres, "ANDMASK": zero, "ORMASK": zero}
    hdu = table("COADD", {n: ("3909E", v[None].astype("f4")) for n, v in cells.items()}, upper)
    header = {"OBSID": 101001, "RA": 145.0, "DEC": 1.0, "CLASS": "STAR", "Z": -9999.0}
    return write(folder / "spec-55859-F5902_sp01-001.fits", hdu, **header)


ARMS = {"B": (3600.0, 2751), "R": (5760.0, 2326), "Z": (7520.0, 2881)}


def desi(folder, *, upper=True, rows=1, spread=1.0, name="coadd-sv3-dark-26065.fits", **cells):
    """A DESI coadd of one or more targets, alike but for their noise.

    Args:
        folder: Where to write it.
        upper: Case of the columns.
        rows: How many targets.
        spread: Of the resolution matrix [pixel].
        name: Of the file.
        cells: `empty`, `noise`; `header`; FIBERMAP columns; B_MASK and the like.
    """
    options = {key: cells.pop(key) for key in ("empty", "noise", "seed") if key in cells}
    header = cells.pop("header", {"SPGRP": "healpix", "SURVEY": "sv3", "PROGRAM": "dark"})
    first = np.arange(rows)
    fibermap = {
        "TARGETID": ("K", TARGETID + first),
        "COADD_FIBERSTATUS": ("J", first * 0),
        "TARGET_RA": ("D", 145.0 + 0.01 * first),
        "TARGET_DEC": ("D", 1.0 + 0.0 * first),
        "OBJTYPE": ("3A", ["TGT"] * rows),
        "EBV": ("E", 0.03 + 0.0 * first),
        "FLUX_G": ("E", 1.5 + first),
        "FLUX_IVAR_G": ("E", 100.0 + 0.0 * first),
    } | {key: value for key, value in cells.items() if isinstance(value, tuple)}
    hdus = [table("FIBERMAP", fibermap, upper)]
    offsets = np.arange(-5, 6)[None, :, None]
    for arm, (start, count) in ARMS.items():
        centres = start + 0.8 * np.arange(count)
        edges = np.append(centres, centres[-1] + 0.8) - 0.4
        seed = options.get("seed", 0) + ord(arm)
        pairs = [measured(edges, **options | {"seed": seed + 7 * row}) for row in range(rows)]
        kernel = np.exp(-0.5 * (offsets / spread) ** 2) * np.ones((rows, 1, count))
        images = {
            "WAVELENGTH": centres,
            "FLUX": np.array([flux for flux, _ in pairs], "f4"),
            "IVAR": np.array([ivar for _, ivar in pairs], "f4"),
            "MASK": np.zeros((rows, count), "u4"),
            "RESOLUTION": (kernel / kernel.sum(1, keepdims=True)).astype("f4"),
        }
        for part, array in images.items():
            hdus.append(fits.ImageHDU(cells.get(f"{arm}_{part}", array), name=f"{arm}_{part}"))
    scores = {"TARGETID": ("K", TARGETID + first), "MEDIAN_COADD_SNR_R": ("E", 5.0 - first)}
    return write(folder / name, *hdus, table("SCORES", scores, upper), **header)


def redrock(folder: Path, *targets, name="redrock-sv3-dark-26065.fits", upper=True) -> Path:
    """A redrock file: (TARGETID, redshift, class) of each target."""
    ids, redshifts, classes = zip(*targets, strict=True)
    cells = {"TARGETID": ("K", ids), "Z": ("D", redshifts), "ZERR": ("D", [1e-4] * len(ids))}
    cells |= {"ZWARN": ("K", [4] * len(ids)), "SPECTYPE": ("6A", classes)}
    cells |= {"SUBTYPE": ("20A", ["M"] * len(ids))}
    return write(folder / name, table("REDSHIFTS", cells, upper))


WRITERS = {"sdss": (sdss,), "desi": (desi,), "lamost": (lamost, lamost_table)}
IDS = {
    "sdss": "sdss-0266-51630-0007",
    "desi": f"desi-{TARGETID}-sv3-dark",
    "lamost": "lamost-101001",
}
