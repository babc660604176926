"""One band onto a tangent-plane pixel grid: the map between the pixels, and the sampling.

The grid is a gnomonic (TAN) projection with the target at its tangent point and at the exact
centre: pixel ((size-1)/2, (size-1)/2), counted from 0 at the centre of the first pixel, so between
two pixels where `size` is even. Its pixels are square; its axes run along those of a given WCS.

The map from output to band pixels is a cubic through 4 x 4 Chebyshev nodes, checked on a 5 x 5
grid it has not seen, corners included. Where it misses `MAP_TOLERANCE`, every pixel goes through
the WCS. A cubic on a product grid costs two small matrix products per coordinate.

A band is sampled bilinearly (equal to `reproject_interp`) and multiplied by the ratio of the pixel
areas at the centre, so that flux per pixel [nanomaggy] keeps its sum to first order: within 0.1 %
for a star on pixels of about the same or a smaller scale, within 1 % on larger ones. Where output
pixels are larger than those of the band, up to 16 x 16 samples in each are averaged.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from astropy.wcs import WCS
from jaxtyping import Bool, Float, Float32, Float64
from numpy import ndarray
from numpy.polynomial import chebyshev

from trifid.errors import InputError

MAX_SIZE = 8192  # [pixel] of a cutout
MAP_TOLERANCE = 1e-3  # [pixel] of the band; real SDSS frames stay below 1e-8
_MOST_SAMPLES = 16  # per output pixel and axis
_ARCSEC = np.pi / 180 / 3600  # [radian]
_NODES = chebyshev.chebpts1(4)
_CHECKS = np.linspace(-1.0, 1.0, 5)
_CROSS = np.array([[0.5, -0.5, 0.0, 0.0], [0.0, 0.0, 0.5, -0.5]])


@dataclass(frozen=True)
class Grid:
    """A square of pixels around a target, in the tangent plane at the target.

    Attributes:
        axes: Unit vectors (rows) to the target, to its east and to its north.
        step: Change of (east, north) [radian] per pixel in x (first column) and in y (second).
        size: Height and width [pixel].
    """

    axes: Float64[ndarray, "3 3"]
    step: Float64[ndarray, "2 2"]
    size: int

    def sky(
        self, offsets: Float64[ndarray, "2 N"]
    ) -> tuple[Float64[ndarray, "N"], Float64[ndarray, "N"]]:
        """Right ascension and declination [deg] at offsets (x, y) from the centre [pixel]."""
        plane = np.vstack([np.ones(offsets.shape[1]), self.step @ offsets])
        first, second, third = self.axes.T @ plane
        ra = np.degrees(np.arctan2(second, first)) % 360.0
        return ra, np.degrees(np.arctan2(third, np.hypot(first, second)))

    def wcs(self) -> WCS:
        """The grid as a FITS WCS."""
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.crval = np.concatenate(self.sky(np.zeros((2, 1))))
        wcs.wcs.crpix = [(self.size + 1) / 2] * 2
        wcs.wcs.cd = np.degrees(self.step)
        wcs.wcs.set()
        return wcs


def target_grid(wcs: WCS, ra: float, dec: float, *, size: int, pixel_scale: float) -> Grid:
    """The grid around a target with square pixels along the axes of `wcs`.

    Args:
        wcs: A celestial WCS, right ascension first; gives rotation and parity.
        ra: Right ascension of the target [deg, ICRS].
        dec: Declination of the target [deg, ICRS].
        size: Height and width [pixel].
        pixel_scale: Width of a pixel [arcsec].

    Raises:
        InputError: If a number is out of range, or the projection of `wcs` does not reach there.
    """
    if not (np.isfinite(ra) and -90 <= dec <= 90):
        raise InputError(f"ra {ra}, dec {dec} is no position; expected degrees, dec -90 to 90")
    if not 1 <= size <= MAX_SIZE or not 0 < pixel_scale < 3600:
        raise InputError(
            f"cutout of {size} pixels of {pixel_scale} arcsec; expected a size of 1 to {MAX_SIZE} "
            "and a scale between 0 and 3600"
        )
    a, d = np.radians(ra), np.radians(dec)
    target = [np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)]
    east = [-np.sin(a), np.cos(a), 0.0]
    north = [-np.sin(d) * np.cos(a), -np.sin(d) * np.sin(a), np.cos(d)]
    axes = np.array([target, east, north])
    arcsec = Grid(axes, np.eye(2) * _ARCSEC, 1)
    jacobian = _jacobian(_pixels(wcs, arcsec, _CROSS))
    if not np.isfinite(jacobian).all() or np.linalg.det(jacobian) == 0:
        raise InputError(
            f"ra {ra}, dec {dec} has no pixel in the reference band, whose projection is centred "
            f"at {np.round(wcs.wcs.crval, 4).tolist()}; check that the file belongs to the target"
        )
    left, _, right = np.linalg.svd(jacobian)
    return Grid(axes, (left @ right).T * (pixel_scale * _ARCSEC), size)


def native_pixel_scale(wcs: WCS) -> float:
    """Side of a square with the area of a pixel, at the reference pixel [arcsec]."""
    return float(np.sqrt(abs(np.linalg.det(wcs.pixel_scale_matrix)))) * 3600.0


def world_to_pixel(
    wcs: WCS, ra: Float[ndarray, "N"], dec: Float[ndarray, "N"]
) -> tuple[Float64[ndarray, "N"], Float64[ndarray, "N"]]:
    """Pixel coordinates (x, y), from 0, of positions [deg]; NaN beyond the projection's horizon."""
    if wcs.has_distortion:
        with np.errstate(invalid="ignore"):
            x, y = wcs.all_world2pix(ra, dec, 0, tolerance=1e-6, quiet=True)
    else:
        x, y = wcs.wcs_world2pix(ra, dec, 0)
    return x, y


