"""Spectra of any instrument onto the stored grid, conserving flux, with inverse variance."""

import numpy as np
from jaxtyping import Float
from numpy import ndarray

from trifid.errors import InputError
from trifid.schema import grid

_LARGEST = 1e30  # what float32 holds with room to spare; beyond it, and NaN, is no data


def regrid(
    wavelength: Float[ndarray, "P"], flux: Float[ndarray, "P"], ivar: Float[ndarray, "P"]
) -> tuple[Float[ndarray, "4700"], Float[ndarray, "4700"]]:
    """Mean flux density within each grid pixel, and its inverse variance.

    Each grid pixel is the average of the old pixels it overlaps, weighted by the overlap; errors
    are propagated as independent (Carnall 2017, arXiv:1705.05165, eq. 3 and 4). A grid pixel that
    is not wholly (99 %) covered by good old ones has ivar 0.

    Args:
        wavelength: Vacuum wavelengths of pixel centres [angstrom], ascending.
        flux: Flux density.
        ivar: Inverse variance; 0 = no data.

    Raises:
        InputError: If the wavelengths do not ascend.
    """
    ascending = len(wavelength) > 1 and (np.diff(wavelength) > 0).all()
    if not ascending or wavelength[0] <= 0 or not np.isfinite(wavelength[-1]):
        raise InputError("spectrum: wavelengths must be positive, finite and ascend strictly")
    good = (ivar > 1 / _LARGEST) & (ivar < _LARGEST) & (np.abs(flux) < _LARGEST)
    values, variance = np.where(good, flux, 0.0), np.where(good, 1.0, 0.0)
    variance[good] /= ivar[good]
    old = _edges(wavelength.astype(np.float64))
    new = _edges(grid.wavelengths())
    cuts = np.union1d(old, new)
    cuts = cuts[(cuts >= max(old[0], new[0])) & (cuts <= min(old[-1], new[-1]))]
    width = np.diff(cuts)
    middle = 0.5 * (cuts[1:] + cuts[:-1])
    source = np.searchsorted(old, middle, side="right") - 1
    target = np.searchsorted(new, middle, side="right") - 1

    def total(weights: ndarray) -> ndarray:
        return np.bincount(target, weights, minlength=grid.LENGTH)

    # pieces of one old pixel within one new one are contiguous: there is exactly one of them
    covered = total(width * good[source])
    whole = covered > 0.99 * np.diff(new)  # as exact as SDSS pixels lie on the grid
    safe = np.where(whole, covered, 1.0)
    mean = total(width * values[source]) / safe
    error = total(width**2 * variance[source]) / safe**2
    usable = whole & (error > 0)
    inverse = np.where(usable, 1.0 / np.where(usable, error, 1.0), 0.0)
    return np.where(usable, mean, 0.0).astype(np.float32), inverse.astype(np.float32)


def _edges(centres: ndarray) -> ndarray:
    """Pixel edges half-way between centres in log wavelength."""
    logs = np.log(centres)
    inner = 0.5 * (logs[1:] + logs[:-1])
    first, last = 2 * logs[0] - inner[0], 2 * logs[-1] - inner[-1]
    return np.exp(np.concatenate([[first], inner, [last]]))
