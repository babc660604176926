"""Bands of CaH and VO from molecular constants: the lines of a rigid, vibrating rotor.

Constants after Huber & Herzberg 1979 and, for VO, Cheung+ 1994; band strengths rounded from
Leggett 1997 and Davidson 1986. Typed from memory: unverified. Each band is summed over rotational
lines of the P, Q and R branches; the doubling by spin is neglected, so heads are sharper than real.
"""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class _Band:
    """Origin [1/cm], rotational constants below and above, f-value, energy of the level [eV]."""

    name: str
    origin: float
    below: float
    above: float
    strength: float
    energy: float
    turning: int  # change of electronic angular momentum: 0 has no Q branch


_BANDS = (
    _Band("CaH", 14394.0, 4.229, 4.346, 0.100, 0.0, 1),  # A-X 0-0, 6945 A
    _Band("CaH", 14472.0, 4.229, 4.346, 0.100, 0.0, 1),  # its other spin component, 6908 A
    _Band("CaH", 14400.0, 4.132, 4.240, 0.100, 0.156, 1),
    _Band("CaH", 15754.0, 4.229, 4.367, 0.095, 0.0, 0),  # B-X 0-0, 6346 A
    _Band("VO", 12606.0, 0.5464, 0.5246, 0.030, 0.0, 0),  # B-X 0-0, 7930 A
    _Band("VO", 12480.0, 0.5464, 0.5246, 0.030, 0.0, 0),
    _Band("VO", 12700.0, 0.5464, 0.5246, 0.030, 0.0, 0),
    _Band("VO", 13510.0, 0.5464, 0.5200, 0.010, 0.0, 0),  # B-X 1-0, 7400 A
    _Band("VO", 13390.0, 0.5464, 0.5200, 0.010, 0.0, 0),
    _Band("VO", 11700.0, 0.5430, 0.5210, 0.012, 0.125, 0),  # B-X 0-1, 8540 A
    _Band("VO", 11590.0, 0.5430, 0.5210, 0.012, 0.125, 0),
    _Band("VO", 9499.0, 0.5464, 0.5170, 0.005, 0.0, 1),  # A-X 0-0, 10500 A
)
_WEIGHT = {"CaH": 2.0, "VO": 4.0}
_SPLIT = {"CaH": 0.5, "VO": 1.0 / 3.0}  # share of the components listed separately
_MOST = 150  # rotational quantum number


def bands(wavelengths: np.ndarray) -> Generator[tuple[str, float, np.ndarray]]:
    """Rows of a line table: name, excitation [eV], gf in each bin (L,).

    Args:
        wavelengths: Middles of the bins, vacuum [angstrom] (L,), evenly spaced in logarithm.
    """
    first = np.log(wavelengths[0])
    step = np.log(wavelengths[1]) - first
    turn = np.arange(1, _MOST, dtype=np.float64)
    for band in _BANDS:
        energy = band.energy + 1.2398e-4 * band.below * turn * (turn + 1.0)
        kinds = (
            [(1.0, 0.5), (-1.0, 0.5)] if band.turning == 0 else [(1, 0.25), (-1, 0.25), (0, 0.5)]
        )
        rows: dict[int, np.ndarray] = {}
        for change, share in kinds:
            upper = turn + change
            wave = band.origin + band.above * upper * (upper + 1) - band.below * turn * (turn + 1)
            place = np.rint((np.log(1e8 / wave) - first) / step).astype(np.int64)
            gf = band.strength * share * _WEIGHT[band.name] * _SPLIT[band.name] * (2 * turn + 1)
            for group in np.unique(np.floor(energy / 0.25).astype(np.int64)):
                mine = np.floor(energy / 0.25).astype(np.int64) == group
                inside = mine & (place >= 0) & (place < wavelengths.size)
                row = rows.setdefault(int(group), np.zeros(wavelengths.size))
                np.add.at(row, place[inside], gf[inside])
        for group, row in rows.items():
            yield band.name, (group + 0.5) * 0.25, row


# bands of hot water: wavelength [micron], log10 of the mean cross-section [cm2], width in ln
_WATER = (
    (0.94, -21.7, 0.04),
    (1.14, -21.3, 0.05),
    (1.42, -20.4, 0.07),
    (1.90, -20.0, 0.08),
    (2.75, -19.1, 0.12),
    (6.30, -18.9, 0.25),
)
_WATER_BETWEEN = 5e-22  # [cm2], beyond 0.9 micron


def water(wavelength: np.ndarray) -> np.ndarray:
    """Mean absorption of a water molecule at 2500-3000 K [cm2] (L,), for the energy balance.

    Rounded from Ludwig 1971, Applied Optics 10, 1057; unverified.
    """
    micron = wavelength * 1e-4
    total = np.where(micron > 0.9, _WATER_BETWEEN, 0.0)
    for centre, level, width in _WATER:
        total = total + 10.0**level * np.exp(-0.5 * (np.log(micron / centre) / width) ** 2)
    return total
