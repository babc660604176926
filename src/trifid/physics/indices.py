"""Spectral indices: breaks, Lick indices, Balmer profiles of hot stars, synthetic magnitudes.

Bands are published in air and turned into vacuum here. Indices are measured at the spectrum's own
resolution, not brought to that of the Lick system.
"""

from dataclasses import dataclass

import numpy as np

from trifid.physics import air, extinction, lines, photometry
from trifid.schema import grid

_LEAST = 0.9  # share of a band that must hold data


@dataclass(frozen=True)
class Band:
    """A line index: bands of the line and of the continuum on its sides [angstrom, air]."""

    line: tuple[float, float]
    blue: tuple[float, float]
    red: tuple[float, float]


H_DELTA_A = Band((4083.50, 4122.25), (4041.60, 4081.50), (4128.50, 4161.00))
"""Paper: Worthey & Ottaviani 1997, ApJS 111, 377, table 1."""
H_GAMMA_A = Band((4319.75, 4363.50), (4283.50, 4319.75), (4367.25, 4419.75))
"""Ibid."""
CA_K = Band((3927.7, 3939.7), (3903.0, 3923.0), (4000.0, 4020.0))
"""K12 of Beers+ 1999, AJ 117, 981, table 1 (recalled: unverified)."""
_BREAK_BLUE, _BREAK_RED = (3850.0, 3950.0), (4000.0, 4100.0)


def _overlap(redshift: np.ndarray, band: tuple[float, float]) -> np.ndarray:
    """Share of each pixel of the grid that lies in a rest-frame band [vacuum] (B, L)."""
    edges = np.log10(np.array(band)) + np.log10(1.0 + np.asarray(redshift))[:, None]
    edges = (edges - grid.LOG10_START) / grid.LOG10_STEP
    pixel = np.arange(grid.LENGTH)
    return np.clip(np.minimum(edges[:, 1:], pixel + 0.5) - np.maximum(edges[:, :1], pixel - 0.5),
                   0.0, 1.0)  # fmt: skip


