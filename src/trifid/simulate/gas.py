"""Ionised gas: emission-line ratios of star formation mixed with an active nucleus, and its lines.

Ratios come from mixing the flux of star-forming gas with that of gas around a nucleus, in a
continuous fraction. Classes are the regions of the BPT plane the mixtures fall into, so objects
near a demarcation line cannot be told apart for certain, as in nature.
"""

from collections.abc import Callable

import numpy as np
from scipy.special import ndtr

from trifid.physics import bpt, lines
from trifid.schema.grid import LOG10_STEP

_WEAK = (
    lines.QUASAR["neiii_3869"],
    lines.Line("h_zeta", "Hζ", 3890.17),
    lines.QUASAR["neiii_3968"],
    lines.Line("h_epsilon", "Hε", 3971.20),
    lines.QUASAR["oiii_4363"],
    lines.QUASAR["hei_5876"],
    lines.Line("oi_6363", "[O I]", 6365.54),
)
LINES: dict[str, lines.Line] = lines.EMISSION | {line.name: line for line in _WEAK}
NAMES = tuple(LINES)
WAVELENGTHS = np.array([line.wavelength for line in LINES.values()])  # [angstrom, vacuum]
H_ALPHA, H_BETA = NAMES.index("h_alpha"), NAMES.index("h_beta")
LINER_SHARE = 2026 / 7662  # of active nuclei, also of those in composites: GCSNet, table 1
# case B: Osterbrock & Ferland 2006, table 4.4; one upper level: ibid., section 3.5 [unverified]
_H_EPSILON, _H_ZETA, _OI_6300_OVER_6363, _NEIII_3869_OVER_3968 = 0.159, 0.105, 3.0, 3.3
_HELIUM = 0.12  # He I 5876 over Hbeta at a tenth of helium [unverified]
_RICH, _RICHEST = -0.42, -0.38  # [N II]/Halpha saturates: more metals cool the gas [unverified]
_REACH = 32  # half width of a line's window [pixel]: 7 sigma of the broadest line


def nitrogen_of_mass(log10_mass: np.ndarray) -> np.ndarray:
    """Mean log10 of [N II]/Halpha of star formation in galaxies of a mass [log10 solar] (B,).

    The mass-metallicity relation of Kewley & Ellison 2008, ApJ 681, 1183, table 2, on the scale of
    Pettini & Pagel 2004, MNRAS 348, L59, eq. 1, which turns it back [unverified].
    """
    x = np.clip(log10_mass, 8.3, 11.2)
    metals = 23.9049 - 5.62784 * x + 0.645142 * x**2 - 0.0235065 * x**3  # 12 + log10 O/H
    return (metals - 8.90) / 0.57


