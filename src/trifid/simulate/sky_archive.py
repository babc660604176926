"""A simulated survey as the SDSS archive would publish it: files by their paths, rows by SQL.

Spectra are the files of `trifid simulate TASK --as sdss`. A frame is the image of one object in
one band, packed, under the name of the run, camera column and field in the object's objid: real
frames are far larger and hold many objects. SQL is not interpreted: the text that
`surveys.sdss_query` writes is recognised, with its page, its keys and its cuts on the spectrum;
cuts on photometry and on tables that a simulation lacks are taken as met.
"""

import bz2
import functools
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trifid.errors import InputError
from trifid.surveys.base import ABOUT_SIMULATION
from trifid.surveys.catalogue_files import read_columns
from trifid.surveys.sdss import read_spectrum
from trifid.surveys.sdss_paths import RERUN
from trifid.surveys.sdss_query import ORDER_MODULUS

_SPECTRUM = re.compile(
    r"dr\d\d/.*/(\w+)/spectra(?:/lite|/full)?/\d{4,5}/spec-(\d+)-(\d+)-(\d+)\.fits"
)
_FRAME = re.compile(r"dr\d\d/.*/frames/301/\d+/\d/frame-([ugriz])-(\d{6})-(\d)-(\d{4})\.fits\.bz2")
_COLUMN = re.compile(r"^  (.+) AS (\w+),?$", re.MULTILINE)
_TOP = re.compile(r"^SELECT TOP (\d+)\n")
_AFTER = re.compile(r"> (\d+) OR \(.* = \1 AND s\.specObjID > (\d+)\)\)")
_KEYS = re.compile(r"s\.plate=(\d+) AND s\.mjd=(\d+) AND s\.fiberID=(\d+)")
_COUNT = re.compile(r"^SELECT \w\.(\w+) AS label, COUNT\(\*\) AS n\n")
_COMPARE = re.compile(
    r"(?:WHERE|AND) s\.(z|snMedian|class|zWarning|instrument) ([<>=]) ('?)([\w.]+)\3"
)
_AMONG = re.compile(r"(?:WHERE|AND) [se]\.(class|zWarning|bpt) IN \(([^)]*)\)")
_OURS = {"z": "redshift", "snMedian": "sn_median", "zWarning": "zwarning"}
_KEPT = 256  # packed frames kept in memory

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Answer:
    """What the query service says: names and rows."""

    columns: tuple[str, ...]
    rows: list[list[Any]]


