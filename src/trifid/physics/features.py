"""Everything measured from spectra of known redshift, as named columns.

The names follow the survey's tables where they have one. Signs: emission lines are positive in
emission (`ew_`), Lick and Ca K indices positive in absorption (`lick_`, `ca_k`).
"""

import numpy as np

from trifid.physics import indices, line_fit
from trifid.physics.profiles import place_templates
from trifid.physics.redshift import TemplateSet

_ROWS = 64  # fitted at once
_COLORS = ("ug", "gr", "ri", "iz")
_INDICES = {
    "lick_hd_a": indices.H_DELTA_A,
    "lick_hg_a": indices.H_GAMMA_A,
    "ca_k": indices.CA_K,
}
UNITS: dict[str, str] = {
    **{f"{name}_flux": "1e-17 erg/s/cm2" for name in line_fit.LINES},
    **{f"{name}_flux_err": "1e-17 erg/s/cm2" for name in line_fit.LINES},
    **{f"{name}_ew": "angstrom" for name in line_fit.LINES},
    **{f"{name}_ew_err": "angstrom" for name in line_fit.LINES},
    **{f"{name}_aon": "" for name in line_fit.LINES},
    **{f"{name}_warning": "" for name in line_fit.LINES},
    "sigma_gas": "km/s",
    "line_chi2": "",
    "bpt": "",
    "whan": "",
    "ebv_gas": "mag",
    "d4000n": "",
    "d4000n_err": "",
    **dict.fromkeys(_INDICES, "angstrom"),
    **{f"{name}_err": "angstrom" for name in _INDICES},
    **{f"{line}_{part}": unit
       for line in ("h_delta", "h_gamma")
       for part, unit in (("d02", "angstrom"), ("fm", ""), ("b", "angstrom"), ("c", ""))},
    **{f"synthetic_{band}": "nanomaggy" for band in "ugriz"},
    **{f"synthetic_{color}": "mag" for color in _COLORS},
}  # fmt: skip
"""Columns of `measured_features`, with units."""


def measured_features(
    flux: np.ndarray,
    ivar: np.ndarray,
    redshift: np.ndarray,
    *,
    ebv_sfd: np.ndarray | None = None,
    starlight: TemplateSet | None = None,
    spread: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """Lines, classes, indices and colours of B spectra, arrays (B,) by name.

    What a spectrum does not cover is NaN; the class without its lines is BLANK.

    Args:
        flux: (B, L) on the store's grid.
        ivar: (B, L); 0 = no data.
        redshift: (B,).
        ebv_sfd: Raw SFD E(B-V) of the Milky Way (B,): spectra are freed of it first.
        starlight: Templates of starlight for the continuum under the lines; None = a spline,
            which leaves Balmer absorption in the emission lines.
        spread: Line spread of the instrument, sigma [pixel] on the grid; None = SDSS.
    """
    flux, ivar = flux.astype(np.float64), ivar.astype(np.float64)
    redshift = np.asarray(redshift, dtype=np.float64)
    if ebv_sfd is not None:
        flux, ivar = indices.deredden(flux, ivar, ebv_sfd)
    parts: list[dict[str, np.ndarray]] = []
    for begin in range(0, len(flux), _ROWS):
        rows = slice(begin, begin + _ROWS)
        parts.append(_features(flux[rows], ivar[rows], redshift[rows], starlight, spread))
    if not parts:
        return {name: np.zeros(0) for name in UNITS}
    return {name: np.concatenate([part[name] for part in parts]) for name in UNITS}


def _features(
    flux: np.ndarray,
    ivar: np.ndarray,
    redshift: np.ndarray,
    starlight: TemplateSet | None,
    spread: np.ndarray | None,
) -> dict[str, np.ndarray]:
    stars = None
    weight = ivar
    if starlight is not None:
        stars, reached = place_templates(starlight.curves, starlight.log10_start, redshift)
        weight = ivar * reached
    measured = line_fit.measure_lines(flux, weight, redshift, starlight=stars, spread=spread)
    labels = line_fit.classes(measured)
    found: dict[str, np.ndarray] = {
        "sigma_gas": measured.velocity,
        "line_chi2": measured.reduced_chi2,
        "bpt": labels.bpt,
        "whan": line_fit.whan_classes(measured),
        "ebv_gas": np.where(labels.bpt == "BLANK", np.nan, labels.ebmv),
    }
    for name, fit in measured.lines.items():
        for part, values in (
            ("flux", fit.flux), ("flux_err", fit.error), ("ew", fit.ew), ("ew_err", fit.ew_error),
            ("aon", fit.amplitude_over_noise),
        ):  # fmt: skip
            found[f"{name}_{part}"] = np.where(fit.covered, values, np.nan)
        found[f"{name}_warning"] = fit.warning
    found["d4000n"], found["d4000n_err"] = indices.d4000n(flux, ivar, redshift)
    for name, band in _INDICES.items():
        values, errors = indices.equivalent_width(flux, ivar, redshift, band)
        found[name], found[f"{name}_err"] = values, errors
    for name in ("h_delta", "h_gamma"):
        profile = indices.balmer_profile(flux, ivar, redshift, name)
        for part in ("d02", "fm", "b", "c"):
            found[f"{name}_{part}"] = getattr(profile, part)
    bands, _ = indices.synthetic_fluxes(flux, ivar)
    for index, band in enumerate("ugriz"):
        found[f"synthetic_{band}"] = bands[:, index]
    magnitudes = -2.5 * np.log10(np.where(bands > 0, bands, np.nan))
    for index, color in enumerate(_COLORS):
        found[f"synthetic_{color}"] = magnitudes[:, index] - magnitudes[:, index + 1]
    return found
