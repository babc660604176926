"""Target-centred cutouts: every band on one tangent-plane pixel grid around one position.

The grid and the sampling are those of `trifid.transforms.warp`: the target at the exact centre,
pixel ((size-1)/2, (size-1)/2) counted from 0, axes along those of the reference band.

The registration of the bands is measured on the cutout itself, for an error in a file's WCS shows
nowhere else. Sources that two bands share give their cross-correlation a local maximum at lag zero;
`residual` is the distance of the nearest sharp maximum from there. Bands without one (too faint,
too smooth) say nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from astropy.wcs import WCS
from jaxtyping import Complex128, Float, Float32, Float64
from numpy import ndarray
from scipy import ndimage

from trifid.errors import InputError
from trifid.transforms.warp import target_grid, warp

MISREGISTERED = 0.8  # [arcsec] two SDSS pixels; SDSS astrometry is good to 0.1 arcsec
_WINDOW = 64  # [pixel] side of the central square that is correlated
_SMOOTHING = 1.0  # [pixel] standard deviation of the Gaussian both images are smoothed with
_SHARP = 4.0  # [standard deviations] drop of a maximum that counts, over two pixels
_BLEND_RADIUS = 5.0  # [arcsec] of the target in which another peak blends with it
_OWN = 1.5  # [arcsec] of the target in which a peak is its own
_RIVAL = 0.25  # of the target's peak, so 1.5 magnitudes: what another peak must reach
_NEIGHBOURS = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if (y, x) != (0, 0)]
_RING = np.pad(np.zeros((3, 3), bool), 1, constant_values=True)

Plane = tuple[Float[ndarray, "_ _"], WCS]


@dataclass(frozen=True)
class Cutout:
    """One object in C bands on one grid.

    Attributes:
        flux: (C, H, W), in the unit of the planes [nanomaggy per output pixel].
        missing_band: A band was not given; it is all zero.
        edge: Some output pixel lies outside the frame of a given band; it is zero there.
        misregistered: A band and the reference band disagree by more than `MISREGISTERED`.
        residual: The largest disagreement with the reference band [arcsec]; None where no band
            shares a source with it that is bright enough to tell.
        blended: Another source lies close to the target in the reference band, see `blended`.
    """

    flux: Float32[ndarray, "C H W"]
    missing_band: bool
    edge: bool
    misregistered: bool
    residual: float | None
    blended: bool


def cutout(
    planes: Sequence[Plane | None],
    ra: float,
    dec: float,
    *,
    size: int,
    pixel_scale: float,
    reference: int,
) -> Cutout:
    """Cuts one object out of all bands.

    Args:
        planes: Per band its finite flux (H, W) and celestial WCS (right ascension first), or None.
        ra: Right ascension of the target [deg, ICRS].
        dec: Declination of the target [deg, ICRS].
        size: Height and width of the cutout [pixel].
        pixel_scale: Width of an output pixel [arcsec].
        reference: Index of the band that gives the orientation; where it is None, the first band
            that is given does.

    Raises:
        InputError: If position, size, scale or reference cannot be used, if no band is given, or
            if the target is beyond the horizon of the reference band's projection.
    """
    given = {index: plane for index, plane in enumerate(planes) if plane is not None}
    if not given or not 0 <= reference < len(planes):
        raise InputError(
            f"cutout at ra {ra}, dec {dec}: {len(given)} of {len(planes)} bands are given, "
            f"reference {reference}; expected at least one band and a reference among them"
        )
    reference = reference if reference in given else min(given)
    grid = target_grid(given[reference][1], ra, dec, size=size, pixel_scale=pixel_scale)
    flux = np.zeros((len(planes), size, size), np.float32)
    edge = False
    for index, (image, wcs) in given.items():
        flux[index], outside = warp(image, wcs, grid)
        edge = edge or outside
    lags = registration_lags(flux, reference)
    residual = max((lag * pixel_scale for lag in lags if lag is not None), default=None)
    return Cutout(
        flux=flux,
        missing_band=len(given) < len(planes),
        edge=edge,
        misregistered=residual is not None and residual > MISREGISTERED,
        residual=residual,
        blended=blended(flux[reference], pixel_scale),
    )


def blended(image: Float32[ndarray, "H W"], pixel_scale: float) -> bool:
    """Whether another source lies within 5 arcsec of the target at the centre.

    Of the image, smoothed a little, a maximum counts that is at least a quarter as high as the
    target's, stands five times the noise above the sky, and is parted from the target by a dip of
    three times the noise. Bright knots of a nearby galaxy count as well.

    Args:
        image: One band, the target at its centre.
        pixel_scale: Width of a pixel [arcsec].
    """
    level = float(np.median(image))
    noise = 1.4826 * float(np.median(np.abs(image - level))) / (2 * np.sqrt(np.pi) * _SMOOTHING)
    # pixels further out change nothing within the radius: smoothing reaches 4 pixels, a maximum 1
    reach = int(_BLEND_RADIUS / pixel_scale) + 6
    near = tuple(slice(cut, n - cut) for n in image.shape for cut in [max(0, n // 2 - reach)])
    smooth = ndimage.gaussian_filter(image[near].astype(np.float64) - level, _SMOOTHING)
    rows, columns = np.indices(smooth.shape)
    middle = np.array([(length - 1) / 2 for length in smooth.shape])
    distance = np.hypot(rows - middle[0], columns - middle[1]) * pixel_scale
    least = max(_RIVAL * float(smooth[distance <= _OWN].max(initial=0.0)), 5 * noise)
    peaks = (smooth == ndimage.maximum_filter(smooth, 3)) & (smooth > least)
    peaks &= (distance > _OWN) & (distance <= _BLEND_RADIUS)
    steps = np.linspace(0, 1, 24)[:, None]
    for peak in np.argwhere(peaks):
        path = ndimage.map_coordinates(smooth, (peak + steps * (middle - peak)).T, order=1)
        if path.min() < smooth[tuple(peak)] - 3 * noise:
            return True
    return False


def registration_lags(flux: Float32[ndarray, "C H W"], reference: int) -> list[float | None]:
    """How far each band is shifted against the reference band [pixel].

    The central 64 x 64 pixels (or all, where there are fewer) are compressed by arcsinh at three
    times their noise, tapered, smoothed and correlated. A local maximum is sharp where it stands
    above its surroundings two pixels away by four times the noise of such differences: a faint or
    extended source tells nothing to a pixel. Of the sharp maxima, a quarter as high as the highest
    or more, the one nearest to lag zero counts: different sources make maxima further out.

    Returns:
        Per band the distance of that maximum from lag zero, refined by a parabola; None where no
        maximum is sharp, and for the reference itself.
    """
    patterns = [_pattern(image) for image in flux]
    return [
        None if index == reference else _lag(patterns[reference], pattern)
        for index, pattern in enumerate(patterns)
    ]


@dataclass(frozen=True)
class _Pattern:
    """What is correlated of one band: a spectrum, its power and that of its noise."""

    spectrum: Complex128[ndarray, "S S"]
    power: float
    noise: float


def _pattern(image: Float32[ndarray, "H W"]) -> _Pattern:
    """The central square, its sky at zero, its bright sources dimmed, tapered and smoothed."""
    side = min(_WINDOW, image.shape[0])
    start = (image.shape[0] - side) // 2
    square = image[start : start + side, start : start + side].astype(np.float64)
    covered = square != 0  # pixels outside the frame are zero
    level = np.median(square[covered]) if covered.any() else 0.0
    above = (square - level) * covered
    noise = 1.4826 * np.median(np.abs(above))
    taper, smoothing, difference = _filters(side)
    compressed = np.arcsinh(above / (3 * noise)) if noise > 0 else above
    spectrum = np.fft.fft2(compressed * taper) * smoothing
    return _Pattern(
        spectrum=spectrum,
        power=float(np.vdot(spectrum, spectrum * difference).real),
        noise=float(np.sum(taper**2)) / 9 if noise > 0 else 0.0,
    )


def _lag(first: _Pattern, second: _Pattern) -> float | None:
    correlation = np.fft.fftshift(np.fft.ifft2(first.spectrum * second.spectrum.conj()).real)
    side = len(correlation)
    noise = np.sqrt(first.power * second.noise + second.power * first.noise) / side**2
    inner = correlation[2:-2, 2:-2]
    candidate = (inner > 0) & (inner >= 0.25 * correlation.max())
    for down, right in _NEIGHBOURS:
        candidate &= inner >= correlation[2 + down : side - 2 + down, 2 + right : side - 2 + right]
    rows, columns = (places + 2 for places in np.nonzero(candidate))
    for index in np.argsort(np.hypot(rows - side // 2, columns - side // 2), kind="stable"):
        row, column = int(rows[index]), int(columns[index])
        around = correlation[row - 2 : row + 3, column - 2 : column + 3]
        if around[2, 2] - around[_RING].max() > _SHARP * noise:
            down, right = _vertex(around[1:4, 2]), _vertex(around[2, 1:4])
            return float(np.hypot(row - side // 2 + down, column - side // 2 + right))
    return None


@lru_cache(maxsize=4)
def _filters(
    side: int,
) -> tuple[Float64[ndarray, "S S"], Float64[ndarray, "S S"], Float64[ndarray, "S S"]]:
    """A taper; the spectrum of the smoothing; the power of each frequency in two-pixel differences.

    The last is that of the difference of two pixels of the correlation, two apart along an axis,
    for noise in one of the smoothed images.
    """
    taper = np.outer(*[np.hanning(side + 2)[1:-1]] * 2)
    frequency = np.fft.fftfreq(side)
    gaussian = np.exp(-2 * (np.pi * _SMOOTHING * frequency) ** 2)
    smoothing = np.outer(gaussian, gaussian)
    cosine = np.cos(4 * np.pi * frequency)
    return taper, smoothing, smoothing**2 * (2 - cosine[:, None] - cosine)


def _vertex(values: Float64[ndarray, "3"]) -> float:
    """Where, in -0.5 .. 0.5, a parabola through three values around a maximum peaks."""
    before, at, after = (float(value) for value in values)
    bend = before - 2 * at + after
    return 0.5 * (before - after) / bend if bend < 0 else 0.0
