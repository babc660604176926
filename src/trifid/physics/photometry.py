"""Magnitudes, nanomaggies and synthetic fluxes in the survey's bands.

A nanomaggy is 1e-9 of the flux of a source of AB magnitude 0, so m = 22.5 - 2.5 log10 f.
"""

from dataclasses import dataclass

import numpy as np

SPEED_OF_LIGHT = 2.99792458e18  # [angstrom/s]
NANOMAGGY = 3.631e-29  # [erg/s/cm2/Hz]: 1e-9 of 3631 Jy


@dataclass(frozen=True)
class Band:
    """A band of the SDSS camera.

    Attributes:
        name: u, g, r, i or z.
        wavelength: Effective wavelength [angstrom].
        width: Full width at half maximum of the response [angstrom].
        softening: b of the asinh magnitude, in units of the flux of magnitude 0.
    """

    name: str
    wavelength: float
    width: float
    softening: float


# wavelengths and widths: SDSS camera page; softening: Lupton, Gunn & Szalay 1999, SDSS values
SDSS_BANDS = (
    Band("u", 3551.0, 599.0, 1.4e-10),
    Band("g", 4686.0, 1379.0, 0.9e-10),
    Band("r", 6166.0, 1382.0, 1.2e-10),
    Band("i", 7480.0, 1535.0, 1.8e-10),
    Band("z", 8932.0, 1370.0, 7.4e-10),
)


def magnitude(flux: np.ndarray) -> np.ndarray:
    """AB magnitudes of fluxes [nanomaggy]; NaN where the flux is not positive."""
    flux = np.asarray(flux, dtype=np.float64)
    return 22.5 - 2.5 * np.log10(np.where(flux > 0, flux, np.nan))


def nanomaggy(magnitudes: np.ndarray) -> np.ndarray:
    """Fluxes [nanomaggy] of AB magnitudes."""
    return 10.0 ** (0.4 * (22.5 - np.asarray(magnitudes, dtype=np.float64)))


def asinh_magnitude(flux: np.ndarray, softening: float | np.ndarray) -> np.ndarray:
    """Magnitudes on the asinh scale of fluxes [nanomaggy], which may be zero or negative.

    Paper: Lupton, Gunn & Szalay 1999, AJ 118, 1406, eq. 3.
    """
    ratio = 1e-9 * np.asarray(flux, dtype=np.float64) / (2.0 * softening)
    return -2.5 / np.log(10.0) * (np.arcsinh(ratio) + np.log(softening))


def asinh_nanomaggy(magnitudes: np.ndarray, softening: float | np.ndarray) -> np.ndarray:
    """Fluxes [nanomaggy] of asinh magnitudes; inverts `asinh_magnitude`."""
    argument = -np.asarray(magnitudes, dtype=np.float64) * np.log(10.0) / 2.5 - np.log(softening)
    return 1e9 * 2.0 * softening * np.sinh(argument)


def response(band: Band, wavelength: np.ndarray) -> np.ndarray:
    """Relative photon response of a band: a top hat with smooth edges.

    An approximation of the measured curves: same effective wavelength and width, edges of 4 % of
    the width. Colours differ from those of the real filters by a few hundredths of a magnitude.
    """
    wavelength = np.asarray(wavelength, dtype=np.float64)
    edge = 0.04 * band.width
    distance = np.abs(wavelength - band.wavelength) - 0.5 * band.width
    return 0.5 * (1.0 - np.tanh(distance / edge))


def band_weights(wavelength: np.ndarray) -> np.ndarray:
    """Weights (5, L) that turn flux densities at `wavelength` into nanomaggies in ugriz.

    The flux of band c is sum over L of weight[c] * f, with f in 1e-17 erg/s/cm2/angstrom:
    the photon-weighted mean of f_nu over the band, divided by the AB zero point.

    Args:
        wavelength: Increasing wavelengths [angstrom] (L,).
    """
    step = np.gradient(wavelength)
    weights = np.empty((len(SDSS_BANDS), wavelength.size))
    for row, band in enumerate(SDSS_BANDS):
        curve = response(band, wavelength)
        normal = np.sum(curve * SPEED_OF_LIGHT / wavelength * step)
        weights[row] = 1e-17 * wavelength * curve * step / normal / NANOMAGGY
    return weights
