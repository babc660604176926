"""Temperature, gravity and metallicity of stars: a grid of model spectra fitted to spectra.

Every model times a cubic polynomial, which takes up dust and flux calibration, is fitted to the
spectrum; chi2 of all nodes comes from two matrix products. A quadratic surface through the 27
nodes about the best one gives the minimum between them and its errors. Works on any spectra of the
store's grid with a grid of models: arrays in, arrays out.
"""

from dataclasses import dataclass

import numpy as np

from trifid.errors import InputError
from trifid.schema import grid

JOINED = 4  # pixels joined: the lines that tell gravity are far wider
_ORDERS = 4  # terms of the polynomial
_LEAST_PIXELS = 100  # of joined ones with data


@dataclass(frozen=True)
class ModelGrid:
    """Models at every node of three axes.

    Attributes:
        axes: Nodes of log10 Teff [K], log g [cm/s2] and [Fe/H], evenly spaced, three at least each.
        squares: Model squared times powers 0 to 6 of x (7, nodes, n), on joined pixels.
        linear: Model times powers 0 to 3 of x (4, nodes, n).
    """

    axes: tuple[np.ndarray, np.ndarray, np.ndarray]
    squares: np.ndarray
    linear: np.ndarray


@dataclass(frozen=True)
class StarFit:
    """Best parameters of B spectra and their standard errors (B, 3): log10 Teff, log g, [Fe/H].

    NaN without enough data; errors are NaN where chi2 has no minimum inside the grid.
    """

    values: np.ndarray
    errors: np.ndarray
    reduced_chi2: np.ndarray


def model_grid(axes: tuple[np.ndarray, np.ndarray, np.ndarray], spectra: np.ndarray) -> ModelGrid:
    """Prepares models for `fit_stars`.

    Args:
        axes: Nodes of log10 Teff, log g and [Fe/H].
        spectra: Models at rest on the store's grid, in any unit (T, G, Z, L).

    Raises:
        InputError: If shapes do not agree or an axis has fewer than three nodes.
    """
    shape = tuple(axis.size for axis in axes)
    if spectra.shape != (*shape, grid.LENGTH) or min(shape) < 3:
        raise InputError(f"models of shape {spectra.shape} for axes of {shape} nodes, 3 or more")
    models = _joined(spectra.reshape(-1, grid.LENGTH)) / JOINED
    models = models / models.mean(axis=1, keepdims=True)
    powers = np.linspace(-1.0, 1.0, models.shape[1]) ** np.arange(2 * _ORDERS - 1)[:, None]
    squares = (powers[:, None] * models**2).astype(np.float32)
    return ModelGrid(axes, squares, (powers[:_ORDERS, None] * models).astype(np.float32))


def fit_stars(
    flux: np.ndarray, ivar: np.ndarray, redshift: np.ndarray, models: ModelGrid
) -> StarFit:
    """Fits spectra.

    Args:
        flux: (B, L) on the store's grid.
        ivar: (B, L); 0 = no data.
        redshift: (B,); moved back to the nearest pixel.
        models: See `model_grid`.
    """
    data, weight = _at_rest(flux, ivar, redshift)
    count, nodes = len(data), models.squares.shape[1]
    length = models.squares.shape[2]
    squares = models.squares.reshape(-1, length) @ weight.astype(np.float32).T
    linear = models.linear.reshape(-1, length) @ (weight * data).astype(np.float32).T
    squares = squares.reshape(-1, nodes, count).astype(np.float64)
    right = np.moveaxis(linear.reshape(_ORDERS, nodes, count), 0, 2).astype(np.float64)
    order = np.arange(_ORDERS)
    normal = np.moveaxis(squares[order[:, None] + order], (0, 1), (2, 3))
    scale = np.maximum(normal[..., :1, :1], 1e-30)
    normal = normal / scale + 1e-9 * np.eye(_ORDERS)
    found = np.linalg.solve(normal, right[..., None] / scale)[..., 0]
    chi2 = (weight * data**2).sum(axis=1) - (right * found).sum(axis=2)
    pixels = (weight > 0).sum(axis=1)
    values, errors, least = _minimum(chi2.T.reshape(count, *(a.size for a in models.axes)), models)
    few = np.asarray(pixels < _LEAST_PIXELS)
    values[few], errors[few] = np.nan, np.nan
    return StarFit(values, errors, np.where(few, np.nan, least / np.maximum(pixels, 1)))


def _joined(values: np.ndarray) -> np.ndarray:
    length = values.shape[1] // JOINED * JOINED
    return values[:, :length].reshape(len(values), -1, JOINED).sum(axis=2)


def _at_rest(
    flux: np.ndarray, ivar: np.ndarray, redshift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Spectra over their mean and weights on joined pixels, moved to rest (B, n)."""
    shift = np.rint(np.log10(1.0 + np.nan_to_num(redshift)) / grid.LOG10_STEP).astype(np.int64)
    pixel = np.arange(grid.LENGTH) + shift[:, None]
    inside = (pixel >= 0) & (pixel < grid.LENGTH)
    pixel = pixel.clip(0, grid.LENGTH - 1)
    weight = np.where(inside, np.take_along_axis(ivar, pixel, axis=1), 0.0).astype(np.float64)
    data = np.where(weight > 0, np.take_along_axis(flux, pixel, axis=1), 0.0).astype(np.float64)
    signal, weight = _joined(data * weight), _joined(weight)
    data = np.where(weight > 0, signal / np.where(weight > 0, weight, 1.0), 0.0)
    return data, weight


def _minimum(chi2: np.ndarray, models: ModelGrid) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Place and errors of the least chi2 (B, 3) each, and its value (B,), by a quadratic."""
    shape = chi2.shape[1:]
    flat = chi2.reshape(len(chi2), -1)
    best = np.stack(np.unravel_index(flat.argmin(axis=1), shape), axis=1)
    middle = best.clip(1, np.array(shape) - 2)
    offsets = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    around = middle[:, None] + offsets
    rows = np.arange(len(chi2))[:, None]
    near = chi2[rows, around[..., 0], around[..., 1], around[..., 2]]
    fitted = near @ _surface(offsets).T
    slope = fitted[:, 1:4]
    hessian = np.empty((len(chi2), 3, 3))
    for index, (one, two) in enumerate(_PAIRS):
        bent = fitted[:, 4 + index] * (2.0 if one == two else 1.0)
        hessian[:, one, two] = hessian[:, two, one] = bent
    good = np.asarray(np.linalg.eigvalsh(hessian).min(axis=1) > 1e-9)
    safe = np.where(good[:, None, None], hessian, np.eye(3))
    step = np.where(good[:, None], -np.linalg.solve(safe, slope[..., None])[..., 0], best - middle)
    spacing = np.array([axis[1] - axis[0] for axis in models.axes])
    start = np.array([axis[0] for axis in models.axes])
    variance = 2.0 * np.einsum("bii->bi", np.linalg.inv(safe))
    errors = np.where(good[:, None], np.sqrt(np.maximum(variance, 0.0)) * spacing, np.nan)
    place = (middle + step.clip(-1.5, 1.5)).clip(0, np.array(shape) - 1)
    return start + place * spacing, errors, flat.min(axis=1)


_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def _surface(offsets: np.ndarray) -> np.ndarray:
    """What turns 27 values into the ten coefficients of a quadratic surface (10, 27)."""
    terms = [np.ones(len(offsets)), *offsets.T]
    terms += [offsets[:, one] * offsets[:, two] for one, two in _PAIRS]
    return np.linalg.pinv(np.stack(terms, axis=1).astype(np.float64))
