"""The SDSS camera: light profiles, point spread function, pixels, sky and noise.

Profiles are rendered in Fourier space, where an elliptical Sersic profile is a one-dimensional
table of its Hankel transform, and convolution with the point spread function and the pixel is a
product: exact to the table's precision, with no oversampling.
"""

from dataclasses import dataclass, fields
from functools import cache

import numpy as np
from scipy.special import gammainc, j0

PIXEL = 0.396  # [arcsec]
_SERSIC_B = {1: 1.67834699, 4: 7.66924944}  # half the light lies within r = 1: P(2n, b) = 1/2
_CUT = (7.0, 8.0)  # the survey fades its de Vaucouleurs profile to zero between these radii

# u, g, r, i, z: medians of the primary fields of DR10
SKY = np.array([1.5, 1.7, 4.2, 8.1, 24.9])  # [nanomaggy/arcsec^2]


@dataclass(frozen=True)
class Detectors:
    """The five CCDs of a column, arrays over u, g, r, i, z.

    Attributes:
        calibration: [nanomaggy per DN].
        gain: [electron per DN].
        dark_variance: Read noise and dark current [DN^2].
    """

    calibration: np.ndarray
    gain: np.ndarray
    dark_variance: np.ndarray


AVERAGE = Detectors(
    calibration=np.array([0.0102, 0.0038, 0.0051, 0.0067, 0.0329]),
    gain=np.array([1.71, 3.85, 4.73, 4.94, 4.62]),
    dark_variance=np.array([9.46, 1.63, 1.16, 6.0, 1.1]),
)
"""Averages over the catalogue; dark variance: median of the six columns."""
_SEEING_COLOR = (np.array([3551.0, 4686.0, 6166.0, 7480.0, 8932.0]) / 6166.0) ** -0.3
FWHM_OVER_SIGMA = 2.3548
WING = (0.9, 3.0)  # share of the core in the double Gaussian, width of the wing over the core


@dataclass(frozen=True)
class Sky:
    """Conditions of each object's field, arrays over B objects and 5 bands.

    Attributes:
        fwhm: Seeing [arcsec] (B, 5).
        level: Sky brightness [nanomaggy/arcsec^2] (B, 5).
    """

    fwhm: np.ndarray
    level: np.ndarray


def draw_sky(
    rng: np.random.Generator, count: int, *, seeing: float = 1.0, brightness: float = 1.0
) -> Sky:
    """Draws seeing (r: 1.3 arcsec, sd 0.2) and sky level (scatter 10 %) of each object's field.

    Args:
        rng: Random numbers.
        count: Objects.
        seeing: Factor on the seeing.
        brightness: Factor on the sky.
    """
    fwhm = seeing * rng.normal(1.3, 0.2, count).clip(0.9, 2.2)[:, None] * _SEEING_COLOR
    return Sky(fwhm, brightness * SKY * np.exp(rng.normal(0.0, 0.1, (count, 1))))


def pixel_noise(flux: np.ndarray, level: np.ndarray, detectors: Detectors = AVERAGE) -> np.ndarray:
    """Noise [nanomaggy] of pixels (..., 5) that hold flux [nanomaggy] over a sky level.

    sigma = calibration sqrt(DN / gain + dark variance): SDSS data model of `frame`.

    Args:
        flux: Source flux in the pixel [nanomaggy], last axis the band.
        level: Sky [nanomaggy/arcsec^2], broadcastable to it.
        detectors: Gain, calibration and dark variance.
    """
    counts = (np.maximum(flux, 0.0) + level * PIXEL**2) / detectors.calibration
    return detectors.calibration * np.sqrt(counts / detectors.gain + detectors.dark_variance)


@cache
def _bulge_transform() -> tuple[np.ndarray, np.ndarray]:
    """Hankel transform of the n = 4 profile of unit flux: frequencies [1/r50] and values."""
    frequency = np.concatenate([[0.0], np.geomspace(1e-3, 60.0, 700)])
    root = np.linspace(0.0, _CUT[1] ** 0.25, 16001)  # r = root^4 tames the cusp
    radius = root**4
    fade = np.clip((_CUT[1] - radius) / (_CUT[1] - _CUT[0]), 0.0, 1.0)
    ring = np.exp(-_SERSIC_B[4] * root) * fade * radius * 4.0 * root**3
    values = np.array([np.sum(ring * j0(2.0 * np.pi * q * radius)) for q in frequency])
    return frequency, values / values[0]


def _disc_transform(frequency: np.ndarray) -> np.ndarray:
    """Hankel transform of the exponential profile of unit flux; frequency in 1/r50."""
    scale = 1.0 / _SERSIC_B[1]
    return (1.0 + (2.0 * np.pi * scale * frequency) ** 2) ** -1.5


def profile_transform(frequency: np.ndarray, index: int) -> np.ndarray:
    """Hankel transform of a Sersic profile of unit flux, index 1 or 4; frequency in 1/r50."""
    if index == 1:
        return _disc_transform(frequency)
    return np.interp(frequency, *_bulge_transform())


