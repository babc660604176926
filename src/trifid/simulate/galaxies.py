"""The latent galaxies: what is true of each object before anything is measured.

Line ratios come from mixing the flux of star-forming gas with that of an active nucleus, in a
continuous fraction. Classes are the regions of the BPT plane the mixtures fall into, so objects
near a demarcation line cannot be told apart for certain, as in nature.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np

from trifid.physics import bpt, extinction, lines
from trifid.schema import grid
from trifid.simulate import spectrograph

CLASS_SHARES = {
    bpt.STAR_FORMING: 33291 / 68917,
    bpt.COMPOSITE: 13131 / 68917,
    bpt.SEYFERT: 5636 / 68917,
    bpt.LINER: 2026 / 68917,
    bpt.BLANK: 14833 / 68917,
}
"""Share of each class. Paper: GCSNet, table 1 (AGN = Seyfert + LINER, normal = BLANK)."""
LINER_SHARE = 2026 / 7662  # of active nuclei, also of those in composites


@dataclass(frozen=True)
class _Traits:
    """Distributions of a class: means, standard deviations and ranges."""

    ew: tuple[float, float]  # median of EW(Halpha) [angstrom], sigma of its logarithm
    d4000: tuple[float, float]  # mean, sigma
    decrement: tuple[float, float, float]  # Halpha / Hbeta: least, mode, most
    sigma_gas: tuple[float, float]  # [km/s] range
    sigma_stars: tuple[float, float]  # [km/s] range
    bulge: tuple[float, float]  # fraction of the r light: mean, sigma


_TRAITS = {
    bpt.STAR_FORMING: _Traits(
        (20, 0.75), (1.30, 0.12), (3.0, 3.8, 5.5), (60, 130), (60, 140), (0.12, 0.10)
    ),
    bpt.COMPOSITE: _Traits(
        (9, 0.64), (1.45, 0.15), (3.5, 4.3, 6.0), (100, 180), (80, 180), (0.30, 0.15)
    ),
    bpt.SEYFERT: _Traits(
        (12, 0.80), (1.55, 0.20), (3.1, 3.8, 5.0), (120, 250), (100, 220), (0.45, 0.18)
    ),
    bpt.LINER: _Traits(
        (3.5, 0.55), (1.75, 0.12), (3.1, 3.7, 5.0), (150, 250), (130, 250), (0.60, 0.18)
    ),
    bpt.BLANK: _Traits(
        (0.3, 0.0), (1.85, 0.10), (3.1, 3.3, 3.6), (130, 220), (150, 250), (0.72, 0.18)
    ),
}
_NORMAL_EW_SIGMA = 0.35  # [angstrom]: quiescent galaxies scatter about 0.3, truncated at zero


@dataclass(frozen=True)
class Galaxies:
    """B galaxies; every attribute is an array over them.

    Attributes:
        truth_class: Region of the BPT plane of the noiseless line ratios, or BLANK (B,).
        redshift: 0.02 to 0.3 (B,).
        snr: Median signal-to-noise per pixel aimed at (B,).
        ew: Equivalent width of Halpha emission [angstrom, rest frame] (B,).
        ratios: Emission-line fluxes over Halpha, before dust; one column per line (B, 13).
        gas_ebv: E(B-V) of the gas inside the galaxy [mag] (B,).
        galactic_ebv: True Milky Way E(B-V), on the scale of the raw SFD map [mag] (B,).
        d4000: Break wanted of the starlight (B,).
        middle: Share of the intermediate population in the light that is not old (B,).
        rich: Share of the metal-rich population in the old light (B,).
        sigma_gas: Velocity dispersion of the lines [km/s] (B,).
        sigma_stars: Velocity dispersion of the stars [km/s] (B,).
        bulge: Bulge fraction of the r light (B,).
        disc_radius: Half-light radius of the disc [arcsec] (B,).
        bulge_radius: Half-light radius of the bulge [arcsec] (B,).
        disc_axis: Axis ratio of the disc (B,).
        bulge_axis: Axis ratio of the bulge (B,).
        angle: Position angle of both [rad] (B,).
    """

    truth_class: np.ndarray
    redshift: np.ndarray
    snr: np.ndarray
    ew: np.ndarray
    ratios: np.ndarray
    gas_ebv: np.ndarray
    galactic_ebv: np.ndarray
    d4000: np.ndarray
    middle: np.ndarray
    rich: np.ndarray
    sigma_gas: np.ndarray
    sigma_stars: np.ndarray
    bulge: np.ndarray
    disc_radius: np.ndarray
    bulge_radius: np.ndarray
    disc_axis: np.ndarray
    bulge_axis: np.ndarray
    angle: np.ndarray

    def __len__(self) -> int:
        return self.redshift.size

    def take(self, rows: np.ndarray) -> "Galaxies":
        """The galaxies of some rows, in that order."""
        return Galaxies(**{item.name: getattr(self, item.name)[rows] for item in fields(self)})


def draw_galaxies(rng: np.random.Generator, count: int) -> Galaxies:
    """Draws galaxies of a survey cut at redshift 0.3 and S/N 10, with the class mix of the paper.

    Redshift, S/N, size and Milky Way dust do not depend on the class. Objects with a class other
    than BLANK are those whose lines the survey could measure, so their gas is drawn until every
    line of the BPT plane stands out of the noise.
    """
    names = np.array(list(CLASS_SHARES))
    truth = rng.choice(names, size=count, p=np.array(list(CLASS_SHARES.values())))
    radius = np.exp(rng.normal(np.log(2.2), 0.35, count)).clip(0.9, 6.0)
    bulge = _normal(rng, _per_class(truth, "bulge")).clip(0.0, 0.95)
    axis = rng.uniform(0.25, 1.0, count)
    fixed = {
        "truth_class": truth,
        "redshift": _truncated(count, lambda n: rng.gamma(4.0, 0.028, n), 0.02, 0.3),
        "snr": _truncated(count, lambda n: np.exp(rng.normal(np.log(17.0), 0.35, n)), 10.2, 60.0),
        "galactic_ebv": np.exp(rng.normal(np.log(0.03), 0.5) + rng.normal(0.0, 0.15, count)),
        "middle": rng.uniform(0.3, 0.9, count),
        "rich": rng.beta(3.0, 3.0, count),
        "sigma_stars": _uniform(rng, _per_class(truth, "sigma_stars")),
        "bulge": bulge,
        "disc_radius": radius * (1.0 + 0.5 * bulge),
        "bulge_radius": radius * (0.35 + 0.6 * bulge),
        "disc_axis": axis,
        "bulge_axis": 0.5 + 0.5 * axis,
        "angle": rng.uniform(0.0, np.pi, count),
    }
    gas = _draw_gas(rng, truth)
    while True:
        galaxies = Galaxies(**fixed, **gas)
        hidden = (truth != bpt.BLANK) & (weakest_peak(galaxies) < MEASURABLE)
        if not hidden.any():
            return galaxies
        for name, values in _draw_gas(rng, truth[hidden]).items():
            gas[name][hidden] = values


MEASURABLE = 2.5
"""Least noiseless peak over noise of the four BPT lines of a galaxy with a class.

