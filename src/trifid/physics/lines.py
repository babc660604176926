"""Spectral lines of galaxies: vacuum wavelengths and the flux ratios atomic physics fixes.

Wavelengths are those of the SDSS line list (vacuum); names follow the survey's line tables.
"""

from dataclasses import dataclass

import numpy as np

SPEED_OF_LIGHT = 299792.458  # [km/s]


@dataclass(frozen=True)
class Line:
    """One line.

    Attributes:
        name: The survey's column stem, e.g. `nii_6584`.
        label: What plots print.
        wavelength: Rest wavelength [angstrom, vacuum].
    """

    name: str
    label: str
    wavelength: float


EMISSION: dict[str, Line] = {
    line.name: line
    for line in (
        Line("oii_3726", "[O II]", 3727.09),
        Line("oii_3729", "[O II]", 3729.87),
        Line("h_delta", "Hδ", 4102.89),
        Line("h_gamma", "Hγ", 4341.68),
        Line("h_beta", "Hβ", 4862.68),
        Line("oiii_4959", "[O III]", 4960.30),
        Line("oiii_5007", "[O III]", 5008.24),
        Line("oi_6300", "[O I]", 6302.05),
        Line("nii_6548", "[N II]", 6549.86),
        Line("h_alpha", "Hα", 6564.61),
        Line("nii_6584", "[N II]", 6585.27),
        Line("sii_6717", "[S II]", 6718.29),
        Line("sii_6731", "[S II]", 6732.67),
    )
}
ABSORPTION: dict[str, Line] = {
    line.name: line
    for line in (
        Line("ca_k", "Ca K", 3934.78),
        Line("ca_h", "Ca H", 3969.59),
        Line("g_band", "G", 4305.61),
        Line("mg_b", "Mg b", 5176.70),
        Line("na_d", "Na D", 5895.60),
    )
}

# Balmer ratios of case B at 10,000 K and 100 /cm3: Osterbrock & Ferland 2006, table 4.4
H_ALPHA_OVER_H_BETA = 2.86
H_ALPHA_OVER_H_BETA_AGN = 3.1  # harder radiation excites H alpha by collisions: ibid., section 14
H_GAMMA_OVER_H_BETA = 0.468
H_DELTA_OVER_H_BETA = 0.259
# doublets from one upper level: Storey & Zeippen 2000, MNRAS 312, 813
OIII_5007_OVER_4959 = 2.98
NII_6584_OVER_6548 = 3.05
# doublets at the low-density end, as measured in galaxies
OII_3726_OVER_3729 = 0.73
SII_6717_OVER_6731 = 1.30


def observed(wavelength: float | np.ndarray, redshift: float | np.ndarray) -> np.ndarray:
    """Observed wavelengths [angstrom] of rest wavelengths [angstrom] at redshifts."""
    return np.asarray(wavelength, dtype=np.float64) * (1.0 + np.asarray(redshift))
