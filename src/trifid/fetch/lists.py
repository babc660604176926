"""Lists of objects as users have them: spectra, photometric objects or positions, and what they
matched.

A row of a list names its spectrum (plate, mjd, fiberid, or specobjid), else its photometric object
(an objid of DR8 or later), else a position (ra, dec). Positions are matched to spectra on the sky:
the nearest within the radius is taken, and how many there were is written down.
"""

import csv
import hashlib
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from trifid.errors import ConfigError, InputError
from trifid.files import write_text
from trifid.physics.sky import nearest_within
from trifid.surveys.catalogue import read_catalogue
from trifid.surveys.sdss import spectrum_id
from trifid.surveys.sdss_query import MAX_RADIUS

_SKY_VERSION = 2  # of objids since DR8: bits 59 to 62; DR7 has 1
_HEAD = ("list", "row", "by", "asked", "found", "object_id", "specobjid", "separation_arcsec")


@dataclass(frozen=True)
class Listed:
    """One row of a list.

    Attributes:
        source: Name of the list.
        row: Its number there, from 1.
        spectrum: Plate, MJD and fibre, where it names them.
        objid: Photometric object, where it names one and no spectrum.
        place: Right ascension and declination [deg], where it has nothing better.
    """

    source: str
    row: int
    spectrum: tuple[int, int, int] | None = None
    objid: int | None = None
    place: tuple[float, float] | None = None

    @property
    def kind(self) -> str:
        """By what it is found."""
        named = (("spectrum", self.spectrum), ("objid", self.objid), ("position", self.place))
        return next((kind for kind, value in named if value is not None), "nothing")

    @property
    def asked(self) -> str:
        """What it names, as text."""
        if self.spectrum is not None:
            return spectrum_id(*self.spectrum)
        if self.objid is not None:
            return str(self.objid)
        return "" if self.place is None else f"{self.place[0]:.7f} {self.place[1]:+.7f}"


@dataclass(frozen=True)
class ObjectList:
    """All rows of the lists of a fetch, and how near a spectrum must be to a position [arcsec]."""

    rows: tuple[Listed, ...] = ()
    radius: float = 2.0

    @property
    def spectra(self) -> list[tuple[int, int, int]]:
        """Plate, MJD and fibre of each spectrum that is named, each once, sorted."""
        return sorted({row.spectrum for row in self.rows if row.spectrum is not None})

    @property
    def objids(self) -> list[int]:
        """Photometric objects, each once, sorted."""
        return sorted({row.objid for row in self.rows if row.objid is not None})

    @property
    def places(self) -> list[tuple[float, float]]:
        """Positions [deg], each once, sorted."""
        return sorted({row.place for row in self.rows if row.place is not None})

    def digest(self) -> str:
        """A hash of what is listed."""
        text = repr((self.rows, self.radius if self.places else None))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True)
class Match:
    """What a row of a list matched.

    Attributes:
        listed: The row.
        found: How many spectra.
        taken: Row of the catalogue of the one that is taken; None where there is none.
        separation: Of that from the position [arcsec], where one was given.
    """

    listed: Listed
    found: int
    taken: int | None = None
    separation: float = math.nan


def read_lists(paths: Sequence[Path], radius: float = 2.0) -> ObjectList:
    """Reads lists.

    Args:
        paths: Catalogue files.
        radius: Around positions [arcsec].

    Raises:
        InputError: If a list names no object.
        ConfigError: If the radius is impossible.
    """
    if not 0.0 < radius <= MAX_RADIUS:
        raise ConfigError(f"radius {radius}; expected more than 0, at most {MAX_RADIUS:g} arcsec")
    rows = [row for path in paths for row in _read(path)]
    return ObjectList(tuple(rows), radius)


