"""Ingest of spec files against astropy reading the same columns, and the memory of ingest.

    python benchmarks/ingest_spectra.py [FOLDER] [--files 300] [--json]
    python benchmarks/ingest_spectra.py --memory [--json]
    python benchmarks/ingest_spectra.py --scaling [--files 8000] [--rounds 3] [--json]

Speed, in one process and one run: astropy reads flux, ivar, loglam, and_mask, class and redshift
and does nothing with them; trifid reads the same files onto its grid with all its columns; and
trifid ingests them: identities and groups, reading, hashing, a store synced to disk. Files come
from FOLDER (spec-*.fits, below it too), else are written with the layout of BOSS lite files.
Each is read once beforehand, so that all three find them in the page cache.

Scaling: files per second of whole ingests in one process and in two, in turns; a process takes
whole shards of 1,024 rows, so a few thousand files are needed.

Memory: the largest resident size of a process that ingests 2,000 and 20,000 rows.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from astropy.io import fits

from trifid.ingest.run import ingest
from trifid.surveys.sdss import read_spectrum

PIXELS = 4620
ROW_COLUMNS = 232  # of a BOSS SPALL row; most of them are never read


def write_files(folder: Path, count: int) -> None:
    """Writes spec files: one by astropy, the others as copies with other ids and noise."""
    rng = np.random.default_rng(0)
    path = folder / "spec-4000-55500-0001.fits"
    _write_one(path, rng)
    data = bytearray(path.read_bytes())
    with fits.open(path) as opened:
        pixels, row = opened[1].fileinfo()["datLoc"], opened[2].fileinfo()["datLoc"]
        flux = np.dtype((">f4", (8,)))
    view = np.frombuffer(data, flux, PIXELS, pixels)
    for number in range(2, count + 1):
        plate, fiber = 4000 + number // 1000, number % 1000 + 1
        np.asarray(view)[:, 0] = rng.normal(2, 1, PIXELS)
        ids = np.frombuffer(data, ">i4", 3, row)
        ids[:] = plate, 55500, fiber
        position = np.frombuffer(data, ">f8", 2, row + 12)
        position[:] = number % 3600 / 10, number // 3600 / 10
        (folder / f"spec-{plate}-55500-{fiber:04d}.fits").write_bytes(data)


def _write_one(path: Path, rng: np.random.Generator) -> None:
    loglam = (3.5526 + 1e-4 * np.arange(PIXELS)).astype("f4")
    names = ("flux", "loglam", "ivar", "and_mask", "or_mask", "wdisp", "sky", "model")
    pixels = [
        fits.Column(
            name,
            "J" if name.endswith("mask") else "E",
            array=loglam if name == "loglam" else rng.uniform(1, 3, PIXELS).astype("i4"),
        )
        for name in names
    ]
    cells = [("PLATE", "J", 4000), ("MJD", "J", 55500), ("FIBERID", "J", 1)]
    cells += [("PLUG_RA", "D", 0.1), ("PLUG_DEC", "D", 0.0), ("CLASS", "6A", "GALAXY")]
    cells += [("SUBCLASS", "21A", ""), ("Z", "E", 0.1), ("Z_ERR", "E", 1e-5), ("ZWARNING", "J", 0)]
    cells += [("SN_MEDIAN_ALL", "E", 2.7), ("RUN2D", "6A", "v5_7_0"), ("OBJID", "19A", "")]
    cells += [("PSFMAG", "5E", [20.0] * 5), ("MODELMAG", "5E", [20.0] * 5)]
    cells += [(f"UNUSED_{i}", "5E", [0.0] * 5) for i in range(ROW_COLUMNS - len(cells))]
    row = [fits.Column(name, form, array=np.array([value])) for name, form, value in cells]
    primary = fits.PrimaryHDU()
    for i in range(130):
        primary.header[f"NOTE{i}"] = "as many cards as a real file has"
    tables = (
        fits.BinTableHDU.from_columns(columns, name=name)
        for columns, name in ((pixels, "COADD"), (row, "SPALL"))
    )
    fits.HDUList([primary, *tables]).writeto(path)


def with_astropy(path: Path) -> None:
    """What a script with astropy does to get these six columns."""
    with fits.open(path, memmap=False) as opened:
        pixels = opened[1].data
        for name in ("flux", "ivar", "loglam", "and_mask"):
            np.array(pixels[name])
        row = opened[2].data
        _ = row["CLASS"][0], row["Z"][0]


def rate(action: Callable[[], object], files: int) -> float:
    """Files per second."""
    start = time.perf_counter()
    action()
    return files / (time.perf_counter() - start)


def speed(folder: Path, limit: int) -> dict[str, float]:
    """Files per second of the three, and the ratios to astropy."""
    paths = sorted(folder.rglob("spec-*.fits"))[:limit]
    for path in paths:
        path.read_bytes()
    few = paths[: max(len(paths) // 4, 40)]
    reference = rate(lambda: [with_astropy(path) for path in few], len(few))
    read = rate(lambda: [read_spectrum(path) for path in paths], len(paths))
    with tempfile.TemporaryDirectory(
        dir=folder.parent if os.access(folder.parent, os.W_OK) else None
    ) as out:
        links = Path(out) / "files"
        links.mkdir()
        for number, path in enumerate(paths):
            target = links / f"{number:06d}"
            target.mkdir()
            (target / path.name).write_bytes(path.read_bytes())
        whole = rate(lambda: ingest(links, Path(out) / "store"), len(paths))
    return {
        "files": len(paths),
        "astropy_per_s": reference,
        "read_per_s": read,
        "ingest_per_s": whole,
        "read_ratio": read / reference,
        "ingest_ratio": whole / reference,
    }


def peak_memory(rows: int) -> float:
    """Largest resident size [MB] of a process that ingests so many rows."""
    with tempfile.TemporaryDirectory() as place:
        files = Path(place) / "files"
        files.mkdir()
        write_files(files, rows)
        command = [sys.executable, __file__, "--one", str(files), str(Path(place) / "store")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def scaling(files: int, rounds: int) -> dict[str, float]:
    """Files per second with one process and with two, and the ratio, medians over rounds."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "files"
        folder.mkdir()
        write_files(folder, files)
        for number in range(rounds):
            for workers, found in rates.items():
                store = Path(place) / f"store-{number}-{workers}"
                found.append(rate(lambda: ingest(folder, store, workers=workers), files))  # noqa: B023
    pairs = zip(rates[2], rates[1], strict=True)
    return {
        "files": files,
        "one_per_s": statistics.median(rates[1]),
        "two_per_s": statistics.median(rates[2]),
        "two_over_one": statistics.median(two / one for two, one in pairs),
    }


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, nargs="?")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--scaling", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        ingest(*arguments.one)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        return
    if arguments.memory:
        result = {f"peak_mb_{rows}": peak_memory(rows) for rows in (2000, 20000)}
        result["ratio"] = result["peak_mb_20000"] / result["peak_mb_2000"]
    elif arguments.scaling:
        result = scaling(arguments.files, arguments.rounds)
    elif arguments.folder:
        result = speed(arguments.folder, arguments.files)
    else:
        with tempfile.TemporaryDirectory() as place:
            (Path(place) / "spec").mkdir()
            write_files(Path(place) / "spec", arguments.files)
            result = speed(Path(place) / "spec", arguments.files)
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>16} {value:12.1f}")


if __name__ == "__main__":
    main()
