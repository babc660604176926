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


class SkyTree:
    """N positions on the sky that many others are compared with, some at a time."""

    def __init__(self, ra: Float64[ndarray, "N"], dec: Float64[ndarray, "N"]) -> None:
        """Sorts them: finite, [deg, ICRS]."""
        from scipy.spatial import KDTree

        self._tree = KDTree(_vectors(ra, dec))

    def others_near(
        self, ra: Float64[ndarray, "M"], dec: Float64[ndarray, "M"], radius: float
    ) -> Int64[ndarray, "K"]:
        """Which of M finite positions lie within the radius [arcsec], or a millionth more, of any.

        The numbers ascend; K is 0 where none does.
        """
        if not self._tree.n or not ra.size:
            return np.zeros(0, np.int64)
        apart, _ = self._tree.query(_vectors(ra, dec), distance_upper_bound=_chord(radius))
        return np.flatnonzero(np.isfinite(apart))

    def near_others(
        self, ra: Float64[ndarray, "M"], dec: Float64[ndarray, "M"], radius: float
    ) -> Int64[ndarray, "K"]:
        """Which of the N have one of M finite positions that near; the numbers ascend."""
        lists = self._tree.query_ball_point(_vectors(ra, dec), _chord(radius))
        return np.unique(np.concatenate([np.zeros(0, np.int64), *lists])).astype(np.int64)


def _vectors(ra: ndarray, dec: ndarray) -> ndarray:
    lon, lat = np.radians(ra), np.radians(dec)
    return np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)


def _chord(radius: float) -> float:
    """The straight line [radii of the sphere] below an angle [arcsec], a millionth longer."""
    return 2 * np.sin(np.radians(radius / 3600) / 2) * (1 + 1e-6)


def _pairs(
    ra: ndarray, dec: ndarray, other_ra: ndarray, other_dec: ndarray, radius: float
) -> tuple[ndarray, ndarray, ndarray]:
    from astropy import units
    from astropy.coordinates import SkyCoord, search_around_sky

    here, there = SkyCoord(ra, dec, unit="deg"), SkyCoord(other_ra, other_dec, unit="deg")
    place, other, apart, _ = search_around_sky(here, there, radius * units.arcsec)
    return place, other, np.asarray(apart.arcsec, float)
