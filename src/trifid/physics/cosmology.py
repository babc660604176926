"""Distances and ages in the flat cosmology of the survey's catalogues, h = 0.7, Omega_m = 0.3.

Matter and a cosmological constant only; radiation, 1e-4 of the density, is left out.
"""

from functools import cache

import numpy as np

from trifid.physics.lines import SPEED_OF_LIGHT

HUBBLE = 70.0  # [km/s/Mpc]
MATTER = 0.3
_HUBBLE_TIME = 9.777922216807891e2 / HUBBLE  # [Gyr]: 1 Mpc over 1 km/s is 977.8 Gyr
_MAX_REDSHIFT = 10.0


@cache
def _table() -> tuple[np.ndarray, np.ndarray]:
    """log(1 + z) and the comoving distance there [Mpc], on a fine grid, by Simpson's rule."""
    places = np.linspace(0.0, np.log1p(_MAX_REDSHIFT), 20001)
    stretch = np.exp(places)
    rate = np.sqrt(MATTER * stretch**3 + 1.0 - MATTER)
    slope = SPEED_OF_LIGHT / HUBBLE * stretch / rate  # d distance / d log(1 + z)
    step = places[1] - places[0]
    pairs = step / 3.0 * (slope[:-2:2] + 4.0 * slope[1:-1:2] + slope[2::2])
    return places[::2], np.concatenate([[0.0], np.cumsum(pairs)])


def comoving_distance(redshift: np.ndarray) -> np.ndarray:
    """Comoving distance [Mpc] of redshifts from 0 to 10."""
    places, distance = _table()
    return np.interp(np.log1p(np.asarray(redshift, dtype=np.float64)), places, distance)


def luminosity_distance(redshift: np.ndarray) -> np.ndarray:
    """Luminosity distance [Mpc]: flux = luminosity / (4 pi distance^2)."""
    return (1.0 + np.asarray(redshift)) * comoving_distance(redshift)


def angular_distance(redshift: np.ndarray) -> np.ndarray:
    """Angular-diameter distance [Mpc]: size = angle [rad] times this."""
    return comoving_distance(redshift) / (1.0 + np.asarray(redshift))


def distance_modulus(redshift: np.ndarray) -> np.ndarray:
    """Apparent less absolute magnitude [mag], without the K correction."""
    return 5.0 * np.log10(luminosity_distance(redshift)) + 25.0


def volume_slope(redshift: np.ndarray) -> np.ndarray:
    """Comoving volume of the whole sky per redshift, dV/dz [Mpc^3]."""
    redshift = np.asarray(redshift, dtype=np.float64)
    rate = np.sqrt(MATTER * (1.0 + redshift) ** 3 + 1.0 - MATTER)
    return 4.0 * np.pi * SPEED_OF_LIGHT / HUBBLE * comoving_distance(redshift) ** 2 / rate


def age(redshift: np.ndarray) -> np.ndarray:
    """Age of the universe [Gyr] at redshifts, in closed form."""
    vacuum = 1.0 - MATTER
    ratio = np.sqrt(vacuum / MATTER) * (1.0 + np.asarray(redshift, dtype=np.float64)) ** -1.5
    return 2.0 / (3.0 * np.sqrt(vacuum)) * _HUBBLE_TIME * np.arcsinh(ratio)
