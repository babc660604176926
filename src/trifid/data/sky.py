"""Cells of equal area on the sky: the HEALPix ring scheme."""

import numpy as np
from jaxtyping import Float, Int64
from numpy import ndarray

from trifid.errors import InputError


def healpix_ring(
    ra: Float[ndarray, "N"], dec: Float[ndarray, "N"], nside: int
) -> Int64[ndarray, "N"]:
    """Cell numbers of positions, 0 .. 12 nside^2 - 1.

    Paper: Gorski et al. 2005, ApJ 622, 759, section 5.

    Args:
        ra: Right ascension [deg], any turn.
        dec: Declination [deg].
        nside: Resolution; 8 gives 768 cells of 53.7 square degrees.

    Raises:
        InputError: If a position is not finite or a declination lies outside -90 .. 90.
    """
    if not np.isfinite(ra).all() or not (np.abs(dec) <= 90.0).all():
        raise InputError("a position is not finite or its declination lies outside -90 .. 90 deg")
    z = np.sin(np.deg2rad(dec))
    quarter = np.mod(ra, 360.0) / 90.0 % 4.0
    return np.where(np.abs(z) <= 2 / 3, _belt(z, quarter, nside), _cap(z, quarter, nside))


def _belt(z: ndarray, quarter: ndarray, nside: int) -> ndarray:
    along, across = nside * (0.5 + quarter), 0.75 * nside * z
    rising = np.floor(along - across).astype(np.int64)
    falling = np.floor(along + across).astype(np.int64)
    ring = nside + 1 + rising - falling  # 1 .. 2 nside + 1, counted from z = 2/3
    place = (rising + falling - nside + 1 + (1 - ring % 2)) // 2 % (4 * nside)
    return 2 * nside * (nside - 1) + (ring - 1) * 4 * nside + place


def _cap(z: ndarray, quarter: ndarray, nside: int) -> ndarray:
    inside = quarter % 1.0
    edge = nside * np.sqrt(3.0 * (1.0 - np.minimum(np.abs(z), 1.0)))
    rising = np.floor(inside * edge).astype(np.int64)
    falling = np.floor((1.0 - inside) * edge).astype(np.int64)
    ring = rising + falling + 1  # counted from the pole
    place = np.floor(quarter * ring).astype(np.int64) % (4 * ring)
    south = 12 * nside**2 - 2 * ring * (ring + 1)
    return np.where(z > 0, 2 * ring * (ring - 1), south) + place
