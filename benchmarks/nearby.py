"""Joining a large HATS catalogue by position: what lies near alone, against the whole in memory.

    python benchmarks/nearby.py [--objects 10000000] [--positions 2000] [--radius 10] [--json]

The catalogue is made up: objects all over the sky in 192 partitions, position, an id and twelve
more columns. Positions lie in 25 square degrees (`field`) or all over the sky (`sky`). `whole`
reads all of it and matches with astropy's `match_to_catalog_sky`, as a script would. Each runs in a
process of its own: seconds, and its largest resident size.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy import units
from astropy.coordinates import SkyCoord

from trifid.physics.healpix import nested_pixels
from trifid.surveys.catalogue_hats import open_hats
from trifid.surveys.catalogue_nearest import nearest_objects

ORDER, COLUMNS = 2, 12
PARTITIONS = 12 * 4**ORDER


def write(folder: Path, objects: int) -> None:
    """A HATS catalogue, a partition at a time."""
    data = folder / "dataset" / f"Norder={ORDER}" / "Dir=0"
    data.mkdir(parents=True)
    rng = np.random.default_rng(0)
    ra, dec = on_sky(rng, objects)
    pixels = nested_pixels(ra, dec, ORDER)
    for pixel in range(PARTITIONS):
        own = np.flatnonzero(pixels == pixel)
        table = {"source_id": own, "ra": ra[own], "dec": dec[own]}
        table |= {f"c{i}": rng.normal(size=own.size).astype("f4") for i in range(COLUMNS)}
        pq.write_table(pa.table(table), data / f"Npix={pixel}.parquet", compression="zstd")
    lines = [f"{ORDER},{pixel}\n" for pixel in range(PARTITIONS)]
    (folder / "partition_info.csv").write_text("Norder,Npix\n" + "".join(lines))
    about = "dataproduct_type=object\nhats_col_ra=ra\nhats_col_dec=dec\n"
    (folder / "hats.properties").write_text(about)


def on_sky(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Positions all over the sky [deg]."""
    return rng.uniform(0, 360, count), np.degrees(np.arcsin(rng.uniform(-1, 1, count)))


def one(case: str, folder: Path, positions: int, radius: float) -> dict[str, float]:
    """Matches in this process."""
    rng = np.random.default_rng(1)
    ra, dec = on_sky(rng, positions)
    if case == "field":
        ra, dec = rng.uniform(150, 155, positions), rng.uniform(0, 5, positions)
    start = time.perf_counter()
    if case == "whole":
        table = pq.read_table(folder / "dataset", partitioning=None)
        objects = SkyCoord(table["ra"].to_numpy() * units.deg, table["dec"].to_numpy() * units.deg)
        _, apart, _ = SkyCoord(ra * units.deg, dec * units.deg).match_to_catalog_sky(objects)
        matched = int((apart.arcsec <= radius).sum())
    else:
        near, *_ = nearest_objects(open_hats(folder), ra, dec, radius)
        matched = int((near.index >= 0).sum())
    return {
        "seconds": time.perf_counter() - start,
        "matched": matched,
        "peak_mb": peak(),
    }


def peak() -> float:
    """Largest resident size [MB] since this program began; `getrusage` counts its parent too."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--objects", type=int, default=10_000_000)
    parser.add_argument("--positions", type=int, default=2000)
    parser.add_argument("--radius", type=float, default=10.0, help="arcsec")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        case, folder = given.one
        print(json.dumps(one(case, Path(folder), given.positions, given.radius)))
        return
    results = {}
    with tempfile.TemporaryDirectory() as place:
        write(Path(place) / "sky", given.objects)
        for case in ("field", "sky", "whole"):
            words = ["--one", case, f"{place}/sky", "--positions", str(given.positions)]
            command = [sys.executable, __file__, *words, "--radius", str(given.radius)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            results[case] = json.loads(done.stdout)
    if given.json:
        print(json.dumps(results))
        return
    for case, found in results.items():
        print(f"{case:>6}", "  ".join(f"{name} {value:.1f}" for name, value in found.items()))


if __name__ == "__main__":
    main()
