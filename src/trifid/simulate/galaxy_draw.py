"""Drawing galaxies as surveys select them: by S/N, by magnitude, or as given.

Stars, dust and gas of a galaxy hang together: its young stars make the part of Halpha that its
nucleus does not, and its break D4000n sets the mix of recent and old stars. Where a magnitude is
known, mass follows from it and star formation from the mass.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from trifid.physics import bpt, cosmology, extinction, lines
from trifid.schema import grid
from trifid.simulate import gas, histories, populations, spectrograph
from trifid.simulate.galaxies import Galaxies, log10_mass

CLASS_SHARES = {
    bpt.STAR_FORMING: 33291 / 68917,
    bpt.COMPOSITE: 13131 / 68917,
    bpt.SEYFERT: 5636 / 68917,
    bpt.LINER: 2026 / 68917,
    bpt.BLANK: 14833 / 68917,
}
"""Share of each class. Paper: GCSNet, table 1 (AGN = Seyfert + LINER, normal = BLANK)."""


@dataclass(frozen=True)
class _Traits:
    """Distributions of a class: means, standard deviations and ranges [unverified]."""

    ew: tuple[float, float]  # median of EW(Halpha) [angstrom], sigma of its logarithm
    d4000: tuple[float, float]  # mean, sigma
    decrement: tuple[float, float, float]  # Halpha / Hbeta: least, mode, most
    sigma_gas: tuple[float, float]  # [km/s] range
    sigma_stars: tuple[float, float]  # [km/s] range
    bulge: tuple[float, float]  # fraction of the r light: mean, sigma
    below: tuple[float, float]  # star formation below the main sequence [dex]: mean, sigma


_TRAITS = {
    bpt.STAR_FORMING: _Traits(
        (20, 0.75), (1.30, 0.12), (3.0, 3.8, 5.5), (60, 130), (60, 140), (0.12, 0.10), (0.0, 0.30)
    ),
    bpt.COMPOSITE: _Traits(
        (9, 0.64), (1.45, 0.15), (3.5, 4.3, 6.0), (100, 180), (80, 180), (0.30, 0.15), (0.35, 0.35)
    ),
    bpt.SEYFERT: _Traits(
        (12, 0.80), (1.55, 0.20), (3.1, 3.8, 5.0), (120, 250), (100, 220), (0.45, 0.18), (0.7, 0.4)
    ),
    bpt.LINER: _Traits(
        (3.5, 0.55), (1.75, 0.12), (3.1, 3.7, 5.0), (150, 250), (130, 250), (0.60, 0.18), (1.3, 0.3)
    ),
    bpt.BLANK: _Traits(
        (0.3, 0.0),
        (1.85, 0.10),
        (3.1, 3.15, 3.4),
        (130, 220),
        (150, 250),
        (0.72, 0.18),
        (1.4, 0.23),
    ),
}
_ORDER = tuple(CLASS_SHARES)
_NORMAL_EW_SIGMA = 0.35  # [angstrom]: quiescent galaxies scatter about 0.3, truncated at zero
_TRACE = (0.15, 0.8)  # EW of young stars' Halpha in quiescent ones [angstrom]: median, sigma of log
_BURST_BREAK = 0.4  # fall of D4000n with each dex of star formation [unverified]
_SUN = 4.65  # absolute r magnitude of the Sun [AB]: Willmer 2018, ApJS 236, 47 [unverified]
_WIDEST = 300.0  # EW(Halpha) [angstrom]
MEASURABLE = 2.5
"""Least noiseless peak over noise of the four BPT lines of galaxies with a class, if S/N is drawn.

