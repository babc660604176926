"""HEALPix numbers of positions in the nested scheme.

Gorski et al. 2005, ApJ 622, 759, sections 5 and 6: twelve faces of 4^order equal pixels each; the
number of a pixel is its face and the interleaved bits of its two coordinates on it.
"""

import math

import numpy as np

HIGHEST_ORDER = 29
_SPREAD = (  # each step moves bits apart, from 32 together to 32 with gaps between
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
_AROUND, _AT_ONCE = 24, 2**15  # points on a circle, circles


def nested_pixels(ra: np.ndarray, dec: np.ndarray, order: int) -> np.ndarray:
    """(N,) int64 numbers of the nested pixels of order 0 to 29.

    Args:
        ra: (N,) right ascension [deg].
        dec: (N,) declination [deg], -90 to 90.
        order: The sky has 12 * 4^order pixels.
    """
    side = 1 << order
    declination = np.radians(dec)
    z, quarter = np.sin(declination), np.mod(ra, 360.0) / 90.0
    quarter = np.where(quarter >= 4.0, 0.0, quarter)  # a hair below 0 rounds to 360
    belt = np.abs(z) <= 2.0 / 3.0
    face, x, y = np.where(
        belt, _on_belt(quarter, z, side, order), _on_cap(quarter, z, declination, side)
    )
    return (face << (2 * order)) | _apart(x) | (_apart(y) << 1)


def _on_belt(quarter: np.ndarray, z: np.ndarray, side: int, order: int) -> np.ndarray:
    """Face, x and y between the polar caps: lines of constant jp ascend, of jm descend."""
    along, across = side * (0.5 + quarter), side * z * 0.75
    jp = np.floor(along - across).astype(np.int64)
    jm = np.floor(along + across).astype(np.int64)
    up, down = jp >> order, jm >> order
    face = np.where(up == down, (up & 3) | 4, np.where(up < down, up & 3, (down & 3) + 8))
    return np.stack([face, jm & (side - 1), side - (jp & (side - 1)) - 1])


def _on_cap(quarter: np.ndarray, z: np.ndarray, declination: np.ndarray, side: int) -> np.ndarray:
    """Face, x and y of the polar caps."""
    base = np.minimum(np.floor(quarter).astype(np.int64), 3)
    inside = quarter - base
    # side * sqrt(3 (1 - |z|)) without loss of digits near the pole
    radius = side * np.cos(declination) * np.sqrt(3.0 / (1.0 + np.abs(z)))
    jp = np.minimum((inside * radius).astype(np.int64), side - 1)
    jm = np.minimum(((1.0 - inside) * radius).astype(np.int64), side - 1)
    north = z >= 0
    return np.stack(
        [
            np.where(north, base, base + 8),
            np.where(north, side - jm - 1, jp),
            np.where(north, side - jp - 1, jm),
        ]
    )


def _apart(bits: np.ndarray) -> np.ndarray:
    """Bit k moves to place 2 k."""
    for shift, mask in _SPREAD:
        bits = (bits | (bits << shift)) & mask
    return bits


def pixels_near(ra: np.ndarray, dec: np.ndarray, radius: float, order: int) -> np.ndarray:
    """(P,) int64 nested pixels, ascending: all that come within a radius of a position.

    They are those of the positions and of 24 points on a circle of twice the radius around each. No
    pixel slips between the points: one whose corner alone comes within the radius takes 26 degrees
    of that circle or more, since no corner of a pixel is sharper than 50 degrees. A few pixels that
    stay outside the radius are among them.

    Args:
        ra: (N,) right ascension [deg].
        dec: (N,) declination [deg], -90 to 90.
        radius: [arcsec], at most a sixth of a pixel.
        order: Of the pixels.

    Raises:
        ValueError: If the radius is too large for pixels of this order.
    """
    size = math.degrees(math.sqrt(math.pi / 3)) * 3600.0 / 2**order
    if not 0.0 <= radius <= size / 6:
        raise ValueError(f"radius {radius:g} arcsec; a pixel of order {order} is {size:.3g} arcsec")
    found = [np.zeros(0, np.int64)]
    for begin in range(0, ra.size, _AT_ONCE):
        some = slice(begin, begin + _AT_ONCE)
        around = _circles(ra[some], dec[some], 2 * radius / 3600.0)
        found += [nested_pixels(*place, order) for place in ((ra[some], dec[some]), around)]
    return np.unique(np.concatenate([np.unique(numbers) for numbers in found]))


def _circles(ra: np.ndarray, dec: np.ndarray, apart: float) -> tuple[np.ndarray, np.ndarray]:
    """(24, N) right ascension and declination of points at a separation, all in degrees."""
    lon, lat, far = np.radians(ra), np.radians(dec), math.radians(apart)
    centre = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    east = np.stack([-np.sin(lon), np.cos(lon), np.zeros_like(lon)])
    north = np.stack([-np.sin(lat) * np.cos(lon), -np.sin(lat) * np.sin(lon), np.cos(lat)])
    turn = (np.arange(_AROUND) * (2 * math.pi / _AROUND))[:, None, None]
    points = math.cos(far) * centre + math.sin(far) * (np.cos(turn) * north + np.sin(turn) * east)
    x, y, z = np.moveaxis(points, 1, 0)
    return np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))
