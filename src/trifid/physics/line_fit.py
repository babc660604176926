"""Emission lines of galaxies: fluxes, equivalent widths, errors, widths, classes.

Continuum and lines are fitted together by weighted least squares, so absorption under emission is
accounted for: Sarzi+ 2006, MNRAS 366, 1151. The continuum is any combination of given starlight
templates, each with a slope, or a spline of 160 angstrom where none is given. What the templates
leave over on scales of 250 pixels is then taken away, as in Tremonti+ 2004, ApJ 613, 898, section
3. Widths, the same for all lines, are the best of a grid of velocity dispersions.

Equivalent widths are in the rest frame and positive in emission.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import uniform_filter1d

from trifid.physics import bpt, extinction, lines
from trifid.physics.profiles import PIXEL_VELOCITY, line_pixels, sdss_spread
from trifid.schema import grid

AMPLITUDE_OVER_NOISE = 1.5  # least A/N of the four lines of a class: Portsmouth method page
WINDOW = (3650.0, 6850.0)  # rest-frame wavelengths fitted [angstrom]
VELOCITIES = np.array([35.0, 60.0, 85.0, 110.0, 140.0, 175.0, 215.0, 260.0, 320.0, 400.0, 500.0])
"""Dispersions tried [km/s]."""
_FIRST_GUESS = 130.0  # [km/s], for the continuum under the lines, and where no line is seen
_DETECTED = 40.0  # chi2 that all lines together must save before their width is fitted
_OIII, _NII = 1.0 / lines.OIII_5007_OVER_4959, 1.0 / lines.NII_6584_OVER_6548
# lines fitted, with flux over the first; doublets of a fixed ratio are one line
GROUPS: tuple[tuple[tuple[str, float], ...], ...] = (
    (("oii_3729", 1.0), ("oii_3726", lines.OII_3726_OVER_3729)),
    (("neiii_3869", 1.0), ("neiii_3968", 0.31)),
    (("h_delta", 1.0),),
    (("h_gamma", 1.0),),
    (("h_beta", 1.0),),
    (("oiii_5007", 1.0), ("oiii_4959", _OIII)),
    (("hei_5876", 1.0),),
    (("oi_6300", 1.0),),
    (("h_alpha", 1.0),),
    (("nii_6584", 1.0), ("nii_6548", _NII)),
    (("sii_6717", 1.0),),
    (("sii_6731", 1.0),),
)
LINES = tuple(group[0][0] for group in GROUPS)
"""Names of the fitted lines; of a doublet, the stronger line, whose own flux is meant."""
BPT_LINES = ("nii_6584", "h_alpha", "oiii_5007", "h_beta")
SKY_LINES = (5578.9, 6302.05, 6365.5)  # [angstrom, vacuum]
_SKY_REACH = 5.0  # [angstrom] unverified
_KNOWN = lines.EMISSION | lines.QUASAR
_LENGTH = int(np.log10(WINDOW[1] / WINDOW[0]) / grid.LOG10_STEP)
_SMOOTH = 251  # pixels
_KNOTS = 160.0  # [angstrom]
_PER_PIXEL = np.log(10.0) * grid.LOG10_STEP  # width of a pixel over its wavelength


@dataclass(frozen=True)
class LineFit:
    """One line in B spectra, arrays over them.

    Attributes:
        flux: [1e-17 erg/s/cm2].
        error: Its standard error, same unit.
        amplitude_over_noise: Fitted peak over the noise of a pixel there; 0 where masked.
        continuum: Fitted continuum beside the line [1e-17 erg/s/cm2/angstrom].
        ew: Equivalent width [angstrom, rest frame], positive in emission; NaN without continuum.
        ew_error: Its standard error, that of the flux alone.
        covered: The line's core holds data.
        warning: It lies on a line of the night sky.
    """

    flux: np.ndarray
    error: np.ndarray
    amplitude_over_noise: np.ndarray
    continuum: np.ndarray
    ew: np.ndarray
    ew_error: np.ndarray
    covered: np.ndarray
    warning: np.ndarray


@dataclass(frozen=True)
class Measured:
    """Lines of B spectra.

    Attributes:
        lines: Fits by name, one of `LINES`.
        velocity: Dispersion of the gas [km/s] (B,).
        reduced_chi2: Of the whole fit (B,); NaN without data.
    """

    lines: dict[str, LineFit]
    velocity: np.ndarray
    reduced_chi2: np.ndarray


@dataclass(frozen=True)
class Labels:
    """What a line catalogue says of B spectra: `bpt`, EW(Halpha) [angstrom], E(B-V) [mag]."""

    bpt: np.ndarray
    ew_ha: np.ndarray
    ebmv: np.ndarray


@dataclass(frozen=True)
class _Window:
    """The rest window of B spectra: data and weight (B, N), first pixel and stretch (B,)."""

    data: np.ndarray
    weight: np.ndarray
    first: np.ndarray
    stretch: np.ndarray

    def place(self, name: str) -> np.ndarray:
        """Pixel of a line, counted from the window's first (B,)."""
        log10 = np.log10(_KNOWN[name].wavelength) + self.stretch
        return (log10 - grid.LOG10_START) / grid.LOG10_STEP - self.first


