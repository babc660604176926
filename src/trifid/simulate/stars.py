"""Which stars a survey sees: two mixes of types, and blue stars of two or three kinds.

Shares, magnitudes and ranges are rounded summaries of what such surveys target, from memory
(unverified); none was fitted to the real spectra the simulation is compared with.
"""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.random import Generator

from trifid.physics import extinction, photometry
from trifid.simulate.starlight import Stars, rest_bands, velocity_redshift


@dataclass(frozen=True)
class Kind:
    """A kind of star: where its light comes from and how its properties spread.

    Attributes:
        name: Its type.
        family: Grid of models.
        teff: Range of effective temperatures [K], uniform in logarithm.
        gravity: Mean and standard deviation of log g.
        metallicity: Mean and standard deviation of [Fe/H].
        rotation: Median v sin i [km/s], log-normal of sigma 0.6.
        dispersion: Of velocities [km/s].
    """

    name: str
    family: str
    teff: tuple[float, float]
    gravity: tuple[float, float]
    metallicity: tuple[float, float]
    rotation: float = 3.0
    dispersion: float = 100.0


_HALO, _DISC = (-1.6, 0.45), (-0.4, 0.3)
KINDS = (
    Kind("O", "early", (28000, 40000), (5.2, 0.5), (0.0, 0.1), 30, 80),  # mostly hot subdwarfs
    Kind("B", "early", (15000, 28000), (5.2, 0.5), (0.0, 0.1), 20, 100),
    Kind("BHB", "hot", (7500, 11500), (3.2, 0.2), (-1.7, 0.4), 8, 120),
    Kind("BS", "hot", (7000, 9500), (4.15, 0.2), (-1.3, 0.4), 20, 100),
    Kind("A", "hot", (7300, 9800), (4.1, 0.15), (-0.3, 0.3), 90, 40),
    Kind("F halo", "solar", (5900, 6900), (4.2, 0.25), _HALO, 4, 120),
    Kind("F", "solar", (5900, 7200), (4.2, 0.2), _DISC, 8, 45),
    Kind("G halo", "solar", (5200, 5900), (4.4, 0.4), _HALO, 3, 120),
    Kind("G", "solar", (5200, 5900), (4.4, 0.2), _DISC, 3, 45),
    Kind("K", "solar", (4200, 5200), (4.55, 0.15), _DISC, 3, 45),
    Kind("K giant", "solar", (4300, 5200), (2.6, 0.3), (-1.3, 0.4), 3, 110),
    Kind("M early", "cool", (3200, 4100), (4.9, 0.1), (-0.3, 0.4), 3, 45),
    Kind("M late", "cool", (2600, 3200), (4.9, 0.1), (-0.1, 0.25), 8, 40),
    Kind("DA", "DA", (6500, 35000), (8.0, 0.2), (-9.0, 0.0), 10, 40),
    Kind("DB", "DB", (13000, 30000), (8.0, 0.15), (-9.0, 0.0), 10, 40),
    Kind("DC", "DC", (4800, 10500), (8.0, 0.15), (-9.0, 0.0), 10, 40),
    Kind("carbon", "carbon", (3900, 4900), (4.8, 0.1), (-1.0, 0.0), 3, 90),
)
MIXES = {
    "legacy": {
        "O": 0.4, "B": 0.8, "BHB": 4, "BS": 4, "A": 3, "F halo": 20, "F": 14, "G halo": 6, "G": 10,
        "K": 11, "K giant": 5, "M early": 7, "M late": 7, "DA": 5, "DB": 0.5, "DC": 0.8,
        "carbon": 0.4,
    },
    "boss": {
        "O": 0.8, "B": 1.2, "BHB": 5, "BS": 10, "A": 2, "F halo": 36, "F": 6, "G halo": 6, "G": 2,
        "K": 5, "K giant": 0.5, "M early": 3, "M late": 6, "DA": 12, "DB": 1.5, "DC": 2.5,
        "carbon": 0.5,
    },
}  # fmt: skip
"""Parts of each kind in stars that SDSS-I/II observed, and among candidates for quasars in BOSS."""
_MAGNITUDES = {"legacy": (14.5, 18.0, 20.3), "boss": (18.0, 21.9, 22.2)}  # triangular in r


