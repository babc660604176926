"""The spectrograph of SDSS-I/II: resolution, noise, flux calibration, masked pixels.

Resolution and noise are measured curves (15 real spectra), not tuned to any result.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from trifid.physics import lines
from trifid.schema import grid

# wavelength [angstrom], noise over its median at 6500-7000 A, line spread sigma [pixel of 1e-4 dex]
_CURVES = np.array(
    [
        (3825, 3.80, 1.32), (3875, 3.35, 1.31), (3950, 2.86, 1.29), (4050, 2.42, 1.26),
        (4150, 2.14, 1.22), (4300, 1.87, 1.17), (4500, 1.67, 1.10), (4700, 1.56, 1.05),
        (4900, 1.46, 1.00), (5125, 1.38, 0.948), (5375, 1.35, 0.897), (5555, 1.35, 0.862),
        (5578, 1.46, 0.859), (5601, 1.36, 0.856), (5785, 1.50, 0.835), (5890, 1.40, 0.906),
        (6025, 1.21, 0.928), (6190, 1.17, 0.969), (6440, 1.03, 0.940), (6600, 1.01, 0.918),
        (6925, 1.00, 0.873), (7100, 0.97, 0.852), (7300, 0.99, 0.830), (7500, 0.98, 0.818),
        (7650, 1.10, 0.810), (7800, 1.05, 0.802), (8200, 1.07, 0.773), (8400, 1.16, 0.753),
        (8600, 1.20, 0.744), (8800, 1.24, 0.734), (9000, 1.36, 0.720), (9150, 1.41, 0.712),
    ]
)  # fmt: skip
PIXEL_VELOCITY = lines.SPEED_OF_LIGHT * np.log(10.0) * grid.LOG10_STEP  # 69.03 km/s
SKY_SIGMA = 0.30  # noise without source at 6500-7000 A [1e-17 erg/s/cm2/angstrom]
SOURCE_GAIN = 0.03  # variance per unit of source flux, same units
PLATE_SCATTER = 0.2  # of the logarithm of the noise, plate to plate
CALIBRATION = 0.04  # rms of the smooth flux calibration error of a plate
JOIN_STEP = 0.02  # rms step between the blue and the red arm
JOIN = 6000.0  # [angstrom]
NEIGHBOUR = 0.08  # weight of each neighbour in a pixel's noise: correlation 0.16 at lag 1
NO_DATA = 1 << 24  # SPPIXMASK bits
BRIGHT_SKY = 1 << 23
_SKY_LINES = (5578.9, 5891.6, 6302.0)  # [O I], Na D, [O I]; vacuum


def noise_curve(wavelength: np.ndarray) -> np.ndarray:
    """Noise over its median at 6500-7000 angstrom, at observed wavelengths [angstrom]."""
    return np.interp(wavelength, _CURVES[:, 0], _CURVES[:, 1])


def line_spread(wavelength: np.ndarray) -> np.ndarray:
    """Standard deviation of the line spread function [pixel of 1e-4 dex]."""
    return np.interp(wavelength, _CURVES[:, 0], _CURVES[:, 2])


def line_sigma(velocity: np.ndarray, log10_wavelength: np.ndarray) -> np.ndarray:
    """Width [pixel] of lines of a dispersion [km/s] seen at log10 wavelengths [angstrom]."""
    return np.hypot(velocity / PIXEL_VELOCITY, line_spread(10.0**log10_wavelength))


@dataclass(frozen=True)
class Exposure:
    """What all fibres of one plate observation share.

    Attributes:
        noise: Factor on the noise curve.
        calibration: Factor on the flux at each pixel of the grid (L,).
        start: Typical first grid pixel with data.
    """

    noise: float
    calibration: np.ndarray
    start: int


def draw_exposure(rng: np.random.Generator) -> Exposure:
    """Draws the noise level, flux calibration error and wavelength range of a plate."""
    x = np.linspace(-1.0, 1.0, grid.LENGTH)
    shape = np.polynomial.legendre.legval(x, rng.normal(size=4) * [0.5, 1.0, 0.8, 0.5])
    shape *= CALIBRATION / np.sqrt(0.25 + 1 / 3 + 0.64 / 5 + 0.25 / 7)
    step = rng.normal(0.0, JOIN_STEP) * np.tanh((grid.wavelengths() - JOIN) / 50.0) / 2.0
    return Exposure(
        noise=float(np.exp(rng.normal(0.0, PLATE_SCATTER))),
        calibration=1.0 + shape + step,
        start=int(rng.integers(288, 331)),
    )


@dataclass(frozen=True)
class FibreNoise:
    """Each row's noise factor (B,), pixels that hold data (B, L) and calibration (B, L)."""

    noise: np.ndarray
    covered: np.ndarray
    calibration: np.ndarray