The survey's cut is 1.5 on measured values; the margin leaves a few per cent to noise.
"""


def draw_galaxies(
    rng: np.random.Generator,
    count: int,
    *,
    source: str = "analytic",
    shares: Mapping[str, float] = CLASS_SHARES,
) -> Galaxies:
    """Draws galaxies of a survey cut at redshift 0.3 and S/N 10, with the class mix of the paper.

    Redshift, S/N, size and Milky Way dust do not depend on the class; the magnitude is NaN.
    Objects with a class other than BLANK are those whose lines the survey could measure, so their
    gas is drawn until every line of the BPT plane stands out of the noise.

    Args:
        rng: Random numbers.
        count: Galaxies.
        source: Stellar populations, one of `populations.SOURCES`.
        shares: Of the classes.
    """
    truth = rng.choice(np.array(_ORDER), size=count, p=[shares.get(name, 0.0) for name in _ORDER])
    redshift = gas.truncated(count, lambda n: rng.gamma(4.0, 0.028, n), 0.02, 0.3)
    radius = np.exp(rng.normal(np.log(2.2), 0.35, count)).clip(0.9, 6.0)
    snr = gas.truncated(count, lambda n: np.exp(rng.normal(np.log(17.0), 0.35, n)), 10.2, 60.0)
    basis = populations.load(source)
    parts = histories.draw_parts(rng, truth, cosmology.age(redshift))
    drawn = _draw_gas(rng, truth)
    fixed: dict[str, Any] = _draw_rest(rng, truth, radius) | {"redshift": redshift, "snr": snr}
    while True:
        galaxies = Galaxies(
            populations=basis,
            truth_class=truth,
            magnitude=np.full(count, np.nan),
            formed=parts,
            **fixed,
            **_without_break(drawn),
        )
        hidden = (truth != bpt.BLANK) & (weakest_peak(galaxies) < MEASURABLE)
        if not hidden.any():
            break
        for name, values in _draw_gas(rng, truth[hidden]).items():
            drawn[name][hidden] = values
    trace = _TRACE[0] * np.exp(rng.normal(0.0, _TRACE[1], count))
    young = np.where(truth == bpt.BLANK, trace, (1.0 - galaxies.nucleus) * galaxies.ew)
    formed = histories.solve(basis, parts, galaxies.gas_ebv, drawn["d4000"], young)
    return replace(galaxies, formed=formed)


def draw_at(
    rng: np.random.Generator,
    redshift: np.ndarray,
    magnitude: np.ndarray,
    classes: np.ndarray,
    *,
    source: str = "analytic",
    burst: np.ndarray | None = None,
) -> Galaxies:
    """Draws galaxies of given redshifts, magnitudes and classes.

    Mass follows from the magnitude and the stars; star formation lies about the main sequence of
    that mass or below it, by class; Halpha follows from star formation and nucleus; the gas of
    brighter galaxies holds more metals; size and velocities go with luminosity and mass.

    Args:
        rng: Random numbers.
        redshift: 0.002 to 0.83 (B,).
        magnitude: Total r [AB] without the Milky Way's dust (B,).
        classes: Of `bpt` (B,).
        source: Stellar populations, one of `populations.SOURCES`.
        burst: Star formation beyond that of mass and class [dex] (B,); the break falls with it.
    """
    count, basis = redshift.size, populations.load(source)
    parts = histories.draw_parts(rng, classes, cosmology.age(redshift))
    absolute = magnitude - cosmology.distance_modulus(redshift) - k_correction(redshift, classes)
    about = -0.4 * (absolute - _SUN)  # log10 of the mass, for a solar mass-to-light ratio
    drawn = _draw_gas(rng, classes, gas.nitrogen_of_mass(about))
    galactic_ebv = _draw_galactic_ebv(rng, count)
    kiloparsec = 10.0 ** (0.60 - 0.13 * (absolute + 21.0) + rng.normal(0.0, 0.13, count))
    radius = kiloparsec / (1e3 * cosmology.angular_distance(redshift)) * 206264.806
    rest: dict[str, Any] = _draw_rest(rng, classes, radius.clip(0.15, 30.0))
    galaxies = Galaxies(
        populations=basis,
        truth_class=classes,
        redshift=redshift,
        magnitude=magnitude + extinction.SF11_COEFFICIENTS[2] * galactic_ebv,
        snr=np.full(count, np.nan),
        formed=parts,
        **rest | {"galactic_ebv": galactic_ebv},
        **_without_break(drawn),
    )
    below = _per_class(classes, "below")
    offset = rng.normal(-below[:, 0], below[:, 1])
    offset = np.where(classes == bpt.BLANK, offset.clip(-1.8, -1.0), offset)
    if burst is not None:
        offset, drawn["d4000"] = offset + burst, drawn["d4000"] - _BURST_BREAK * burst
        galaxies = replace(galaxies, gas_ebv=galaxies.gas_ebv * np.where(burst > 0.0, 0.3, 1.0))
    galaxies = _on_sequence(galaxies, parts, drawn["d4000"], offset)
    heavier = 10.0 ** (0.2 * (log10_mass(galaxies) - 10.7))
    return replace(
        galaxies,
        sigma_stars=(galaxies.sigma_stars * heavier).clip(35.0, 350.0),
        sigma_gas=(galaxies.sigma_gas * heavier).clip(35.0, 300.0),
    )


def k_correction(redshift: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Mean K correction of the r band [mag] (B,): 1.1 z for quiescent galaxies, 0.6 z for others.

    A rough line through galaxies without evolution, to redshift 0.8 [unverified].
    """
    quiescent = (classes == bpt.BLANK) | (classes == bpt.LINER)
    return np.where(quiescent, 1.1, 0.6) * redshift + np.where(quiescent, 0.9, 0.3) * redshift**2


