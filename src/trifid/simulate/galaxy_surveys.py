"""Flux-limited samples of galaxies: redshift, magnitude and class of what a survey would target.

Counts follow a luminosity function that does not evolve but for a brightening, in the comoving
volume of each redshift, with K corrections of two mean galaxies. That is good for plausible joint
distributions, not for absolute numbers.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np

from trifid.physics import bpt, cosmology
from trifid.simulate.galaxies import Galaxies
from trifid.simulate.galaxy_draw import draw_at, k_correction

MAIN_LIMIT = 17.77  # r of the main galaxy sample: Strauss+ 2002, AJ 124, 1810
DEEP_LIMIT = 21.5
CANDIDATE_LIMIT = 22.3  # r of candidates for quasars: g < 22 or r < 21.85, Ross+ 2012 [unverified]
# Blanton+ 2003, ApJ 592, 819, r at z = 0.1, for h = 0.7 [unverified]
_KNEE, _FAINT_SLOPE = -21.21, -1.05
_BRIGHTENING = 1.0  # of the luminosity function with redshift [mag per unit redshift] [unverified]
# shares at M_r = -21, about those of the whole sample (Brinchmann+ 2004, MNRAS 351, 1151, table 1:
# star-forming 46 %, composite 10, nuclei 14, no lines 31), and how they change with each magnitude
# fainter, as exp [unverified]
_MIX = {
    bpt.STAR_FORMING: (0.47, 0.8),
    bpt.COMPOSITE: (0.10, 0.0),
    bpt.SEYFERT: (0.04, -0.2),
    bpt.LINER: (0.09, -0.5),
    bpt.BLANK: (0.30, -0.6),
}
_BLUE_MIX = {bpt.STAR_FORMING: 0.85, bpt.SEYFERT: 0.10, bpt.COMPOSITE: 0.05}
_RED_MIX = {bpt.BLANK: 0.84, bpt.LINER: 0.11, bpt.COMPOSITE: 0.04, bpt.SEYFERT: 0.01}


def draw_main(rng: np.random.Generator, count: int, *, source: str = "analytic") -> Galaxies:
    """Draws the survey's main galaxy sample: r below 17.77, redshift 0.01 to 0.35."""
    redshift, absolute = _flux_limited(rng, count, (0.01, 0.35), MAIN_LIMIT)
    classes = _draw_classes(rng, absolute)
    magnitude = _bright_enough(rng, (redshift, absolute, classes), MAIN_LIMIT)
    return draw_at(rng, redshift, magnitude, classes, source=source)


def draw_deep(
    rng: np.random.Generator, count: int, *, source: str = "analytic", red: float = 0.55
) -> Galaxies:
    """Draws targets of BOSS's kind: luminous red galaxies and blue ones, r below 21.5, z to 0.8.

    Args:
        rng: Random numbers.
        count: Galaxies.
        source: Stellar populations, one of `populations.SOURCES`.
        red: Share of luminous red galaxies, of redshift about 0.5 and M_r about -22.7 [unverified].
    """
    redshift, magnitude, classes = _deep(rng, count, red)
    return draw_at(rng, redshift, magnitude, classes, source=source)


def draw_boss(rng: np.random.Generator, count: int, *, source: str = "analytic") -> Galaxies:
    """Draws the galaxies on BOSS's plates: half are `draw_deep`'s, half passed for quasars.

    The latter are blue and form stars well above the main sequence, r to 22.3, redshift 0.003 to
    0.8. Their shares, magnitudes and bursts are rounded after a look at seven galaxies among real
    candidates for quasars [unverified].
    """
    redshift, magnitude, classes = _deep(rng, count, 0.55)
    taken = rng.random(count) < 0.5
    number = int(taken.sum())
    near = np.exp(rng.uniform(np.log(0.003), np.log(0.05), number))  # knots of nearby galaxies
    far = 0.01 + 0.79 * rng.beta(1.1, 2.0, number)
    redshift[taken] = np.where(rng.random(number) < 0.2, near, far)
    magnitude[taken] = rng.triangular(18.5, 21.9, CANDIDATE_LIMIT, number)
    classes[taken] = rng.choice(list(_BLUE_MIX), number, p=list(_BLUE_MIX.values()))
    burst = np.where(taken, np.abs(rng.normal(0.6, 0.4, count)), 0.0)
    return draw_at(rng, redshift, magnitude, classes, source=source, burst=burst)


