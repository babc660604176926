"""Redshifts and classes by fits of templates, as the survey's pipeline makes them.

For every redshift of a grid a spectrum is fitted with a linear combination of the templates of a
class and a polynomial, weighted by ivar. The best few minima of coarse pixels are refined on the
store's pixels. Method, bits and thresholds: Bolton+ 2012, AJ 144, 144,
section 3 and table 3; the thresholds of negative models and coverage were recalled: unverified.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from trifid.errors import InputError
from trifid.physics.lines import SPEED_OF_LIGHT
from trifid.physics.template_fit import Spectrum, TemplateSet
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
    spectrum = Spectrum(flux, np.where(good, ivar, 0.0), polynomials)
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


def _search(spectrum: Spectrum, sets: list[TemplateSet]) -> list[_Solution]:
    """The best minima of every class, refined."""
    tried: dict[str, list[tuple[float, TemplateSet, int]]] = {}
    for item in sets:
        low, high = (round(limit / item.bin) for limit in item.lags)
        chi2 = spectrum.coarse_chi2(item, low, high)
        found = [(float(chi2[i]), item, item.bin * (low + int(i))) for i in _minima(chi2)]
        star = item.name.startswith("STAR")
        tried.setdefault("STAR" if star else item.name, []).extend(found[: 1 if star else _MINIMA])
    chosen = [entry for group in tried.values() for entry in sorted(group, key=_depth)[:_MINIMA]]
    return [_refine(spectrum, item, lag) for _, item, lag in chosen]


def _depth(entry: tuple[float, TemplateSet, int]) -> float:
    return entry[0]


def _minima(chi2: np.ndarray) -> np.ndarray:
    """Places of the local minima, ends included, the deepest first."""
    padded = np.concatenate([[np.inf], chi2, [np.inf]])
    local = np.flatnonzero((chi2 <= padded[:-2]) & (chi2 < padded[2:]))
    return local[np.argsort(chi2[local])]


def _refine(spectrum: Spectrum, item: TemplateSet, lag: int) -> _Solution:
    """Walks to the minimum on the store's pixels; a parabola gives its place and error."""
    limits, first = item.lags, item.lag_at_rest
    lag = min(max(lag, limits[0]), limits[1])
    known: dict[int, float] = {}

    def chi2(at: int) -> float:
        if at not in known:
            known[at] = spectrum.chi2_at(item, at)
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