The survey's cut is 1.5 on measured values; the margin leaves a few per cent to noise.
"""


def weakest_peak(galaxies: Galaxies) -> np.ndarray:
    """About how far the weakest BPT line peaks over the noise of a pixel, from the latents (B,).

    The continuum is taken as flat in flux per angstrom; the noise is the spectrograph's.
    """
    alpha = lines.EMISSION["h_alpha"].wavelength
    peaks = np.full(len(galaxies), np.inf)
    for name in ("h_alpha", "nii_6584", "h_beta", "oiii_5007"):
        rest = lines.EMISSION[name].wavelength
        redder = extinction.calzetti00(np.array([rest])) - extinction.calzetti00(np.array([alpha]))
        ew = galaxies.ew * galaxies.ratios[:, _NAMES.index(name)]
        ew = ew * 10.0 ** (-0.4 * (1.0 - extinction.STARS_OVER_GAS) * galaxies.gas_ebv * redder)
        place = np.log10(lines.observed(rest, galaxies.redshift))
        width = spectrograph.line_sigma(galaxies.sigma_gas, place)  # [pixel]
        width *= np.log(10.0) * grid.LOG10_STEP * rest  # [angstrom, rest frame like ew]
        snr = galaxies.snr / spectrograph.noise_curve(10.0**place)
        peaks = np.minimum(peaks, snr * ew / (width * np.sqrt(2.0 * np.pi)))
    return peaks


def _draw_gas(rng: np.random.Generator, truth: np.ndarray) -> dict[str, np.ndarray]:
    """Draws what the emission lines hang on, and the break that goes with them."""
    ratios = _line_ratios(rng, truth)
    ew, d4000 = _ew_and_break(rng, truth)
    low, mode, high = _per_class(truth, "decrement").T
    reddening = rng.triangular(low, mode, high) * ratios[:, _H_BETA]  # decrement over dust-free
    return {
        "ratios": ratios,
        "ew": ew,
        "d4000": d4000,
        "gas_ebv": np.maximum(extinction.balmer_color_excess(reddening, 1.0), 0.0),
        "sigma_gas": _uniform(rng, _per_class(truth, "sigma_gas")),
    }


_NAMES = tuple(lines.EMISSION)
_H_BETA = _NAMES.index("h_beta")


def _per_class(truth: np.ndarray, name: str) -> np.ndarray:
    table = np.array([getattr(_TRAITS[label], name) for label in CLASS_SHARES], dtype=np.float64)
    order = list(CLASS_SHARES)
    return table[[order.index(label) for label in truth]]


def _normal(rng: np.random.Generator, mean_sigma: np.ndarray) -> np.ndarray:
    return rng.normal(mean_sigma[:, 0], mean_sigma[:, 1])


def _uniform(rng: np.random.Generator, limits: np.ndarray) -> np.ndarray:
    return rng.uniform(limits[:, 0], limits[:, 1])


def _truncated(
    count: int,
    draw: Callable[[int], np.ndarray],
    low: float,
    high: float,
) -> np.ndarray:
    values = draw(count)
    while (outside := (values < low) | (values > high)).any():
        values[outside] = draw(int(outside.sum()))
    return values


def _ew_and_break(rng: np.random.Generator, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """EW(Halpha) and D4000n, anticorrelated (-0.6): younger light has stronger lines."""
    first, second = rng.normal(size=(2, truth.size))
    ew, d4000 = _per_class(truth, "ew"), _per_class(truth, "d4000")
    emission = ew[:, 0] * np.exp(ew[:, 1] * first)
    quiescent = np.maximum(ew[:, 0] + _NORMAL_EW_SIGMA * first, 0.0)
    ew_ha = np.where(truth == bpt.BLANK, quiescent, emission)
    return ew_ha, d4000[:, 0] + d4000[:, 1] * (-0.6 * first + 0.8 * second)


def _line_ratios(rng: np.random.Generator, truth: np.ndarray) -> np.ndarray:
    """Line fluxes over Halpha (B, 13) that fall into each object's region of the BPT plane.

    Candidates are drawn until they fall there. BLANK objects keep any LINER-like ratios.
    """
    wanted = np.where(truth == bpt.BLANK, bpt.LINER, truth)
    ratios = np.empty((truth.size, len(_NAMES)))
    pending = np.arange(truth.size)
    while pending.size:
        drawn = _mixture(rng, wanted[pending])
        x, y = bpt_position(drawn)
        fits = bpt.classify(x, y) == wanted[pending]
        ratios[pending[fits]] = drawn[fits]
        pending = pending[~fits]
    return ratios


def bpt_position(ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log10 [N II]/Halpha and log10 [O III]/Hbeta of line fluxes (B, 13)."""
    flux = dict(zip(_NAMES, ratios.T, strict=True))
    x = np.log10(flux["nii_6584"] / flux["h_alpha"])
    return x, np.log10(flux["oiii_5007"] / flux["h_beta"])


