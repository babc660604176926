"""Star-formation histories: how much mass formed when, of what metallicity, behind which dust.

A history has three parts: stars younger than 30 million years, which ionise the gas; those of the
last few billion years, declining, some with a burst; and an old part that formed as t exp(-t/tau).
Their relative amounts are solved for, so that a galaxy has a wanted break D4000n and its young
stars a wanted Halpha; the rest of the spectrum follows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from trifid.physics import bpt, extinction
from trifid.simulate.populations import (
    AGE_EDGES,
    METALLICITIES,
    YOUNG,
    Populations,
    rest_wavelengths,
)

PARTS = ("young", "recent", "old")
_H_ALPHA = 6564.61  # [angstrom, vacuum]
_BREAK = (3900.0, 4050.0)  # centres of the bands of D4000n: Balogh+ 1999, section 3.1


@dataclass(frozen=True)
class _Prior:
    """Ranges and distributions of a class [unverified]."""

    tau: tuple[float, float]  # of the old part [Gyr]
    last: tuple[float, float]  # age at which the recent part began [Gyr]
    burst: float  # share of objects whose recent part has a burst
    metals: tuple[float, float]  # log10 metallicity of the old part [solar]: mean, sigma


_PRIORS: Mapping[str, _Prior] = {
    bpt.STAR_FORMING: _Prior((1.0, 5.0), (0.3, 3.0), 0.25, (-0.10, 0.18)),
    bpt.COMPOSITE: _Prior((0.8, 3.0), (0.5, 4.0), 0.20, (0.00, 0.15)),
    bpt.SEYFERT: _Prior((0.6, 2.5), (0.4, 4.0), 0.25, (0.02, 0.15)),
    bpt.LINER: _Prior((0.4, 1.5), (1.0, 5.0), 0.10, (0.00, 0.13)),
    bpt.BLANK: _Prior((0.3, 1.2), (1.5, 5.0), 0.08, (-0.05, 0.13)),
}


def draw_parts(rng: np.random.Generator, classes: np.ndarray, universe: np.ndarray) -> np.ndarray:
    """Draws the three parts of each history.

    Args:
        rng: Random numbers.
        classes: Of `bpt` (B,).
        universe: Age of the universe at the object's redshift [Gyr] (B,).

    Returns:
        Mass formed by part, age and metallicity, each part of unit sum (B, 3, A, Z).
    """
    count = classes.size
    names = list(_PRIORS)
    which = np.array([names.index(name) for name in classes], dtype=np.int64)
    tau, last, metals = (
        np.array([getattr(prior, name) for prior in _PRIORS.values()], np.float64)[which]
        for name in ("tau", "last", "metals")
    )
    start = 1e9 * universe * rng.uniform(0.75, 0.97, count)
    old = delayed(start, 1e9 * rng.uniform(tau[:, 0], tau[:, 1]))
    began = np.minimum(1e9 * rng.uniform(last[:, 0], last[:, 1]), 0.6 * start)
    recent = declining(AGE_EDGES[YOUNG], began, began * rng.uniform(0.3, 2.0, count))
    burst_age = np.exp(rng.uniform(np.log(5e7), np.log(8e8), count))
    burst = constant(burst_age, 1.6 * burst_age)
    bursting = rng.random(count) < np.array([prior.burst for prior in _PRIORS.values()])[which]
    share = (bursting * rng.uniform(0.1, 0.6, count))[:, None]
    ages = np.stack(
        [
            constant(np.zeros(count), np.full(count, AGE_EDGES[YOUNG])),
            (1.0 - share) * recent + share * burst,
            old,
        ],
        axis=1,
    )
    logz = rng.normal(metals[:, 0], metals[:, 1])
    logz = logz[:, None] + np.abs(rng.normal(0.0, 0.08, (count, 3))) * [1.0, 1.0, 0.0]
    return ages[..., None] * metal_shares(logz)[:, :, None]


def constant(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Shares by age of stars that formed at one rate between two ages [yr] (B, A)."""
    edges = np.clip(AGE_EDGES, low[:, None], high[:, None])
    return np.diff(edges) / (high - low)[:, None]


