"""Opacity of hydrogen, helium and free electrons: continua, Stark-broadened lines, edges.

H- after John 1988, A&A 193, 189; hydrogen after Kramers with Menzel & Pekeris (1935) Gaunt
factors; dissolution of high levels after Hummer & Mihalas 1988 in the form of Hubeny, Hummer &
Lanz 1994, A&A 282, 151; Stark profiles quasi-static with Holtsmark wings and the Stark
coefficients of Griem 1960 (Underhill & Waddell). Coefficients typed from memory: unverified.
"""

import numpy as np

from trifid.simulate.stellar_gas import BOLTZMANN, BOLTZMANN_EV, DALTON, Gas

LIGHT = 2.99792458e18  # [angstrom/s]
_HC_OVER_K = 1.438777e8  # [angstrom K]
_RYDBERG = 1.0967758e-3  # of hydrogen [1/angstrom]
LINE_AREA = 2.654e-2  # pi e^2 / m c [cm2 Hz]
_GRIEM = {
    1: (3.56e-4, 5.23e-4, 1.09e-3, 1.49e-3, 2.25e-3),
    2: (0.0125, 0.0177, 0.028, 0.0348, 0.0493),
    3: (0.124, 0.171, 0.223, 0.261, 0.342),
    4: (0.683, 0.866, 1.02, 1.19, 1.46),
}
_STRENGTH = {  # absorption oscillator strengths of the first lines
    1: (0.4162, 0.0791, 0.0290, 0.0139, 0.0078),
    2: (0.6407, 0.1193, 0.0447, 0.0221, 0.0127, 0.0080, 0.0054, 0.0039),
    3: (0.8421, 0.1506, 0.0558, 0.0277, 0.0160, 0.0102, 0.0070, 0.0050),
    4: (1.0377, 0.1793, 0.0655, 0.0323, 0.0187),
}
_SELF = {3: (1180.0, 0.677), 4: (2320.0, 0.455), 5: (4208.0, 0.380)}  # Barklem+ 2000, n = 2
_LAST = 26  # highest level with a line of its own


def stimulated(wavelength: np.ndarray, temperature: np.ndarray) -> np.ndarray:
    """1 - exp(-h nu / k T) (D, L)."""
    return -np.expm1(-_HC_OVER_K / (wavelength * temperature[:, None]))


def planck(wavelength: np.ndarray, temperature: np.ndarray) -> np.ndarray:
    """Planck function per unit wavelength [erg/s/cm2/A/sr] (D, L)."""
    exponent = np.minimum(_HC_OVER_K / (wavelength * temperature[:, None]), 300.0)
    return 1.191043e27 * wavelength**-5.0 / np.expm1(exponent)


