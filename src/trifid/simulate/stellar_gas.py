"""The gas of a stellar atmosphere in local thermodynamic equilibrium: who is how numerous.

Abundances are the Sun's (Asplund+ 2009, ARA&A 47, 481). Ionisation energies, partition functions
(log-linear in temperature, after Gray 2005, appendix D) and molecular constants (after Huber &
Herzberg 1979) were typed from memory: unverified, and good to some hundredths of a dex.
"""

from dataclasses import dataclass

import numpy as np

BOLTZMANN = 1.380649e-16  # [erg/K]
BOLTZMANN_EV = 8.617333e-5  # [eV/K]
DALTON = 1.66054e-24  # [g]
ELECTRON_PER_DALTON = 5.485799e-4
_SAHA = 2.414683e15  # (2 pi m_e k / h^2)^1.5 [cm^-3 K^-1.5]

# number: mass [Da], log abundance (H = 12), ionisation energies I and II [eV],
# log10 partition function at 5000 K and its slope per dex of temperature for I and II, log10 of III
_Row = tuple[float, float, float, float, tuple[float, float], tuple[float, float], float]
_ELEMENTS: dict[int, _Row] = {
    1: (1.008, 12.00, 13.598, 99.0, (0.301, 0.0), (0.0, 0.0), 0.0),
    2: (4.003, 10.93, 24.587, 54.418, (0.0, 0.0), (0.301, 0.0), 0.0),
    6: (12.011, 8.43, 11.260, 24.383, (0.97, 0.10), (0.78, 0.0), 0.0),
    7: (14.007, 7.83, 14.534, 29.601, (0.61, 0.17), (0.95, 0.07), 0.78),
    8: (15.999, 8.69, 13.618, 35.117, (0.94, 0.07), (0.60, 0.0), 0.95),
    11: (22.990, 6.24, 5.139, 47.286, (0.31, 0.60), (0.0, 0.0), 0.75),
    12: (24.305, 7.60, 7.646, 15.035, (0.01, 0.40), (0.301, 0.02), 0.0),
    13: (26.982, 6.45, 5.986, 18.829, (0.77, 0.10), (0.0, 0.05), 0.30),
    14: (28.086, 7.51, 8.152, 16.346, (0.98, 0.25), (0.76, 0.02), 0.0),
    16: (32.06, 7.12, 10.360, 23.338, (0.91, 0.17), (0.62, 0.25), 0.90),
    19: (39.098, 5.03, 4.341, 31.625, (0.34, 0.80), (0.0, 0.0), 0.75),
    20: (40.078, 6.34, 6.113, 11.872, (0.07, 1.20), (0.34, 0.60), 0.0),
    21: (44.956, 3.15, 6.561, 12.800, (1.08, 1.10), (1.36, 0.40), 1.00),
    22: (47.867, 4.95, 6.828, 13.576, (1.48, 1.20), (1.75, 0.42), 1.30),
    23: (50.942, 3.93, 6.746, 14.618, (1.66, 1.00), (1.64, 0.50), 1.45),
    24: (51.996, 5.64, 6.767, 16.486, (1.01, 1.10), (0.86, 0.80), 1.40),
    25: (54.938, 5.43, 7.434, 15.640, (0.81, 0.70), (0.89, 0.45), 0.80),
    26: (55.845, 7.50, 7.902, 16.199, (1.43, 0.80), (1.63, 0.48), 1.40),
    27: (58.933, 4.99, 7.881, 17.084, (1.52, 0.70), (1.46, 0.45), 1.45),
    28: (58.693, 6.22, 7.640, 18.169, (1.47, 0.40), (1.02, 0.75), 1.30),
    30: (65.38, 4.56, 9.394, 17.964, (0.0, 0.10), (0.301, 0.0), 0.0),
    38: (87.62, 2.87, 5.695, 11.030, (0.10, 1.40), (0.34, 0.50), 0.0),
    39: (88.906, 2.21, 6.217, 12.224, (1.08, 1.30), (1.18, 0.60), 1.00),
    40: (91.224, 2.58, 6.634, 13.130, (1.53, 1.30), (1.66, 0.60), 1.30),
    56: (137.33, 2.18, 5.212, 10.004, (0.36, 1.40), (0.62, 0.70), 0.0),
}
NUMBERS = tuple(_ELEMENTS)
_ALPHA = (8, 12, 14, 16, 20, 22)  # enhanced in metal-poor stars


