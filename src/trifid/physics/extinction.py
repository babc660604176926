"""Dust: attenuation inside galaxies, extinction in the Milky Way, the survey's coefficients.

All curves are A(wavelength) / E(B-V) [mag per mag]; E(B-V) multiplies them outside.
"""

import numpy as np

# A(band) / E(B-V) for u, g, r, i, z, applied to the raw E(B-V) of the SFD map
SFD_COEFFICIENTS = (5.155, 3.793, 2.751, 2.086, 1.479)
"""In the catalogues up to DR12. Paper: Schlegel, Finkbeiner & Davis 1998, table 6."""
SF11_COEFFICIENTS = (4.239, 3.303, 2.285, 1.698, 1.263)
"""In the catalogues from DR13 on. Paper: Schlafly & Finkbeiner 2011, table 6, R_V = 3.1."""
SF11_SCALE = 0.86
"""True reddening over raw SFD E(B-V); inside the SF11 coefficients already. Ibid., section 5."""


def coefficients(data_release: int) -> tuple[float, ...]:
    """A / E(B-V) of u, g, r, i, z in `extinction_*` of a data release; E(B-V) is raw SFD."""
    return SFD_COEFFICIENTS if data_release <= 12 else SF11_COEFFICIENTS


def calzetti00(wavelength: np.ndarray) -> np.ndarray:
    """Attenuation of starlight by a galaxy's own dust, A / E(B-V) of the stars, R_V = 4.05.

    Paper: Calzetti+ 2000, ApJ 533, 682, eq. 4 (1200-22000 angstrom). Stars see 0.44 of the gas's
    E(B-V): ibid., eq. 3.

    Args:
        wavelength: Rest wavelengths [angstrom].
    """
    inverse = 1e4 / np.asarray(wavelength, dtype=np.float64)  # [1/micron]
    blue = 2.659 * (-2.156 + inverse * (1.509 + inverse * (-0.198 + 0.011 * inverse))) + 4.05
    red = 2.659 * (-1.857 + 1.040 * inverse) + 4.05
    return np.where(inverse > 1.0 / 0.63, blue, red)


STARS_OVER_GAS = 0.44
"""E(B-V) of starlight over that of the ionised gas. Paper: Calzetti+ 2000, eq. 3."""

# Coefficients of (1/wavelength - 1.82)^n, n = 0..8: O'Donnell 1994, ApJ 422, 158
_OPTICAL_A = (1.0, 0.104, -0.609, 0.701, 1.137, -1.718, -0.827, 1.647, -0.505)
_OPTICAL_B = (0.0, 1.952, 2.908, -3.989, -7.985, 11.102, 5.491, -10.805, 3.347)


def milky_way(wavelength: np.ndarray, ratio: float = 3.1) -> np.ndarray:
    """Extinction in the Milky Way, A / E(B-V), for R_V = `ratio`; valid 1700-33000 angstrom.

    Paper: Cardelli, Clayton & Mathis 1989, ApJ 345, 245, eqs. 1, 2a-b, 4a-b; optical part
    (3030-9091 angstrom) from O'Donnell 1994.

    Args:
        wavelength: Observed wavelengths [angstrom].
        ratio: R_V = A(V) / E(B-V).
    """
    x = 1e4 / np.asarray(wavelength, dtype=np.float64)  # [1/micron]
    optical_a = np.polynomial.polynomial.polyval(x - 1.82, _OPTICAL_A)
    optical_b = np.polynomial.polynomial.polyval(x - 1.82, _OPTICAL_B)
    ultraviolet_a = 1.752 - 0.316 * x - 0.104 / ((x - 4.67) ** 2 + 0.341)
    ultraviolet_b = -3.090 + 1.825 * x + 1.206 / ((x - 4.62) ** 2 + 0.263)
    infrared = x**1.61
    a = np.where(x < 1.1, 0.574 * infrared, np.where(x > 3.3, ultraviolet_a, optical_a))
    b = np.where(x < 1.1, -0.527 * infrared, np.where(x > 3.3, ultraviolet_b, optical_b))
    return ratio * a + b


def balmer_color_excess(decrement: np.ndarray, intrinsic: float) -> np.ndarray:
    """E(B-V) of the gas [mag] from the observed Halpha / Hbeta, by the curve of `calzetti00`.

    Args:
        decrement: Observed flux ratio Halpha / Hbeta.
        intrinsic: The ratio without dust, 2.86 for star formation.
    """
    k_beta, k_alpha = calzetti00(np.array([4862.68, 6564.61]))
    return 2.5 / (k_beta - k_alpha) * np.log10(np.asarray(decrement) / intrinsic)
