"""Where quasars are and how bright they look: luminosity function, volume, survey limits.

Luminosity function: Ross+ 2013, ApJ 773, 14, tables 8 and 9: pure luminosity evolution up to
redshift 2.2, then evolution of luminosity and density; i band, K-corrected to redshift 2. Limits
of SDSS-I/II: Richards+ 2002, AJ 123, 2945; of BOSS: Ross+ 2012, ApJS 199, 3. All constants of this
module were recalled: unverified.
"""

from functools import cache

import numpy as np

from trifid.physics import cosmology

SURVEYS = ("legacy", "boss")
_Z = np.linspace(0.06, 5.3, 525)
_FAINTEST, _BRIGHTEST = 22.0, 15.5
_I = np.arange(_BRIGHTEST, _FAINTEST + 0.01, 0.05)
REFERENCE = -26.0  # M_i(z = 2) at which lines have their tabulated equivalent widths


def absolute_magnitude(magnitude: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """M_i(z = 2) of an i magnitude free of dust, for a continuum of slope -0.5 in frequency."""
    k_correction = -1.25 * np.log10((1.0 + redshift) / 3.0)
    return magnitude - cosmology.distance_modulus(redshift) - k_correction


def density(absolute: np.ndarray, redshift: np.ndarray) -> np.ndarray:
    """Quasars per Mpc^3 and magnitude at M_i(z = 2) and redshift."""
    late = np.minimum(redshift, 2.2)
    break_late = -22.85 - 2.5 * (1.241 * late - 0.249 * late**2)
    above = redshift - 2.2
    early = above > 0.0
    middle = np.where(early, -26.57 - 0.809 * above, break_late)
    level = np.where(early, -5.93 - 0.689 * above, -5.96)
    faint, bright = np.where(early, -1.29, -1.16), np.where(early, -3.51, -3.37)
    excess = absolute - middle
    return 10.0**level / (
        10.0 ** (0.4 * (faint + 1.0) * excess) + 10.0 ** (0.4 * (bright + 1.0) * excess)
    )


def _chosen(survey: str, redshift: np.ndarray, magnitude: np.ndarray) -> np.ndarray:
    """Share of the quasars that the survey takes spectra of."""
    if survey == "legacy":
        bright = (magnitude < 19.1) & (magnitude > 15.5)
        distant = 0.45 * ((magnitude < 20.2) & (redshift > 2.9))
        # where quasars look like A and F stars fewer are chosen
        hidden = 1.0 - 0.75 * np.exp(-0.5 * ((redshift - 2.75) / 0.2) ** 2)
        return np.maximum(bright, distant) * hidden
    limit = (magnitude > 17.8) & (magnitude < 21.9)
    # g < 22: beyond redshift 3.5 the forest takes the g light
    target = np.clip((redshift - 2.05) / 0.15, 0.15, 1.0) * np.clip((3.9 - redshift) / 0.5, 0.02, 1)
    return limit * target * (1.0 / (1.0 + np.exp((magnitude - 21.6) / 0.15)))


@cache
def _cells(survey: str) -> np.ndarray:
    """Cumulative share of the cells of redshift and i magnitude."""
    z, magnitude = np.meshgrid(_Z, _I, indexing="ij")
    volume = cosmology.volume_slope(_Z)[:, None]
    number = density(absolute_magnitude(magnitude, z), z) * volume * _chosen(survey, z, magnitude)
    # fainter than this the survey calls them galaxies
    number *= absolute_magnitude(magnitude, z) < -21.5
    return np.cumsum(number.ravel()) / number.sum()


def draw(rng: np.random.Generator, count: int, survey: str) -> tuple[np.ndarray, np.ndarray]:
    """Redshifts and i magnitudes, without the Milky Way's dust, of a survey's quasars.

    Args:
        rng: Random numbers.
        count: How many.
        survey: One of `SURVEYS`.
    """
    cell = np.searchsorted(_cells(survey), rng.random(count))
    row, column = np.unravel_index(cell, (_Z.size, _I.size))
    z = _Z[row] + (_Z[1] - _Z[0]) * rng.uniform(-0.5, 0.5, count)
    return z, _I[column] + 0.05 * rng.uniform(-0.5, 0.5, count)
