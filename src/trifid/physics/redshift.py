"""Redshifts and classes by fits of templates, as the survey's pipeline makes them.

For every redshift of a grid a spectrum is fitted with a linear combination of the templates of a
class and a polynomial, weighted by ivar; the sums over pixels for all redshifts at once are
cross-correlations (Glazebrook, Offer & Deeley 1998, ApJ 492, 98). The best few minima of coarse
pixels are refined on the store's pixels. Method, bits and thresholds: Bolton+ 2012, AJ 144, 144,
section 3 and table 3; the thresholds of negative models and coverage were recalled: unverified.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from trifid.errors import InputError
from trifid.physics.lines import SPEED_OF_LIGHT
from trifid.schema import grid

BITS = {
    "SKY": 1 << 0,
    "LITTLE_COVERAGE": 1 << 1,
    "SMALL_DELTA_CHI2": 1 << 2,
    "NEGATIVE_MODEL": 1 << 3,
    "MANY_OUTLIERS": 1 << 4,
    "Z_FITLIMIT": 1 << 5,
    "NEGATIVE_EMISSION": 1 << 6,
    "UNPLUGGED": 1 << 7,
    "BAD_TARGET": 1 << 8,
    "NODATA": 1 << 9,
}
"""ZWARNING of the survey. A fit of one spectrum can set LITTLE_COVERAGE, SMALL_DELTA_CHI2,
NEGATIVE_MODEL, MANY_OUTLIERS, Z_FITLIMIT and NODATA."""
SMALL_DELTA = 0.01  # of the reduced chi2
DISTINCT = 1000.0 / SPEED_OF_LIGHT  # solutions of a class closer than this are one
_OUTLIER, _MANY = 5.0, 0.05  # sigma, share of pixels
_LEAST_PIXELS = 400
_MINIMA = 3  # refined per template set; of the sets of stars, the best 3


@dataclass(frozen=True)
class TemplateSet:
    """Templates of a class, in the rest frame, vacuum.

    Attributes:
        name: Class, or `CLASS:SUBCLASS`.
        log10_start: log10 of the first wavelength [angstrom].
        curves: In steps of 1e-4 dex (K, N).
        lowest, highest: Redshifts tried.
        bin: Pixels joined in the coarse search.
        kept: Their Fourier transforms, once made.
    """

    name: str
    log10_start: float
    curves: np.ndarray
    lowest: float
    highest: float
    bin: int = 2
    kept: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Redshifts:
    """What the fits say of B spectra; arrays over them.

    Attributes:
        name: Class of the best fit.
        subclass: The rest of its template set's name, or empty.
        redshift: Of the best fit; NaN without data.
        error: Its standard error, from the curvature of chi2.
        reduced_chi2: Of the best fit.
        delta: By how much the reduced chi2 of the next other solution is worse.
        warning: Sum of `BITS`.
        model: Best fit (B, L).
        by_class: Best reduced chi2 of each class (B,), by its name.
    """

    name: np.ndarray
    subclass: np.ndarray
    redshift: np.ndarray
    error: np.ndarray
    reduced_chi2: np.ndarray
    delta: np.ndarray
    warning: np.ndarray
    model: np.ndarray
    by_class: dict[str, np.ndarray]


@dataclass(frozen=True)
class _Solution:
    """One minimum: chi2, the redshift and its error, and whether it lies at the limit."""

    chi2: float
    name: str
    redshift: float
    error: float
    limit: bool
    lag: int


def fit_redshifts(
    flux: np.ndarray,
    ivar: np.ndarray,
    templates: Sequence[TemplateSet] | Mapping[str, TemplateSet],
    *,
    polynomials: int = 3,
) -> Redshifts:
    """Fits classes and redshifts of spectra.

    Args:
        flux: (B, L) on the store's grid.
        ivar: (B, L); 0 = no data.
        templates: Sets of all classes.
        polynomials: Terms added to the templates.

    Raises:
        InputError: If the spectra do not lie on the store's grid.
    """
    sets = list(templates.values() if isinstance(templates, Mapping) else templates)
    if flux.ndim != 2 or flux.shape != ivar.shape or flux.shape[1] != grid.LENGTH:
        raise InputError(
            f"spectra of shape {flux.shape} and ivar {ivar.shape}; expected (B, {grid.LENGTH}) both"
        )
    rows = [
        _fit_one(f, w, sets, polynomials)
        for f, w in zip(
            flux.astype(np.float64), np.where(np.isfinite(flux), ivar, 0.0), strict=True
        )
    ]
    classes = sorted({item.name.split(":")[0] for item in sets})
    return Redshifts(
        name=np.array([row.name.split(":")[0] for row in rows], dtype=str),
        subclass=np.array([row.name.partition(":")[2] for row in rows], dtype=str),
        redshift=np.array([row.redshift for row in rows]),
        error=np.array([row.error for row in rows]),
        reduced_chi2=np.array([row.reduced for row in rows]),
        delta=np.array([row.delta for row in rows]),
        warning=np.array([row.warning for row in rows], dtype=np.int64),
        model=np.array([row.model for row in rows]).reshape(len(rows), grid.LENGTH),
        by_class={name: np.array([row.classes.get(name, np.nan) for row in rows])
                  for name in classes},
    )  # fmt: skip


@dataclass(frozen=True)
class _Row:
    name: str
    redshift: float
    error: float
    reduced: float
    delta: float
    warning: int
    model: np.ndarray
    classes: dict[str, float]


def _fit_one(flux: np.ndarray, ivar: np.ndarray, sets: list[TemplateSet], polynomials: int) -> _Row:
    good = ivar > 0
    pixels = int(good.sum())
    if pixels < _LEAST_PIXELS:
        nan = float("nan")
        nothing = np.zeros(grid.LENGTH)
        bits = BITS["NODATA"] if not pixels else BITS["NODATA"] | BITS["LITTLE_COVERAGE"]
        return _Row("", nan, nan, nan, nan, bits, nothing, {})
    flux = np.where(good, flux, 0.0)
    spectrum = _Spectrum(flux, np.where(good, ivar, 0.0), polynomials)
    found = sorted(_search(spectrum, sets), key=lambda s: s.chi2)
    best = found[0]
    other = [s for s in found if not _same(s, best)]
    delta = (other[0].chi2 - best.chi2) / pixels if other else float("inf")
    model, stars = spectrum.model(next(item for item in sets if item.name == best.name), best.lag)
    warning = BITS["SMALL_DELTA_CHI2"] * (delta < SMALL_DELTA) + BITS["Z_FITLIMIT"] * best.limit
    outliers = (np.abs(flux - model) * np.sqrt(spectrum.ivar) > _OUTLIER)[good].mean()
    warning += BITS["MANY_OUTLIERS"] * int(outliers > _MANY)
    if not best.name.startswith("GALAXY"):
        warning += BITS["NEGATIVE_MODEL"] * int((stars * spectrum.ivar).sum() <= 0.0)
    classes: dict[str, float] = {}
    for item in found:
        classes.setdefault(item.name.split(":")[0], item.chi2 / pixels)
    return _Row(best.name, best.redshift, best.error, best.chi2 / pixels, delta, int(warning),
                model, classes)  # fmt: skip


def _same(one: _Solution, two: _Solution) -> bool:
    """Stars of all subclasses are one solution; others of a class if their redshifts agree."""
    if one.name.split(":")[0] != two.name.split(":")[0]:
        return False
    near = abs(one.redshift - two.redshift) < DISTINCT * (1.0 + two.redshift)
    return near or one.name.startswith("STAR")


class _Spectrum:
    """A spectrum with what all template sets need of it, by coarseness."""

    def __init__(self, flux: np.ndarray, ivar: np.ndarray, polynomials: int) -> None:
        self.flux, self.ivar = flux, ivar
        x = np.linspace(-1.0, 1.0, grid.LENGTH)
        self.polynomials = np.stack([x**order for order in range(polynomials)])
        self.chi2 = float((ivar * flux**2).sum())
        self._coarse: dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}

    def coarse(self, joined: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Weight, weight times flux, and polynomials, on pixels joined by `joined`."""
        if joined not in self._coarse:
            length = grid.LENGTH // joined * joined
            weight = self.ivar[:length].reshape(-1, joined).sum(axis=1)
            signal = (self.ivar * self.flux)[:length].reshape(-1, joined).sum(axis=1)
            smooth = self.polynomials[:, :length].reshape(len(self.polynomials), -1, joined)
            self._coarse[joined] = weight, signal, smooth.mean(axis=2)
        return self._coarse[joined]

    def design(self, item: TemplateSet, lag: int) -> np.ndarray:
        """Templates that begin `lag` pixels before the grid, and polynomials (K + P, L)."""
        shape = np.zeros((len(item.curves), grid.LENGTH))
        low, high = max(0, -lag), min(grid.LENGTH, item.curves.shape[1] - lag)
        if high > low:
            shape[:, low:high] = item.curves[:, lag + low : lag + high]
        return np.concatenate([shape, self.polynomials])

    def solve(self, item: TemplateSet, lag: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Design, coefficients and chi2 at a lag."""
        design = self.design(item, lag)
        weighted = design * self.ivar
        right = weighted @ self.flux
        values = _solve((weighted @ design.T)[None], right[None])[0]
        return design, values, self.chi2 - float(values @ right)

    def model(self, item: TemplateSet, lag: int) -> tuple[np.ndarray, np.ndarray]:
        """Best fit, and the part of it that is templates (L,) each."""
        design, values, _ = self.solve(item, lag)
        count = len(item.curves)
        return values @ design, values[:count] @ design[:count]


def _solve(normal: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Solutions of many small systems (S, M, M), (S, M), kept regular by a ridge of 1e-9."""
    scale = np.sqrt(np.maximum(np.einsum("sii->si", normal), 1e-30))
    normal = normal / scale[:, :, None] / scale[:, None, :]
    normal = normal + 1e-9 * np.eye(normal.shape[1])
    return np.linalg.solve(normal, (right / scale)[..., None])[..., 0] / scale


def _search(spectrum: _Spectrum, sets: list[TemplateSet]) -> list[_Solution]:
    """The best minima of every class, refined."""
    tried: dict[str, list[tuple[float, TemplateSet, int]]] = {}
    for item in sets:
        low, high = (round(limit / item.bin) for limit in _lags(item))
        chi2 = spectrum.chi2 - _gain(spectrum, item, low, high)
        found = [(float(chi2[i]), item, item.bin * (low + int(i))) for i in _minima(chi2)]
        star = item.name.startswith("STAR")
        tried.setdefault("STAR" if star else item.name, []).extend(found[: 1 if star else _MINIMA])
    chosen = [entry for group in tried.values() for entry in sorted(group, key=_depth)[:_MINIMA]]
    return [_refine(spectrum, item, lag) for _, item, lag in chosen]


def _depth(entry: tuple[float, TemplateSet, int]) -> float:
    return entry[0]


def _lags(item: TemplateSet) -> tuple[int, int]:
    """Lags of the highest and of the lowest redshift tried."""
    first = _lag_at_rest(item)
    low, high = (np.log10(1.0 + z) / grid.LOG10_STEP for z in (item.highest, item.lowest))
    return round(first - low), round(first - high)


def _lag_at_rest(item: TemplateSet) -> float:
    return (grid.LOG10_START - item.log10_start) / grid.LOG10_STEP


def _minima(chi2: np.ndarray) -> np.ndarray:
    """Places of the local minima, ends included, the deepest first."""
    padded = np.concatenate([[np.inf], chi2, [np.inf]])
    local = np.flatnonzero((chi2 <= padded[:-2]) & (chi2 < padded[2:]))
    return local[np.argsort(chi2[local])]


def _refine(spectrum: _Spectrum, item: TemplateSet, lag: int) -> _Solution:
    """Walks to the minimum on the store's pixels; a parabola gives its place and error."""
    limits, first = _lags(item), _lag_at_rest(item)
    lag = min(max(lag, limits[0]), limits[1])
    known: dict[int, float] = {}

    def chi2(at: int) -> float:
        if at not in known:
            known[at] = spectrum.solve(item, at)[2]
        return known[at]

    for _ in range(3 * item.bin + 3):
        step = min((-1, 0, 1), key=lambda move: chi2(lag + move))
        if not step or not limits[0] <= lag + step <= limits[1]:
            break
        lag += step
    left, middle, right = chi2(lag - 1), chi2(lag), chi2(lag + 1)
    curve = left + right - 2.0 * middle
    shift = float(np.clip(0.5 * (left - right) / curve, -1.0, 1.0)) if curve > 0 else 0.0
    redshift = 10.0 ** ((first - lag - shift) * grid.LOG10_STEP) - 1.0
    width = np.sqrt(2.0 / curve) if curve > 0 else float("nan")  # pixels for a chi2 worse by 1
    error = width * np.log(10.0) * grid.LOG10_STEP * (1.0 + redshift)
    limit = lag <= limits[0] + 1 or lag >= limits[1] - 1
    best = middle - 0.25 * (left - right) * shift
    return _Solution(best, item.name, redshift, float(error), limit, lag)


def _gain(spectrum: _Spectrum, item: TemplateSet, low: int, high: int) -> np.ndarray:
    """How far chi2 falls below that of zero at every lag from `low` to `high`, joined pixels."""
    weight, signal, smooth = spectrum.coarse(item.bin)
    transformed, size = _transforms(item, weight.size)
    data = np.concatenate([weight[None], signal[None], weight * smooth])
    data = np.conj(np.fft.rfft(data, n=size, axis=1))
    count, terms = len(item.curves), len(smooth)
    place = np.arange(low, high + 1) % size

    def correlate(product: np.ndarray) -> np.ndarray:
        return np.fft.irfft(product, n=size, axis=-1)[..., place]

    single, pair = transformed[:count], transformed[count:]
    upper = np.triu_indices(count)
    normal = np.empty((place.size, count + terms, count + terms))
    squares = correlate(pair * data[0]).T
    normal[:, upper[0], upper[1]] = squares
    normal[:, upper[1], upper[0]] = squares
    cross = np.moveaxis(correlate(single[:, None] * data[None, 2:]), 2, 0)
    normal[:, :count, count:] = cross
    normal[:, count:, :count] = np.swapaxes(cross, 1, 2)
    normal[:, count:, count:] = (smooth * weight) @ smooth.T
    right = np.empty((place.size, count + terms))
    right[:, :count] = correlate(single * data[1]).T
    right[:, count:] = smooth @ signal
    return np.einsum("sm,sm->s", _solve(normal, right), right)


def _transforms(item: TemplateSet, length: int) -> tuple[np.ndarray, int]:
    """Fourier transforms of the joined templates and of their products, and their size."""
    joined = item.bin
    pixels = item.curves.shape[1] // joined * joined
    size = -(-(pixels // joined + length) // 512) * 512  # a size Fourier transforms like
    if "transform" not in item.kept:
        curves = item.curves[:, :pixels].reshape(len(item.curves), -1, joined).mean(axis=2)
        upper = np.triu_indices(len(curves))
        both = np.concatenate([curves, curves[upper[0]] * curves[upper[1]]])
        item.kept["transform"] = np.fft.rfft(both, n=size, axis=1)
    return item.kept["transform"], size
