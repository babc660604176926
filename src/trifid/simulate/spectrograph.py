"""What a spectrograph does to light: noise, flux calibration, coverage, masked pixels.

The instruments themselves are numbers in `instruments`; noise is never tuned to any result.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from trifid.schema import grid
from trifid.simulate.instruments import PIXEL_VELOCITY, SDSS, Instrument

NO_DATA = 1 << 24  # SPPIXMASK bits
BRIGHT_SKY = 1 << 23
_SKY_LINES = (5578.9, 5891.6, 6302.0)  # [O I], Na D, [O I]; vacuum
SKY_SIGMA, SOURCE_GAIN = SDSS.sky_sigma, SDSS.source_gain
_REFERENCE = (3800.0, 9200.0)  # wavelengths of the median S/N that sets a brightness [angstrom]


def noise_curve(wavelength: np.ndarray) -> np.ndarray:
    """Noise of SDSS-I/II over its median at 6500-7000 angstrom, at observed wavelengths."""
    return SDSS.noise_curve(wavelength)


def line_spread(wavelength: np.ndarray) -> np.ndarray:
    """Standard deviation of the line spread of SDSS-I/II [pixel of 1e-4 dex]."""
    return SDSS.line_spread(wavelength)


def line_sigma(velocity: np.ndarray, log10_wavelength: np.ndarray) -> np.ndarray:
    """Width [pixel] of lines of a dispersion [km/s] that SDSS-I/II sees at log10 wavelengths."""
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


def draw_exposure(rng: np.random.Generator, instrument: Instrument = SDSS) -> Exposure:
    """Draws the noise level, flux calibration error and wavelength range of a plate."""
    noise = float(np.exp(rng.normal(0.0, instrument.plate_scatter)))
    x = np.linspace(-1.0, 1.0, grid.LENGTH)
    shape = np.polynomial.legendre.legval(x, rng.normal(size=4) * [0.5, 1.0, 0.8, 0.5])
    shape *= instrument.calibration / np.sqrt(0.25 + 1 / 3 + 0.64 / 5 + 0.25 / 7)
    for join in instrument.joins:
        step = rng.normal(0.0, instrument.join_step)
        shape = shape + step * np.tanh((grid.wavelengths() - join) / 50.0) / 2.0
    first, last = instrument.start
    return Exposure(
        noise=noise,
        calibration=1.0 + shape,
        start=int(rng.integers(first, last + 1)),
    )


@dataclass(frozen=True)
class FibreNoise:
    """What the fibres of B rows add: arrays over rows, or over rows and pixels.

    Attributes:
        noise: Factor on the noise curve (B,).
        native: Pixels the file of a spectrum would hold (B, L).
        covered: Those of them that hold data (B, L).
        calibration: Factor on the flux (B, L).
        unit: Factor that turns true into recorded flux; 1 but for relative fluxes (B,).
    """

    noise: np.ndarray
    native: np.ndarray
    covered: np.ndarray
    calibration: np.ndarray
    unit: np.ndarray


def draw_fibres(
    rng: np.random.Generator,
    exposures: list[Exposure],
    which: np.ndarray,
    instrument: Instrument = SDSS,
) -> FibreNoise:
    """Gives each row its exposure's noise and calibration, its own coverage and masked runs."""
    noise = np.array([item.noise for item in exposures])[which]
    calibration = np.stack([item.calibration for item in exposures])[which]
    first = np.array([item.start for item in exposures])[which]
    first = np.maximum(first + rng.integers(-2, 3, which.size), 0)
    shortest, longest = instrument.length
    length = rng.integers(shortest, longest + 1, which.size)
    pixel = np.arange(grid.LENGTH)
    native = (pixel >= first[:, None]) & (pixel < (first + length)[:, None])
    covered = native.copy()
    for row in range(which.size):
        for _ in range(rng.poisson(instrument.gaps)):
            begin = int(rng.integers(first[row], first[row] + length[row]))
            covered[row, begin : begin + int(rng.integers(3, 40))] = False
    unit = np.exp(rng.normal(0.0, 1.0, which.size))
    if any(instrument.tilt):
        tilt = rng.normal(*instrument.tilt, which.size)
        calibration = calibration * np.exp(np.outer(-tilt, np.log(grid.wavelengths() / 5400.0)))
    return FibreNoise(
        noise, native, covered, calibration, unit if instrument.relative else np.ones(which.size)
    )


