"""The samples of the four papers as selections of the SDSS catalogue.

Papers: GCSNet (galaxy4), star/galaxy/quasar from image and table (sgq3), redshift and SFR
regression (zsfr), BATMM (bhb2). None prints its SQL; what cannot be reproduced stands beside each.
"""

from trifid.errors import ConfigError
from trifid.surveys.sdss_query import Column, Cut, Selection

_SPECTRA = ("FROM SpecObj AS s", "JOIN PhotoObj AS p ON p.objID = s.bestObjID")
_LINES = ("Ha_6562", "NII_6583", "OIII_5006", "Hb_4861")


def _portsmouth() -> tuple[Column, ...]:
    """Columns of emissionLinesPort; a line under a sky line was set to 0 there: null here."""
    fluxes = tuple(
        Column(
            f"{name}_{line.lower()}",
            f"e.{theirs}_{line}",
            "float64",
            unit,
            f"{text} of {line}",
        )
        for name, theirs, unit, text in (
            ("flux", "Flux", "1e-17 erg / (s cm2)", "flux"),
            ("aon", "AoN", "", "amplitude over noise"),
        )
        for line in _LINES
    )
    width = "CASE WHEN e.Fit_Warning_Ha_6562 = 1 THEN NULL ELSE e.EW_Ha_6562 END"
    return (
        Column("bpt", "e.bpt", "string", "", "class of the line ratios, emissionLinesPort"),
        Column("ew_ha_6562", width, "float64", "angstrom", "EW of H alpha, positive = emission"),
        Column("ebmv", "e.ebmv", "float64", "mag", "reddening fitted to the same spectrum"),
        *fluxes,
    )


GALAXY4 = Selection(
    task="galaxy4",
    paper="GCSNet, preprints.org 202604.1739, section 2",
    tables=(
        *_SPECTRA,
        "JOIN emissionLinesPort AS e ON e.specObjID = s.specObjID",
        "LEFT JOIN galSpecExtra AS x ON x.specObjID = s.specObjID",
    ),
    columns=(
        *_portsmouth(),
        Column("bptclass", "x.bptclass", "int64", "", "class of the line ratios, galSpecExtra"),
    ),
    cuts=(
        Cut("class GALAXY", "s.class = 'GALAXY'"),
        Cut("0 < z < 0.3", "s.z > 0 AND s.z < 0.3"),
        Cut("S/N > 10", "s.snMedian > 10"),
        Cut(
            "one class of bpt",
            "e.bpt IN ('Star Forming', 'Composite', 'Seyfert', 'LINER', 'BLANK')",
        ),
    ),
    label="e.bpt",
    classes={
        "Star Forming": "SF",
        "Composite": "COMP",
        "Seyfert": "AGN",
        "LINER": "AGN",
        "BLANK": "NORMAL",
    },
    published={"SF": 33_291, "COMP": 13_131, "AGN": 7_662, "NORMAL": 14_833},
    instrument="SDSS",
)
"""68,917 galaxies; the same cuts give several times as many, so the paper took a further sample
that it does not describe. BLANK as its `normal` is inferred, not stated."""

SGQ3 = Selection(
    task="sgq3",
    paper="star/galaxy/quasar from image and table",
    tables=_SPECTRA,
    columns=tuple(
        Column(band, f"p.{band}", "float64", "mag", f"model magnitude, {band}") for band in "ugriz"
    ),
    cuts=(Cut("class STAR, GALAXY or QSO", "s.class IN ('STAR', 'GALAXY', 'QSO')"),),
    label="s.class",
    classes={"STAR": "STAR", "GALAXY": "GALAXY", "QSO": "QSO"},
    published={"STAR": 498, "GALAXY": 440, "QSO": 62},
    instrument="any",
)
"""1,000 objects of DR16 chosen in a way the paper does not say: a sample of 1,000 here has the
class mix of the release, not 44/6/50 %."""

