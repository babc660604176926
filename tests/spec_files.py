"""Small spec files written by astropy, for the tests of readers and ingest."""

from pathlib import Path

import numpy as np
from astropy.io import fits


def coadd(n=200, first=500, *, upper=False, seed=0, **replace):
    """A COADD table of n pixels whose first lies at pixel `first` of the grid."""
    rng = np.random.default_rng(seed)
    values = {
        "flux": rng.normal(5, 1, n).astype("f4"),
        "loglam": (3.55 + 1e-4 * (first + np.arange(n))).astype("f4"),
        "ivar": rng.uniform(0.5, 2, n).astype("f4"),
        "and_mask": rng.integers(0, 2**25, n).astype("i4"),
        "sky": rng.normal(0, 1, n).astype("f4"),
    } | replace
    forms = {"and_mask": "J"}
    columns = [
        fits.Column(name.upper() if upper else name, forms.get(name, "E"), array=array)
        for name, array in values.items()
        if array is not None
    ]
    return fits.BinTableHDU.from_columns(columns, name="COADD")


def row(plate=266, mjd=51630, fiber=215, *, name="SPECOBJ", **replace):
    """The survey's own row of a spectrum."""
    cells = {
        "PLATE": ("J", plate),
        "MJD": ("J", mjd),
        "FIBERID": ("J", fiber),
        "RUN2D": ("6A", "26"),
        "SPECOBJID": ("22A", "    299548501317019648"),
        "BESTOBJID": ("19A", "1237650795146051733"),
        "PLUG_RA": ("D", 145.64788),
        "PLUG_DEC": ("D", -0.77176),
        "CLASS": ("6A", "GALAXY"),
        "SUBCLASS": ("21A", "STARFORMING"),
        "Z": ("E", 0.0216),
        "Z_ERR": ("E", 1e-5),
        "ZWARNING": ("J", 0),
        "SN_MEDIAN_ALL": ("E", 13.99),
        "SPECTROFLUX": ("5E", [1.0, 2.0, 3.0, 4.0, 5.0]),
    } | replace
    columns = [
        fits.Column(key, form, array=np.array([value]))
        for key, (form, value) in ((k, v) for k, v in cells.items() if v is not None)
    ]
    return fits.BinTableHDU.from_columns(columns, name=name)


def write_spec(
    path: Path, *, pixels: fits.BinTableHDU | None = None, rows=(), plain=False, **header
) -> Path:
    """Writes a spec file; `rows` are the tables after COADD, one default row unless `plain`."""
    primary = fits.PrimaryHDU()
    primary.header.update(header)
    tables = list(rows) or ([] if plain else [row()])
    hdus = fits.HDUList([primary, coadd() if pixels is None else pixels, *tables])
    path.parent.mkdir(parents=True, exist_ok=True)
    hdus.writeto(path)
    return path