def measure_lines(
    flux: np.ndarray,
    ivar: np.ndarray,
    redshift: np.ndarray,
    *,
    starlight: np.ndarray | None = None,
    velocity: np.ndarray | None = None,
    spread: np.ndarray | None = None,
    zero_on_sky: bool = False,
) -> Measured:
    """Fits continuum and emission lines together.

    Args:
        flux: (B, L) on the store's grid.
        ivar: (B, L); 0 = no data.
        redshift: (B,).
        starlight: Templates at each row's redshift on the store's grid (B, K, L); None = a spline.
        velocity: Velocity dispersion of the gas [km/s] (B,); None = fitted.
        spread: Line spread of the instrument, sigma [pixel] on the grid (L,); None = SDSS.
        zero_on_sky: Set lines on a line of the night sky to 0, as the Portsmouth table does.
    """
    spread = sdss_spread(grid.wavelengths()) if spread is None else spread
    window, pixel = _cut(flux, ivar, redshift)
    continuum = _continuum(starlight, pixel, flux.shape[0])
    start = np.full(redshift.size, _FIRST_GUESS) if velocity is None else velocity
    rough, _, _ = _joint(window, continuum, _emission(window, start, spread))
    leftover = _leftover(window, rough, _emission(window, start, spread))
    window = _Window(window.data - leftover, window.weight, window.first, window.stretch)
    if velocity is None:
        velocity = _best_velocity(window, rough, spread)
    emission = _emission(window, velocity, spread)
    model, values, errors = _joint(window, continuum, emission)
    total = model + np.einsum("bk,bkl->bl", values, emission)
    used = (window.weight > 0).sum(axis=1)
    chi2 = (window.weight * (window.data - total) ** 2).sum(axis=1)
    fits = {
        name: _describe(window, model + leftover, name, values[:, i], errors[:, i],
                        emission[:, i].max(axis=1), zero_on_sky)
        for i, name in enumerate(LINES)
    }  # fmt: skip
    reduced = np.where(used > 0, chi2 / np.maximum(used, 1), np.nan)
    return Measured(fits, velocity, reduced)


def _cut(flux: np.ndarray, ivar: np.ndarray, redshift: np.ndarray) -> tuple[_Window, np.ndarray]:
    """The rest window of every row; beyond the grid there is no data."""
    stretch = np.log10(1.0 + redshift)
    first = (np.log10(WINDOW[0]) + stretch - grid.LOG10_START) / grid.LOG10_STEP
    first = np.rint(first).astype(np.int64)
    pixel = first[:, None] + np.arange(_LENGTH)
    inside = (pixel >= 0) & (pixel < grid.LENGTH)
    pixel = pixel.clip(0, grid.LENGTH - 1)
    data, weight = (np.take_along_axis(item, pixel, axis=1) for item in (flux, ivar))
    weight = np.where(inside & np.isfinite(data), weight, 0.0).astype(np.float64)
    data = np.where(weight > 0, data, 0.0).astype(np.float64)
    return _Window(data, weight, first, stretch), pixel


def _continuum(starlight: np.ndarray | None, pixel: np.ndarray, rows: int) -> np.ndarray:
    """Shapes the continuum may have (B, K, N)."""
    if starlight is None:
        rest = np.linspace(np.log(WINDOW[0]), np.log(WINDOW[1]), _LENGTH)
        count = int((WINDOW[1] - WINDOW[0]) / _KNOTS)
        place = (np.exp(rest) - WINDOW[0]) / _KNOTS
        distance = np.abs(place - np.arange(-1, count + 2)[:, None])
        inner = 2.0 / 3.0 - distance**2 + 0.5 * distance**3  # cubic B-spline of unit knots
        spline = np.where(distance < 1, inner, np.clip(2.0 - distance, 0.0, None) ** 3 / 6.0)
        return np.broadcast_to(spline, (rows, *spline.shape))
    stars = np.take_along_axis(starlight, pixel[:, None], axis=2)
    slope = np.linspace(-1.0, 1.0, _LENGTH)
    shapes = stars[:, :, None] * np.stack([np.ones(_LENGTH), slope])
    return shapes.reshape(rows, -1, _LENGTH)