_RATES = {"p2p5": "p2p5", "p16": "p16", "median": "p50", "p84": "p84", "p97p5": "p97p5"}

ZSFR = Selection(
    task="zsfr",
    paper="redshift and SFR regression from images and spectra, section 3",
    tables=(
        *_SPECTRA,
        "JOIN galSpecExtra AS x ON x.specObjID = s.specObjID",
        "JOIN galSpecInfo AS i ON i.specObjID = s.specObjID",
        "LEFT JOIN galSpecLine AS l ON l.specObjID = s.specObjID",
    ),
    columns=(
        *(
            Column(
                f"sfr_{ours}",
                f"x.sfr_tot_{theirs}",
                "float64",
                "log10(Msun/yr)",
                f"total star-formation rate, {ours}",
            )
            for ours, theirs in _RATES.items()
        ),
        Column("sfr_entropy", "x.sfr_tot_entropy", "float64", "bit", "entropy of its distribution"),
        Column(
            "sfr_flag",
            "CASE WHEN i.reliable = 1 AND x.sfr_tot_p50 > -99 THEN 0 ELSE 1 END",
            "int64",
            "",
            "0 = a good star-formation rate",
        ),
        Column(
            "ew_ha_6562",
            "-l.h_alpha_eqw",
            "float64",
            "angstrom",
            "EW of H alpha, positive = emission (MPA-JHU counts it negative)",
        ),
    ),
    cuts=(
        Cut("class GALAXY", "s.class = 'GALAXY'"),
        Cut("0.005 < z < 0.35", "s.z > 0.005 AND s.z < 0.35"),
        Cut("reliable", "i.reliable = 1"),
        Cut("a star-formation rate", "x.sfr_tot_p50 > -99"),
    ),
    label="s.class",
    classes={"GALAXY": "GALAXY"},
    published={},
    instrument="SDSS",
)
"""The paper gives no count. Its AVG and MODE stand in gal_totsfr_dr7_v5_2.fits alone, not in the
catalogue service: join that file with a second `--catalog` of `trifid ingest`."""

BHB2 = Selection(
    task="bhb2",
    paper="BATMM, section 2",
    tables=(*_SPECTRA, "LEFT JOIN sppParams AS t ON t.specObjID = s.specObjID"),
    columns=(
        Column("teff", "t.teffadop", "float64", "K", "effective temperature, SSPP"),
        Column("logg", "t.loggadop", "float64", "dex", "surface gravity, SSPP"),
        Column("feh", "t.fehadop", "float64", "dex", "metallicity, SSPP"),
    ),
    cuts=(
        Cut("class STAR", "s.class = 'STAR'"),
        Cut(
            "0.8 < (u-g)0 < 1.6",
            "p.psfMag_u - p.extinction_u - p.psfMag_g + p.extinction_g BETWEEN 0.8 AND 1.6",
        ),
        Cut(
            "-0.5 < (g-r)0 < 0.2",
            "p.psfMag_g - p.extinction_g - p.psfMag_r + p.extinction_r BETWEEN -0.5 AND 0.2",
        ),
    ),
    label="s.class",
    classes={"STAR": "STAR"},
    published={"BHB": 4_985, "OTHER": 7_378},
    instrument="any",
)
"""Candidates in the colour box of Xue et al. 2008 (unverified). The labels are the lists of Xue et
al. 2011 (BHB) and 2008 (others): give them as files to get exactly their spectra."""

SELECTIONS: dict[str, Selection] = {
    selection.task: selection for selection in (GALAXY4, SGQ3, ZSFR, BHB2)
}


def get_selection(task: str) -> Selection:
    """The selection of a task.

    Raises:
        ConfigError: If there is none.
    """
    if task not in SELECTIONS:
        raise ConfigError(f"no selection for task {task!r:.40}; known: {', '.join(SELECTIONS)}")
    return SELECTIONS[task]