def scale_to_snr(shape: np.ndarray, snr: np.ndarray, noise: float = 1.0) -> np.ndarray:
    """Factors (B,) that bring spectra to a median S/N per pixel, as SDSS-I/II would see them.

    Args:
        shape: Spectra on the grid (B, L) in any unit.
        snr: Wanted median of flux / noise (B,).
        noise: Factor on the noise curve.
    """
    inside, curve = _reference_noise()
    per_noise = np.median(shape[:, inside] / curve, axis=1)
    middle = np.median(shape[:, inside], axis=1)
    # (scale per_noise)^2 = (snr noise)^2 (sky^2 + gain scale middle)
    power = (snr * noise) ** 2
    half = power * SOURCE_GAIN * middle / (2.0 * per_noise**2)
    return half + np.sqrt(half**2 + power * SKY_SIGMA**2 / per_noise**2)


@cache
def _reference_noise() -> tuple[np.ndarray, np.ndarray]:
    x = grid.wavelengths()
    inside = (x > _REFERENCE[0]) & (x < _REFERENCE[1])
    return inside, noise_curve(x[inside])


def observe(
    rng: np.random.Generator,
    continuum: np.ndarray,
    emission: np.ndarray,
    fibres: FibreNoise,
    instrument: Instrument = SDSS,
    *,
    sky: float = 1.0,
    depth: float = 1.0,
) -> dict[str, np.ndarray]:
    """Adds noise, calibration error and gaps to spectra.

    Recorded variance = (curve noise / depth)^2 (sky^2 + gain (median continuum + emission)), the
    measured model; noise is mildly correlated between neighbours, as resampled survey spectra are,
    and not quite what the variance says where the instrument misjudges it.

    Args:
        rng: Random numbers.
        continuum: Light without narrow lines [1e-17 erg/s/cm2/angstrom] (B, L).
        emission: Narrow lines, same units (B, L).
        fibres: Noise factor, coverage and calibration of each row.
        instrument: The spectrograph.
        sky: Factor on the brightness of the sky.
        depth: Factor on the signal-to-noise.

    Returns:
        Fields of a stored spectrum: flux, ivar float32, mask int32, each (B, L).
    """
    x = grid.wavelengths()
    middle = np.nanmedian(np.where(fibres.covered, continuum, np.nan), axis=1)[:, None]
    source = np.maximum(middle + emission, 0.0)
    variance = instrument.sky_sigma**2 * sky + instrument.source_gain * source
    level = fibres.noise[:, None] * fibres.unit[:, None] / depth
    sigma = instrument.noise_curve(x) * level * np.sqrt(variance) * fibres.calibration
    white = rng.normal(size=(continuum.shape[0], grid.LENGTH + 2))
    weight = instrument.neighbour
    noise = white[:, 1:-1] + weight * (white[:, :-2] + white[:, 2:])
    noise *= instrument.noise_error(x) / np.sqrt(1.0 + 2.0 * weight**2)
    noise += _strikes(rng, noise.shape, instrument.strikes)
    flux = (continuum + emission) * fibres.calibration * fibres.unit[:, None] + sigma * noise
    mask = np.where(fibres.native & ~fibres.covered, NO_DATA, 0).astype(np.int32)
    near_sky = np.min(np.abs(x[:, None] - np.array(_SKY_LINES)), axis=1) < 6.0
    mask |= np.where(fibres.native & near_sky, BRIGHT_SKY, 0).astype(np.int32)
    return {
        "flux": np.where(fibres.covered, flux, 0.0).astype(np.float32),
        "ivar": np.where(fibres.covered, sigma**-2.0, 0.0).astype(np.float32),
        "mask": mask,
    }


def _strikes(rng: np.random.Generator, shape: tuple[int, int], mean: float) -> np.ndarray:
    """Runs of one to five bad pixels, 5 to 12 sigma up or down (B, L) [unverified]."""
    struck = np.zeros(shape)
    for row in range(shape[0] if mean else 0):
        for _ in range(rng.poisson(mean)):
            begin, length = int(rng.integers(shape[1])), int(rng.integers(1, 6))
            struck[row, begin : begin + length] = rng.choice([-1, 1]) * rng.uniform(5.0, 12.0)
    return struck


def median_snr(flux: np.ndarray, ivar: np.ndarray) -> np.ndarray:
    """Median signal-to-noise per pixel over the pixels with data (B,)."""
    snr = np.where(ivar > 0, flux * np.sqrt(ivar), np.nan)
    return np.nanmedian(snr.astype(np.float64), axis=1)