def _mixture(rng: np.random.Generator, wanted: np.ndarray) -> np.ndarray:
    """Flux-linear mixture of star-forming gas and an active nucleus, over Halpha.

    The star-forming sequence is y = 0.61/(x + 0.08) + 1.10 with 0.1 dex scatter: Kewley+ 2013,
    ApJ 774, 100, eq. 3 at z = 0. Active nuclei sit in massive, metal-rich galaxies, at its
    right end. The mixing fraction is uniform; some star-forming galaxies have a
    nucleus too weak to matter for the class.
    """
    count = wanted.size
    x = _truncated(count, lambda n: rng.normal(-0.55, 0.15, n), -1.2, -0.38)
    host = _truncated(count, lambda n: rng.normal(-0.43, 0.06, n), -1.2, -0.36)
    forming = wanted == bpt.STAR_FORMING
    nucleus = ~forming | (rng.random(count) < 0.15)
    x = np.where(nucleus, host, x)
    y = 0.61 / (x + 0.08) + 1.10 + rng.normal(0.0, 0.1, count)
    young = _line_set(
        x, y, rng.normal([[-0.45], [-1.6], [0.45]], 0.1, (3, count)), lines.H_ALPHA_OVER_H_BETA
    )
    liner = (wanted == bpt.LINER) | ((wanted == bpt.COMPOSITE) & (rng.random(count) < LINER_SHARE))
    end_x = np.where(liner, rng.normal(0.15, 0.10, count), rng.normal(0.05, 0.12, count))
    end_y = np.where(liner, rng.normal(0.25, 0.15, count), rng.normal(0.90, 0.15, count))
    means = np.where(liner, [[0.05], [-0.6], [0.7]], [[-0.25], [-0.9], [0.5]])
    active = _line_set(end_x, end_y, rng.normal(means, 0.1), lines.H_ALPHA_OVER_H_BETA_AGN)
    fraction = nucleus * rng.random(count) * np.where(forming, 0.25, 1.0)
    return (1.0 - fraction)[:, None] * young + fraction[:, None] * active