def _emission(
    window: _Window, velocity: np.ndarray, spread: np.ndarray, columns: np.ndarray | None = None
) -> np.ndarray:
    """Profile of each group, flux per angstrom for unit flux of its first line (B, G, N).

    `columns` are the pixels wanted (N,), all that a line reaches among them; None = the window's.
    """
    wanted = np.arange(_LENGTH) if columns is None else columns
    column = np.zeros(_LENGTH, dtype=np.int64)
    column[wanted] = np.arange(wanted.size)
    total = np.zeros((velocity.size, len(GROUPS), wanted.size))
    for index, group in enumerate(GROUPS):
        for name, ratio in group:
            place = window.place(name)
            at = np.interp(place + window.first, np.arange(grid.LENGTH), spread)
            sigma = np.hypot(velocity / PIXEL_VELOCITY, at)
            row, pixel, values = line_pixels(place, sigma, _LENGTH)
            log10 = grid.LOG10_START + grid.LOG10_STEP * (window.first[row] + pixel)
            total[row, index, column[pixel]] += ratio * values / (_PER_PIXEL * 10.0**log10)
    return total


def _joint(
    window: _Window, continuum: np.ndarray, emission: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Continuum (B, N), and fluxes and errors of the groups (B, G)."""
    design = np.concatenate([continuum, emission], axis=1)
    values, errors = weighted_fit(design, window.data, window.weight)
    smooth = continuum.shape[1]
    model = np.einsum("bk,bkl->bl", values[:, :smooth], continuum)
    return model, values[:, smooth:], errors[:, smooth:]


def weighted_fit(
    design: np.ndarray, data: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares per row: values and standard errors (B, K).

    A ridge of 1e-8 of each column's own weight keeps columns that carry no data (a masked line)
    solvable; they come out as zero with a large error.
    """
    weighted = design * weight[:, None]
    normal = weighted @ np.swapaxes(design, 1, 2)
    right = (weighted @ data[:, :, None])[:, :, 0]
    scale = np.sqrt(np.maximum(np.einsum("bii->bi", normal), 1e-30))
    normal = normal / scale[:, :, None] / scale[:, None, :] + 1e-8 * np.eye(design.shape[1])
    inverse = np.linalg.inv(normal)
    values = np.einsum("bij,bj->bi", inverse, right / scale) / scale
    return values, np.sqrt(np.maximum(np.einsum("bii->bi", inverse), 0.0)) / scale


def _leftover(window: _Window, model: np.ndarray, emission: np.ndarray) -> np.ndarray:
    """What the continuum misses on large scales, away from the lines (B, N)."""
    peak = emission.max(axis=2, keepdims=True)
    clear = (emission < 1e-3 * np.maximum(peak, 1e-30)).all(axis=1)
    rest = window.data - model
    clear &= np.abs(rest) * np.sqrt(window.weight) < 5.0
    weight = np.where(clear, window.weight, 0.0)
    above, below = rest * weight, weight
    for _ in range(2):
        above = uniform_filter1d(above, _SMOOTH, axis=1, mode="constant")
        below = uniform_filter1d(below, _SMOOTH, axis=1, mode="constant")
    enough = below > 0.05 * weight.mean(axis=1, keepdims=True)
    return np.where(enough, above / np.where(enough, below, 1.0), 0.0)


def _best_velocity(window: _Window, model: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """The dispersion of the grid whose lines fit best, with a parabola between its steps (B,)."""
    widest = _emission(window, np.full(model.shape[0], VELOCITIES[-1]), spread)
    near = np.flatnonzero(widest.any(axis=(0, 1)))  # beyond these pixels no line reaches
    rest, weight = (window.data - model)[:, near], window.weight[:, near]
    gains: list[np.ndarray] = []
    for value in VELOCITIES:
        emission = _emission(window, np.full(rest.shape[0], value), spread, near)
        right = (emission @ (weight * rest)[:, :, None])[:, :, 0]
        values, _ = weighted_fit(emission, rest, weight)
        gains.append(np.sum(np.maximum(values, 0.0) * right, axis=1))
    gain = np.stack(gains, axis=1)
    best = gain.argmax(axis=1).clip(1, len(VELOCITIES) - 2)
    rows = np.arange(len(best))
    x = np.log(VELOCITIES)
    (x0, x1, x2), (y0, y1, y2) = (
        (x[best - 1], x[best], x[best + 1]),
        (gain[rows, best - 1], gain[rows, best], gain[rows, best + 1]),
    )
    slope_low, slope_high = (y1 - y0) / (x1 - x0), (y2 - y1) / (x2 - x1)
    curve = (slope_high - slope_low) / (x2 - x0)
    bent = curve < -1e-12
    top = 0.5 * (x0 + x1) - slope_low / np.where(bent, 2.0 * curve, -1.0)
    refined = np.exp(np.clip(top, x0, x2))
    refined = np.where(bent, refined, VELOCITIES[gain.argmax(axis=1)])
    return np.where(gain.max(axis=1) > _DETECTED, refined, _FIRST_GUESS)


def _describe(
    window: _Window,
    model: np.ndarray,
    name: str,
    flux: np.ndarray,
    error: np.ndarray,
    peak: np.ndarray,
    zero_on_sky: bool,
) -> LineFit:
    """One fitted line, from its flux, error and peak height of unit flux."""
    place = window.place(name)
    centre = np.rint(place).astype(np.int64)
    inside = (centre >= 5) & (centre < _LENGTH - 5)
    core = (centre[:, None] + np.arange(-5, 6)).clip(0, _LENGTH - 1)
    weights = np.take_along_axis(window.weight, core, axis=1)
    pixels = (weights > 0).sum(axis=1)
    covered = inside & (pixels > 5)
    pixel_ivar = np.where(covered, weights.sum(axis=1) / np.maximum(pixels, 1), 0.0)
    sides = np.concatenate([np.arange(-60, -40), np.arange(40, 60)])
    beside = (centre[:, None] + sides).clip(0, _LENGTH - 1)
    level = np.take_along_axis(model, beside, axis=1).mean(axis=1)
    stretch = 10.0**window.stretch
    seen = lines.observed(_KNOWN[name].wavelength, stretch - 1.0)
    warning = np.any([np.abs(seen - at) < _SKY_REACH for at in SKY_LINES], axis=0)
    keep = ~warning if zero_on_sky else np.ones_like(warning)
    per_level = np.where(covered & (level > 0), 1.0 / np.where(level > 0, level, 1.0), np.nan)
    per_level = np.where(keep, per_level / stretch, 0.0)
    flux, error = flux * keep, error * keep
    return LineFit(
        flux=flux,
        error=error,
        amplitude_over_noise=flux * peak * np.sqrt(pixel_ivar),
        continuum=level,
        ew=flux * per_level,
        ew_error=error * per_level,
        covered=covered,
        warning=warning,
    )


def classes(measured: Measured, least: float = AMPLITUDE_OVER_NOISE) -> Labels:
    """Assigns the BPT class as the Portsmouth table does, with its sentinels.

    All of Hbeta, [O III], Halpha and [N II] need A/N above `least`; otherwise the class is BLANK
    and the equivalent width and E(B-V) are 0. Line ratios are freed of the dust that the Balmer
    decrement tells. E(B-V) is that of the decrement, Milky Way included, not below 0.
    """
    four = [measured.lines[name] for name in BPT_LINES]
    seen = np.all([fit.amplitude_over_noise > least for fit in four], axis=0)
    seen &= measured.lines["h_alpha"].continuum > 0
    nitrogen, alpha, oxygen, beta = (np.where(seen, fit.flux, 1.0) for fit in four)
    excess = extinction.balmer_color_excess(alpha / beta, lines.H_ALPHA_OVER_H_BETA)
    excess = np.maximum(excess, 0.0)
    # log10 fluxes without the dust; the ratios are close in wavelength, so it matters by 0.02
    k = extinction.calzetti00(np.array([lines.EMISSION[name].wavelength for name in BPT_LINES]))
    nitrogen_ratio = np.log10(nitrogen / alpha) + 0.4 * excess * (k[0] - k[1])
    oxygen_ratio = np.log10(oxygen / beta) + 0.4 * excess * (k[2] - k[3])
    named = bpt.classify(nitrogen_ratio, oxygen_ratio)
    return Labels(
        bpt=np.where(seen, named, bpt.BLANK),
        ew_ha=np.where(seen, measured.lines["h_alpha"].ew, 0.0),
        ebmv=np.where(seen, excess, 0.0),
    )


def whan_classes(measured: Measured, least: float = AMPLITUDE_OVER_NOISE) -> np.ndarray:
    """WHAN classes (B,): by EW(Halpha), and by [N II]/Halpha where both stand out of the noise."""
    alpha, nitrogen = (measured.lines[name] for name in ("h_alpha", "nii_6584"))
    seen = (alpha.amplitude_over_noise > least) & (nitrogen.amplitude_over_noise > least)
    ratio = np.where(seen, nitrogen.flux, 1.0) / np.where(seen, alpha.flux, 1.0)
    x = np.where(seen, np.log10(ratio), np.nan)
    return bpt.whan(x, np.where(alpha.covered, alpha.ew, np.nan))
