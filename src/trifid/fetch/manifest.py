"""What became of each object: its files with their hashes, or why it has none."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from trifid.errors import ConfigError
from trifid.fetch.rows import write_table
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
_SAME = ("specobjid", "bestobjid", "plate", "mjd", "fiberid", "run2d", "run", "rerun", "camcol",
         "field")  # fmt: skip


@dataclass(frozen=True)
class Planned:
    """An object and the files it needs.

    Attributes:
        row: Its row of the catalogue.
        paths: Its files below the archive's base, the spectrum first.
        problem: Why a file has no path.
    """

    row: Mapping[str, Any]
    paths: tuple[str, ...]
    problem: str = ""


def plan(catalogue: pa.Table, release: Release, *, lite: bool, images: bool) -> list[Planned]:
    """The files of each row of a catalogue.

    Args:
        catalogue: Columns of every selection.
        release: Where they lie.
        lite: Spectra without single exposures.
        images: Frames in five bands too.
    """
    planned: list[Planned] = []
    for row in catalogue.select(list(_SAME)).to_pylist():
        paths: list[str] = []
        problem = ""
        try:
            key = (row["plate"], row["mjd"], row["fiberid"], row["run2d"])
            paths.append(sdss_paths.spectrum_path(release, *key, lite=lite))
            if images and None in (row["run"], row["camcol"], row["field"]):
                problem = "no image: it has no photometric object"
            elif images:
                place = (row["run"], row["camcol"], row["field"])
                rerun = row["rerun"] or sdss_paths.RERUN
                paths += [sdss_paths.frame_path(release, *place, band, rerun) for band in BANDS]
        except ConfigError as error:
            problem = str(error)
        planned.append(Planned(row, tuple(paths), problem))
    return planned


def manifest(
    planned: Sequence[Planned], hashes: Mapping[str, str], reasons: Mapping[str, str]
) -> pa.Table:
    """A row for each object.

    Args:
        planned: The objects.
        hashes: SHA-256 of each file that is there, by path.
        reasons: Why a file is not there, by path.
    """
    rows: list[dict[str, Any]] = []
    for item in planned:
        there = [path for path in item.paths if path in hashes]
        why = [item.problem] if item.problem else []
        for path in item.paths:
            if path not in hashes:
                why.append(f"{path.rsplit('/', 1)[1]}: {reasons.get(path, 'not fetched')}")
        status = "present" if not why else "partial" if there else "missing"
        row: dict[str, Any] = {name: item.row[name] for name in _SAME}
        rows.append(
            row
            | {
                "object_id": spectrum_id(row["plate"], row["mjd"], row["fiberid"]),
                "paths": there,
                "sha256": [hashes[path] for path in there],
                "status": status,
                "reason": "; ".join(why) or None,
            }
        )
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def write_manifest(path: Path, table: pa.Table) -> None:
    """Writes the manifest whole."""
    write_table(path, table)