def main_sequence(log10_mass: np.ndarray) -> np.ndarray:
    """log10 of the star-formation rate [solar mass/yr] of a mass [log10 solar].

    Paper: Renzini & Peng 2015, ApJ 801, L29, eq. 1.
    """
    return 0.76 * log10_mass - 7.64


def _on_sequence(
    galaxies: Galaxies, parts: np.ndarray, d4000: np.ndarray, offset: np.ndarray
) -> Galaxies:
    """The galaxies with young stars as their mass wants, and the Halpha these and nuclei make.

    Mass hangs on the young stars a little, so the amount is found in four rounds; it ends within
    0.02 dex where the stars can have it. The Halpha of quiescent galaxies is not tied to stars: the
    star formation catalogues give them would make more than is seen. Of a nucleus at most
    four fifths count, or Halpha would have no limit.
    """
    quiescent = galaxies.truth_class == bpt.BLANK
    forming = np.where(quiescent, 0.0, 1.0 - galaxies.nucleus.clip(0.0, 0.8))
    young = np.where(quiescent, 0.2, galaxies.ew * forming)
    formed = parts
    for _ in range(4):
        formed = histories.solve(galaxies.populations, parts, galaxies.gas_ebv, d4000, young)
        mass = log10_mass(replace(galaxies, formed=formed))
        living = histories.living_mass(galaxies.populations, formed)
        rate = np.log10(histories.star_formation(formed) / living) + mass
        young = young * 10.0 ** (main_sequence(mass) + offset - rate)
        young = young.clip(0.01, _WIDEST * np.where(quiescent, 1.0, forming))
    formed = histories.solve(galaxies.populations, parts, galaxies.gas_ebv, d4000, young)
    ew = np.where(quiescent, galaxies.ew, young / np.maximum(forming, 0.2))
    return replace(galaxies, formed=formed, ew=ew)


def _draw_rest(
    rng: np.random.Generator, truth: np.ndarray, radius: np.ndarray
) -> dict[str, np.ndarray]:
    """Shape, velocities of the stars and the Milky Way's dust, for half-light radii [arcsec]."""
    count = truth.size
    bulge = _normal(rng, _per_class(truth, "bulge")).clip(0.0, 0.95)
    axis = rng.uniform(0.25, 1.0, count)
    return {
        "galactic_ebv": _draw_galactic_ebv(rng, count),
        "sigma_stars": _uniform(rng, _per_class(truth, "sigma_stars")),
        "bulge": bulge,
        "disc_radius": radius * (1.0 + 0.5 * bulge),
        "bulge_radius": radius * (0.35 + 0.6 * bulge),
        "disc_axis": axis,
        "bulge_axis": 0.5 + 0.5 * axis,
        "angle": rng.uniform(0.0, np.pi, count),
    }


