"""Starlight of the core installation: four analytic continua for populations of four ages.

Each is a Planck curve with a 4000-angstrom break or Balmer jump and Gaussian absorption lines. They
carry the colours, the break and the strong lines of young, intermediate and old populations, and
nothing of the thousands of weak lines of real stars.
"""

from functools import cache

import numpy as np

from trifid.schema.grid import LOG10_STEP

LOG10_START = 3.35
LENGTH = 8192
COMPONENTS = ("young", "intermediate", "old metal-poor", "old metal-rich")

# line centre [angstrom, vacuum], width sigma [angstrom], equivalent width [angstrom]
_BALMER = (
    (6564.61, 4.0, 0.75),
    (4862.68, 5.0, 1.0),
    (4341.68, 5.5, 1.05),
    (4102.89, 6.0, 1.10),
    (3971.20, 6.0, 1.05),
    (3890.17, 5.0, 0.9),
    (3836.48, 4.0, 0.75),
    (3798.99, 3.2, 0.6),
    (3771.70, 2.6, 0.45),
)
_METALS = (
    (3934.78, 6.0, 8.0),  # Ca II K
    (3969.59, 6.0, 6.5),  # Ca II H
    (4227.92, 3.0, 1.2),  # Ca I
    (4305.61, 10.0, 5.5),  # G band (CH)
    (4384.60, 8.0, 3.8),  # Fe I
    (4532.60, 10.0, 2.5),  # Fe, Ti
    (4669.50, 14.0, 4.0),  # C2
    (5016.60, 14.0, 3.5),  # Fe
    (5110.00, 25.0, 4.5),  # Mg H
    (5176.70, 8.0, 4.2),  # Mg b
    (5271.50, 7.0, 2.4),  # Fe
    (5330.60, 6.0, 1.9),  # Fe
    (5407.00, 5.0, 1.2),  # Fe
    (5895.60, 3.5, 3.2),  # Na D
    (6191.00, 25.0, 2.0),  # Ti O
    (6497.30, 4.0, 1.0),  # Ba, Fe
    (7150.00, 50.0, 4.0),  # Ti O
    (8500.36, 3.0, 1.5),  # Ca II triplet
    (8544.44, 4.0, 3.6),
    (8664.52, 4.0, 3.0),
)


def rest_wavelengths() -> np.ndarray:
    """Rest wavelengths [angstrom] of the components, 2239 to 14766; the step of the store's grid.

    The step is the grid's, so redshift is a shift and broadening a convolution.
    """
    return 10.0 ** (LOG10_START + LOG10_STEP * np.arange(LENGTH))


def _planck(wavelength: np.ndarray, temperature: float) -> np.ndarray:
    return wavelength**-5.0 / np.expm1(1.438777e8 / (wavelength * temperature))


def _step(wavelength: np.ndarray, centre: float, width: float, ratio: float) -> np.ndarray:
    """1 redward of `centre`, 1/ratio blueward, with a smooth edge of `width` [angstrom]."""
    blueward = 0.5 * (1.0 - np.tanh((wavelength - centre) / width))
    return 1.0 - (1.0 - 1.0 / ratio) * blueward


def _lines(
    wavelength: np.ndarray, table: tuple[tuple[float, float, float], ...], strength: float
) -> np.ndarray:
    depth = np.zeros_like(wavelength)
    for centre, sigma, width in table:
        amplitude = strength * width / (sigma * np.sqrt(2.0 * np.pi))
        depth += amplitude * np.exp(-0.5 * ((wavelength - centre) / sigma) ** 2)
    return np.exp(-depth)


@cache
def components() -> np.ndarray:
    """The four continua (4, L), in the order of `COMPONENTS`, each 1 at 5500 angstrom."""
    return curves(rest_wavelengths())


def curves(x: np.ndarray) -> np.ndarray:
    """The four continua (4, N) at rest wavelengths [angstrom], increasing from below 5500.

    In the order of `COMPONENTS`, each 1 at 5500 angstrom.
    """
    young = _planck(x, 13000.0) * _step(x, 3660.0, 25.0, 1.25)
    young *= _lines(x, _BALMER, 3.6) * _lines(x, _METALS, 0.10)
    middle = _planck(x, 8200.0) * _step(x, 3680.0, 30.0, 1.55)
    middle *= _lines(x, _BALMER, 7.0) * _lines(x, _METALS, 0.25)
    old = []
    for strength, jump, temperature in ((0.75, 1.60, 5050.0), (1.25, 1.80, 4800.0)):
        curve = _planck(x, temperature) * _step(x, 3990.0, 45.0, jump) * _step(x, 3650, 60, 1.12)
        old.append(curve * _lines(x, _BALMER, 1.3) * _lines(x, _METALS, strength))
    stack = np.stack([young, middle, *old])
    return stack / stack[:, np.searchsorted(x, 5500.0), None]


def band_sums() -> tuple[np.ndarray, np.ndarray]:
    """Mean f_nu of each component in the bands of D4000n, 3850-3950 and 4000-4100 angstrom.

    Paper: Balogh+ 1999, ApJ 527, 54, section 3.1.
    """
    x, curves = rest_wavelengths(), components() * rest_wavelengths() ** 2
    blue, red = (x >= 3850) & (x < 3950), (x >= 4000) & (x < 4100)
    return curves[:, blue].mean(axis=1), curves[:, red].mean(axis=1)


def light_fractions(d4000: np.ndarray, middle: np.ndarray, rich: np.ndarray) -> np.ndarray:
    """Fractions (B, 4) of the light at 5500 angstrom that give a break D4000n.

    Args:
        d4000: The break wanted (B,); beyond what the components can give it is clipped.
        middle: Share of the intermediate component in the light that is not old (B,).
        rich: Share of the metal-rich component in the old light (B,).
    """
    recent = np.stack([1.0 - middle, middle, 0 * middle, 0 * middle], axis=1)
    old = np.stack([0 * rich, 0 * rich, 1.0 - rich, rich], axis=1)
    blue, red = band_sums()
    (recent_blue, recent_red), (old_blue, old_red) = (
        (np.sum(part * blue, axis=1), np.sum(part * red, axis=1)) for part in (recent, old)
    )
    d4000 = np.clip(d4000, recent_red / recent_blue, old_red / old_blue)
    # solves (1 - f) (recent_red - d recent_blue) + f (old_red - d old_blue) = 0 for f
    excess = recent_red - d4000 * recent_blue
    share = (excess / (excess - old_red + d4000 * old_blue))[:, None]
    return (1.0 - share) * recent + share * old