class SkyArchive:
    """The files and the catalogue of a simulated survey.

    Args:
        folder: Made by `trifid simulate TASK --as sdss`.

    Raises:
        InputError: If it holds no finished simulation.
    """

    def __init__(self, folder: Path) -> None:
        for name in (ABOUT_SIMULATION, "catalogue.fits"):
            if not (folder / name).is_file():
                raise InputError(f"{folder}: no {name}; make it with trifid simulate --as sdss")
        self._folder = folder
        self._spectra = {path.name: path for path in sorted(folder.glob("spectra/*/spec-*.fits"))}
        self._images = {path.name: path for path in sorted(folder.glob("images/*/cutout-*.fits"))}
        self._rows = sorted(self._read(), key=lambda row: (row["order_key"], row["_number"]))
        self._fields = {
            (row["run"], row["camcol"], row["field"]): str(row["bestobjid"]) for row in self._rows
        }
        self._packed: Callable[[str], bytes] = functools.lru_cache(_KEPT)(self._pack)

    def __len__(self) -> int:
        return len(self._rows)

    def file(self, path: str) -> bytes | None:
        """The bytes of a path below the base of the archive; None where it has no such file."""
        if match := _SPECTRUM.fullmatch(path):
            plate, mjd, fiber = (int(text) for text in match.groups()[1:])
            found = self._spectra.get(f"spec-{plate:04d}-{mjd:05d}-{fiber:04d}.fits")
            return found.read_bytes() if found else None
        if match := _FRAME.fullmatch(path):
            run, camcol, field = (int(text) for text in match.groups()[1:])
            name = f"cutout-{self._fields.get((run, camcol, field))}-{match[1]}.fits"
            return self._packed(name) if name in self._images else None
        return None

    def query(self, sql: str) -> Answer:
        """Answers a query of `surveys.sdss_query`.

        Raises:
            InputError: If it is any other text.
        """
        sql = sql.replace("\r\n", "\n")
        if count := _COUNT.match(sql):
            name = _OURS.get(count[1], count[1])
            numbers = Counter(row.get(name) for row in self._rows if _meets(row, sql))
            listed = sorted(numbers.items(), key=str)
            return Answer(("label", "n"), [[label, number] for label, number in listed])
        names = tuple(name for _, name in _COLUMN.findall(sql))
        if not names or "FROM SpecObj AS s" not in sql:
            raise InputError("this is no query that trifid writes")
        top = _TOP.match(sql)
        rows = self._selected(sql)[: int(top[1]) if top else None]
        return Answer(names, [[row.get(name) for name in names] for row in rows])

    def _selected(self, sql: str) -> list[Row]:
        if keys := _KEYS.findall(sql):
            wanted = {tuple(int(part) for part in key) for key in keys}
            return [
                row for row in self._rows if (row["plate"], row["mjd"], row["fiberid"]) in wanted
            ]
        rows = [row for row in self._rows if _meets(row, sql)]
        if after := _AFTER.search(sql):
            last = (int(after[1]), int(after[2]))
            rows = [row for row in rows if (row["order_key"], row["_number"]) > last]
        return rows

    def _read(self) -> list[Row]:
        columns = read_columns(self._folder / "catalogue.fits")
        rows: list[Row] = []
        for index in range(len(columns[0].values)):
            row = {column.name: _plain(column.values[index]) for column in columns}
            plate, mjd, fiber = row["plate"], row["mjd"], row["fiberid"]
            path = self._spectra.get(f"spec-{plate:04d}-{mjd:05d}-{fiber:04d}.fits")
            if path is None:
                continue
            own = read_spectrum(path).columns
            objid = int(row.pop("objid"))
            row |= {name: own[name] for name in own if row.get(name) is None}
            row |= {
                "bestobjid": str(objid),
                "order_key": (plate * 7919 + mjd * 613 + fiber * 104729) % ORDER_MODULUS,
                "_number": int(own["specobjid"]),
                "run": objid >> 32 & 0xFFFF,
                "rerun": RERUN,
                "camcol": objid >> 29 & 0x7,
                "field": objid >> 16 & 0xFFF,
                "clean": 1,
            }
            rows.append(row)
        if not rows:
            raise InputError(f"{self._folder}: no row of the catalogue has a spectrum")
        return rows

    def _pack(self, name: str) -> bytes:
        return bz2.compress(self._images[name].read_bytes())


def _plain(value: Any) -> Any:
    """A value as Python has it; NaN and empty text are None. float32 keeps its own digits."""
    if isinstance(value, np.floating):
        return None if np.isnan(value) else float(str(value))
    if isinstance(value, np.generic):
        return value.item()
    return None if isinstance(value, str) and not value.strip() else value


def _meets(row: Row, sql: str) -> bool:
    """Whether a row meets the cuts on its spectrum."""
    for name, sign, quote, text in _COMPARE.findall(sql):
        value = row.get(_OURS.get(str(name), str(name)))
        if value is None:
            return False
        wanted: Any = text if quote else float(text)
        met = value == wanted if sign == "=" else value > wanted if sign == ">" else value < wanted
        if not met:
            return False
    for name, texts in _AMONG.findall(sql):
        among = {text.strip().strip("'") for text in texts.split(",")}
        if str(row.get(_OURS.get(str(name), str(name)))) not in among:
            return False
    return True
