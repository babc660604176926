"""Ingest of spectra and frames against astropy and reproject, one object after the other.

    python benchmarks/ingest_fields.py [--fields 6] [--objects 4] [--rounds 3] [--json]

Fields of five frames (2048x1489, bzip2, each band with its own WCS) and some objects in each, with
spectra: what `trifid fetch` brings. trifid ingests them to five-band cutouts of 64 pixels and
spectra on its grid, hashed, grouped, synced. Reference, in one process like trifid: for each
object astropy reads the spectrum, opens its five frames, and `reproject_interp` samples them on the
grid of the r band; once opening the frames for every object, once keeping those of the field. The
reference writes nothing.
"""

import argparse
import functools
import json
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from ingest_spectra import with_astropy, write_files
from reproject import reproject_interp

from trifid.ingest.run import ingest
from trifid.transforms.warp import target_grid

BANDS, SHAPE, SIZE, SCALE = "ugriz", (1489, 2048), 64, 0.396


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--fields", type=int, default=6)
    parser.add_argument("--objects", type=int, default=4, help="of a field")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "files"
        folder.mkdir()
        targets = make_survey(folder, options.fields, options.objects)
        result = measure(folder, targets, options.rounds)
    if options.json:
        print(json.dumps(result, allow_nan=False))
        return
    for name, rate in result["objects_per_second"].items():
        print(f"{name:32}{rate:8.2f} objects/s, {result['ratio'][name]:6.2f} of the reference")


def make_survey(folder: Path, fields: int, objects: int) -> list[tuple[str, float, float]]:
    """Writes the files; for each object its field and position, spectra in the same order."""
    rng = np.random.default_rng(0)
    write_files(folder, fields * objects)
    spectra = sorted(folder.glob("spec-*.fits"))
    catalogue = ["plate,mjd,fiberid,ra,dec"]
    targets: list[tuple[str, float, float]] = []
    for field in range(fields):
        reference = frame_wcs(field, 2)
        for band, letter in enumerate(BANDS):
            image = rng.normal(0, 0.02, SHAPE).astype(np.float32)
            image = np.round(image * 2**12) / 2**12  # as the survey's lossy rounding packs
            header = frame_wcs(field, band).to_header()
            header["BUNIT"], header["FILTER"] = "nanomaggy", letter
            hdu = fits.PrimaryHDU(image.astype(np.float32), header)
            hdu.writeto(folder / f"frame-{letter}-{field + 1:06d}-1-0011.fits.bz2")
        for x, y in rng.uniform(80, 1400, (objects, 2)):
            ra, dec = (float(v) for v in reference.wcs_pix2world(x, y, 0))
            path = spectra[len(targets)]
            targets.append((f"{field + 1:06d}", ra, dec))
            place(path, ra, dec)
            catalogue.append(f"{','.join(path.stem.split('-')[1:])},{ra:.10f},{dec:.10f}")
    (folder.parent / "catalogue.csv").write_text("\n".join(catalogue) + "\n")
    return targets


def place(path: Path, ra: float, dec: float) -> None:
    """Moves a spectrum to a position."""
    with fits.open(path, mode="update") as opened:
        opened[2].data["PLUG_RA"], opened[2].data["PLUG_DEC"] = ra, dec


def frame_wcs(field: int, band: int) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.crval = [20.0 + field, -0.1]
    wcs.wcs.crpix = [1025 + 6.3 * band, 745 - 3.7 * band]
    turn = np.radians(0.02 * band)
    wcs.wcs.cd = 1.1e-4 * np.array([[np.sin(turn), np.cos(turn)], [np.cos(turn), -np.sin(turn)]])
    wcs.wcs.set()
    return wcs


def measure(folder: Path, targets: list[tuple[str, float, float]], rounds: int) -> dict:
    """Rates of the four, turn about, and each over the reference that opens frames each time."""
    spectra = sorted(folder.glob("spec-*.fits"))

    def with_trifid() -> None:
        with tempfile.TemporaryDirectory(dir=folder.parent) as out:
            found = ingest(
                folder,
                Path(out) / "store",
                catalogs=[folder.parent / "catalogue.csv"],
                size=SIZE,
            )
        if found.rows != len(targets) or found.skipped:
            raise RuntimeError(f"{found.rows} rows of {len(targets)}, {found.skipped[:3]}")

    runs = {
        "astropy + reproject": lambda: one_by_one(folder, spectra, targets, kept=1),
        "the same, frames kept": lambda: one_by_one(folder, spectra, targets, kept=len(BANDS)),
        "trifid": with_trifid,
    }
    rates: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            rates[name].append(len(targets) / (time.perf_counter() - start))
    first = rates["astropy + reproject"]
    return {
        "objects": len(targets),
        "frames": len(list(folder.glob("frame-*"))),
        "objects_per_second": {name: statistics.median(each) for name, each in rates.items()},
        "ratio": {
            name: statistics.median(a / b for a, b in zip(each, first, strict=True))
            for name, each in rates.items()
        },
    }


def one_by_one(
    folder: Path, spectra: list[Path], targets: list[tuple[str, float, float]], *, kept: int
) -> None:
    @functools.lru_cache(maxsize=kept)
    def frame(path: Path) -> tuple[np.ndarray, WCS]:
        with fits.open(path) as opened:
            return opened[0].data, WCS(opened[0].header)

    for path, (field, ra, dec) in zip(spectra, targets, strict=True):
        with_astropy(path)
        names = [folder / f"frame-{band}-{field}-1-0011.fits.bz2" for band in BANDS]
        grid = target_grid(frame(names[2])[1], ra, dec, size=SIZE, pixel_scale=SCALE).wcs()
        for name in names:
            reproject_interp(frame(name), grid, shape_out=(SIZE, SIZE), return_footprint=False)


if __name__ == "__main__":
    main()
