"""Weighted fits of templates and a polynomial to a spectrum, at one redshift or at many at once.

The polynomial is the same at every redshift: it is made orthonormal under the weights once and
taken out of templates and data, which leaves systems as small as the number of templates. The sums
over pixels for many redshifts are cross-correlations (Glazebrook, Offer & Deeley 1998, ApJ 492,
98): Fourier transforms where a set is tried at many redshifts, a matrix product at few.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import cast

import numpy as np
from scipy import fft
from scipy.linalg import solve_triangular

from trifid.schema import grid

_RIDGE = 1e-9  # of each template's own weight
_FEW = 64  # lags up to which a matrix product is the quicker way


@dataclass(frozen=True)
class TemplateSet:
    """Templates of a class, in the rest frame, vacuum.

    Attributes:
        name: Class, or `CLASS:SUBCLASS`.
        log10_start: log10 of the first wavelength [angstrom].
        curves: In steps of 1e-4 dex (K, N).
        lowest, highest: Redshifts tried.
        bin: Pixels joined in the coarse search.
        kept: What is computed of them once.
    """

    name: str
    log10_start: float
    curves: np.ndarray
    lowest: float
    highest: float
    bin: int = 2
    kept: dict[str, np.ndarray] = field(default_factory=dict, repr=False, compare=False)

    @property
    def lag_at_rest(self) -> float:
        """Pixels of the set before the grid begins, at redshift 0."""
        return (grid.LOG10_START - self.log10_start) / grid.LOG10_STEP

    @property
    def lags(self) -> tuple[int, int]:
        """Lags of the highest and of the lowest redshift tried."""
        low, high = (np.log10(1.0 + z) / grid.LOG10_STEP for z in (self.highest, self.lowest))
        return round(self.lag_at_rest - low), round(self.lag_at_rest - high)


@dataclass(frozen=True)
class _Pixels:
    """A spectrum on pixels of one coarseness.

    Attributes:
        weight: (n,).
        data: Weight times flux, then weight times each orthonormal polynomial (1 + P, n).
        values: Coefficients of the polynomials alone (P,).
        shifted: `weight` and `data` moved by each lag of a short range, once asked for.
    """

    weight: np.ndarray
    data: np.ndarray
    values: np.ndarray
    shifted: dict[int, np.ndarray] = field(default_factory=dict)


class Spectrum:
    """A spectrum with what all template sets need of it, by coarseness.

    Args:
        flux: (L,) on the store's grid, finite.
        ivar: (L,); 0 = no data.
        polynomials: Terms added to the templates.
    """

    def __init__(self, flux: np.ndarray, ivar: np.ndarray, polynomials: int) -> None:
        self.flux, self.ivar = flux, ivar
        self.polynomials = _polynomials(polynomials)
        self.chi2 = float((ivar * flux**2).sum())
        self._pixels: dict[int, _Pixels] = {}

    def pixels(self, joined: int) -> _Pixels:
        """The spectrum on pixels joined by `joined`."""
        if joined not in self._pixels:
            length = grid.LENGTH // joined * joined
            weight = self.ivar[:length].reshape(-1, joined).sum(axis=1)
            signal = (self.ivar * self.flux)[:length].reshape(-1, joined).sum(axis=1)
            smooth = self.polynomials[:, :length].reshape(len(self.polynomials), -1, joined)
            smooth = smooth.mean(axis=2)
            lower = np.linalg.cholesky((smooth * weight) @ smooth.T)
            smooth = solve_triangular(lower, smooth, lower=True)
            data = np.concatenate([signal[None], smooth * weight])
            self._pixels[joined] = _Pixels(weight, data, smooth @ signal)
        return self._pixels[joined]

    def chi2_at(self, item: TemplateSet, lag: int) -> float:
        """chi2 of the best fit with templates that begin `lag` pixels before the grid."""
        here, first, last = (
            self.pixels(1),
            max(0, -lag),
            min(grid.LENGTH, item.curves.shape[1] - lag),
        )
        chi2 = self.chi2 - float(here.values @ here.values)
        if last <= first:
            return chi2
        curves = item.curves[:, lag + first : lag + last]
        normal = (curves * here.weight[first:last]) @ curves.T
        products = curves @ here.data[:, first:last].T
        cross = products[:, 1:]
        scale = np.maximum(normal.diagonal(), 1e-30)
        normal = normal - cross @ cross.T + np.diag(_RIDGE * scale)
        right = products[:, 0] - cross @ here.values
        return chi2 - float(right @ np.linalg.solve(normal, right))

    def model(self, item: TemplateSet, lag: int) -> tuple[np.ndarray, np.ndarray]:
        """Best fit, and the part of it that is templates (L,) each."""
        count = len(item.curves)
        design = np.zeros((count + len(self.polynomials), grid.LENGTH))
        first, last = max(0, -lag), min(grid.LENGTH, item.curves.shape[1] - lag)
        if last > first:
            design[:count, first:last] = item.curves[:, lag + first : lag + last]
        design[count:] = self.polynomials
        weighted = design * self.ivar
        normal = weighted @ design.T
        scale = np.sqrt(np.maximum(normal.diagonal(), 1e-30))
        normal = normal / scale[:, None] / scale + _RIDGE * np.eye(len(design))
        values = np.linalg.solve(normal, weighted @ self.flux / scale) / scale
        return values @ design, values[:count] @ design[:count]

    def coarse_chi2(self, item: TemplateSet, low: int, high: int) -> np.ndarray:
        """chi2 of the best fits at every lag from `low` to `high`, in joined pixels."""
        here, few = self.pixels(item.bin), high - low < _FEW
        products = (_by_product if few else _by_transform)(item, here, low, high)
        pairs = products.shape[0] - len(item.curves) * len(here.data)
        cross = products[pairs:].reshape(len(item.curves), len(here.data), -1)
        right = cross[:, 0] - np.tensordot(here.values, cross[:, 1:], axes=(0, 1))
        gain = (_gain_of_few if few else _gain_of_many)(products[:pairs], cross[:, 1:], right)
        return self.chi2 - float(here.values @ here.values) - gain


@cache
def _polynomials(count: int) -> np.ndarray:
    x = np.linspace(-1.0, 1.0, grid.LENGTH)
    return np.stack([x**order for order in range(count)])


def _gain_of_few(squares: np.ndarray, cross: np.ndarray, right: np.ndarray) -> np.ndarray:
    """What templates save of chi2 at S lags, once the polynomial is taken out of them.

    Args:
        squares: Weighted products of each pair of templates (K (K + 1) / 2, S).
        cross: Of templates and polynomials (K, P, S).
        right: Of templates and data (K, S).
    """
    rows, columns = np.triu_indices(len(right))
    normal = np.empty((right.shape[1], len(right), len(right)))
    normal[:, rows, columns] = normal[:, columns, rows] = squares.T
    ridge = _RIDGE * np.maximum(np.einsum("sii->si", normal), 1e-30)
    smooth = np.moveaxis(cross, 2, 0)
    normal -= smooth @ np.swapaxes(smooth, 1, 2)
    np.einsum("sii->si", normal)[:] += ridge
    values = np.linalg.solve(normal, right.T[..., None])[..., 0]
    return np.einsum("si,is->s", values, right)


def _gain_of_many(squares: np.ndarray, cross: np.ndarray, right: np.ndarray) -> np.ndarray:
    """The same by Cholesky's decomposition of all systems at once, the quicker way for many."""
    lower: dict[tuple[int, int], np.ndarray] = {}
    for index, (column, row) in enumerate(zip(*np.triu_indices(len(right)), strict=True)):
        lower[int(row), int(column)] = squares[index] - (cross[row] * cross[column]).sum(axis=0)
        if row == column:
            ridge = _RIDGE * np.maximum(squares[index], 1e-30)
            lower[int(row), int(row)] = np.maximum(lower[int(row), int(row)] + ridge, ridge)
    gain = np.zeros(right.shape[1])
    solved: list[np.ndarray] = []
    for row in range(len(right)):
        floor, value = _RIDGE * lower[row, row], right[row]
        for column in range(row):
            for k in range(column):
                lower[row, column] -= lower[row, k] * lower[column, k]
            lower[row, column] /= lower[column, column]
            lower[row, row] -= lower[row, column] ** 2
            value = value - lower[row, column] * solved[column]
        lower[row, row] = np.sqrt(np.maximum(lower[row, row], floor))
        solved.append(value / lower[row, row])
        gain += solved[row] ** 2
    return gain


