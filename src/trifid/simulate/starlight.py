"""Simulated stars and their light."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.random import Generator

from trifid.physics import extinction, lines, photometry
from trifid.schema import grid
from trifid.simulate import stellar_grid, stellar_lines
from trifid.simulate.source import Light, Shape, Spread
from trifid.simulate.spectrograph import PIXEL_VELOCITY

_LENGTH = stellar_lines.LENGTH
_PADDED = 6000  # with a bridge from the last pixel to the first, so that Fourier space is smooth
_GRID = slice(
    round((grid.LOG10_START - stellar_lines.LOG10_START) / grid.LOG10_STEP),
    round((grid.LOG10_START - stellar_lines.LOG10_START) / grid.LOG10_STEP) + grid.LENGTH,
)
_ROTATION = 0.43  # standard deviation of a rotation profile over v sin i: limb darkening 0.6
_ROWS = 512  # worked on at a time


@dataclass(frozen=True)
class Stars:
    """B stars; every attribute is an array over them.

    Attributes:
        truth_type: What it is: a spectral class or BHB, BS, MS, DA, DB, DC, carbon (B,).
        family: Name of the grid of models its light is taken from (B,).
        teff: Effective temperature [K] (B,).
        gravity: log10 of the surface gravity [cm/s2] (B,).
        metallicity: [Fe/H] (B,).
        rotation: v sin i [km/s] (B,).
        redshift: Velocity over the speed of light (B,).
        galactic_ebv: True Milky Way E(B-V), on the scale of the raw SFD map [mag] (B,).
        magnitude: r [AB], dimmed by the Milky Way (B,).
    """

    truth_type: np.ndarray
    family: np.ndarray
    teff: np.ndarray
    gravity: np.ndarray
    metallicity: np.ndarray
    rotation: np.ndarray
    redshift: np.ndarray
    galactic_ebv: np.ndarray
    magnitude: np.ndarray

    kind = "star"

    def __len__(self) -> int:
        return self.redshift.size

    def take(self, rows: np.ndarray) -> Self:
        """The stars of some rows, in that order."""
        return type(self)(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})

    def shine(self, spread: Spread) -> Light:
        """Their light: model spectra, turned, moved, reddened and seen by an instrument."""
        wavelength = wavelengths()
        weights = photometry.band_weights(wavelength)
        curve = extinction.milky_way(wavelength)
        sigma = np.asarray(spread(wavelength), dtype=np.float64)
        seen, bands = [], []
        for begin in range(0, len(self), _ROWS):
            part = self.take(np.arange(begin, min(begin + _ROWS, len(self))))
            flux = _broadened(part, sigma)
            foreground = extinction.SF11_SCALE * part.galactic_ebv[:, None]
            flux = flux * 10.0 ** (-0.4 * foreground * curve)
            seen.append(flux[:, _GRID])
            bands.append(flux @ weights.T)
        continuum, bands = np.concatenate(seen), np.concatenate(bands)
        return Light(continuum, np.zeros_like(continuum), bands, np.zeros_like(bands))

    def shape(self) -> Shape:
        """Points."""
        one = np.ones(len(self))
        return Shape(one, one, one, one, 0.0 * one, np.ones((len(self), 5)))

    def truth(self) -> Mapping[str, np.ndarray]:
        """Type, temperature, gravity and metallicity."""
        return {
            "truth_star_type": self.truth_type,
            "truth_teff": self.teff,
            "truth_logg": self.gravity,
            "truth_feh": self.metallicity,
        }


def wavelengths() -> np.ndarray:
    """Vacuum wavelengths of the models [angstrom], 2917 to 11350, on the store's step (5900,)."""
    return 10.0 ** (stellar_lines.LOG10_START + grid.LOG10_STEP * np.arange(_LENGTH))


def model_flux(stars: Stars) -> np.ndarray:
    """Spectra of the models (B, 5900), each of mean 1: at rest, not rotating."""
    models = stellar_grid.star_grid()
    flux = np.empty((len(stars), _LENGTH), np.float32)
    for family in np.unique(stars.family):
        rows = np.flatnonzero(stars.family == family)
        flux[rows] = models.flux(
            str(family), stars.teff[rows], stars.gravity[rows], stars.metallicity[rows]
        )
    return flux / flux.mean(axis=1, keepdims=True)


def rest_bands(stars: Stars) -> np.ndarray:
    """Fluxes in ugriz without dust, in one arbitrary unit a row (B, 5)."""
    return model_flux(stars) @ photometry.band_weights(wavelengths()).T


def _broadened(stars: Stars, sigma: np.ndarray) -> np.ndarray:
    """Spectra moved by velocity, broadened by rotation and by the instrument (B, 5900).

    The line spread varies slowly with wavelength: two constant broadenings are mixed so that the
    variance is right at every pixel.
    """
    least, most = float(sigma.min()), float(sigma.max())
    flux = model_flux(stars)
    bridge = np.linspace(0.0, 1.0, _PADDED - _LENGTH + 2)[1:-1]
    bridge = flux[:, -1:] + (flux[:, :1] - flux[:, -1:]) * (3.0 - 2.0 * bridge) * bridge**2
    transformed = np.fft.rfft(np.concatenate([flux, bridge], axis=1), axis=1)
    frequency = np.arange(_PADDED // 2 + 1) / _PADDED
    shift = np.log10(1.0 + stars.redshift) / grid.LOG10_STEP
    turned = (_ROTATION * stars.rotation / PIXEL_VELOCITY) ** 2
    exponent = -2j * np.pi * frequency * shift[:, None]
    exponent = exponent - 2.0 * (np.pi * frequency) ** 2 * (turned[:, None] + least**2)
    transformed *= np.exp(exponent)
    sharp = np.fft.irfft(transformed, n=_PADDED, axis=1)[:, :_LENGTH]
    if most - least < 1e-6:
        return sharp
    transformed *= np.exp(-2.0 * (np.pi * frequency) ** 2 * (most**2 - least**2))
    soft = np.fft.irfft(transformed, n=_PADDED, axis=1)[:, :_LENGTH]
    return sharp + (sigma**2 - least**2) / (most**2 - least**2) * (soft - sharp)


def velocity_redshift(rng: Generator, dispersion: np.ndarray) -> np.ndarray:
    """Redshifts of normal line-of-sight velocities of a dispersion [km/s] (B,)."""
    return rng.normal(0.0, dispersion) / lines.SPEED_OF_LIGHT
