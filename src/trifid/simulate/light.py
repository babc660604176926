"""From stars and gas to the light an instrument sees: redshift, broadening, dust, bands.

Everything is computed once in the rest frame, on the logarithmic grid of `populations`, where dust
is a factor, broadening a convolution and redshift a shift; the last two are one multiplication in
Fourier space.
"""

from dataclasses import dataclass

import numpy as np
from scipy import fft

from trifid.physics import extinction, photometry
from trifid.schema import grid
from trifid.simulate import histories
from trifid.simulate.instruments import PIXEL_VELOCITY
from trifid.simulate.populations import LENGTH, LOG10_START, YOUNG, Populations, rest_wavelengths
from trifid.simulate.source import Spread

LOG10_FIRST = 3.465  # of the observed window, 2917 to 11350 angstrom: all five bands
WINDOW = 5900  # pixels
STORE = slice(
    round((grid.LOG10_START - LOG10_FIRST) / grid.LOG10_STEP),
    round((grid.LOG10_START - LOG10_FIRST) / grid.LOG10_STEP) + grid.LENGTH,
)
"""The store's grid within the window."""
_OFFSET = round((LOG10_FIRST - LOG10_START) / grid.LOG10_STEP)
MAX_REDSHIFT = 0.83  # the window then begins where the templates do
_LEAST = 0.6  # least broadening [pixel]; less would ring, for the templates are sharper than that


def observed_wavelengths() -> np.ndarray:
    """Wavelengths [angstrom] of the window."""
    return 10.0 ** (LOG10_FIRST + grid.LOG10_STEP * np.arange(WINDOW))


@dataclass(frozen=True)
class Starlight:
    """Light of stars in the rest frame, behind the galaxy's dust [solar luminosity/angstrom].

    Attributes:
        whole: Of all stars (B, LENGTH).
        old: Of the old part (B, LENGTH).
    """

    whole: np.ndarray
    old: np.ndarray


def starlight(populations: Populations, formed: np.ndarray, gas_ebv: np.ndarray) -> Starlight:
    """Adds up populations: masses formed (B, 3, A, Z) [solar] and E(B-V) of the gas (B,)."""
    count = formed.shape[0]
    flux = populations.flux.reshape(-1, LENGTH)
    youngest = YOUNG * populations.flux.shape[1]  # rows of the young bins; the others lack them
    young = formed[:, 0].reshape(count, -1)[:, :youngest] @ flux[:youngest]
    recent, old = (
        formed[:, part].reshape(count, -1)[:, youngest:] @ flux[youngest:] for part in (1, 2)
    )
    curve = extinction.calzetti00(rest_wavelengths())
    gas, stars = (
        10.0 ** (-0.4 * ebv[:, None] * curve)
        for ebv in histories.part_ebv(gas_ebv).T[:2]
    )  # fmt: skip
    old *= stars
    return Starlight(young * gas + recent * stars + old, old)


def broadening(
    populations: Populations, redshift: np.ndarray, velocity: np.ndarray, spread: Spread
) -> np.ndarray:
    """Variance [pixel^2] to add to templates at each pixel of the window (B, WINDOW).

    That of the stars' velocities [km/s] (B,), and what the instrument's resolution has over that of
    the templates; where the templates are the blurrier, nothing.
    """
    instrument = spread(observed_wavelengths()) ** 2
    shift = np.rint(np.log10(1.0 + redshift) / grid.LOG10_STEP).astype(np.int64)
    pixel = _OFFSET + np.arange(WINDOW) - shift[:, None]
    template = populations.spread[pixel.clip(0, LENGTH - 1)] ** 2
    stars = (velocity / PIXEL_VELOCITY)[:, None] ** 2
    return np.maximum(stars + np.maximum(instrument - template, 0.0), _LEAST**2)


def observe(rest: np.ndarray, redshift: np.ndarray, variance: np.ndarray) -> np.ndarray:
    """Shifts and broadens rest spectra (B, LENGTH) into the window (B, WINDOW).

    The variance [pixel^2] (B, WINDOW) changes slowly with wavelength: spectra are convolved with
    its least and its greatest value, and mixed linearly in variance between. That is exact to
    first order in the difference, 3 % of the depth of the sharpest lines at worst.
    """
    frequency = np.arange(LENGTH // 2 + 1) / LENGTH
    shift = np.log10(1.0 + redshift)[:, None] / grid.LOG10_STEP - _OFFSET
    transform = np.asarray(fft.rfft(rest, axis=1)) * np.exp(-2j * np.pi * frequency * shift)
    low, high = variance.min(axis=1)[:, None], variance.max(axis=1)[:, None]
    square = -2.0 * (np.pi * frequency) ** 2
    sharp, blurred = (
        np.asarray(fft.irfft(transform * np.exp(square * value), n=LENGTH, axis=1))[:, :WINDOW]
        for value in (low, high)
    )
    return sharp + (variance - low) / np.maximum(high - low, 1e-9) * (blurred - sharp)


def shifted(rest: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """Rest spectra (B, LENGTH) in the window (B, WINDOW) to the nearest pixel, not broadened."""
    shift = np.rint(np.log10(1.0 + redshift) / grid.LOG10_STEP).astype(np.int64)
    starts = (_OFFSET - shift).clip(0, LENGTH - WINDOW)
    return np.stack([row[start : start + WINDOW] for row, start in zip(rest, starts, strict=True)])


def foreground(galactic_ebv: np.ndarray) -> np.ndarray:
    """Transmission of the Milky Way's dust (B, WINDOW); E(B-V) on the scale of the SFD map."""
    curve = extinction.milky_way(observed_wavelengths())
    return 10.0 ** (-0.4 * extinction.SF11_SCALE * galactic_ebv[:, None] * curve)


def band_fluxes(spectra: np.ndarray) -> np.ndarray:
    """Fluxes in ugriz [nanomaggy] of spectra (B, WINDOW) in 1e-17 erg/s/cm2/angstrom (B, 5)."""
    return spectra @ photometry.band_weights(observed_wavelengths()).T