def declining(least: float, began: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Shares by age of stars that formed as exp(-t/tau) from age `began` to `least` (B, A)."""
    edges = np.clip(AGE_EDGES, least, began[:, None])
    mass = np.diff(np.exp((edges - began[:, None]) / tau[:, None]))
    return mass / mass.sum(axis=1, keepdims=True)


def delayed(start: np.ndarray, tau: np.ndarray) -> np.ndarray:
    """Shares by age of stars that formed as t exp(-t/tau) since the age `start` [yr] (B, A)."""
    time = np.maximum(start[:, None] - AGE_EDGES, 0.0) / tau[:, None]
    time[:, : YOUNG + 1] = time[:, YOUNG : YOUNG + 1]  # younger stars are the young part's
    mass = -np.diff(1.0 - (1.0 + time) * np.exp(-time))
    return mass / mass.sum(axis=1, keepdims=True)


def metal_shares(log10_metallicity: np.ndarray) -> np.ndarray:
    """Shares (..., Z) of the basis' metallicities that stand for one [log10 solar] (...)."""
    places = np.log10(METALLICITIES)
    position = np.interp(log10_metallicity, places, np.arange(places.size))
    return np.maximum(1.0 - np.abs(position[..., None] - np.arange(places.size)), 0.0)


@dataclass(frozen=True)
class Levels:
    """What the bins of a basis give at the places that matter, per solar mass (A, Z) each.

    Attributes:
        blue: Mean flux per frequency, 3850 to 3950 angstrom [any unit].
        red: The same, 4000 to 4100 angstrom.
        side: Flux per angstrom beside Halpha [solar luminosity per angstrom].
    """

    blue: np.ndarray
    red: np.ndarray
    side: np.ndarray


@cache
def levels(populations: Populations) -> Levels:
    """The levels of a basis that D4000n and EW(Halpha) hang on."""
    x = rest_wavelengths()
    per_frequency = populations.flux * x**2
    blue, red = (x >= 3850) & (x < 3950), (x >= 4000) & (x < 4100)
    distance = np.abs(np.log10(x / _H_ALPHA))
    side = (distance > 40e-4) & (distance < 60e-4)
    return Levels(
        per_frequency[..., blue].mean(axis=-1),
        per_frequency[..., red].mean(axis=-1),
        populations.flux[..., side].mean(axis=-1),
    )


@dataclass(frozen=True)
class Seen:
    """Three parts of histories behind their dust, per solar mass; arrays (B, 3) each.

    Attributes:
        blue, red, side: As in `Levels`.
        h_alpha: Halpha [solar luminosity].
    """

    blue: np.ndarray
    red: np.ndarray
    side: np.ndarray
    h_alpha: np.ndarray


def see(populations: Populations, formed: np.ndarray, gas_ebv: np.ndarray) -> Seen:
    """What is seen of the parts (B, 3, A, Z) behind the dust of gas and stars."""
    level = levels(populations)
    blue, red, side, h_alpha = (
        np.einsum("bpaz,az->bp", formed, values)
        for values in (level.blue, level.red, level.side, populations.h_alpha)
    )
    k = extinction.calzetti00(np.array([*_BREAK, _H_ALPHA]))
    dust = 10.0 ** (-0.4 * part_ebv(gas_ebv)[:, :, None] * k)
    gas = dust[:, :1, 2]
    return Seen(blue * dust[..., 0], red * dust[..., 1], side * dust[..., 2], h_alpha * gas)


def part_ebv(gas_ebv: np.ndarray) -> np.ndarray:
    """E(B-V) of the three parts (B, 3): young stars are in the gas, others see 0.44 of its dust.

    Paper: Calzetti+ 2000, eq. 3; Charlot & Fall 2000, ApJ 539, 718, for two components.
    """
    return gas_ebv[:, None] * np.array([1.0, extinction.STARS_OVER_GAS, extinction.STARS_OVER_GAS])


def solve(
    populations: Populations,
    parts: np.ndarray,
    gas_ebv: np.ndarray,
    d4000: np.ndarray,
    ew: np.ndarray,
) -> np.ndarray:
    """Amounts of the parts that give a break and the Halpha of young stars.

    Two linear equations for recent and young mass, the old being 1. A break that the parts cannot
    give is moved to the nearest they can.

    Args:
        populations: The basis.
        parts: Mass by part, age and metallicity, each part of unit sum (B, 3, A, Z).
        gas_ebv: E(B-V) of the gas [mag] (B,).
        d4000: The break wanted, dust included (B,).
        ew: EW of Halpha that the young stars give [angstrom, rest frame] (B,).

    Returns:
        Mass formed (B, 3, A, Z), the whole 1 solar mass.
    """
    seen = see(populations, parts, gas_ebv)
    excess = seen.h_alpha[:, 0] - ew * seen.side[:, 0]  # of the young part; the others lack it
    if (excess <= 0.0).any():
        excess = np.maximum(excess, 0.05 * seen.h_alpha[:, 0])
    young = ew[:, None] * seen.side[:, 1:] / excess[:, None]  # with each mass of recent, old
    blue = seen.blue[:, 1:] + young * seen.blue[:, :1]
    red = seen.red[:, 1:] + young * seen.red[:, :1]
    recent, old = (red / blue).T  # breaks of these alone; the last 0.02 would take no old stars
    edge = recent + np.sign(old - recent) * np.minimum(0.02, np.abs(old - recent))
    wanted = np.clip(d4000, np.minimum(edge, old), np.maximum(edge, old))
    # (red_old + q red_recent) = wanted (blue_old + q blue_recent)
    over, under = red[:, 1] - wanted * blue[:, 1], wanted * blue[:, 0] - red[:, 0]
    share = np.divide(over, under, out=np.zeros_like(over), where=np.abs(under) > 0.0)
    share = np.maximum(share, 0.0)
    amounts = np.stack([young[:, 1] + share * young[:, 0], share, np.ones_like(share)], axis=1)
    amounts /= amounts.sum(axis=1, keepdims=True)
    return amounts[:, :, None, None] * parts


def break_and_width(
    populations: Populations, formed: np.ndarray, gas_ebv: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """D4000n and the EW of young stars' Halpha [angstrom] of histories (B, 3, A, Z), each (B,)."""
    seen = see(populations, formed, gas_ebv)
    red, blue, side, alpha = (
        item.sum(axis=1) for item in (seen.red, seen.blue, seen.side, seen.h_alpha)
    )
    return red / blue, alpha / side


def star_formation(formed: np.ndarray) -> np.ndarray:
    """Mean star-formation rate of the last 30 million years (B,) [mass formed per yr]."""
    return formed[:, :, :YOUNG].sum(axis=(1, 2, 3)) / AGE_EDGES[YOUNG]


def living_mass(populations: Populations, formed: np.ndarray) -> np.ndarray:
    """Mass in stars and remnants today (B,), in the unit of mass formed."""
    return np.einsum("bpaz,az->b", formed, populations.living)


def mean_age(formed: np.ndarray) -> np.ndarray:
    """Mass-weighted age [Gyr] (B,)."""
    middle = 0.5e-9 * (AGE_EDGES[1:] + AGE_EDGES[:-1])
    ages = formed.sum(axis=(1, 3))
    return ages @ middle / ages.sum(axis=1)