def scale_to_snr(shape: np.ndarray, snr: np.ndarray, fibres: FibreNoise) -> np.ndarray:
    """Factors (B,) that bring spectra to a median S/N per pixel, solving the noise model for them.

    Args:
        shape: Spectra on the grid (B, L) in any unit.
        snr: Wanted median of flux / noise over the pixels with data (B,).
        fibres: Noise factor and coverage of each row.
    """
    curve = noise_curve(grid.wavelengths())
    relative = np.where(fibres.covered, shape / curve, np.nan)
    per_noise = np.nanmedian(relative, axis=1)
    middle = np.nanmedian(np.where(fibres.covered, shape, np.nan), axis=1)
    # (scale per_noise)^2 = (snr noise)^2 (sky^2 + gain scale middle)
    power = (snr * fibres.noise) ** 2
    half = power * SOURCE_GAIN * middle / (2.0 * per_noise**2)
    return half + np.sqrt(half**2 + power * SKY_SIGMA**2 / per_noise**2)


def draw_fibres(
    rng: np.random.Generator, exposures: list[Exposure], which: np.ndarray
) -> FibreNoise:
    """Gives each row its exposure's noise and calibration, its own coverage and masked runs."""
    noise = np.array([item.noise for item in exposures])[which]
    calibration = np.stack([item.calibration for item in exposures])[which]
    first = np.array([item.start for item in exposures])[which] + rng.integers(-2, 3, which.size)
    length = rng.integers(3802, 3850, which.size)
    pixel = np.arange(grid.LENGTH)
    covered = (pixel >= first[:, None]) & (pixel < (first + length)[:, None])
    for row in range(which.size):
        for _ in range(rng.poisson(1.2)):
            begin = int(rng.integers(first[row], first[row] + length[row]))
            covered[row, begin : begin + int(rng.integers(3, 40))] = False
    return FibreNoise(noise, covered, calibration)


def observe(
    rng: np.random.Generator, continuum: np.ndarray, emission: np.ndarray, fibres: FibreNoise
) -> dict[str, np.ndarray]:
    """Adds noise, calibration error and gaps to spectra.

    Variance = curve^2 noise^2 (sky^2 + gain (median continuum + emission)), the measured model;
    noise is mildly correlated between neighbours, as resampled survey spectra are.

    Args:
        rng: Random numbers.
        continuum: Starlight [1e-17 erg/s/cm2/angstrom] (B, L).
        emission: Emission lines, same units (B, L).
        fibres: Noise factor, coverage and calibration of each row.

    Returns:
        Fields of a stored spectrum: flux, ivar float32, mask int32, each (B, L).
    """
    x = grid.wavelengths()
    middle = np.nanmedian(np.where(fibres.covered, continuum, np.nan), axis=1)[:, None]
    variance = SKY_SIGMA**2 + SOURCE_GAIN * (middle + emission)
    sigma = noise_curve(x) * fibres.noise[:, None] * np.sqrt(variance) * fibres.calibration
    white = rng.normal(size=(continuum.shape[0], grid.LENGTH + 2))
    noise = white[:, 1:-1] + NEIGHBOUR * (white[:, :-2] + white[:, 2:])
    noise /= np.sqrt(1.0 + 2.0 * NEIGHBOUR**2)
    flux = (continuum + emission) * fibres.calibration + sigma * noise
    covered = fibres.covered
    mask = np.where(covered, 0, NO_DATA).astype(np.int32)
    near_sky = np.min(np.abs(x[:, None] - np.array(_SKY_LINES)), axis=1) < 6.0
    mask[:, near_sky] |= BRIGHT_SKY
    return {
        "flux": np.where(covered, flux, 0.0).astype(np.float32),
        "ivar": np.where(covered, sigma**-2.0, 0.0).astype(np.float32),
        "mask": mask,
    }


def line_profiles(
    positions: np.ndarray, sigma: np.ndarray, log10_start: np.ndarray, length: int
) -> np.ndarray:
    """Gaussian lines of unit flux on a window of the grid, integrated over pixels.

    Args:
        positions: log10 of the line centres [angstrom] (B,).
        sigma: Standard deviation of the line [pixel of 1e-4 dex] (B,).
        log10_start: log10 wavelength of each window's first pixel (B,).
        length: Pixels in a window.

    Returns:
        Flux per angstrom (B, length); a line outside the window gives zeros.
    """
    place = (positions - log10_start) / grid.LOG10_STEP
    pixel = np.rint(place).astype(np.int64)[:, None] + np.arange(-_REACH, _REACH + 1)
    offset, half = (pixel - place[:, None]) / sigma[:, None], 0.5 / sigma[:, None]
    log10_wavelength = log10_start[:, None] + grid.LOG10_STEP * pixel
    angstrom_per_pixel = np.log(10.0) * grid.LOG10_STEP * 10.0**log10_wavelength
    values = (ndtr(offset + half) - ndtr(offset - half)) / angstrom_per_pixel
    inside = (pixel >= 0) & (pixel < length)
    rows = np.broadcast_to(np.arange(pixel.shape[0])[:, None], pixel.shape)
    profiles = np.zeros((pixel.shape[0], length))
    profiles[rows[inside], pixel[inside]] = values[inside]
    return profiles


_REACH = 32  # half width of a line's window [pixel]: 7 sigma of the broadest line