def _draw_galactic_ebv(rng: np.random.Generator, count: int) -> np.ndarray:
    """E(B-V) of one place on the sky, about 0.03, with scatter (count,)."""
    return np.exp(rng.normal(np.log(0.03), 0.5) + rng.normal(0.0, 0.15, count))


def _draw_gas(
    rng: np.random.Generator, truth: np.ndarray, nitrogen: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Draws what the emission lines hang on, and the break that goes with them."""
    ratios, nucleus = gas.draw_ratios(rng, truth, nitrogen)
    ew, d4000 = _ew_and_break(rng, truth)
    low, mode, high = _per_class(truth, "decrement").T
    reddening = rng.triangular(low, mode, high) * ratios[:, gas.H_BETA]  # over dust-free
    return {
        "ratios": ratios,
        "nucleus": nucleus,
        "ew": ew,
        "d4000": d4000,
        "gas_ebv": np.maximum(extinction.balmer_color_excess(reddening, 1.0), 0.0),
        "sigma_gas": _uniform(rng, _per_class(truth, "sigma_gas")),
    }


def _without_break(drawn: dict[str, np.ndarray]) -> dict[str, Any]:
    """What of the gas is kept: the break becomes part of the masses formed."""
    return {name: values for name, values in drawn.items() if name != "d4000"}


def _per_class(truth: np.ndarray, name: str) -> np.ndarray:
    table = np.array([getattr(_TRAITS[label], name) for label in _ORDER], dtype=np.float64)
    return table[[_ORDER.index(label) for label in truth]]


def _normal(rng: np.random.Generator, mean_sigma: np.ndarray) -> np.ndarray:
    return rng.normal(mean_sigma[:, 0], mean_sigma[:, 1])


def _uniform(rng: np.random.Generator, limits: np.ndarray) -> np.ndarray:
    return rng.uniform(limits[:, 0], limits[:, 1])


def _ew_and_break(rng: np.random.Generator, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """EW(Halpha) and D4000n, anticorrelated (-0.6): younger light has stronger lines."""
    first, second = rng.normal(size=(2, truth.size))
    ew, d4000 = _per_class(truth, "ew"), _per_class(truth, "d4000")
    emission = ew[:, 0] * np.exp(ew[:, 1] * first)
    quiescent = np.maximum(ew[:, 0] + _NORMAL_EW_SIGMA * first, 0.0)
    ew_ha = np.where(truth == bpt.BLANK, quiescent, emission)
    return ew_ha, d4000[:, 0] + d4000[:, 1] * (-0.6 * first + 0.8 * second)


def weakest_peak(galaxies: Galaxies) -> np.ndarray:
    """About how far the weakest BPT line peaks over the noise of a pixel, from the latents (B,).

    The continuum is taken as flat in flux per angstrom; the noise is that of SDSS-I/II at the S/N
    the galaxies have.
    """
    alpha = lines.EMISSION["h_alpha"].wavelength
    peaks = np.full(len(galaxies), np.inf)
    for name in ("h_alpha", "nii_6584", "h_beta", "oiii_5007"):
        rest = lines.EMISSION[name].wavelength
        redder = extinction.calzetti00(np.array([rest])) - extinction.calzetti00(np.array([alpha]))
        ew = galaxies.ew * galaxies.ratios[:, gas.NAMES.index(name)]
        ew = ew * 10.0 ** (-0.4 * (1.0 - extinction.STARS_OVER_GAS) * galaxies.gas_ebv * redder)
        place = np.log10(lines.observed(rest, galaxies.redshift))
        width = spectrograph.line_sigma(galaxies.sigma_gas, place)  # [pixel]
        width *= np.log(10.0) * grid.LOG10_STEP * rest  # [angstrom, rest frame like ew]
        snr = galaxies.snr / spectrograph.noise_curve(10.0**place)
        peaks = np.minimum(peaks, snr * ew / (width * np.sqrt(2.0 * np.pi)))
    return peaks