def _deep(
    rng: np.random.Generator, count: int, red: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Redshifts, r magnitudes and classes of `draw_deep`."""
    redshift, absolute = _flux_limited(rng, count, (0.02, 0.8), DEEP_LIMIT - 0.3)
    classes = _draw_classes(rng, absolute)
    luminous = rng.random(count) < red
    classes[luminous] = rng.choice(list(_RED_MIX), luminous.sum(), p=list(_RED_MIX.values()))
    redshift = np.where(luminous, rng.normal(0.5, 0.13, count).clip(0.15, 0.8), redshift)
    absolute = np.where(luminous, rng.normal(-22.7, 0.45, count), absolute)
    return redshift, _bright_enough(rng, (redshift, absolute, classes), DEEP_LIMIT), classes


def _bright_enough(
    rng: np.random.Generator, sample: tuple[np.ndarray, np.ndarray, np.ndarray], limit: float
) -> np.ndarray:
    """R of redshifts, absolute magnitudes and classes (B,); those beyond a limit are moved in."""
    redshift, absolute, classes = sample
    magnitude = absolute + cosmology.distance_modulus(redshift) + k_correction(redshift, classes)
    # the limit was drawn with one mean K correction, so a few lie beyond it
    faint = magnitude > limit
    magnitude[faint] = limit - np.abs(rng.normal(0.0, 0.1, faint.sum()))
    return magnitude


def _draw_classes(rng: np.random.Generator, absolute: np.ndarray) -> np.ndarray:
    """Classes of galaxies of absolute magnitudes: the fainter, the more star formation (B,)."""
    mix: Mapping[str, tuple[float, float]] = _MIX
    weights = np.stack(
        [share * np.exp(slope * (absolute + 21.0)) for share, slope in mix.values()], axis=1
    )
    edges = np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True)
    which = (rng.random(absolute.size)[:, None] > edges).sum(axis=1)
    return np.array(list(mix))[which.clip(0, len(mix) - 1)]


@cache
def _density(
    redshifts: tuple[float, float], limit: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Redshifts, absolute magnitudes, and the cumulative numbers in the cells of both."""
    z = np.linspace(*redshifts, 400)
    absolute = np.arange(-24.5, -14.0, 0.02)
    ratio = 10.0 ** (-0.4 * (absolute - _KNEE + _BRIGHTENING * z[:, None]))
    number = ratio ** (_FAINT_SLOPE + 1.0) * np.exp(-ratio) * cosmology.volume_slope(z)[:, None]
    mean = k_correction(z, np.full(z.size, bpt.COMPOSITE))
    visible = absolute + (cosmology.distance_modulus(z) + mean)[:, None] < limit
    return z, absolute, np.cumsum(number * visible)


def _flux_limited(
    rng: np.random.Generator, count: int, redshifts: tuple[float, float], limit: float
) -> tuple[np.ndarray, np.ndarray]:
    """Redshifts and absolute magnitudes of galaxies above a flux limit, (count,) each."""
    z, absolute, numbers = _density(redshifts, limit)
    cell = np.searchsorted(numbers, rng.random(count) * numbers[-1])
    row, column = np.divmod(cell.clip(0, numbers.size - 1), absolute.size)
    inside = rng.uniform(-0.5, 0.5, (2, count))
    drawn = z[row] + inside[0] * (z[1] - z[0])
    return drawn.clip(*redshifts), absolute[column] + inside[1] * 0.02