def _joined(item: TemplateSet) -> np.ndarray:
    """Templates on joined pixels, and the products of each pair of them (K (K + 1) / 2 + K, n)."""
    pixels = item.curves.shape[1] // item.bin * item.bin
    curves = item.curves[:, :pixels].reshape(len(item.curves), -1, item.bin).mean(axis=2)
    upper = np.triu_indices(len(curves))
    return np.concatenate([curves[upper[0]] * curves[upper[1]], curves])


def _keep(item: TemplateSet, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    if name not in item.kept:
        item.kept[name] = make()
    return item.kept[name]


def _by_product(item: TemplateSet, here: _Pixels, low: int, high: int) -> np.ndarray:
    """Sums over pixels: pairs by weight, then each template by each row of data (M, S)."""
    lags, length = high - low + 1, here.weight.size
    reach = length + lags - 1

    def window() -> np.ndarray:
        both = _joined(item)
        begin, end = max(low, 0), min(low + reach, both.shape[1])
        wide = np.zeros((len(both), reach))
        wide[:, begin - low : end - low] = both[:, begin:end]
        return wide

    wide = _keep(item, f"window {length} {low} {high}", window)
    if lags not in here.shifted:
        rows = np.concatenate([here.weight[None], here.data])
        shifted = np.zeros((len(rows), lags, reach))
        for lag in range(lags):
            shifted[:, lag, lag : lag + length] = rows
        here.shifted[lags] = shifted.reshape(-1, reach)
    shifted = here.shifted[lags]
    count = len(item.curves)
    squares = wide[:-count] @ shifted[:lags].T
    return np.concatenate([squares, (wide[-count:] @ shifted[lags:].T).reshape(-1, lags)])


def _by_transform(item: TemplateSet, here: _Pixels, low: int, high: int) -> np.ndarray:
    """The same by Fourier transforms."""
    count, length = len(item.curves), here.weight.size
    pixels = item.curves.shape[1] // item.bin
    least = max(pixels, pixels - low, length + high)
    size = cast("int", fft.next_fast_len(least, real=True))
    transformed = _keep(item, f"transform {size}", lambda: _transform(_joined(item), size))
    weight = np.conj(_transform(here.weight, size))
    data = np.conj(_transform(here.data, size))
    crossed = (transformed[-count:, None] * data).reshape(-1, weight.size)
    product = np.concatenate([transformed[:-count] * weight, crossed])
    sums = np.asarray(fft.irfft(product, n=size, axis=1, overwrite_x=True))
    if low >= 0:
        return sums[:, low : high + 1]
    if high < 0:
        return sums[:, size + low : size + high + 1]
    return np.concatenate([sums[:, low:], sums[:, : high + 1]], axis=1)


def _transform(values: np.ndarray, size: int) -> np.ndarray:
    return np.asarray(fft.rfft(values, n=size, axis=-1))