@dataclass(frozen=True)
class _Molecule:
    """Dissociation energy [eV], weight of the ground state, rotation and vibration [1/cm]."""

    parts: tuple[int, int]
    energy: float
    weight: float
    rotation: float
    vibration: float
    alike: bool = False


MOLECULES = {
    "H2": _Molecule((1, 1), 4.478, 1, 60.85, 4401.2, alike=True),
    "CO": _Molecule((6, 8), 11.09, 1, 1.931, 2169.8),
    "C2": _Molecule((6, 6), 6.30, 6, 1.63, 1641.0, alike=True),
    "CN": _Molecule((6, 7), 7.72, 2, 1.900, 2068.6),
    "CH": _Molecule((1, 6), 3.465, 4, 14.46, 2858.5),
    "NH": _Molecule((1, 7), 3.40, 3, 16.70, 3282.3),
    "OH": _Molecule((1, 8), 4.39, 4, 18.91, 3737.8),
    "MgH": _Molecule((1, 12), 1.27, 2, 5.826, 1495.2),
    "SiH": _Molecule((1, 14), 3.06, 4, 7.50, 2041.8),
    "CaH": _Molecule((1, 20), 1.70, 2, 4.277, 1298.3),
    "FeH": _Molecule((1, 26), 1.59, 20, 6.5, 1826.9),
    "TiO": _Molecule((8, 22), 6.87, 6, 0.5354, 1009.0),
    "VO": _Molecule((8, 23), 6.44, 4, 0.5483, 1011.3),
    "N2": _Molecule((7, 7), 9.76, 1, 1.998, 2358.6, alike=True),
}


@dataclass(frozen=True)
class Mixture:
    """Number of atoms of each element per hydrogen atom, in the order of `NUMBERS`.

    Attributes:
        abundance: (E,).
    """

    abundance: np.ndarray

    @property
    def weight(self) -> float:
        """Mass per hydrogen atom [g]."""
        masses = np.array([_ELEMENTS[number][0] for number in NUMBERS])
        return float(np.sum(self.abundance * masses)) * DALTON


def mixture(metallicity: float, *, helium: float = 0.085, carbon: float = 0.0) -> Mixture:
    """The Sun's mixture scaled to [Fe/H], alpha elements raised to +0.4 by [Fe/H] = -1.

    Args:
        metallicity: [Fe/H]; -9 for none.
        helium: Atoms per hydrogen atom; 1e5 for a helium atmosphere.
        carbon: Addition to log10 of the carbon abundance [dex].
    """
    alpha = 0.4 * float(np.clip(-metallicity, 0.0, 1.0)) if metallicity > -8 else 0.0
    logs = []
    for number in NUMBERS:
        value = _ELEMENTS[number][1] - 12.0
        if number > 2:
            value += metallicity + alpha * (number in _ALPHA) + carbon * (number == 6)
        logs.append(value)
    abundance = 10.0 ** np.array(logs)
    abundance[1] = helium
    if helium > 1.0:
        abundance[2:] *= helium / 0.085
    return Mixture(abundance)


@dataclass(frozen=True)
class Gas:
    """Number densities [1/cm3] at D depths.

    Attributes:
        temperature: [K] (D,).
        electrons: (D,).
        atoms: Densities over partition functions by (number, charge), (D,) each.
        molecules: Densities over partition functions by name, (D,) each.
        hydrogen: Neutral atoms (D,).
        protons: (D,).
        hydride: Negative ions H- (D,).
        molecular: H2 molecules (D,).
        helium: He I, He II, He III (3, D).
        density: Mass density [g/cm3] (D,).
        dissociated: Share of hydrogen nuclei not in H2 (D,).
    """

    temperature: np.ndarray
    electrons: np.ndarray
    atoms: dict[tuple[int, int], np.ndarray]
    molecules: dict[str, np.ndarray]
    hydrogen: np.ndarray
    protons: np.ndarray
    hydride: np.ndarray
    molecular: np.ndarray
    helium: np.ndarray
    density: np.ndarray
    dissociated: np.ndarray


