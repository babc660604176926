"""SQL for the catalogue service of SDSS: a selection as data, made into text page by page.

A selection is columns, joined tables and cuts. Rows come in an order that is scattered over the
sky but always the same (`ORDER_KEY`, then specObjID), so that the first N rows are a fair sample
and a larger N extends them; a page goes on after the last row of the one before. Text is made of
the constants here and in `sdss_selections`, of integers and of known words alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from trifid.config import Config
from trifid.errors import ConfigError
from trifid.schema.modality import ColumnType
from trifid.surveys.sdss_paths import Release

MAX_KEYS = 75  # of a query; the service refuses longer addresses
MAX_PLACES = 40  # of a query: a box takes twice the letters of a key
MAX_RADIUS = 60.0  # [arcsec] around a place
MAX_ROWS = 5000  # of a page
ORDER_MODULUS = 65521
ORDER_KEY = f"(s.plate * 7919 + s.mjd * 613 + s.fiberID * 104729) % {ORDER_MODULUS}"
"""Scatters plates, nights and fibres; stays below 2^31, the largest integer of the service."""


@dataclass(frozen=True)
class Column:
    """A column of a catalogue: its name in ours, and how the service says it."""

    name: str
    sql: str
    type: ColumnType
    unit: str
    description: str


@dataclass(frozen=True)
class Cut:
    """A condition, and what to call it in the table of counts."""

    name: str
    sql: str


@dataclass(frozen=True)
class Selection:
    """What a task asks of the catalogue.

    Attributes:
        task: Whose data it selects.
        paper: Where the sample is described.
        tables: FROM and JOIN, the spectrum as `s`, the photometry as `p`.
        columns: Beyond those every selection has.
        cuts: Beyond quality and instrument, in the order they are counted.
        label: The expression that says the class.
        classes: The task's class of each value of `label`.
        published: Objects of each class that the paper reports.
        instrument: Whose spectra are meant, unless the user says otherwise.
    """

    task: str
    paper: str
    tables: tuple[str, ...]
    columns: tuple[Column, ...]
    cuts: tuple[Cut, ...]
    label: str
    classes: Mapping[str, str]
    published: Mapping[str, int]
    instrument: Literal["SDSS", "BOSS", "any"]


class QueryOptions(Config):
    """What a user may choose of a selection.

    Attributes:
        zwarning: `usual` keeps bit 16 (MANY_OUTLIERS), which on SDSS-I/II marks high
            signal-to-noise and broad lines more than errors; `strict` keeps 0 alone.
        instrument: Spectrographs; `usual` is that of the selection.
        wise: Whether to bring the forced WISE photometry of the same object too.
    """

    zwarning: Literal["usual", "strict"] = "usual"
    instrument: Literal["usual", "SDSS", "BOSS", "any"] = "usual"
    wise: bool = False


_USUAL = QueryOptions()


def columns_of(
    selection: Selection, release: Release, options: QueryOptions = _USUAL
) -> tuple[Column, ...]:
    """All columns of a selection, those that every catalogue has first."""
    wise = WISE if options.wise else ()
    return (*IDENTITY, *_photometry(release), *selection.columns, *wise)


def cuts_of(selection: Selection, options: QueryOptions) -> tuple[Cut, ...]:
    """All cuts of a selection in their order."""
    instrument = selection.instrument if options.instrument == "usual" else options.instrument
    cuts = [selection.cuts[0]]
    if options.zwarning == "strict":
        cuts.append(Cut("zWarning 0", "s.zWarning = 0"))
    else:
        cuts.append(Cut("zWarning 0 or 16", "s.zWarning IN (0, 16)"))
    if instrument != "any":
        cuts.append(Cut(f"instrument {instrument}", f"s.instrument = '{instrument}'"))
    return (*cuts, *selection.cuts[1:])


def rows_query(
    selection: Selection,
    release: Release,
    options: QueryOptions = _USUAL,
    *,
    top: int | None = None,
    after: tuple[int, int] | None = None,
) -> str:
    """The SQL of a selection, or of one page of it.

    Args:
        selection: Which.
        release: Which.
        options: What the user chose.
        top: At most so many rows.
        after: Only rows behind that with this order key and specObjID.
    """
    conditions = [cut.sql for cut in cuts_of(selection, options)]
    if after is not None:
        key, specobjid = int(after[0]), int(after[1])
        conditions.append(
            f"({ORDER_KEY} > {key} OR ({ORDER_KEY} = {key} AND s.specObjID > {specobjid}))"
        )
    return _select(selection, release, options, conditions, top)


def keys_query(
    selection: Selection,
    release: Release,
    keys: Sequence[tuple[int, int, int]],
    options: QueryOptions = _USUAL,
) -> str:
    """The SQL of spectra named by plate, MJD and fibre, without any cut.

    Raises:
        ConfigError: If there are none, or more than the service takes in one query.
    """
    named = [f"(s.plate={int(p)} AND s.mjd={int(m)} AND s.fiberID={int(f)})" for p, m, f in keys]
    return _select(selection, release, options, [_either(named, MAX_KEYS)], None)


def objids_query(
    selection: Selection, release: Release, objids: Sequence[int], options: QueryOptions = _USUAL
) -> str:
    """The SQL of the spectra of photometric objects (DR8 and later), without any cut.

    Raises:
        ConfigError: If there are none, or more than the service takes in one query.
    """
    named = [f"s.bestObjID={int(objid)}" for objid in objids]
    return _select(selection, release, options, [_either(named, MAX_KEYS)], None)


def places_query(
    selection: Selection,
    release: Release,
    places: Sequence[tuple[float, float]],
    radius: float,
    options: QueryOptions = _USUAL,
) -> str:
    """The SQL of all spectra in boxes that hold the circles around some places, without any cut.

    Args:
        selection: Which.
        release: Which.
        places: Right ascension and declination of each [deg].
        radius: Of the circles [arcsec].
        options: What the user chose.

    Raises:
        ConfigError: If there are none or too many, or one is not on the sky.
    """
    named = [_box(ra, dec, radius) for ra, dec in places]
    return _select(selection, release, options, [_either(named, MAX_PLACES)], None)


def _either(named: Sequence[str], most: int) -> str:
    if not 0 < len(named) <= most:
        raise ConfigError(f"{len(named)} objects in one query; expected 1 to {most}")
    return "(" + "\nOR ".join(named) + ")"


def _box(ra: float, dec: float, radius: float) -> str:
    """The condition of a box around a circle; its edges are rounded away from the centre."""
    if not 0.0 < radius <= MAX_RADIUS:
        raise ConfigError(f"radius {radius} arcsec; expected more than 0, at most {MAX_RADIUS:g}")
    if not (0.0 <= ra <= 360.0 and -90.0 <= dec <= 90.0):
        raise ConfigError(f"ra {ra}, dec {dec}; expected 0 to 360 and -90 to 90 deg")
    height = radius / 3600.0
    south, north = _down(max(dec - height, -90.0)), _up(min(dec + height, 90.0))
    strip = f"s.dec BETWEEN {south} AND {north}"
    if abs(dec) + height >= 90.0:
        return f"({strip})"
    sine = math.sin(math.radians(height)) / math.cos(math.radians(dec))
    width = math.degrees(math.asin(min(sine, 1.0)))
    if ra - width < 0.0 or ra + width > 360.0:
        inner = _down((ra + width) % 360.0 + 2e-6), _up((ra - width) % 360.0 - 2e-6)
        return f"(s.ra NOT BETWEEN {inner[0]} AND {inner[1]} AND {strip})"
    return f"(s.ra BETWEEN {_down(ra - width)} AND {_up(ra + width)} AND {strip})"


def _down(degrees: float) -> str:
    return f"{math.floor(degrees * 1e6) / 1e6:.6f}"


def _up(degrees: float) -> str:
    return f"{math.ceil(degrees * 1e6) / 1e6:.6f}"


def count_query(selection: Selection, options: QueryOptions, cuts: int) -> str:
    """The SQL that counts rows of each class after the first cuts.

    Args:
        selection: Which.
        options: What the user chose.
        cuts: How many of `cuts_of` to apply, at least one.
    """
    conditions = [cut.sql for cut in cuts_of(selection, options)[:cuts]]
    return "\n".join(
        [
            f"SELECT {selection.label} AS label, COUNT(*) AS n",
            *selection.tables,
            "WHERE " + "\n  AND ".join(conditions),
            f"GROUP BY {selection.label}",
        ]
    )


def _select(
    selection: Selection,
    release: Release,
    options: QueryOptions,
    conditions: Sequence[str],
    top: int | None,
) -> str:
    columns = columns_of(selection, release, options)
    listed = ",\n  ".join(f"{c.sql} AS {c.name}" for c in columns)
    first = "SELECT" if top is None else f"SELECT TOP {int(top)}"
    return "\n".join(
        [
            f"{first}\n  {listed}",
            *selection.tables,
            *((_WISE_JOIN,) if options.wise else ()),
            "WHERE " + "\n  AND ".join(conditions),
            f"ORDER BY {ORDER_KEY}, s.specObjID",
        ]
    )


IDENTITY: tuple[Column, ...] = (
    Column("specobjid", "s.specObjID", "string", "", "spectrum id of the survey"),
    Column("bestobjid", "s.bestObjID", "string", "", "photometric object within 2 arcsec"),
    Column("order_key", ORDER_KEY, "int64", "", "order of the rows of a fetch"),
    Column("plate", "s.plate", "int64", "", "spectroscopic plate"),
    Column("mjd", "s.mjd", "int64", "d", "modified Julian date of the plate"),
    Column("fiberid", "s.fiberID", "int64", "", "fibre number"),
    Column("run2d", "s.run2d", "string", "", "version of the spectroscopic reduction"),
    Column("instrument", "s.instrument", "string", "", "SDSS or BOSS spectrographs"),
    Column("ra", "s.ra", "float64", "deg", "right ascension of the fibre, ICRS"),
    Column("dec", "s.dec", "float64", "deg", "declination of the fibre, ICRS"),
    Column("class", "s.class", "string", "", "class by the survey's template fit"),
    Column("subclass", "s.subClass", "string", "", "subclass by the survey's template fit"),
    Column("redshift", "s.z", "float64", "", "redshift by the survey's template fit"),
    Column("redshift_error", "s.zErr", "float64", "", "its error; negative = failed fit"),
    Column("zwarning", "s.zWarning", "int64", "", "ZWARNING bits of the template fit"),
    Column("sn_median", "s.snMedian", "float64", "", "median S/N per native pixel"),
    Column("run", "p.run", "int64", "", "imaging run"),
    Column("rerun", "p.rerun", "int64", "", "its processing"),
    Column("camcol", "p.camcol", "int64", "", "camera column"),
    Column("field", "p.field", "int64", "", "field of the run"),
)
"""Columns of every selection: who a row is, where its files lie, what the pipeline says."""

_WISE_JOIN = "LEFT JOIN wiseForcedTarget AS w ON w.objID = p.objID AND w.has_wise_phot = 1"
WISE: tuple[Column, ...] = tuple(
    Column(f"w{band}_{name}", f"w.w{band}_{name}", "float64", unit, f"{text} in WISE W{band}, Vega")
    for band in (1, 2)
    for name, unit, text in (
        ("nanomaggies", "nanomaggy", "forced flux"),
        ("nanomaggies_ivar", "1/nanomaggy2", "inverse variance of the forced flux"),
    )
)
"""Forced photometry of WISE images at every primary source of SDSS, seen by WISE or not, so that no
class is selected by it (Lang et al. 2014, arXiv:1410.7397). Names as in the service's schema."""

