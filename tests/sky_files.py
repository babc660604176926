"""A small simulated survey written by hand, in the layout of `trifid simulate --as sdss`."""

import json
import runpy
from pathlib import Path

import numpy as np
from astropy.io import fits

from trifid.simulate.identity import photometric_id, spectroscopic_id

SPEC = runpy.run_path(str(Path(__file__).with_name("spec_files.py")))
BPT = ("Star Forming", "Composite", "Seyfert", "BLANK")
MJD, RUN2D = 51602, "26"


def write_sky(folder: Path, objects: int = 6, size: int = 16) -> Path:
    """Writes spectra, images and catalogue; the last row observes the first object again."""
    rng = np.random.default_rng(1)
    rows = []
    for index in range(objects):
        again = index == objects - 1
        which = 0 if again else index
        plate, mjd, fiber = 266 + which % 3, MJD + 30 * again, index + 1
        objid = photometric_id(1000 + plate, 1 + which % 6, 11 + which, which)
        ra, dec = 150.0 + 0.1 * which, 20.0
        key = str(spectroscopic_id(plate, mjd, fiber, RUN2D))
        row = SPEC["row"](
            plate, mjd, fiber, SPECOBJID=("22A", key), BESTOBJID=("19A", str(objid)),
            PLUG_RA=("D", ra), PLUG_DEC=("D", dec), Z=("E", 0.01 * (index + 1)),
            INSTRUMENT=("4A", "SDSS"),
        )  # fmt: skip
        path = folder / "spectra" / f"{plate:04d}" / f"spec-{plate:04d}-{mjd:05d}-{fiber:04d}.fits"
        path.parent.mkdir(parents=True, exist_ok=True)
        SPEC["write_spec"](
            path, pixels=SPEC["coadd"](seed=index), rows=[row], SIMULATE=True, PLATEID=plate
        )
        if not again:
            for band in "ugriz":
                _write_image(folder / "images" / f"{plate:04d}", objid, band, (ra, dec), size, rng)
        rows.append((plate, mjd, fiber, str(objid), ra, dec, BPT[which % 4], 16.0 + which))
    _write_catalogue(folder / "catalogue.fits", rows)
    (folder / "simulate.json").write_text(json.dumps({"simulated": "true"}))
    return folder


def _write_image(folder, objid, band, place, size, rng):
    folder.mkdir(parents=True, exist_ok=True)
    header = fits.Header()
    header["BUNIT"], header["FILTER"] = "nanomaggy", band
    for axis, kind in ((1, "RA---TAN"), (2, "DEC--TAN")):
        header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = kind, "deg"
        header[f"CRVAL{axis}"], header[f"CRPIX{axis}"] = place[axis - 1], (size + 1) / 2
    header["CD1_1"], header["CD2_2"] = -0.396 / 3600, 0.396 / 3600
    header["CD1_2"] = header["CD2_1"] = 0.0
    flux = rng.normal(1.0, 0.1, (size, size)).astype("f4")
    fits.PrimaryHDU(flux, header).writeto(folder / f"cutout-{objid}-{band}.fits")


def _write_catalogue(path, rows):
    values = list(zip(*rows, strict=True))
    columns = [
        fits.Column("plate", "K", array=np.array(values[0])),
        fits.Column("mjd", "K", array=np.array(values[1])),
        fits.Column("fiberid", "K", array=np.array(values[2])),
        fits.Column("objid", "19A", array=np.array(values[3])),
        fits.Column("ra", "D", array=np.array(values[4])),
        fits.Column("dec", "D", array=np.array(values[5])),
        fits.Column("bpt", "12A", array=np.array(values[6])),
        *(
            fits.Column(f"{name}_{band}", "E", array=factor * np.array(values[7]), unit="mag")
            for name, factor in (("psfmag", 1.009), ("modelmag", 1.0), ("extinction", 1.0))
            for band in "ugriz"
        ),
        fits.Column("petror50_r", "E", array=np.array(values[7]), unit="arcsec"),
        fits.Column("ebv_sfd", "E", array=np.array(values[7]) / 500, unit="mag"),
    ]
    fits.BinTableHDU.from_columns(columns).writeto(path)
