"""Three-band cutouts of 300x300 pixels: trifid's warp against `reproject_interp`, in one process.

Three synthetic frames of 2048x1489 pixels, each with its own WCS (offset and slightly turned, as
the bands of an SDSS field are); targets at random. Both sides make the same bilinear samples of
all bands on the same grids; trifid's side also builds the grid, scales the flux and measures the
registration. The two take turns, several rounds over; the ratio is the median over rounds, so that
a busy machine slows both alike. The largest difference between the two is printed too.

    python benchmarks/cutouts.py [--targets 40] [--rounds 5] [--size 300] [--json]
"""

import argparse
import json
import statistics
import time

import numpy as np
from astropy.wcs import WCS
from reproject import reproject_interp

from trifid.transforms.cutout import cutout
from trifid.transforms.warp import Grid, native_pixel_scale, target_grid

SHAPE, SCALE, REFERENCE = (1489, 2048), 0.396, 1
Plane = tuple[np.ndarray, WCS]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--targets", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    planes = make_planes()
    targets = make_targets(planes[REFERENCE][1], options.targets, options.size)
    rates: dict[str, list[float]] = {"trifid": [], "reproject_interp": []}
    for _ in range(options.rounds):
        for name, cut in (("trifid", with_trifid), ("reproject_interp", with_reproject)):
            # reproject is slow: a quarter of the targets gives its rate as well
            some = targets if name == "trifid" else targets[: max(len(targets) // 4, 1)]
            start = time.perf_counter()
            for ra, dec in some:
                cut(planes, ra, dec, options.size)
            rates[name].append(len(some) / (time.perf_counter() - start))
    ratios = [a / b for a, b in zip(rates["trifid"], rates["reproject_interp"], strict=True)]
    result = {
        "size": options.size,
        "bands": len(planes),
        "cutouts_per_second": {name: statistics.median(each) for name, each in rates.items()},
        "ratio": statistics.median(ratios),
        "ratio_lowest": min(ratios),
        "largest_difference": largest_difference(planes, targets[:3], options.size),
        "noise": float(planes[0][0][:200, :200].std()),
    }
    if options.json:
        print(json.dumps(result, allow_nan=False))
        return
    for name, rate in result["cutouts_per_second"].items():
        print(f"{name:18}{rate:8.1f} cutouts/s")
    print(f"{'ratio':18}{result['ratio']:8.1f} (lowest round {result['ratio_lowest']:.1f})")
    print(
        f"largest difference {result['largest_difference']:.1e} nanomaggy, "
        f"noise {result['noise']:.1e}"
    )


def make_planes() -> list[Plane]:
    """Three bands of one field: noise and 500 stars, each band with its own WCS."""
    rng = np.random.default_rng(0)
    ra, dec = 38.35 + rng.uniform(-0.08, 0.08, 500), -0.1 + rng.uniform(-0.11, 0.11, 500)
    rows, columns = np.mgrid[-12:13, -12:13]
    planes = []
    for band in range(3):
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval = [38.3486, -0.1047]
        wcs.wcs.crpix = [1025 + 6.3 * band, 745 - 3.7 * band]
        turn = np.radians(0.02 * band)
        wcs.wcs.cd = 1.1e-4 * np.array(
            [[np.sin(turn), np.cos(turn)], [np.cos(turn), -np.sin(turn)]]
        )
        wcs.wcs.set()
        image = rng.normal(0, 0.02, SHAPE)
        for x, y in zip(*wcs.wcs_world2pix(ra, dec, 0), strict=True):
            column, row = round(float(x)), round(float(y))
            if 12 <= column < SHAPE[1] - 12 and 12 <= row < SHAPE[0] - 12:
                square = (columns + column - x) ** 2 + (rows + row - y) ** 2
                patch = image[row - 12 : row + 13, column - 12 : column + 13]
                patch += rng.exponential(0.5) * np.exp(-square / (2 * 1.5**2))
        planes.append((image.astype(np.float32), wcs))
    return planes


def make_targets(wcs: WCS, count: int, size: int) -> list[tuple[float, float]]:
    rng = np.random.default_rng(1)
    margin = size / 2 + 20
    x = rng.uniform(margin, SHAPE[1] - margin, count)
    y = rng.uniform(margin, SHAPE[0] - margin, count)
    ra, dec = wcs.wcs_pix2world(x, y, 0)
    return list(zip(ra.tolist(), dec.tolist(), strict=True))


def with_trifid(planes: list[Plane], ra: float, dec: float, size: int) -> np.ndarray:
    return cutout(planes, ra, dec, size=size, pixel_scale=SCALE, reference=REFERENCE).flux


def with_reproject(planes: list[Plane], ra: float, dec: float, size: int) -> np.ndarray:
    """The same grid and scaling, sampled by `reproject_interp`."""
    grid: Grid = target_grid(planes[REFERENCE][1], ra, dec, size=size, pixel_scale=SCALE)
    output = grid.wcs()
    bands = [
        reproject_interp(plane, output, shape_out=(size, size), return_footprint=False)
        * (SCALE / native_pixel_scale(plane[1])) ** 2
        for plane in planes
    ]
    return np.stack(bands)


def largest_difference(planes: list[Plane], targets: list[tuple[float, float]], size: int) -> float:
    return max(
        float(np.abs(with_trifid(planes, *at, size) - with_reproject(planes, *at, size)).max())
        for at in targets
    )


if __name__ == "__main__":
    main()