def _mean(
    values: np.ndarray, ivar: np.ndarray, share: np.ndarray, wanted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean over a band and its variance (B,); NaN where too little of it holds data.

    Args:
        values: (B, L).
        ivar: Of the values (B, L).
        share: Of each pixel in the band (B, L).
        wanted: Pixels a whole band has (B,).
    """
    good = share * (ivar > 0)
    width = grid.wavelengths() * good  # pixels are equal in log wavelength
    total = width.sum(axis=1)
    enough = good.sum(axis=1) > _LEAST * wanted
    safe = np.where(enough, total, 1.0)
    mean = (width * np.where(ivar > 0, values, 0.0)).sum(axis=1) / safe
    variance = (width**2 / np.where(ivar > 0, ivar, 1.0)).sum(axis=1) / safe**2
    return np.where(enough, mean, np.nan), np.where(enough, variance, np.nan)


def _pixels(band: tuple[float, float]) -> float:
    return float(np.log10(band[1] / band[0]) / grid.LOG10_STEP)


def d4000n(
    flux: np.ndarray, ivar: np.ndarray, redshift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The narrow 4000-angstrom break and its error (B,): mean f_nu of 4000-4100 over 3850-3950.

    Paper: Balogh+ 1999, ApJ 527, 54, section 3.1. The bands are taken in vacuum.
    """
    wavelength2 = (grid.wavelengths() / 4000.0) ** 2
    per_frequency, weight = flux * wavelength2, ivar / wavelength2**2
    (blue, blue_var), (red, red_var) = (
        _mean(per_frequency, weight, _overlap(redshift, band), np.array(_pixels(band)))
        for band in (_BREAK_BLUE, _BREAK_RED)
    )
    blue = np.where(blue > 0, blue, np.nan)
    ratio = red / blue
    return ratio, np.sqrt(red_var + ratio**2 * blue_var) / blue


def equivalent_width(
    flux: np.ndarray, ivar: np.ndarray, redshift: np.ndarray, index: Band
) -> tuple[np.ndarray, np.ndarray]:
    """An index as an equivalent width [angstrom, rest frame] and its error; absorption positive.

    The continuum is the straight line through the means of its two bands (Worthey+ 1994, ApJS 94,
    687, eq. 2). The sign is the Lick system's, the opposite of emission lines elsewhere here.
    """
    bands = {name: tuple(air.air_to_vacuum(np.array(getattr(index, name))).tolist())
             for name in ("line", "blue", "red")}  # fmt: skip
    sides = {
        name: _mean(flux, ivar, _overlap(redshift, bands[name]), np.array(_pixels(bands[name])))
        for name in ("blue", "red")
    }
    middle = {name: 0.5 * (bands[name][0] + bands[name][1]) for name in sides}
    rest = grid.wavelengths() / (1.0 + np.asarray(redshift))[:, None]
    part = (rest - middle["blue"]) / (middle["red"] - middle["blue"])
    continuum = (1.0 - part) * sides["blue"][0][:, None] + part * sides["red"][0][:, None]
    positive = continuum > 0
    safe = np.where(positive, continuum, 1.0)
    share, wanted = _overlap(redshift, bands["line"]), np.array(_pixels(bands["line"]))
    depth, variance = _mean(1.0 - flux / safe, ivar * safe**2, share * positive, wanted)
    at = (0.5 * sum(bands["line"]) - middle["blue"]) / (middle["red"] - middle["blue"])
    level = (1.0 - at) * sides["blue"][0] + at * sides["red"][0]
    level_var = (1.0 - at) ** 2 * sides["blue"][1] + at**2 * sides["red"][1]
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = variance + (1.0 - depth) ** 2 * level_var / level**2
    width = bands["line"][1] - bands["line"][0]
    return width * depth, width * np.sqrt(variance)


@dataclass(frozen=True)
class BalmerProfile:
    """Sersic profiles of a Balmer line in B spectra: y = 1 - a exp(-(|x| / b)^c); NaN if not seen.

    Attributes:
        a: Depth below the continuum (B,).
        b: Scale [angstrom] (B,).
        c: Shape (B,).
        d02: Full width where the line is 20 % below the continuum [angstrom]; 0 if it is never.
        fm: Flux at the line's centre over the continuum, 1 - a (B,).
        error: Standard error of `a` at the best b and c (B,).
    """

    a: np.ndarray
    b: np.ndarray
    c: np.ndarray
    d02: np.ndarray
    fm: np.ndarray
    error: np.ndarray


_REACH = 100.0  # [angstrom] on each side of a Balmer line
_B = np.geomspace(2.0, 22.0, 40)
_C = np.linspace(0.5, 2.2, 18)


def balmer_profile(
    flux: np.ndarray, ivar: np.ndarray, redshift: np.ndarray, name: str = "h_gamma"
) -> BalmerProfile:
    """Fits a Sersic profile on a straight continuum to a Balmer line.

    D0.2 and fm of Hdelta and b, c of Hgamma tell horizontal-branch stars from dwarfs: Xue+ 2008,
    ApJ 684, 1143, section 2. All combinations of b and c are tried; depth and continuum are linear.

    Args:
        flux: (B, L) on the store's grid.
        ivar: (B, L).
        redshift: (B,).
        name: `h_delta`, `h_gamma` or another line of `lines.EMISSION`.
    """
    rest = np.arange(-_REACH, _REACH + 0.5, 0.8) + lines.EMISSION[name].wavelength
    data, weight = at_rest(flux, ivar, redshift, rest)
    x = (rest - lines.EMISSION[name].wavelength) / _REACH
    shapes = np.exp(-((np.abs(x) * _REACH / _B[:, None, None]) ** _C[:, None]))
    shapes = shapes.reshape(-1, rest.size)  # (S, N)
    design = np.stack([np.ones_like(x), x])
    level = np.einsum("bn,in,jn->bij", weight, design, design)
    seen = (weight > 0).sum(axis=1) > _LEAST * rest.size
    level = np.where(seen[:, None, None], level, np.eye(2))
    inverse = np.linalg.inv(level)
    signal = np.einsum("bn,in->bi", weight * data, design)
    cross = np.einsum("bn,in,sn->bsi", weight, design, shapes, optimize=True)
    # the profile freed of what the continuum can do: a one-parameter fit
    projected = np.einsum("bsi,bij->bsj", cross, inverse)
    power = weight @ (shapes**2).T - np.einsum("bsi,bsi->bs", projected, cross)
    right = (weight * data) @ shapes.T - np.einsum("bsi,bi->bs", projected, signal)
    power = np.maximum(power, 1e-30)
    best = (right**2 / power * (right < 0)).argmax(axis=1)
    rows = np.arange(len(best))
    depth = right[rows, best] / power[rows, best]
    continuum = np.einsum("bij,bj->bi", inverse,
                          signal - depth[:, None] * cross[rows, best])[:, 0]  # fmt: skip
    usable = seen & (continuum > 0)
    safe = np.where(usable, continuum, 1.0)
    a = np.where(usable, -depth / safe, np.nan)
    b, c = (np.where(usable, values[index], np.nan)
            for values, index in zip((_B, _C), np.divmod(best, _C.size), strict=True))  # fmt: skip
    width = 2.0 * b * np.log(np.maximum(a, 0.2) / 0.2) ** (1.0 / c)
    error = np.where(usable, power[rows, best] ** -0.5 / safe, np.nan)
    return BalmerProfile(a, b, c, width, 1.0 - a, error)


def at_rest(
    flux: np.ndarray, ivar: np.ndarray, redshift: np.ndarray, rest: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Flux and ivar (B, N) at rest wavelengths, interpolated; ivar 0 beside missing pixels."""
    place = np.log10(rest) + np.log10(1.0 + np.asarray(redshift))[:, None] - grid.LOG10_START
    place = place / grid.LOG10_STEP
    inside = (place >= 0) & (place < grid.LENGTH - 1)
    low = np.floor(place.clip(0, grid.LENGTH - 2)).astype(np.int64)
    part = place.clip(0, grid.LENGTH - 1) - low
    (f0, f1), (w0, w1) = (
        (np.take_along_axis(item, low, axis=1), np.take_along_axis(item, low + 1, axis=1))
        for item in (flux, ivar)
    )
    good = inside & (w0 > 0) & (w1 > 0)
    return (
        np.where(good, (1.0 - part) * f0 + part * f1, 0.0),
        np.where(good, 0.5 * (w0 + w1), 0.0).astype(np.float64),
    )


def synthetic_fluxes(flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fluxes in ugriz [nanomaggy] and errors (B, 5); NaN where 2 % of a band lies in no data.

    The bands are those of `photometry.response`, top hats: colours differ from the camera's by a
    few hundredths.
    """
    weights = photometry.band_weights(grid.wavelengths())
    wide = 10.0 ** (np.log10(2500.0) + grid.LOG10_STEP * np.arange(6900))  # beyond every band
    whole, here = (
        np.stack([photometry.response(band, x) for band in photometry.SDSS_BANDS])
        for x in (wide, grid.wavelengths())
    )
    good = ivar > 0
    share = good @ here.T / whole.sum(axis=1)
    seen = good @ weights.T
    full = weights.sum(axis=1)
    value = np.where(good, flux, 0.0) @ weights.T * (full / np.where(seen > 0, seen, 1.0))
    error = np.sqrt(np.where(good, 1.0 / np.where(good, ivar, 1.0), 0.0) @ (weights**2).T)
    covered = share > 0.98
    return np.where(covered, value, np.nan), np.where(covered, error, np.nan)


def deredden(
    flux: np.ndarray, ivar: np.ndarray, ebv_sfd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Spectra freed of the Milky Way's dust, from raw SFD E(B-V) [mag] (B,).

    The curve of `extinction.milky_way` with R_V = 3.1 times 0.86 (Schlafly & Finkbeiner 2011).
    """
    magnitudes = extinction.SF11_SCALE * extinction.milky_way(grid.wavelengths())
    factor = 10.0 ** (0.4 * np.asarray(ebv_sfd)[:, None] * magnitudes)
    return flux * factor, ivar / factor**2


def deredden_magnitudes(
    magnitudes: np.ndarray, ebv_sfd: np.ndarray, data_release: int = 17
) -> np.ndarray:
    """Magnitudes in ugriz (B, 5) freed of the Milky Way's dust, from raw SFD E(B-V) (B,)."""
    coefficients = np.array(extinction.coefficients(data_release))
    return magnitudes - np.asarray(ebv_sfd)[:, None] * coefficients
