"""Matching positions on the sky: which of many objects lie near which."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from numpy import ndarray


@dataclass(frozen=True)
class Nearest:
    """What lies near each of N positions.

    Attributes:
        index: The nearest object within the radius; -1 where there is none.
        count: Objects within the radius.
        separation: From the nearest [arcsec]; NaN where there is none.
    """

    index: Int64[ndarray, "N"]
    count: Int64[ndarray, "N"]
    separation: Float64[ndarray, "N"]


def nearest_within(
    ra: Float64[ndarray, "N"],
    dec: Float64[ndarray, "N"],
    other_ra: Float64[ndarray, "M"],
    other_dec: Float64[ndarray, "M"],
    radius: float,
) -> Nearest:
    """The nearest of M objects to each of N positions, by astropy's `search_around_sky`.

    Of two objects equally near the first is taken. Positions that are NaN match nothing.

    Args:
        ra: Of the positions [deg, ICRS].
        dec: Of the positions [deg, ICRS].
        other_ra: Of the objects [deg, ICRS].
        other_dec: Of the objects [deg, ICRS].
        radius: Largest separation [arcsec].
    """
    index = np.full(ra.size, -1, np.int64)
    count = np.zeros(ra.size, np.int64)
    separation = np.full(ra.size, np.nan)
    known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    others = np.flatnonzero(np.isfinite(other_ra) & np.isfinite(other_dec))
    if known.size and others.size:
        place, other, apart = _pairs(
            ra[known], dec[known], other_ra[others], other_dec[others], radius
        )
        order = np.lexsort((other, apart, place))
        first = order[np.unique(place[order], return_index=True)[1]]
        rows = known[place[first]]
        index[rows], separation[rows] = others[other[first]], apart[first]
        count[known] = np.bincount(place, minlength=known.size)
    return Nearest(index, count, separation)


def _pairs(
    ra: ndarray, dec: ndarray, other_ra: ndarray, other_dec: ndarray, radius: float
) -> tuple[ndarray, ndarray, ndarray]:
    from astropy import units
    from astropy.coordinates import SkyCoord, search_around_sky

    here, there = SkyCoord(ra, dec, unit="deg"), SkyCoord(other_ra, other_dec, unit="deg")
    place, other, apart, _ = search_around_sky(here, there, radius * units.arcsec)
    return place, other, np.asarray(apart.arcsec, float)
