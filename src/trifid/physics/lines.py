"""Spectral lines of galaxies and quasars: vacuum wavelengths and ratios that atomic physics fixes.

Wavelengths are those of the SDSS line list (vacuum); names follow the survey's line tables. The
ultraviolet ones were compared with three public copies of that list; those of `QUASAR` that these
do not hold are marked unverified.
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
QUASAR: dict[str, Line] = {
    line.name: line
    for line in (
        Line("ly_beta_ovi", "O VI", 1033.82),
        Line("ly_alpha", "Lyα", 1215.24),  # the list's effective place; atomic: LYMAN_ALPHA
        Line("nv_1240", "N V", 1240.81),
        Line("si2_1262", "Si II", 1262.59),  # unverified
        Line("oi_1305", "O I", 1305.53),
        Line("cii_1335", "C II", 1335.31),
        Line("siiv_1400", "Si IV", 1399.80),  # with O IV]
        Line("civ_1549", "C IV", 1549.48),
        Line("heii_1640", "He II", 1640.40),
        Line("oiii_1665", "O III]", 1665.85),
        Line("niii_1750", "N III]", 1750.26),  # unverified
        Line("aliii_1857", "Al III", 1857.40),
        Line("siiii_1892", "Si III]", 1892.03),
        Line("ciii_1908", "C III]", 1908.734),
        Line("feiii_2077", "Fe III", 2076.62),  # unverified
        Line("cii_2326", "C II]", 2326.00),
        Line("neiv_2424", "[Ne IV]", 2423.83),  # unverified; the survey's list has 2439.5
        Line("mgii_2799", "Mg II", 2799.117),
        Line("heii_3204", "He II", 3204.03),  # unverified
        Line("nev_3346", "[Ne V]", 3346.79),
        Line("nev_3426", "[Ne V]", 3426.85),
        Line("neiii_3869", "[Ne III]", 3869.86),
        Line("neiii_3968", "[Ne III]", 3968.59),  # unverified
        Line("oiii_4363", "[O III]", 4364.44),
        Line("heii_4686", "He II", 4687.02),
        Line("hei_5876", "He I", 5877.30),
        Line("hei_7065", "He I", 7067.20),  # unverified
        Line("oi_8446", "O I", 8448.70),  # unverified
    )
}
"""Lines of active nuclei that `EMISSION` lacks, broad and narrow."""
LYMAN_ALPHA, LYMAN_BETA, LYMAN_LIMIT = 1215.67, 1025.72, 911.76  # [angstrom]
MAIN_QUASAR = ("ly_alpha", "civ_1549", "ciii_1908", "mgii_2799")
"""The broad lines that tell a quasar's redshift beyond 0.8."""
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