def warp(
    image: Float[ndarray, "_ _"], wcs: WCS, grid: Grid
) -> tuple[Float32[ndarray, "_ _"], bool]:
    """Samples a band on the grid.

    Args:
        image: Finite flux (H, W) of the band, at least 2 x 2 pixels.
        wcs: Its celestial WCS, right ascension first.
        grid: Where to.

    Returns:
        Flux per output pixel, and whether any of them lies outside the band's frame; those are 0.

    Raises:
        InputError: If the image is not a plane of at least 2 x 2 pixels.
    """
    if image.ndim != 2 or min(image.shape) < 2:
        raise InputError(f"image of shape {image.shape}; expected (height, width), 2 x 2 or more")
    around = np.concatenate([_mesh(_NODES), _mesh(_CHECKS)], axis=1) * (grid.size / 2)
    known = _pixels(wcs, grid, np.concatenate([around, _CROSS], axis=1))
    nodes, checks, cross = np.split(known, [len(_NODES) ** 2, around.shape[1]], axis=1)
    if not np.isfinite(cross).all():
        return np.zeros((grid.size, grid.size), np.float32), True
    area = abs(np.linalg.det(_jacobian(cross)))
    samples = min(max(round(np.sqrt(area)), 1), _MOST_SAMPLES)
    nodes = nodes.reshape(2, len(_NODES), len(_NODES))
    missed = np.abs(_cubic(nodes, _check_interpolation()).reshape(2, -1) - checks).max()
    if missed <= MAP_TOLERANCE:
        x, y = _cubic(nodes, _grid_interpolation(grid.size, samples))
    else:
        exact = _mesh(_positions(grid.size, samples)) * (grid.size / 2)
        x, y = _pixels(wcs, grid, exact).reshape(2, grid.size * samples, grid.size * samples)
    flux, outside = _bilinear(image, x, y)
    if samples > 1:
        blocks = (grid.size, samples, grid.size, samples)
        flux = flux.reshape(blocks).mean(axis=(1, 3))
        outside = None if outside is None else outside.reshape(blocks).any(axis=(1, 3))
    flux *= np.float32(area)
    if outside is not None:
        flux[outside] = 0
    return flux, outside is not None


