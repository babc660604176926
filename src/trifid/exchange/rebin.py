"""Many spectra from one wavelength grid onto another, conserving flux, as one sparse product."""

import numpy as np
from scipy import sparse


class Rebin:
    """The overlaps of the pixels of two grids.

    A new pixel is the average of the old ones it overlaps, weighted by the overlap; errors are
    propagated as independent (Carnall 2017, arXiv:1705.05165, eq. 3 and 4).
    """

    def __init__(self, old: np.ndarray, new: np.ndarray) -> None:
        """Measures the overlaps.

        Args:
            old: (P,) wavelengths of pixel centres, ascending.
            new: (Q,) wavelengths of pixel centres, ascending.
        """
        left, right = edges(old), edges(new)
        cuts = np.union1d(left, right)
        cuts = cuts[(cuts >= max(left[0], right[0])) & (cuts <= min(left[-1], right[-1]))]
        middle = 0.5 * (cuts[1:] + cuts[:-1])
        places = tuple(np.searchsorted(side, middle, side="right") - 1 for side in (left, right))
        shape = (len(old), len(new))
        self._overlap = sparse.csr_array((np.diff(cuts), places), shape=shape)
        self._squared = self._overlap.power(2)
        self._width = np.diff(right)

    def apply(self, flux: np.ndarray, ivar: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rebins spectra.

        Args:
            flux: (N, P) flux density.
            ivar: (N, P) inverse variance; 0 = no data.

        Returns:
            Flux and its standard deviation, (N, Q) float64; NaN where a new pixel is not wholly
            (99 %) covered by old ones that hold data.
        """
        good = (ivar > 0) & np.isfinite(flux) & np.isfinite(ivar)
        variance = np.where(good, 1.0 / np.where(good, ivar, 1.0).astype(np.float64), 0.0)
        covered = good.astype(np.float64) @ self._overlap
        whole = covered > 0.99 * self._width
        safe = np.where(whole, covered, 1.0)
        mean = (np.where(good, flux, 0.0).astype(np.float64) @ self._overlap) / safe
        deviation = np.sqrt(variance @ self._squared) / safe
        return np.where(whole, mean, np.nan), np.where(whole, deviation, np.nan)


def edges(centres: np.ndarray) -> np.ndarray:
    """(P + 1,) pixel edges half-way between centres."""
    inner = 0.5 * (centres[1:] + centres[:-1])
    first, last = 2 * centres[0] - inner[0], 2 * centres[-1] - inner[-1]
    return np.concatenate([[first], inner, [last]])
