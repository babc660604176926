"""Where objects lie in the BPT plane, and how far from the nearest line between its classes.

Line fluxes come from a catalogue where a store holds them, else from its spectra, fitted again with
starlight templates of trifid's own. Fluxes are as observed, without a correction for dust: the two
lines of a ratio are close in wavelength.
"""

from collections.abc import Mapping
from functools import cache

import numpy as np
from jaxtyping import Float, Int
from scipy.spatial import KDTree

from trifid.physics import line_fit
from trifid.physics.profiles import place_templates
from trifid.store.read import Store

MEASURED = 300  # spectra that are fitted for one picture
_SETS: tuple[tuple[str, ...], ...] = (  # [N II] 6584, Halpha, [O III] 5007, Hbeta
    ("flux_nii_6583", "flux_ha_6562", "flux_oiii_5006", "flux_hb_4861"),  # emissionLinesPort
    ("nii_6584_flux", "h_alpha_flux", "oiii_5007_flux", "h_beta_flux"),  # galSpecLine
)
_AT_ONCE = 50  # spectra: templates placed at each redshift take memory
_LEFT, _RIGHT, _BOTTOM, _STEPS = -2.5, 1.5, -2.5, 2000

Plane = tuple[Float[np.ndarray, "N"], Float[np.ndarray, "N"]]


@cache
def lines() -> Mapping[str, Float[np.ndarray, "P 2"]]:
    """The demarcation lines as points (x, y) [dex], by the paper they are from.

    Papers: as in `trifid.physics.bpt`.
    """
    pure = np.linspace(_LEFT, 0.05 - 1e-3, _STEPS)
    most = np.linspace(_LEFT, 0.47 - 1e-3, _STEPS)
    curves = {
        "Kauffmann 2003": np.stack([pure, 0.61 / (pure - 0.05) + 1.30], axis=1),
        "Kewley 2001": np.stack([most, 0.61 / (most - 0.47) + 1.19], axis=1),
    }
    x = np.linspace(_LEFT, _RIGHT, _STEPS)
    above = (x >= 0.47) | (1.05 * x + 0.45 >= 0.61 / np.minimum(x - 0.47, -1e-3) + 1.19)
    curves["Schawinski 2007"] = np.stack([x, 1.05 * x + 0.45], axis=1)[above]
    return {name: points[points[:, 1] > _BOTTOM] for name, points in curves.items()}


def distance(x: Float[np.ndarray, "N"], y: Float[np.ndarray, "N"]) -> Float[np.ndarray, "N"]:
    """Distance from the nearest of `lines` [dex], NaN where a ratio is not known."""
    known = np.isfinite(x) & np.isfinite(y)
    found = np.full(len(x), np.nan)
    tree = KDTree(np.concatenate(list(lines().values())))
    found[known] = tree.query(np.stack([x[known], y[known]], axis=1))[0]
    return found


def catalogued(store: Store, rows: Int[np.ndarray, "N"]) -> Plane | None:
    """log10 of [N II]/Halpha and [O III]/Hbeta by the catalogue; None where it has no fluxes.

    A ratio is NaN where a flux is missing or not above 0.
    """
    for names in _SETS:
        for modality, spec in store.schema.modalities.items():
            features: tuple[str, ...] = getattr(spec, "features", ())
            if set(names) <= set(features):
                taken = store.take(rows, [modality])[modality]
                places = [features.index(name) for name in names]
                fluxes = np.where(taken["valid"] > 0, taken["values"], np.nan)[:, places]
                return _ratios(fluxes.astype(np.float64).T)
        if set(names) <= set(store.schema.columns):
            table = store.columns(*names)
            fluxes = [table[name].to_numpy(zero_copy_only=False)[rows] for name in names]
            return _ratios(np.array(fluxes, np.float64))
    return None


def measured(store: Store, rows: Int[np.ndarray, "N"]) -> Plane | None:
    """The same from the spectra and redshifts of a store; None where it has none of them.

    NaN where a line is not seen, as `trifid.physics.line_fit.classes` judges it.
    """
    if "spectrum" not in store.schema.modalities or "redshift" not in store.schema.columns:
        return None
    from trifid.simulate.templates import starlight

    redshift = store.columns("redshift")["redshift"].to_numpy(zero_copy_only=False)[rows]
    redshift = redshift.astype(np.float64)
    known = np.isfinite(redshift) & (redshift > -0.01) & store.present("spectrum")[rows]
    fluxes = np.full((4, len(rows)), np.nan)
    stars = starlight("analytic")
    for part in np.array_split(np.flatnonzero(known), -(-int(known.sum()) // _AT_ONCE) or 1):
        if not len(part):
            break
        taken = store.take(rows[part], ["spectrum"])["spectrum"]
        flux, ivar = (taken[name].astype(np.float64) for name in ("flux", "ivar"))
        placed, _ = place_templates(stars.curves, stars.log10_start, redshift[part])
        fits = line_fit.measure_lines(flux, ivar, redshift[part], starlight=placed)
        four = [fits.lines[name] for name in line_fit.BPT_LINES]
        seen = [fit.amplitude_over_noise > line_fit.AMPLITUDE_OVER_NOISE for fit in four]
        fluxes[:, part] = np.where(np.all(seen, axis=0), [fit.flux for fit in four], np.nan)
    return _ratios(fluxes)


def _ratios(fluxes: Float[np.ndarray, "4 N"]) -> Plane:
    logs = np.log10(np.where(fluxes > 0, fluxes, np.nan))
    return logs[0] - logs[1], logs[2] - logs[3]