def _line_set(x: np.ndarray, y: np.ndarray, other: np.ndarray, decrement: float) -> np.ndarray:
    """Fluxes of all lines over Halpha, from log10 [N II]/Ha, [O III]/Hb and `other`.

    `other` (3, B) holds log10 of [S II]6717+6731/Ha, [O I]6300/Ha and [O II]3726+3729/Hb.
    """
    beta = np.full(x.size, 1.0 / decrement)
    nitrogen, oxygen = 10.0**x, 10.0**y * beta
    sulphur, neutral, blue = 10.0 ** other[0], 10.0 ** other[1], 10.0 ** other[2] * beta
    fluxes = {
        "oii_3726": blue * lines.OII_3726_OVER_3729 / (1.0 + lines.OII_3726_OVER_3729),
        "oii_3729": blue / (1.0 + lines.OII_3726_OVER_3729),
        "h_delta": beta * lines.H_DELTA_OVER_H_BETA,
        "h_gamma": beta * lines.H_GAMMA_OVER_H_BETA,
        "h_beta": beta,
        "oiii_4959": oxygen / lines.OIII_5007_OVER_4959,
        "oiii_5007": oxygen,
        "oi_6300": neutral,
        "nii_6548": nitrogen / lines.NII_6584_OVER_6548,
        "h_alpha": np.ones(x.size),
        "nii_6584": nitrogen,
        "sii_6717": sulphur * lines.SII_6717_OVER_6731 / (1.0 + lines.SII_6717_OVER_6731),
        "sii_6731": sulphur / (1.0 + lines.SII_6717_OVER_6731),
    }
    return np.stack([fluxes[name] for name in _NAMES], axis=1)