def partition(number: int, charge: int, temperature: np.ndarray) -> np.ndarray:
    """Partition function of an atom or ion (D,)."""
    row = _ELEMENTS[number]
    if charge == 2:
        return np.full(temperature.shape, 10.0 ** row[6])
    level, slope = row[5] if charge else row[4]
    x = np.clip(np.log10(temperature / 5000.0), -0.25, 0.45)
    return 10.0 ** np.maximum(level + slope * x, min(level, 0.0))


def _saha(temperature: np.ndarray) -> np.ndarray:
    """n(charge + 1) n_e / n(charge) of charges 0 and 1 [1/cm3] (2, E, D)."""
    scale, thermal = 2.0 * _SAHA * temperature**1.5, BOLTZMANN_EV * temperature
    rows = []
    for charge in (0, 1):
        for number in NUMBERS:
            states = partition(number, charge + 1, temperature)
            states = states / partition(number, charge, temperature)
            energy = _ELEMENTS[number][2 + charge] if (number, charge) != (1, 1) else 1e3
            rows.append(scale * states * np.exp(-np.minimum(energy / thermal, 600.0)))
    return np.stack(rows).reshape(2, len(NUMBERS), temperature.size)


def _shares(saha: np.ndarray, electrons: np.ndarray) -> np.ndarray:
    """Shares of the charges 0, 1, 2 of all elements (3, E, D)."""
    one = saha[0] / electrons
    two = one * saha[1] / electrons
    total = 1.0 + one + two
    return np.stack([1.0 / total, one / total, two / total])


def _molecule_partition(molecule: _Molecule, temperature: np.ndarray) -> np.ndarray:
    kelvin = 1.438777
    turning = temperature / (kelvin * molecule.rotation) / (2.0 if molecule.alike else 1.0)
    return molecule.weight * turning / -np.expm1(-kelvin * molecule.vibration / temperature)


def _binding(name: str, temperature: np.ndarray) -> np.ndarray:
    """n_AB / (n_A n_B) of neutral atoms [cm3] (D,)."""
    item = MOLECULES[name]
    one, two = (_ELEMENTS[number][0] for number in item.parts)
    reduced = one * two / (one + two) / ELECTRON_PER_DALTON
    states = partition(item.parts[0], 0, temperature) * partition(item.parts[1], 0, temperature)
    value = _molecule_partition(item, temperature) / states
    value = value / (_SAHA * (reduced * temperature) ** 1.5)
    return value * np.exp(np.minimum(item.energy / (BOLTZMANN_EV * temperature), 300.0))


def hydride_binding(temperature: np.ndarray) -> np.ndarray:
    """n(H-) / (n(H) n_e) [cm3] (D,): Saha's equation with 0.754 eV and weight 1."""
    exponent = np.exp(0.754 / (BOLTZMANN_EV * temperature))
    return exponent / (4.0 * _SAHA * temperature**1.5)