def draw_ratios(
    rng: np.random.Generator, wanted: np.ndarray, nitrogen: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Line fluxes over Halpha that fall into each object's region of the BPT plane.

    Candidates are drawn until they fall there. BLANK objects keep any LINER-like ratios.

    Args:
        rng: Random numbers.
        wanted: Classes of `bpt` (B,).
        nitrogen: Mean log10 of [N II]/Halpha of star formation (B,); None = that of a mixed sample.

    Returns:
        Fluxes over Halpha before dust, columns as `NAMES` (B, N), and the share of Halpha that the
        nucleus gives (B,).
    """
    wanted = np.where(wanted == bpt.BLANK, bpt.LINER, wanted)
    mean = rng.normal(-0.55, 0.11, wanted.size) if nitrogen is None else nitrogen
    ratios, nucleus = np.empty((wanted.size, len(NAMES))), np.empty(wanted.size)
    pending = np.arange(wanted.size)
    while pending.size:
        drawn, share = _mixture(rng, wanted[pending], mean[pending])
        fits = bpt.classify(*bpt_position(drawn)) == wanted[pending]
        ratios[pending[fits]], nucleus[pending[fits]] = drawn[fits], share[fits]
        pending = pending[~fits]
    return ratios, nucleus


def bpt_position(ratios: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log10 [N II]/Halpha and log10 [O III]/Hbeta of line fluxes (B, N)."""
    flux = dict(zip(NAMES, ratios.T, strict=True))
    x = np.log10(flux["nii_6584"] / flux["h_alpha"])
    return x, np.log10(flux["oiii_5007"] / flux["h_beta"])


def truncated(count: int, draw: Callable[[int], np.ndarray], low: float, high: float) -> np.ndarray:
    """Draws of a distribution, those outside of a range drawn again (count,)."""
    values = draw(count)
    while (outside := (values < low) | (values > high)).any():
        values[outside] = draw(int(outside.sum()))
    return values


def _mixture(
    rng: np.random.Generator, wanted: np.ndarray, nitrogen: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Flux-linear mixture of star-forming gas and an active nucleus, over Halpha; its fraction.

    The star-forming sequence is y = 0.61/(x + 0.08) + 1.10: Kewley+ 2013, ApJ 774, 100, eq. 3 at
    z = 0. Its scatter is that of ionisation in y and of nitrogen over oxygen in x, 0.08 and 0.06
    dex; where the sequence is steep, the latter fills the room below Kauffmann's line. Both are
    rounded after a look at nearby galaxies. Active nuclei sit in massive, metal-rich galaxies, at
    its right end. The mixing fraction is uniform; some star-forming galaxies have a nucleus too
    weak to matter for the class.
    """
    count = wanted.size
    x = rng.normal(np.minimum(nitrogen, _RICH), np.interp(nitrogen, (-1.2, _RICH), (0.18, 0.08)))
    x = np.where(x > _RICHEST, 2.0 * _RICHEST - x, x).clip(-1.6)
    host = truncated(count, lambda n: rng.normal(-0.43, 0.06, n), -1.2, -0.36)
    forming = wanted == bpt.STAR_FORMING
    nucleus = ~forming | (rng.random(count) < 0.15)
    x = np.where(nucleus, host, x)
    y = 0.61 / (x + 0.08) + 1.10 + rng.normal(0.0, 0.08, count)
    x = x + rng.normal(0.0, 0.06, count)
    # log10 of [S II]/Ha, [O I]/Ha, [O II]/Hb, [Ne III]/[O III], [O III] 4363/5007 [unverified]
    means = np.array([-0.45, -1.6, 0.45, -1.1, -2.3])[:, None]
    young = _line_set(x, y, rng.normal(means, 0.1, (5, count)), lines.H_ALPHA_OVER_H_BETA)
    liner = (wanted == bpt.LINER) | ((wanted == bpt.COMPOSITE) & (rng.random(count) < LINER_SHARE))
    end_x = np.where(liner, rng.normal(0.15, 0.10, count), rng.normal(0.05, 0.12, count))
    end_y = np.where(liner, rng.normal(0.25, 0.15, count), rng.normal(0.90, 0.15, count))
    of_liner = np.array([0.05, -0.6, 0.7, -0.8, -1.7])[:, None]
    of_seyfert = np.array([-0.25, -0.9, 0.5, -0.95, -1.8])[:, None]
    means = np.where(liner, of_liner, of_seyfert)
    active = _line_set(end_x, end_y, rng.normal(means, 0.1), lines.H_ALPHA_OVER_H_BETA_AGN)
    fraction = nucleus * rng.random(count) * np.where(forming, 0.25, 1.0)
    return (1.0 - fraction)[:, None] * young + fraction[:, None] * active, fraction


def _line_set(x: np.ndarray, y: np.ndarray, other: np.ndarray, decrement: float) -> np.ndarray:
    """Fluxes of all lines over Halpha, from log10 [N II]/Ha, [O III]/Hb and `other`.

    `other` (5, B) holds log10 of [S II]6717+6731/Ha, [O I]6300/Ha, [O II]3726+3729/Hb,
    [Ne III]3869/[O III]5007 and [O III]4363/5007.
    """
    beta = np.full(x.size, 1.0 / decrement)
    nitrogen, oxygen = 10.0**x, 10.0**y * beta
    sulphur, neutral, blue = 10.0 ** other[0], 10.0 ** other[1], 10.0 ** other[2] * beta
    neon = oxygen * 10.0 ** other[3]
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
        "neiii_3869": neon,
        "h_zeta": beta * _H_ZETA,
        "neiii_3968": neon / _NEIII_3869_OVER_3968,
        "h_epsilon": beta * _H_EPSILON,
        "oiii_4363": oxygen * 10.0 ** other[4],
        "hei_5876": beta * _HELIUM,
        "oi_6363": neutral / _OI_6300_OVER_6363,
    }
    return np.stack([fluxes[name] for name in NAMES], axis=1)


def draw_lines(
    flux: np.ndarray, places: np.ndarray, sigma: np.ndarray, log10_start: float, length: int
) -> np.ndarray:
    """Spectra of Gaussian lines, integrated over pixels.

    Args:
        flux: Of each line (B, N), in units of flux density x angstrom.
        places: log10 of the observed line centres [angstrom] (B, N).
        sigma: Standard deviations [pixel of 1e-4 dex] (B, N).
        log10_start: log10 wavelength of the first pixel.
        length: Pixels.

    Returns:
        Flux per angstrom (B, length); lines outside the window are left out.
    """
    emission = np.zeros((flux.shape[0], length + 2 * _REACH))
    place = (places - log10_start) / LOG10_STEP
    nearest = np.rint(place).astype(np.int64)
    window = np.arange(-_REACH, _REACH + 1)
    steps = np.arange(-_REACH, _REACH + 2) - 0.5
    rows = np.arange(flux.shape[0])[:, None]
    for index in range(flux.shape[1]):
        offset = (nearest[:, index] - place[:, index])[:, None]
        below = ndtr((steps + offset) / sigma[:, index, None])
        pixel = nearest[:, index, None] + window
        width = np.log(10.0) * LOG10_STEP * 10.0 ** (log10_start + LOG10_STEP * pixel)
        values = flux[:, index, None] * np.diff(below, axis=1) / width
        inside = (nearest[:, index] >= 0) & (nearest[:, index] < length)
        emission[rows[inside], pixel[inside] + _REACH] += values[inside]
    return emission[:, _REACH:-_REACH]
