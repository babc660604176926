"""A simulated survey as the SDSS archive would publish it: files by their paths, rows by SQL.

Spectra are the files of `trifid simulate TASK --as sdss`. A frame is the image of one object in
one band, packed, under the name of the run, camera column and field in the object's objid: real
frames are far larger and hold many objects. SQL is not interpreted: the text that
`surveys.sdss_query` writes is recognised, with its page, its keys and its cuts on the spectrum;
cuts on photometry and on tables that a simulation lacks are taken as met. The image services make
cutouts of the same images around the object nearest to a position.
"""

import bz2
import functools
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from trifid.errors import InputError
from trifid.physics.sky import nearest_within
from trifid.simulate import camera, sky_cutouts
from trifid.surveys import sdss_images
from trifid.surveys.base import ABOUT_SIMULATION
from trifid.surveys.catalogue_files import read_columns
from trifid.surveys.sdss import read_spectrum
from trifid.surveys.sdss_paths import RERUN
from trifid.surveys.sdss_query import EXTENDED, ORDER_MODULUS

_SPECTRUM = re.compile(
    r"dr\d\d/.*/(\w+)/spectra(?:/lite|/full)?/\d{4,5}/spec-(\d+)-(\d+)-(\d+)\.fits"
)
_FRAME = re.compile(r"dr\d\d/.*/frames/301/\d+/\d/frame-([ugriz])-(\d{6})-(\d)-(\d{4})\.fits\.bz2")
_COLUMN = re.compile(r"^  (.+) AS (\w+),?$", re.MULTILINE)
_TOP = re.compile(r"^SELECT TOP (\d+)\n")
_AFTER = re.compile(r"> (\d+) OR \(.* = \1 AND s\.specObjID > (\d+)\)\)")
_KEYS = re.compile(r"s\.plate=(\d+) AND s\.mjd=(\d+) AND s\.fiberID=(\d+)")
_OBJIDS = re.compile(r"s\.bestObjID=(\d+)")
_BOXES = re.compile(
    r"\((?:s\.ra (NOT )?BETWEEN ([\d.]+) AND ([\d.]+) AND )?s\.dec BETWEEN (\S+) AND ([^ )]+)\)"
)
_COUNT = re.compile(r"^SELECT \w\.(\w+) AS label, COUNT\(\*\) AS n\n")
_COMPARE = re.compile(
    r"(?:WHERE|AND) s\.(z|snMedian|class|zWarning|instrument) ([<>=]) ('?)([\w.]+)\3"
)
_AMONG = re.compile(r"(?:WHERE|AND) [se]\.(class|zWarning|bpt) IN \(([^)]*)\)")
_OURS = {"z": "redshift", "snMedian": "sn_median", "zWarning": "zwarning"}
_KEPT = 256  # packed frames and cutouts kept in memory
_FOOTPRINT = 60.0  # [arcsec] from an object, in which a service has images

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
        self._places = np.array([(row["ra"], row["dec"]) for row in self._rows], float)
        self._packed: Callable[[str], bytes] = functools.lru_cache(_KEPT)(self._pack)
        self._read_image = functools.lru_cache(_KEPT)(sdss_images.read_frame)

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

    def picture(self, ra: float, dec: float, scale: float, shape: tuple[int, int]) -> bytes | None:
        """The picture service: a JPEG around a position; None where the sky is not simulated.

        Args:
            ra: Of the centre [deg].
            dec: Of the centre [deg].
            scale: [arcsec/pixel].
            shape: Height and width [pixel].
        """
        images = [self._cut(band, ra, dec, scale, shape) for band in "irg"]
        known = [image for image in images if image is not None]
        return sky_cutouts.jpeg(np.stack(known)) if len(known) == len(images) else None

    def image(
        self, band: str, ra: float, dec: float, scale: float, shape: tuple[int, int]
    ) -> bytes | None:
        """hips2fits: a FITS image in one band around a position; None where it has none."""
        flux = self._cut(band, ra, dec, scale, shape)
        return None if flux is None else sky_cutouts.fits_image(flux, ra, dec, scale)

    def _cut(
        self, band: str, ra: float, dec: float, scale: float, shape: tuple[int, int]
    ) -> np.ndarray | None:
        near = nearest_within(
            np.array([ra]), np.array([dec]), self._places[:, 0], self._places[:, 1], _FOOTPRINT
        )
        row = self._rows[int(near.index[0])]
        path = self._images.get(f"cutout-{row['bestobjid']}-{band}.fits")
        if near.index[0] < 0 or path is None:
            return None
        flux = self._read_image(path).flux
        east = ((ra - row["ra"] + 180.0) % 360.0 - 180.0) * math.cos(math.radians(dec))
        shift = (-east * 3600.0 / camera.PIXEL, (dec - row["dec"]) * 3600.0 / camera.PIXEL)
        return sky_cutouts.resampled(flux, shift, shape, scale / camera.PIXEL)

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
        if objids := set(_OBJIDS.findall(sql)):
            return [row for row in self._rows if row["bestobjid"] in objids]
        if boxes := _BOXES.findall(sql):
            return [row for row in self._rows if any(_inside(row, *box) for box in boxes)]
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
            psf, model = row.get("psfmag_r"), row.get("modelmag_r")
            if psf is not None and model is not None:  # a simulated cModel is the model
                row |= {"psf_minus_cmodel_r": psf - model, "extended": int(psf - model > EXTENDED)}
            rows.append(row)
        if not rows:
            raise InputError(f"{self._folder}: no row of the catalogue has a spectrum")
        return rows

    def _pack(self, name: str) -> bytes:
        return bz2.compress(self._images[name].read_bytes())


def _inside(row: Row, outside: str, west: str, east: str, south: str, north: str) -> bool:
    """Whether a row lies in a box; `outside` is NOT where right ascension goes through 0."""
    if not float(south) <= row["dec"] <= float(north):
        return False
    return not west or (float(west) <= row["ra"] <= float(east)) != bool(outside)


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
