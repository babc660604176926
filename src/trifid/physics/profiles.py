"""Gaussian lines and templates on the store's grid; the line spread of SDSS spectra."""

import numpy as np
from scipy.special import ndtr

from trifid.physics.lines import SPEED_OF_LIGHT
from trifid.schema import grid

PIXEL_VELOCITY = SPEED_OF_LIGHT * np.log(10.0) * grid.LOG10_STEP  # 69.03 km/s
# wavelength [angstrom], sigma of the line spread [pixel of 1e-4 dex]: medians of 15 real spectra
_SPREAD = np.array(
    [
        (3825, 1.32), (4050, 1.26), (4300, 1.17), (4700, 1.05), (5125, 0.948), (5375, 0.897),
        (5785, 0.835), (5890, 0.906), (6190, 0.969), (6600, 0.918), (7100, 0.852), (7500, 0.818),
        (8200, 0.773), (9000, 0.720),
    ]
)  # fmt: skip


def sdss_spread(wavelength: np.ndarray) -> np.ndarray:
    """Line spread of SDSS and BOSS: sigma [pixel] at observed wavelengths [angstrom]."""
    return np.interp(wavelength, _SPREAD[:, 0], _SPREAD[:, 1])


def line_pixels(
    place: np.ndarray, sigma: np.ndarray, length: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gaussian lines of unit flux, integrated over pixels, where they reach: six sigma and more.

    Args:
        place: Line centres, counted in pixels from a window's first one (B,).
        sigma: Standard deviation [pixel] (B,).
        length: Pixels in the window.

    Returns:
        Line, pixel and flux per pixel of the M pixels reached, (M,) each; none twice.
    """
    reach = int(np.ceil(6.0 * float(np.max(sigma, initial=1.0)))) + 1
    pixel = np.rint(place).astype(np.int64)[:, None] + np.arange(-reach, reach + 1)
    edges = (np.arange(-reach, reach + 2) - 0.5 + (np.rint(place) - place)[:, None]) / sigma[
        :, None
    ]
    values = np.diff(ndtr(edges), axis=1)
    row, column = np.nonzero((pixel >= 0) & (pixel < length))
    return row, pixel[row, column], values[row, column]


def place_templates(
    curves: np.ndarray, log10_start: float, redshift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Rest-frame templates as seen at redshifts, on the store's grid, linearly interpolated.

    Args:
        curves: Templates in steps of 1e-4 dex (K, N).
        log10_start: log10 of their first rest wavelength [angstrom].
        redshift: (B,).

    Returns:
        The templates (B, K, L), zero where they do not reach, and where they do (B, L).
    """
    first = (grid.LOG10_START - np.log10(1.0 + redshift) - log10_start) / grid.LOG10_STEP
    whole = np.floor(first).astype(np.int64)
    part = (first - whole)[:, None, None]
    pixel = whole[:, None] + np.arange(grid.LENGTH)
    reached = (pixel >= 0) & (pixel < curves.shape[1] - 1)
    pixel = pixel.clip(0, curves.shape[1] - 2)
    low, high = curves.T[pixel], curves.T[pixel + 1]
    placed = np.moveaxis(low, 2, 1) * (1.0 - part) + np.moveaxis(high, 2, 1) * part
    return placed * reached[:, None], reached
