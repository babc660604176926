"""Redshift and star-formation rate: nine numbers of a galaxy.

The eight SFR numbers describe one probability distribution of log10 SFR [Msun/yr] on a grid of
0.05 dex: mean, entropy [bit], median, mode and four quantiles.

Paper: redshift and SFR regression from images and spectra; the catalogue is gal_totsfr_dr7_v5_2
(Brinchmann et al. 2004), whose missing values are -99 with FLAG > 0. |MODE - AVG| beyond 1.3 dex
marks a failed aperture correction, says its page. The outlier limits of the SFR are ours.
"""

from itertools import pairwise

from trifid.data.task import Closeness, FeatureSet, Target, Task
from trifid.registry import register

_BANDS = ("u", "g", "r", "i", "z")
_COLOURS = tuple(f"modelmag_{a} - modelmag_{b}" for a, b in pairwise(_BANDS))
_PHOTOMETRY = (*_COLOURS, "modelmag_r", "petror50_r", "ebv_sfd")
_QUANTILES = ("sfr_p2p5", "sfr_p16", "sfr_median", "sfr_p84", "sfr_p97p5")


def _sfr(column: str, *, entropy: bool = False) -> Target:
    return Target(
        column=column,
        unit="bit" if entropy else "log10(Msun/yr)",
        flag="sfr_flag",
        close=(Closeness(columns=("sfr_mode", "sfr_avg"), within=1.3),),
        outliers=() if entropy else (0.6,),
    )


@register("task", paper="redshift and SFR regression from images and spectra, section 3")
def zsfr() -> Task:
    """Redshift and eight statistics of the star-formation rate."""
    return Task(
        name="zsfr",
        targets={
            "redshift": Target(
                column="redshift", kind="redshift", flag="zwarning", outliers=(0.15, 0.003)
            ),
            "sfr_avg": _sfr("sfr_avg"),
            "sfr_entropy": _sfr("sfr_entropy", entropy=True),
            "sfr_median": _sfr("sfr_median"),
            "sfr_mode": _sfr("sfr_mode"),
            "sfr_p16": _sfr("sfr_p16"),
            "sfr_p2p5": _sfr("sfr_p2p5"),
            "sfr_p84": _sfr("sfr_p84"),
            "sfr_p97p5": _sfr("sfr_p97p5"),
        },
        ordered=_QUANTILES,
        feature_sets={
            "safe": FeatureSet(
                features=_PHOTOMETRY,
                leaky=False,
                note="photometry, colours and foreground reddening",
            ),
            "leaky": FeatureSet(
                features=(*_PHOTOMETRY, "redshift", "ew_ha_6562"),
                leaky=True,
                note="with the redshift itself, and EW(Ha) of the fit behind the SFR",
            ),
        },
    )