def smooth_opacity(gas: Gas, wavelength: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Absorption and scattering by hydrogen, helium and electrons [1/cm] (D, L) each."""
    absorption = _hydride(gas, wavelength)
    occupied = _occupation(gas)
    for charge in (1, 2):
        absorption += _bound_free(gas, wavelength, charge, occupied)
    absorption += _free_free(gas, wavelength) + _helium_neutral(gas, wavelength)
    for lower in (1, 2, 3, 4):
        _add_series(absorption, gas, wavelength, lower, 1, occupied)
    for lower in (3, 4):
        _add_series(absorption, gas, wavelength, lower, 2, occupied)
    _add_helium_lines(absorption, gas, wavelength)
    return absorption, _scattering(gas, wavelength)


def _hydride(gas: Gas, wavelength: np.ndarray) -> np.ndarray:
    """Bound-free and free-free absorption of H-: John 1988, eqs. 3-6 and tables 2-3."""
    micron = wavelength * 1e-4
    above = np.maximum(1.0 / micron - 1.0 / 1.6419, 0.0)
    root = np.sqrt(above)
    terms = (152.519, 49.534, -118.858, 92.536, -34.194, 4.982)
    cross = 1e-18 * micron**3 * above**1.5 * np.polyval(terms[::-1], root)
    cross = np.where(wavelength > 1250.0, np.maximum(cross, 0.0), 0.0)
    result = gas.hydride[:, None] * cross * stimulated(wavelength, gas.temperature)
    theta = (5040.0 / gas.temperature)[:, None]
    table = np.where(micron[:, None, None] > 0.3645, _FREE_RED, _FREE_BLUE)
    powers = np.stack(
        [micron**2, micron**0, micron**-1.0, micron**-2.0, micron**-3.0, micron**-4.0]
    )
    factors = np.einsum("lij,jl->il", table, powers)
    free = sum(theta ** ((n + 2) / 2.0) * factors[n] for n in range(6))
    pressure = gas.electrons * BOLTZMANN * gas.temperature
    free = 1e-29 * free * (pressure * gas.hydrogen)[:, None]
    return result + np.where(micron > 0.1823, np.maximum(free, 0.0), 0.0)


_FREE_RED = np.array(
    [
        (0, 0, 0, 0, 0, 0),
        (2483.346, 285.827, -2054.291, 2827.776, -1341.537, 208.952),
        (-3449.889, -1158.382, 8746.523, -11485.632, 5303.609, -812.939),
        (2200.040, 2427.719, -13651.105, 16755.524, -7510.494, 1132.738),
        (-696.271, -1841.400, 8624.970, -10051.530, 4400.067, -655.020),
        (88.283, 444.517, -1863.864, 2095.288, -901.788, 132.985),
    ]
)
_FREE_BLUE = np.array(
    [
        (518.1021, -734.8666, 1021.1775, -479.0721, 93.1373, -6.4285),
        (473.2636, 1443.4137, -1977.3395, 922.3575, -178.9275, 12.3600),
        (-482.2089, -737.1616, 1096.8827, -521.1341, 101.7963, -7.0571),
        (115.5291, 169.6374, -245.6490, 114.2430, -21.9972, 1.5097),
        (0, 0, 0, 0, 0, 0),
        (0, 0, 0, 0, 0, 0),
    ]
)


def _occupation(gas: Gas) -> np.ndarray:
    """Probability (2, 41, D) that level n of H (He+) is not dissolved by fields or neighbours."""
    level = np.arange(41, dtype=np.float64)[1:, None]
    spread = 16.0 / 3.0 * level / (level + 1.0) ** 2
    spread = np.where(level <= 3, 1.0, spread)
    both = []
    ions = np.maximum(gas.protons + gas.helium[1] + gas.helium[2], 1e-3)
    for charge in (1, 2):
        correlation = 0.09 * ions ** (1.0 / 6.0) / np.sqrt(gas.temperature)
        x = (1.0 + correlation) ** 3.15
        beta = 8.59e14 * charge**3 * ions ** (-2.0 / 3.0) * spread / level**4
        ratio = 0.1402 * (x + 4.0 * (charge - 1) * correlation**3) * beta**3
        ratio = ratio / (1.0 + 0.1285 * x * beta**1.5)
        neutral = np.exp(-4.19 * (0.529e-8 * (level**2 / charge + 1.0)) ** 3 * gas.hydrogen)
        both.append(np.concatenate([np.ones((1, ions.size)), ratio / (1.0 + ratio) * neutral]))
    return np.stack(both)


def _levels(gas: Gas, charge: int) -> tuple[np.ndarray, float]:
    """Ground population over its weight and ionisation energy [eV] of H or He+."""
    if charge == 1:
        return gas.hydrogen / 2.0, 13.598
    return gas.helium[1] / 2.0, 54.418


def _population(gas: Gas, charge: int, level: int, occupied: np.ndarray) -> np.ndarray:
    ground, energy = _levels(gas, charge)
    excitation = energy * (1.0 - level**-2.0) / (BOLTZMANN_EV * gas.temperature)
    return ground * 2.0 * level**2 * np.exp(-excitation) * occupied[charge - 1, level]


def _bound_free(gas: Gas, wavelength: np.ndarray, charge: int, occupied: np.ndarray) -> np.ndarray:
    """Photoionisation from levels 1 to 8, with the pseudo-continuum of dissolved levels."""
    scaled = wavelength * charge**2
    total = np.zeros((gas.temperature.size, wavelength.size))
    for level in range(1, 9):
        share = np.zeros_like(total)
        inverse = level**-2.0 - 1.0 / (scaled * _RYDBERG)
        share[:, inverse <= 0.0] = 1.0
        upper = 1.0 / np.sqrt(np.maximum(inverse, 1e-9))
        near = (inverse > 0.0) & (upper > level + 1.2)
        place = np.clip(upper[near], 1.0, 39.99)
        low = place.astype(np.int64)
        table = occupied[charge - 1]
        left = table[low] + (place - low)[:, None] * (table[low + 1] - table[low])
        share[:, near] = 1.0 - np.minimum(left / table[level], 1.0).T
        x = scaled * _RYDBERG
        gaunt = np.clip(1.0 - 0.3456 * x ** (-1.0 / 3.0) * (x / level**2 - 0.5), 0.3, 1.2)
        cross = 7.907e-18 * level / charge**2 * (x / level**2) ** 3 * gaunt
        total += _population(gas, charge, level, occupied)[:, None] * cross * share
    return total * stimulated(wavelength, gas.temperature)


def _free_free(gas: Gas, wavelength: np.ndarray) -> np.ndarray:
    frequency = LIGHT / wavelength
    ions = (gas.protons + gas.helium[1] + 4.0 * gas.helium[2]) * gas.electrons
    x = wavelength * _RYDBERG
    ratio = wavelength * gas.temperature[:, None] / _HC_OVER_K
    gaunt = 1.0 + 0.3456 * x ** (-1.0 / 3.0) * (ratio + 0.5)
    value = 3.692e8 * (ions / np.sqrt(gas.temperature))[:, None] * frequency**-3.0 * gaunt
    return value * stimulated(wavelength, gas.temperature)


# threshold [angstrom], statistical weight, excitation [eV], cross-section at threshold [cm2],
# slope in wavelength; n = 1, the four levels of n = 2, n = 3 lumped
_HELIUM_EDGES = (
    (504.3, 1.0, 0.0, 7.4e-18, 1.9),
    (2601.0, 3.0, 19.82, 5.5e-18, 1.5),
    (3122.0, 1.0, 20.62, 9.2e-18, 2.0),
    (3423.0, 9.0, 20.96, 1.57e-17, 2.4),
    (3680.0, 3.0, 21.22, 1.35e-17, 2.7),
    (7440.0, 20.0, 22.92, 2.0e-17, 2.7),
    (8190.0, 16.0, 23.08, 2.1e-17, 3.0),
)


def _helium_neutral(gas: Gas, wavelength: np.ndarray) -> np.ndarray:
    """Photoionisation of He I and free-free absorption of He- (a fit to Carbon+ 1969)."""
    thermal = BOLTZMANN_EV * gas.temperature
    total = np.zeros((gas.temperature.size, wavelength.size))
    for edge, weight, energy, cross, slope in _HELIUM_EDGES:
        people = gas.helium[0] * weight * np.exp(-energy / thermal)
        curve = cross * (wavelength / edge) ** slope
        softened = 0.5 * (1.0 - np.tanh((wavelength - edge) / (0.004 * edge)))
        total += people[:, None] * curve * softened
    total *= stimulated(wavelength, gas.temperature)
    pressure = gas.electrons * BOLTZMANN * gas.temperature
    micron = wavelength * 1e-4
    free = 1.2e-27 * micron**2 * (5040.0 / gas.temperature[:, None]) ** 0.6
    return total + free * (pressure * gas.helium[0])[:, None]


def _scattering(gas: Gas, wavelength: np.ndarray) -> np.ndarray:
    """Thomson, and Rayleigh by H, H2 and He (Dalgarno 1962; Dalgarno & Williams 1962)."""
    x = np.maximum(wavelength, 1300.0)
    hydrogen = 5.799e-13 * x**-4 + 1.422e-6 * x**-6 + 2.784 * x**-8
    molecule = 8.14e-13 * x**-4 + 1.28e-6 * x**-6 + 1.61 * x**-8
    helium = 5.484e-14 * x**-4 * (1.0 + 2.44e5 * x**-2) ** 2
    return (
        6.6525e-25 * gas.electrons[:, None]
        + gas.hydrogen[:, None] * hydrogen
        + gas.molecular[:, None] * molecule
        + gas.helium[0][:, None] * helium
    )


def _f_value(lower: int, upper: int) -> float:
    known = _STRENGTH[lower]
    if upper - lower <= len(known):
        return known[upper - lower - 1]
    last = lower + len(known)

    def kramers(level: int) -> float:
        return level**-3.0 * (lower**-2.0 - level**-2.0) ** -3.0

    return known[-1] * kramers(upper) / kramers(last)


def _stark_coefficient(lower: int, upper: int) -> float:
    if upper - lower <= 5:
        return _GRIEM[lower][upper - lower - 1]
    return 5.5e-5 * (lower**2 * upper**2) ** 2 / (upper**2 - lower**2)


def _add_series(
    absorption: np.ndarray,
    gas: Gas,
    wavelength: np.ndarray,
    lower: int,
    charge: int,
    occupied: np.ndarray,
) -> None:
    """Adds the lines of a series of H or He+ to an opacity (D, L).

    Profile: Stark wings 0.151 / (1 + (beta / 2.505)^2.5), beta = shift / (F0 K), whose asymptote is
    twice Holtsmark's (ions and electrons); the rest of the area in a Doppler core. Balmer
    lines are also broadened by neutral hydrogen.
    """
    people = _population(gas, charge, lower, occupied)
    field = 1.25e-9 * gas.electrons ** (2.0 / 3.0)
    mass = 1.008 if charge == 1 else 4.003
    speed = np.sqrt(2.0 * BOLTZMANN * gas.temperature / (mass * DALTON) + 4e10) / 2.998e10
    for upper in range(lower + 1, _LAST + 1):
        centre = 1.0 / (_RYDBERG * charge**2 * (lower**-2.0 - upper**-2.0))
        reach = 0.07 * centre if upper > lower + 1 else 0.10 * centre
        begin, end = np.searchsorted(wavelength, [centre - reach, centre + reach])
        if begin == end:
            continue
        shift = np.abs(wavelength[begin:end] - centre)
        coefficient = _stark_coefficient(lower, upper) / charge**5
        scale = field * coefficient
        core = np.hypot(centre * speed, 0.35 * 1.15e-4 * centre)
        smooth = np.hypot(shift, 0.8 * core[:, None]) / scale[:, None]
        smooth /= 2.505
        profile = 0.151 / (1.0 + smooth**2 * np.sqrt(smooth)) / scale[:, None]
        weight = -np.expm1(-1.5 * (scale / core) ** 2)
        profile *= np.minimum(
            1.0, (1.0 - np.exp(-((shift / core[:, None]) ** 2))) + weight[:, None]
        )
        gauss = np.exp(-((shift / core[:, None]) ** 2)) / (core * 1.7725)[:, None]
        profile += (1.0 - weight)[:, None] * gauss
        if lower == 2 and charge == 1:
            profile += _self_broadening(gas, upper, centre, shift)
        area = LINE_AREA * centre**2 / LIGHT * _f_value(lower, upper)
        left = occupied[charge - 1, upper] / occupied[charge - 1, lower]
        strength = people * area * np.minimum(left, 1.0)
        thermal = -np.expm1(-_HC_OVER_K / (centre * gas.temperature))
        absorption[:, begin:end] += (strength * thermal)[:, None] * profile


def _self_broadening(gas: Gas, upper: int, centre: float, shift: np.ndarray) -> np.ndarray:
    """Lorentz wings of Balmer lines by collisions with hydrogen: Barklem+ 2000, A&A 355, L5."""
    cross, slope = _SELF.get(upper, (4208.0 * (upper / 5.0) ** 2, 0.38))
    speed = np.sqrt(8.0 * BOLTZMANN * gas.temperature / (np.pi * 0.504 * DALTON))
    rate = (4.0 / np.pi) ** (slope / 2.0) * 1.1 * speed * cross * 2.8e-17
    rate = rate * (speed / 1e6) ** -slope * gas.hydrogen
    width = rate * centre**2 / (2.0 * np.pi * LIGHT)  # half width [angstrom]
    return width[:, None] / np.pi / (shift**2 + (width**2 + (0.6e-4 * centre) ** 2)[:, None])


# wavelength in vacuum [angstrom], log gf, lower level [eV], Stark half width at 1e16 electrons
_HELIUM_LINES = (
    (3188.67, -0.70, 19.82, 0.5),
    (3614.67, -1.81, 20.62, 1.2),
    (3705.94, -0.98, 20.96, 1.6),
    (3820.70, -0.69, 20.96, 2.2),
    (3868.57, -1.80, 20.96, 1.5),
    (3889.75, -0.67, 19.82, 0.2),
    (3965.85, -1.30, 20.62, 0.7),
    (4010.39, -1.47, 21.22, 2.0),
    (4027.33, -0.37, 20.96, 1.5),
    (4121.98, -1.46, 20.96, 0.9),
    (4144.92, -1.20, 21.22, 2.4),
    (4389.16, -0.88, 21.22, 1.8),
    (4472.76, 0.04, 20.96, 1.0),
    (4714.48, -0.97, 20.96, 0.5),
    (4923.30, -0.44, 21.22, 1.2),
    (5017.08, -0.82, 20.62, 0.4),
    (5877.25, 0.74, 20.96, 0.35),
    (6679.99, 0.33, 21.22, 0.6),
    (7067.14, -0.21, 20.96, 0.35),
    (7283.36, -0.84, 21.22, 0.6),
    (10833.2, 0.29, 19.82, 0.2),
)


def _add_helium_lines(absorption: np.ndarray, gas: Gas, wavelength: np.ndarray) -> None:
    """Adds lines of He I with Lorentz profiles: Stark widths of Griem 1974, rounded."""
    thermal = BOLTZMANN_EV * gas.temperature
    speed = np.sqrt(2.0 * BOLTZMANN * gas.temperature / (4.003 * DALTON) + 4e10) / 2.998e10
    for centre, strength, energy, width in _HELIUM_LINES:
        begin, end = np.searchsorted(wavelength, [0.88 * centre, 1.12 * centre])
        if begin == end:
            continue
        shift = wavelength[begin:end] - centre
        broad = np.minimum(width * gas.electrons / 1e16, 60.0) + 0.02
        narrow = np.hypot(centre * speed, 0.5e-4 * centre)
        full = np.hypot(broad, narrow)[:, None]
        profile = full / np.pi / (shift**2 + full**2) * (broad[:, None] / full)
        gauss = np.exp(-((shift / narrow[:, None]) ** 2)) / (narrow * 1.7725)[:, None]
        profile += (1.0 - broad[:, None] / full) * gauss
        people = gas.helium[0] * 10.0**strength * np.exp(-energy / thermal)
        area = LINE_AREA * centre**2 / LIGHT
        absorption[:, begin:end] += (people * area)[:, None] * profile