def _bilinear(
    image: Float[ndarray, "_ _"], x: Float64[ndarray, "_ _"], y: Float64[ndarray, "_ _"]
) -> tuple[Float32[ndarray, "_ _"], Bool[ndarray, "_ _"] | None]:
    """Bilinear samples at pixel coordinates, and which lie outside the frame (None: none does).

    The frame ends at the outer edge of its pixels; within the last half pixel the edge value holds.
    Only the window that is needed is touched, so `image` may be a large or memory-mapped array.
    """
    height, width = image.shape
    outside = None
    left, right, bottom, top = x.min(), x.max(), y.min(), y.max()
    if left < 0 or bottom < 0 or right > width - 1 or top > height - 1:
        beyond = (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
        outside = beyond if beyond.any() else None
        x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
        left, right, bottom, top = x.min(), x.max(), y.min(), y.max()
    column, row = min(int(left), width - 2), min(int(bottom), height - 2)
    window = image[row : int(top) + 2, column : int(right) + 2].astype(np.float32, order="C")
    columns = np.minimum((x - column).astype(np.intp), window.shape[1] - 2)
    rows = np.minimum((y - row).astype(np.intp), window.shape[0] - 2)
    from_left = (x - (columns + column)).astype(np.float32)
    from_below = (y - (rows + row)).astype(np.float32)
    start = rows * window.shape[1] + columns
    values, above = window.reshape(-1), window.reshape(-1)[window.shape[1] :]
    lower, upper = values.take(start), above.take(start)
    lower += from_left * (values[1:].take(start) - lower)
    upper += from_left * (above[1:].take(start) - upper)
    return lower + from_below * (upper - lower), outside


def _pixels(wcs: WCS, grid: Grid, offsets: Float64[ndarray, "2 N"]) -> Float64[ndarray, "2 N"]:
    """Pixel coordinates (x, y) in the band of offsets from the target."""
    return np.stack(world_to_pixel(wcs, *grid.sky(offsets)))


def _jacobian(cross: Float64[ndarray, "2 4"]) -> Float64[ndarray, "2 2"]:
    """Change of (x, y) per unit step along each axis, from the values at `_CROSS`."""
    return np.stack([cross[:, 0] - cross[:, 1], cross[:, 2] - cross[:, 3]], axis=1)


def _mesh(points: Float64[ndarray, "N"]) -> Float64[ndarray, "2 M"]:
    """All pairs (x, y), x running fastest."""
    x, y = np.meshgrid(points, points)
    return np.stack([x.ravel(), y.ravel()])


def _cubic(
    nodes: Float64[ndarray, "2 _ _"], basis: Float64[ndarray, "_ _"]
) -> Float64[ndarray, "2 _ _"]:
    """The product polynomial through the nodes, on the points of `basis` along both axes."""
    return basis @ nodes @ basis.T


def _interpolation(points: Float64[ndarray, "N"]) -> Float64[ndarray, "N _"]:
    """Weights of the node values at points in -1 .. 1."""
    degree = len(_NODES) - 1
    return chebyshev.chebvander(points, degree) @ np.linalg.inv(
        chebyshev.chebvander(_NODES, degree)
    )


def _positions(size: int, samples: int) -> Float64[ndarray, "N"]:
    """Centres of the samples of a row of pixels, in half widths of the cutout."""
    return (2 * np.arange(size * samples) + 1) / (size * samples) - 1


@lru_cache(maxsize=1)
def _check_interpolation() -> Float64[ndarray, "N _"]:
    return _interpolation(_CHECKS)


@lru_cache(maxsize=8)
def _grid_interpolation(size: int, samples: int) -> Float64[ndarray, "N _"]:
    return _interpolation(_positions(size, samples))
