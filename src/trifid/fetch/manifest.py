"""What became of each object: its files with their hashes, or why it has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from trifid.errors import ConfigError
from trifid.fetch.cutouts import Cutouts
from trifid.surveys import sdss_paths
from trifid.surveys.sdss import spectrum_id
from trifid.surveys.sdss_paths import BANDS, Release

SCHEMA = pa.schema(
    [
        ("object_id", pa.string()),
        ("specobjid", pa.string()),
        ("bestobjid", pa.string()),
        ("plate", pa.int64()),
        ("mjd", pa.int64()),
        ("fiberid", pa.int64()),
        ("run2d", pa.string()),
        ("run", pa.int64()),
        ("rerun", pa.int64()),
        ("camcol", pa.int64()),
        ("field", pa.int64()),
        ("paths", pa.list_(pa.string())),
        ("sha256", pa.list_(pa.string())),
        ("status", pa.string()),
        ("reason", pa.string()),
    ]
)
NO_CUTOUTS = Cutouts()
_SPECTRUM = ("plate", "mjd", "fiberid", "run2d")
_FRAME = ("run", "camcol", "field", "rerun")
COLUMNS = ("specobjid", "bestobjid", "ra", "dec", *_SPECTRUM, *_FRAME)
"""Of a catalogue, those that files and manifest are made from."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The files an object needs.

    Attributes:
        paths: Below the archive's base, the spectrum first.
        problem: Why a file has no path.
    """

    paths: tuple[str, ...]
    problem: str = ""


def plan(
    catalogue: pa.Table,
    release: Release,
    *,
    lite: bool,
    images: bool,
    cutouts: Cutouts = NO_CUTOUTS,
) -> list[Planned]:
    """The files of each row of a catalogue or of a part of it.

    Args:
        catalogue: `COLUMNS`.
        release: Where they lie.
        lite: Spectra without single exposures.
        images: Frames in five bands too.
        cutouts: Pictures and images of services too.
    """
    planned: list[Planned] = []
    columns = [catalogue.column(name).to_pylist() for name in (*_SPECTRUM, *_FRAME, "bestobjid")]
    for plate, mjd, fiber, run2d, run, camcol, field, rerun, objid in zip(*columns, strict=True):
        paths: list[str] = []
        problem = ""
        try:
            paths.append(sdss_paths.spectrum_path(release, plate, mjd, fiber, run2d, lite=lite))
            paths += cutouts.paths(objid)
            if images:
                paths += _frames(release, run, camcol, field, rerun)
        except ConfigError as error:
            problem = str(error)
        planned.append(Planned(tuple(paths), problem))
    return planned


def _frames(
    release: Release, run: int | None, camcol: int | None, field: int | None, rerun: int | None
) -> list[str]:
    if run is None or camcol is None or field is None:
        raise ConfigError("no image: it has no photometric object")
    rerun = rerun or sdss_paths.RERUN
    return [sdss_paths.frame_path(release, run, camcol, field, band, rerun) for band in BANDS]


def manifest(
    catalogue: pa.Table,
    planned: Sequence[Planned],
    hashes: Mapping[str, str],
    reasons: Mapping[str, str],
) -> pa.Table:
    """A row for each object.

    Args:
        catalogue: The objects, with `COLUMNS`.
        planned: Their files, as `plan` gives them.
        hashes: SHA-256 of each file that is there, by path.
        reasons: Why a file is not there, by path.
    """
    paths: list[list[str]] = []
    status: list[str] = []
    told: list[str | None] = []
    for item in planned:
        there = [path for path in item.paths if path in hashes]
        why = [item.problem] if item.problem else []
        for path in item.paths:
            if path not in hashes:
                why.append(f"{path.rsplit('/', 1)[1]}: {reasons.get(path, 'not fetched')}")
        paths.append(there)
        status.append("present" if not why else "partial" if there else "missing")
        told.append("; ".join(why) or None)
    keys = zip(*(catalogue.column(name).to_pylist() for name in _SPECTRUM[:3]), strict=True)
    made = {
        "object_id": [spectrum_id(*key) for key in keys],
        "paths": paths,
        "sha256": [[hashes[path] for path in there] for there in paths],
        "status": status,
        "reason": told,
    }
    arrays = [
        pa.array(made[field.name], field.type) if field.name in made
        else catalogue.column(field.name)
        for field in SCHEMA
    ]  # fmt: skip
    return pa.table(arrays, schema=SCHEMA)
