"""Vacuum and air wavelengths.

trifid works in vacuum throughout; air wavelengths appear only where a foreign table uses them.
Paper: Ciddor 1996, Applied Optics 35, 1566, eq. 1 (standard air: 15 C, 101325 Pa, 450 ppm CO2).
"""

import numpy as np


def refractive_index(vacuum: np.ndarray) -> np.ndarray:
    """Refractive index of standard air at vacuum wavelengths [angstrom], valid 2300-17000 A."""
    wavenumber2 = (1e4 / np.asarray(vacuum, dtype=np.float64)) ** 2  # [1/micron^2]
    return 1.0 + 0.05792105 / (238.0185 - wavenumber2) + 0.00167917 / (57.362 - wavenumber2)


def vacuum_to_air(vacuum: np.ndarray) -> np.ndarray:
    """Air wavelengths [angstrom] of vacuum wavelengths [angstrom]."""
    return np.asarray(vacuum, dtype=np.float64) / refractive_index(vacuum)


def air_to_vacuum(air: np.ndarray) -> np.ndarray:
    """Vacuum wavelengths [angstrom] of air wavelengths [angstrom]; inverts `vacuum_to_air`.

    Three fixed-point steps reach 1e-9 angstrom, for the index changes by 1e-6 over 100 angstrom.
    """
    air = np.asarray(air, dtype=np.float64)
    vacuum = air
    for _ in range(3):
        vacuum = air * refractive_index(vacuum)
    return vacuum
