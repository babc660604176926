"""The wavelength grid every stored spectrum lies on.

log10(wavelength / angstrom) = 3.5500 + 1e-4 k, k = 0 .. 4699; vacuum, observer frame. SDSS-I/II,
BOSS and eBOSS pixels lie on it already, so storing one of their spectra is an integer shift.
"""

import numpy as np
from jaxtyping import Float64
from numpy import ndarray

LOG10_START = 3.5500
LOG10_STEP = 1e-4
LENGTH = 4700


def log10_wavelengths() -> Float64[ndarray, "4700"]:
    """log10 of the vacuum wavelengths [angstrom] of the grid."""
    return LOG10_START + LOG10_STEP * np.arange(LENGTH)


def wavelengths() -> Float64[ndarray, "4700"]:
    """Vacuum wavelengths [angstrom] of the grid, 3548.1 to 10468.9."""
    return 10.0 ** log10_wavelengths()


def index_of(log10_wavelength: float) -> float:
    """Position [pixel] of a wavelength on the grid; may lie outside it or between pixels."""
    return (log10_wavelength - LOG10_START) / LOG10_STEP
