"""Catalogues of other surveys (AllWISE, GALEX) joined to rows by position on the sky.

Ids of such a catalogue are its own and are no keys here; they stay columns. Of several of its
objects within the radius of a row the nearest is taken; how many there were and how far the nearest
lies are columns of the row. A column whose name is taken gets the file's stem in front.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from trifid.errors import ConfigError, InputError
from trifid.ingest.rows import Rows
from trifid.ingest.schema import MODALITIES, base_columns
from trifid.physics.sky import Nearest, nearest_within
from trifid.surveys.catalogue import Catalogue, read_catalogue, take_apart
from trifid.surveys.catalogue_hats import Hats, is_hats, open_hats
from trifid.surveys.catalogue_nearest import nearest_objects

RADIUS = 2.0  # [arcsec]
_MAX_RADIUS = 60.0  # [arcsec]
_MATCHED = "match one object within"


def read_nearby(paths: Sequence[Path], radius: float) -> list[Catalogue | Hats]:
    """Reads catalogues that are to be joined by position; their ids become columns.

    Of a HATS catalogue only the list of its files is read: which it takes, the rows say.

    Raises:
        InputError: If one cannot be read or has no positions.
        ConfigError: If the radius is impossible.
    """
    if not 0.0 < radius <= _MAX_RADIUS:
        raise ConfigError(f"radius {radius}; expected more than 0, at most {_MAX_RADIUS:g} arcsec")
    return [open_hats(path) if is_hats(path) else _with_positions(path) for path in paths]


def _with_positions(path: Path) -> Catalogue:
    catalogue = read_catalogue(path)
    if not np.isfinite(catalogue.ra).any():
        raise InputError(f"{path}: no row has a position; expected ra and dec [deg]")
    return _without_keys(catalogue)


def join(rows: Rows, nearby: Sequence[Catalogue | Hats], radius: float) -> list[Catalogue]:
    """Joins catalogues to rows by position.

    Args:
        rows: They get the number of their row in each catalogue that is returned.
        nearby: As `read_nearby` gives them.
        radius: [arcsec].

    Raises:
        InputError: Naming the file of a HATS catalogue that cannot be read.

    Returns:
        The objects that were matched, one for each row that has one; how it went is a note of each.
    """
    if not nearby:
        return []
    ids = list(rows.rows)
    places = np.array([_place(rows, name) for name in ids], float).reshape(-1, 2)
    used = set(base_columns(list(rows.rows.values()), MODALITIES))
    used |= {name for c in rows.catalogues for name in (*c.features, *_scalars(c))}
    joined: list[Catalogue] = []
    for source in nearby:
        near, catalogue = _nearest(source, places[:, 0], places[:, 1], radius)
        matched = np.flatnonzero(near.index >= 0)
        stem = _clean(catalogue.path.stem)
        about = {
            f"{stem}_matches": (near.count[matched], ""),
            f"{stem}_separation": (near.separation[matched], "arcsec"),
        }
        taken = _renamed(_taken(catalogue, near.index[matched], about), stem, used)
        joined.append(replace(taken, notes=(*taken.notes, _line(catalogue, near, radius))))
        used |= {*joined[-1].features, *_scalars(joined[-1])}
        numbers = dict(zip(matched.tolist(), range(matched.size), strict=True))
        for place, name in enumerate(ids):
            row = rows.rows[name]
            others = row.catalogue or (None,) * (len(rows.catalogues) + len(joined) - 1)
            rows.change(name, catalogue=(*others, numbers.get(place)))
    return joined


def _nearest(
    source: Catalogue | Hats, ra: np.ndarray, dec: np.ndarray, radius: float
) -> tuple[Nearest, Catalogue]:
    """What lies near, and the catalogue, or those of its objects that are the nearest."""
    if isinstance(source, Catalogue):
        return nearest_within(ra, dec, source.ra, source.dec, radius), source
    near, raw, left_out = nearest_objects(source, ra, dec, radius)
    read = take_apart(source.path, source.sha256, raw, left_out=left_out)
    return near, _without_keys(read)


def told(catalogues: Sequence[Catalogue]) -> list[str]:
    """How the catalogues among these that were joined by position matched."""
    return [note for c in catalogues for note in c.notes if _MATCHED in note]


def _line(catalogue: Catalogue, near: Nearest, radius: float) -> str:
    none, one, several = np.bincount(np.minimum(near.count, 2), minlength=3).tolist()
    _, times = np.unique(near.index[near.index >= 0], return_counts=True)
    return (
        f"{catalogue.path.name}: {one} rows {_MATCHED} {radius:g} arcsec, {several} several (the "
        f"nearest is taken), {none} none; {(times > 1).sum()} objects match several rows"
    )


def _place(rows: Rows, name: str) -> tuple[float, float]:
    row = rows.rows[name]
    return (np.nan, np.nan) if row.ra is None or row.dec is None else (row.ra, row.dec)


def _without_keys(catalogue: Catalogue) -> Catalogue:
    """A catalogue whose ids are plain columns."""
    none: list[str | None] = [None] * len(catalogue)
    scalars = catalogue.scalars
    for name, ids in (("objid", catalogue.objids), ("id", catalogue.names),
                      ("spectrum_id", catalogue.spectrum_ids)):  # fmt: skip
        if any(ids) and name not in scalars.column_names:
            scalars = _with_column(scalars, name, pa.array(ids, pa.string()), "")
    return replace(catalogue, spectrum_ids=none, objids=none, names=none, scalars=scalars)


def _taken(
    catalogue: Catalogue, numbers: np.ndarray, about: Mapping[str, tuple[np.ndarray, str]]
) -> Catalogue:
    """Some rows of a catalogue, an object of several rows several times, with more columns."""
    scalars = catalogue.scalars
    if scalars.num_columns:
        scalars = scalars.take(pa.array(numbers, pa.int64()))
    for name, (values, unit) in about.items():
        scalars = _with_column(scalars, name, pa.array(values), unit)
    none: list[str | None] = [None] * numbers.size
    return replace(
        catalogue,
        spectrum_ids=none,
        objids=none,
        names=none,
        ra=catalogue.ra[numbers],
        dec=catalogue.dec[numbers],
        scalars=scalars,
        values=catalogue.values[numbers],
        valid=catalogue.valid[numbers],
    )


def _with_column(table: pa.Table, name: str, array: pa.Array, unit: str) -> pa.Table:
    """The table with one more column; one without columns has lost its length."""
    field = pa.field(name, array.type, metadata={"unit": unit})
    if not table.num_columns:
        return pa.table([array], schema=pa.schema([field]))
    return table.append_column(field, array)


def _renamed(catalogue: Catalogue, stem: str, used: Collection[str]) -> Catalogue:
    """The catalogue with the stem before each name that is used already."""

    def free(name: str) -> str:
        while name in used:
            name = f"{stem}_{name}"
        return name

    names = [free(name) for name in catalogue.scalars.column_names]
    features = {free(name): unit for name, unit in catalogue.features.items()}
    return replace(catalogue, scalars=catalogue.scalars.rename_columns(names), features=features)


def _scalars(catalogue: Catalogue) -> list[str]:
    return catalogue.scalars.column_names


def _clean(stem: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_")[:40] or "nearby"