EXTENDED = 0.145
"""PSF less cModel magnitude [mag] above which the survey calls a source extended
(https://www.sdss.org/dr17/algorithms/classify/)."""

_FIVE = (
    ("psfmag", "psfMag", "mag", "PSF magnitude, as observed"),
    ("psfmagerr", "psfMagErr", "mag", "its error"),
    ("modelmag", "modelMag", "mag", "model magnitude, as observed"),
    ("modelmagerr", "modelMagErr", "mag", "its error"),
    ("fibermag", "fiberMag", "mag", "magnitude in 3 arcsec"),
    ("extinction", "extinction", "mag", "Galactic extinction of the release"),
)


def _photometry(release: Release) -> tuple[Column, ...]:
    five = tuple(
        Column(f"{name}_{band}", f"p.{theirs}_{band}", "float64", unit, f"{text}, {band}")
        for name, theirs, unit, text in _FIVE
        for band in "ugriz"
    )
    reddening = f"p.extinction_r / {release.extinction_r}"
    apart = "p.psfMag_r - p.cModelMag_r"
    return (
        *five,
        Column("petror50_r", "p.petroR50_r", "float64", "arcsec", "half-light radius, r"),
        Column("ebv_sfd", reddening, "float64", "mag", "foreground E(B-V), raw SFD"),
        Column("psf_minus_cmodel_r", apart, "float64", "mag", "PSF less cModel magnitude, r"),
        Column(
            "extended",
            f"CASE WHEN {apart} > {EXTENDED} THEN 1 ELSE 0 END",
            "int64",
            "",
            f"1 = PSF less cModel magnitude in r above {EXTENDED}; a flag, not a cut",
        ),
        Column("type", "p.type", "int64", "", "3 extended, 6 point source"),
        Column("clean", "p.clean", "int64", "", "1 = clean photometry; a flag, not a cut"),
    )