def _read(path: Path) -> list[Listed]:
    catalogue = read_catalogue(path)
    rows: list[Listed] = []
    for number in range(len(catalogue)):
        key, objid = catalogue.spectrum_ids[number], _objid(catalogue.objids[number])
        ra, dec = float(catalogue.ra[number]), float(catalogue.dec[number])
        if key is not None:
            plate, mjd, fiber = (int(part) for part in key.split("-")[1:])
            rows.append(Listed(path.name, number + 1, spectrum=(plate, mjd, fiber)))
        elif objid is not None:
            rows.append(Listed(path.name, number + 1, objid=objid))
        else:
            place = None if math.isnan(ra) else (ra, dec)
            rows.append(Listed(path.name, number + 1, place=place))
    if all(row.kind == "nothing" for row in rows):
        raise InputError(
            f"{path}: no row names an object; expected plate, mjd and fiberid, or specobjid, or an "
            "objid of DR8 or later, or ra and dec"
        )
    return rows


def _objid(text: str | None) -> int | None:
    """An objid of DR8 or later; those of DR7 are another namespace."""
    value = int(text) if text is not None and len(text) < 20 else 0
    return value if value >> 59 == _SKY_VERSION else None


def match(listed: ObjectList, catalogue: pa.Table) -> list[Match]:
    """What each row of a list matched among the rows of a catalogue.

    Args:
        listed: The list.
        catalogue: Columns of every selection.
    """
    columns = {name: catalogue.column(name).to_pylist()
               for name in ("plate", "mjd", "fiberid", "bestobjid")}  # fmt: skip
    by_key: dict[object, list[int]] = {}
    keys = zip(columns["plate"], columns["mjd"], columns["fiberid"], strict=True)
    for number, (key, objid) in enumerate(zip(keys, columns["bestobjid"], strict=True)):
        by_key.setdefault(key, []).append(number)
        by_key.setdefault(int(objid) if objid and objid.isdecimal() else None, []).append(number)
    places = np.array([row.place or (math.nan, math.nan) for row in listed.rows], float)
    ra, dec = (catalogue.column(name).to_numpy() for name in ("ra", "dec"))
    near = nearest_within(places[:, 0], places[:, 1], ra, dec, listed.radius)
    found: list[Match] = []
    for index, row in enumerate(listed.rows):
        if row.place is not None:
            taken = int(near.index[index])
            where = None if taken < 0 else taken
            found.append(Match(row, int(near.count[index]), where, float(near.separation[index])))
        else:
            numbers = by_key.get(row.spectrum or row.objid or "", [])
            found.append(Match(row, len(numbers), numbers[0] if numbers else None))
    return found


def write_matches(path: Path, matches: Sequence[Match], catalogue: pa.Table) -> None:
    """Writes what each row of the lists matched, as CSV."""
    specobjids = catalogue.column("specobjid").to_pylist()
    keys = [catalogue.column(name).to_pylist() for name in ("plate", "mjd", "fiberid")]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEAD)
    for item in matches:
        listed, number = item.listed, item.taken
        name = "" if number is None else spectrum_id(*(column[number] for column in keys))
        apart = "" if math.isnan(item.separation) else f"{item.separation:.3f}"
        source = f"'{listed.source}" if listed.source[:1] in "=+-@" else listed.source
        own = "" if number is None else specobjids[number]
        writer.writerow(
            [source, listed.row, listed.kind, listed.asked, item.found, name, own, apart]
        )
    write_text(path, text.getvalue())


def told(matches: Sequence[Match], radius: float) -> str:
    """One line on how the rows of the lists matched."""
    counted = Counter("none" if m.found == 0 else "one" if m.found == 1 else "several"
                      for m in matches)  # fmt: skip
    taken = Counter(item.taken for item in matches if item.taken is not None)
    again = sum(count - 1 for count in taken.values())
    within = f" within {radius:g} arcsec" if any(m.listed.place for m in matches) else ""
    text = (
        f"{len(matches)} listed rows: {counted['one']} match one spectrum{within}, "
        f"{counted['several']} several (the nearest is taken), {counted['none']} none"
    )
    return f"{text}; {again} match one that another row has" if again else text