def equilibrium(temperature: np.ndarray, pressure: np.ndarray, mix: Mixture) -> Gas:
    """Ionisation and molecules of a mixture.

    Electrons follow from charge neutrality by bisection; H2 is solved with them, CO, water and
    the molecules of carbon, nitrogen and oxygen afterwards (they hardly change the pressure).

    Args:
        temperature: [K] (D,).
        pressure: Gas pressure [dyn/cm2] (D,).
        mix: Abundances.
    """
    total = pressure / (BOLTZMANN * temperature)
    pairing, saha = _binding("H2", temperature), _saha(temperature)
    low, high = np.log(total) - 45.0, np.log(total)
    for _ in range(42):
        middle = 0.5 * (low + high)
        electrons = np.exp(middle)
        given = _hydrogen(temperature, electrons, total, pairing, saha, mix)[2]
        excess = given > electrons
        low, high = np.where(excess, middle, low), np.where(excess, high, middle)
    electrons = np.exp(0.5 * (low + high))
    neutral, nuclei, _ = _hydrogen(temperature, electrons, total, pairing, saha, mix)
    shares = dict(zip(NUMBERS, np.moveaxis(_shares(saha, electrons), 1, 0), strict=True))
    free = {
        number: nuclei * mix.abundance[index] * shares[number][0]
        for index, number in enumerate(NUMBERS)
    }
    free[1] = neutral
    molecules = _molecules(temperature, free, pairing)
    atoms = {
        (number, charge): free[number] * shares[number][charge]
        / np.maximum(shares[number][0], 1e-300) / partition(number, charge, temperature)
        for number in NUMBERS
        for charge in range(3)
    }  # fmt: skip
    helium = np.stack([atoms[2, charge] * partition(2, charge, temperature) for charge in range(3)])
    pairs = neutral**2 * pairing
    return Gas(
        temperature, electrons, atoms, molecules, neutral,
        neutral * shares[1][1] / np.maximum(shares[1][0], 1e-300),
        neutral * electrons * hydride_binding(temperature), pairs, helium, nuclei * mix.weight,
        1.0 - 2.0 * pairs / nuclei,
    )  # fmt: skip


def _hydrogen(
    temperature: np.ndarray,
    electrons: np.ndarray,
    total: np.ndarray,
    pairing: np.ndarray,
    saha: np.ndarray,
    mix: Mixture,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Neutral hydrogen, hydrogen nuclei and the electrons all atoms give at a trial density."""
    others = float(np.sum(mix.abundance[1:]))
    one = saha[0] / electrons
    two = one * saha[1] / electrons
    ratio = one[0]
    heavy = np.maximum(total - electrons, 1e-6 * total)
    linear = (1.0 + ratio) * (1.0 + others)
    square = pairing * (1.0 + 2.0 * others)
    neutral = 2.0 * heavy / (linear + np.sqrt(linear**2 + 4.0 * square * heavy))
    nuclei = neutral * (1.0 + ratio) + 2.0 * neutral**2 * pairing
    charge = ((one + 2.0 * two) / (1.0 + one + two))[1:]
    given = neutral * ratio - neutral * electrons * hydride_binding(temperature)
    return neutral, nuclei, given + nuclei * (mix.abundance[1:, None] * charge).sum(axis=0)


def _molecules(
    temperature: np.ndarray, free: dict[int, np.ndarray], pairing: np.ndarray
) -> dict[str, np.ndarray]:
    """Molecules over their partition functions (but water itself).

    Reduces C, N, O, Ti and V in `free` to what stays atomic.

    Water binds by 9.51 eV; its partition function is that of a classical rotor.
    """
    binding = {name: _binding(name, temperature) for name in MOLECULES}
    hydrogen = free[1]
    thermal = BOLTZMANN_EV * temperature
    water = binding["OH"] * pairing * np.exp(np.minimum((9.51 - 4.39 - 4.478) / thermal, 50.0))
    oxygen_load = 1.0 + hydrogen * binding["OH"] + hydrogen**2 * water
    carbon_load = 1.0 + hydrogen * binding["CH"]
    bound = binding["CO"] / (oxygen_load * carbon_load)
    carbon, oxygen = free[6], free[8]
    half = 1.0 + bound * (carbon + oxygen)
    both = (
        2.0 * bound * carbon * oxygen / (half + np.sqrt(half**2 - 4.0 * bound**2 * carbon * oxygen))
    )
    free[6] = np.maximum(carbon - both, 1e-12 * carbon) / carbon_load
    free[8] = np.maximum(oxygen - both, 1e-12 * oxygen) / oxygen_load
    nitrogen = free[7]
    free[7] = 2.0 * nitrogen / (1.0 + np.sqrt(1.0 + 8.0 * binding["N2"] * nitrogen))
    free[22] = free[22] / (1.0 + free[8] * binding["TiO"])
    free[23] = free[23] / (1.0 + free[8] * binding["VO"])
    found = {
        name: free[item.parts[0]] * free[item.parts[1]] * binding[name]
        / _molecule_partition(item, temperature)
        for name, item in MOLECULES.items()
    }  # fmt: skip
    return found | {"H2O": free[8] * hydrogen**2 * water}
