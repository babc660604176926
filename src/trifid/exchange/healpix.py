"""HEALPix numbers of positions in the nested scheme.

Gorski et al. 2005, ApJ 622, 759, sections 5 and 6: twelve faces of 4^order equal pixels each; the
number of a pixel is its face and the interleaved bits of its two coordinates on it.
"""

import numpy as np

HIGHEST_ORDER = 29
_SPREAD = (  # each step moves bits apart, from 32 together to 32 with gaps between
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


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