def enclosed(radius: np.ndarray, half_light: np.ndarray, index: int) -> np.ndarray:
    """Share of a circular Sersic profile's light within a radius; index 1 or 4."""
    ratio = np.asarray(radius) / half_light
    return gammainc(2.0 * index, _SERSIC_B[index] * ratio ** (1.0 / index))


@dataclass(frozen=True)
class Profiles:
    """Light profiles on images: row of the image, place, shape, and flux in each band.

    Attributes:
        row: Image each profile belongs to (P,).
        offset: Place x, y from the image centre [pixel] (P, 2).
        radius: Half-light radius [pixel] (P,); 0 = a point.
        axis: Axis ratio (P,).
        angle: Position angle of the major axis [rad] (P,).
        index: Sersic index, 1 or 4 (P,).
        flux: [nanomaggy] (P, 5).
    """

    row: np.ndarray
    offset: np.ndarray
    radius: np.ndarray
    axis: np.ndarray
    angle: np.ndarray
    index: np.ndarray
    flux: np.ndarray


def render(profiles: Profiles, fwhm: np.ndarray, size: int) -> np.ndarray:
    """Noiseless images (B, 5, size, size) [nanomaggy per pixel] of profiles.

    The image centre is (size - 1) / 2 on both axes. Each profile is drawn on twice the size, so
    that light beyond the edge does not come back on the other side.

    Args:
        profiles: Any number of profiles per image.
        fwhm: Seeing [arcsec] of each image and band (B, 5).
        size: Pixels on a side.
    """
    images = np.empty((fwhm.shape[0], fwhm.shape[1], size, size), dtype=np.float32)
    wide = 2 * size
    fx, fy = np.fft.rfftfreq(wide), np.fft.fftfreq(wide)
    centre = (size - 1) / 2.0
    order = np.argsort(profiles.row, kind="stable")
    bounds = np.searchsorted(profiles.row[order], np.arange(fwhm.shape[0] + 1))
    for row in range(fwhm.shape[0]):
        light = np.zeros((fwhm.shape[1], wide, fx.size), dtype=np.complex64)
        for item in order[bounds[row] : bounds[row + 1]]:
            plane = _transform(profiles, int(item), fx, fy)
            px, py = profiles.offset[item] + centre
            shift = np.exp(-2j * np.pi * fy * py)[:, None] * np.exp(-2j * np.pi * fx * px)
            light += profiles.flux[item, :, None, None].astype(np.float32) * (plane * shift).astype(
                np.complex64
            )
        light *= _point_spread(fwhm[row], fx, fy)
        images[row] = np.fft.irfft2(light, s=(wide, wide))[:, :size, :size]
    return images


def _transform(profiles: Profiles, item: int, fx: np.ndarray, fy: np.ndarray) -> np.ndarray:
    """Fourier transform of one profile of unit flux (H, W/2 + 1)."""
    radius = profiles.radius[item]
    if radius == 0.0:
        return np.ones((1, 1))
    cosine, sine = np.cos(profiles.angle[item]), np.sin(profiles.angle[item])
    major = fx * cosine + fy[:, None] * sine
    minor = (fy[:, None] * cosine - fx * sine) * profiles.axis[item]
    return profile_transform(radius * np.sqrt(major**2 + minor**2), int(profiles.index[item]))


def _point_spread(fwhm: np.ndarray, fx: np.ndarray, fy: np.ndarray) -> np.ndarray:
    """Transform of the double Gaussian and of the pixel, one plane per band (5, H, W/2 + 1)."""
    sigma = fwhm[:, None] / PIXEL / FWHM_OVER_SIGMA
    share, wider = WING
    planes = np.zeros((fwhm.size, fy.size, fx.size))
    for weight, width in ((share, sigma), (1.0 - share, wider * sigma)):
        along_y = np.exp(-2.0 * (np.pi * width * fy) ** 2) * np.sinc(fy)
        along_x = np.exp(-2.0 * (np.pi * width * fx) ** 2) * np.sinc(fx)
        planes += weight * along_y[:, :, None] * along_x[:, None, :]
    return planes.astype(np.float32)


def expose(
    rng: np.random.Generator, images: np.ndarray, sky: Sky, depth: float = 1.0
) -> np.ndarray:
    """Adds sky, photon and read noise to noiseless images (B, 5, H, W); the sky is subtracted.

    `depth` is a factor on the signal-to-noise.
    """
    noisy = np.empty(images.shape, dtype=np.float32)
    for row, image in enumerate(images):  # one by one: in double precision all would be large
        noise = pixel_noise(np.moveaxis(image, 0, -1), sky.level[row]) / depth
        noisy[row] = image + np.moveaxis(noise, -1, 0) * rng.normal(size=image.shape)
    return noisy


def join(*parts: Profiles) -> Profiles:
    """All profiles of several scenes on the same images."""
    names = [item.name for item in fields(Profiles)]
    return Profiles(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})


def select(profiles: Profiles, which: np.ndarray) -> Profiles:
    """The profiles where `which` (P,) is true."""
    names = [item.name for item in fields(Profiles)]
    return Profiles(**{name: getattr(profiles, name)[which] for name in names})