def draw_stars(rng: Generator, count: int, mix: str = "legacy") -> Stars:
    """Draws stars as a survey meets them.

    Args:
        rng: Random numbers.
        count: Number of stars.
        mix: A key of `MIXES`.
    """
    shares = MIXES[mix]
    names = np.array(list(shares))
    weights = np.array(list(shares.values()))
    which = rng.choice(names, size=count, p=weights / weights.sum())
    low, mode, high = _MAGNITUDES[mix]
    return _of_kinds(rng, which, rng.triangular(low, mode, high, count))


def _of_kinds(rng: Generator, which: np.ndarray, magnitude: np.ndarray) -> Stars:
    """Stars of the kinds named (B,), with given r magnitudes."""
    count = which.size
    table = {kind.name: kind for kind in KINDS}
    rows = [table[str(name)] for name in which]
    cool, warm = np.log([row.teff for row in rows]).reshape(count, 2).T
    gravity = np.array([row.gravity for row in rows]).reshape(count, 2)
    metallicity = np.array([row.metallicity for row in rows]).reshape(count, 2)
    rotation = np.array([row.rotation for row in rows])
    return Stars(
        truth_type=np.array([row.name for row in rows], dtype=str),
        family=np.array([row.family for row in rows], dtype=str),
        teff=np.exp(rng.uniform(cool, warm)),
        gravity=rng.normal(gravity[:, 0], gravity[:, 1]),
        metallicity=rng.normal(metallicity[:, 0], metallicity[:, 1]),
        rotation=rotation * np.exp(rng.normal(0.0, 0.6, count)),
        redshift=velocity_redshift(rng, np.array([row.dispersion for row in rows])),
        galactic_ebv=np.exp(rng.normal(np.log(0.03), 0.5, count)),
        magnitude=magnitude,
    )


_BLUE_SHARES = {"BHB": 0.40, "BS": 0.40, "A": 0.20}
_COLOR_BOX = ((0.8, 1.6), (-0.5, 0.2))  # u - g and g - r without dust: Xue+ 2008, ApJ 684, 1143
_BLUE_MAGNITUDES = (14.5, 18.5, 20.5)  # triangular in g, the same for every kind


def draw_blue_stars(rng: Generator, count: int) -> Stars:
    """Draws BHB stars, blue stragglers and A stars in the colour box of searches for BHB stars.

    Magnitudes do not depend on the kind: giants are then farther away, as in the sky. The truth
    calls A stars of the main sequence MS.
    """
    names, weights = np.array(list(_BLUE_SHARES)), np.array(list(_BLUE_SHARES.values()))
    parts, missing = [], count
    while missing > 0:
        which = rng.choice(names, size=2 * missing + 16, p=weights)
        trial = _of_kinds(rng, which, np.full(which.size, np.nan))
        magnitudes = photometry.magnitude(rest_bands(trial))
        blue, red = magnitudes[:, 0] - magnitudes[:, 1], magnitudes[:, 1] - magnitudes[:, 2]
        (low_u, high_u), (low_g, high_g) = _COLOR_BOX
        inside = (blue > low_u) & (blue < high_u) & (red > low_g) & (red < high_g)
        rows = np.flatnonzero(inside)[:missing]
        g = rng.triangular(*_BLUE_MAGNITUDES, rows.size)
        reddening = (
            extinction.SF11_COEFFICIENTS[1] - extinction.SF11_COEFFICIENTS[2]
        ) * trial.galactic_ebv[rows]
        r = g - red[rows] - reddening
        parts.append(replace(trial.take(rows), magnitude=r))
        missing -= rows.size
    together = {
        item.name: np.concatenate([getattr(part, item.name) for part in parts])
        for item in fields(Stars)
    }
    stars = Stars(**together)
    return replace(stars, truth_type=np.where(stars.truth_type == "A", "MS", stars.truth_type))
