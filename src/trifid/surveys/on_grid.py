"""Native pixels of any survey onto trifid's grid: shifted where they lie on it, else resampled.

Resampling conserves flux and propagates errors as if pixels were independent; where the grid is
finer than the native pixels, neighbouring grid pixels share noise. A grid pixel's mask is the OR
of the native pixels it overlaps.
"""

from collections.abc import Sequence

import numpy as np

from trifid.errors import InputError
from trifid.schema import grid
from trifid.transforms.regrid import regrid

TOLERANCE = 0.01  # [pixel] how far a pixel may lie from the grid
EMPTY = "no valid pixel: ivar is 0 or flux not finite everywhere"
_FLOAT32 = np.finfo(np.float32).max

Pixels = tuple[np.ndarray, np.ndarray, np.ndarray]


def place(
    flux: np.ndarray, ivar: np.ndarray, loglam: np.ndarray, and_mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Puts native pixels on the grid by an integer shift.

    Args:
        flux: Of the native pixels.
        ivar: Their inverse variance.
        loglam: log10 of their vacuum wavelengths [angstrom].
        and_mask: Their mask bits.

    Returns:
        flux, ivar and mask (4700,), and how many pixels with data lie outside the grid.

    Raises:
        InputError: If a pixel lies off the grid or none holds data.
    """
    first, off = _shift(loglam)
    if off > TOLERANCE:
        raise InputError(
            f"pixels lie up to {off:.3g} pixel from the grid log10(lambda) = 3.55 + 1e-4 k; "
            f"expected {TOLERANCE} at most: this is not a native SDSS spectrum"
        )
    good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
    begin, end = max(first, 0), min(first + len(loglam), grid.LENGTH)
    inside = slice(begin - first, max(end - first, begin - first))
    valid = good[inside]
    if not valid.any():
        raise InputError(EMPTY)
    placed: list[np.ndarray] = []
    for values, dtype in ((flux, np.float32), (ivar, np.float32)):
        out = np.zeros(grid.LENGTH, dtype)
        np.copyto(out[begin:end], values[inside], where=valid, casting="same_kind")
        placed.append(out)
    mask = np.zeros(grid.LENGTH, np.int32)
    mask[begin:end] = and_mask[inside]
    return placed[0], placed[1], mask, int(good.sum()) - int(valid.sum())


def resample(
    wavelength: np.ndarray, flux: np.ndarray, ivar: np.ndarray, mask: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Puts native pixels on the grid: by a shift where they lie on it, else conserving flux.

    Args:
        wavelength: Vacuum wavelengths of the native pixels [angstrom], ascending.
        flux: Of the native pixels.
        ivar: Their inverse variance.
        mask: Their SPPIXMASK bits.

    Returns:
        flux, ivar and mask (4700,), and how many pixels with data lie outside the grid. A
        spectrum without valid pixels gives zeros.

    Raises:
        InputError: If the wavelengths are no ascending vacuum wavelengths.
    """
    if not (len(wavelength) and np.isfinite(wavelength).all() and wavelength[0] > 0):
        raise InputError("wavelengths must be positive and finite")
    loglam = np.log10(wavelength.astype(np.float64))
    good = np.isfinite(flux) & np.isfinite(ivar) & (ivar > 0)
    if _shift(loglam)[1] <= TOLERANCE and good.any():
        return place(flux, ivar, loglam, mask)
    on_flux, on_ivar = regrid(wavelength, flux, np.where(good, ivar, 0.0))
    at = (loglam - grid.LOG10_START) / grid.LOG10_STEP
    outside = good & ((at < -0.5) | (at > grid.LENGTH - 0.5))
    return on_flux, on_ivar, _masks(at, mask), int(outside.sum())


def join(arms: Sequence[Pixels]) -> Pixels:
    """One spectrum of several that overlap: means weighted by inverse variance.

    Mask bits are those that all arms with data in a pixel have; without data, those of any arm.

    Args:
        arms: flux, ivar and mask (4700,) of each arm.
    """
    flux = np.stack([arm[0] for arm in arms]).astype(np.float64)
    ivar = np.stack([arm[1] for arm in arms]).astype(np.float64)
    masks = np.stack([arm[2] for arm in arms])
    total = ivar.sum(0)
    there = total > 0
    mean = (flux * ivar).sum(0) / np.where(there, total, 1.0)
    common = np.bitwise_and.reduce(np.where(ivar > 0, masks, -1), 0)
    mask = np.where(there, common, np.bitwise_or.reduce(masks, 0))
    return mean.astype(np.float32), np.minimum(total, _FLOAT32).astype(np.float32), mask


def translate(mask: np.ndarray, bits: dict[int, int]) -> np.ndarray:
    """Mask bits of another survey as SPPIXMASK bits; bits that mean nothing there are dropped.

    Args:
        mask: Integers.
        bits: Numbers of bits of the survey to those of SPPIXMASK.
    """
    out = np.zeros(mask.shape, np.int32)
    stored = mask.astype(np.int64)
    for theirs, ours in bits.items():
        out |= ((stored >> theirs & 1) << ours).astype(np.int32)
    return out


def _shift(loglam: np.ndarray) -> tuple[int, float]:
    """Place of the first pixel on the grid, and the largest distance of a pixel from its own."""
    if not len(loglam):
        raise InputError("the spectrum has no pixels")
    position = (loglam.astype(np.float64) - grid.LOG10_START) / grid.LOG10_STEP
    if not np.isfinite(position).all():
        raise InputError("loglam holds NaN or infinity")
    first = round(float(position[0]))
    return first, float(np.abs(position - np.arange(first, first + len(position))).max())


def _masks(at: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """The OR of the native pixels that each grid pixel overlaps; `at` are their places on it."""
    middle = 0.5 * (at[1:] + at[:-1])
    edges = np.concatenate([[2 * at[0] - middle[0]], middle, [2 * at[-1] - middle[-1]]])
    places = np.arange(grid.LENGTH)
    first = np.searchsorted(edges, places - 0.5, side="right") - 1
    last = np.searchsorted(edges, places + 0.5, side="left") - 1
    covered = (last >= 0) & (first < len(mask))
    out = np.zeros(grid.LENGTH, np.int32)
    low = np.clip(first[covered], 0, len(mask) - 1)
    high = np.clip(last[covered], low, len(mask) - 1)
    padded = np.append(mask, np.int32(0))
    pairs = np.column_stack([low, high + 1]).ravel()
    out[covered] = np.bitwise_or.reduceat(padded, pairs)[::2]
    return out
