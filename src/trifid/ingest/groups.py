"""Which rows are the same sky object.

Rows are joined that share a photometric objid or lie within 1 arcsec of each other (friends of
friends). The group's name is `objid-N` with the smallest objid in it, else `sky-ID` with its first
row, else, for a row alone, its own id. Rows of a store that grows keep the group they have.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

RADIUS = 1.0  # [arcsec]


def group_names(
    ids: Sequence[str],
    objids: Sequence[str | None],
    ra: np.ndarray,
    dec: np.ndarray,
    known: Mapping[int, str] | None = None,
) -> list[str]:
    """Names the group of every row.

    Args:
        ids: `object_id` of N rows.
        objids: Their photometric objid, or None.
        ra: (N,) right ascension [deg], NaN where unknown.
        dec: (N,) declination [deg], NaN where unknown.
        known: Groups that some rows (by number) already have in a store.
    """
    known = known or {}
    links = [*_same(objids), *_same([known.get(row) for row in range(len(ids))])]
    near = _near(ra, dec)
    pairs = np.concatenate([np.array(links, np.int64).reshape(-1, 2), near])
    graph = coo_array((np.ones(len(pairs), bool), pairs.T), shape=(len(ids), len(ids)))
    count, labels = connected_components(graph, directed=False)
    order = np.argsort(labels, kind="stable")
    ends = np.searchsorted(labels[order], np.arange(count), side="right")
    names = [""] * len(ids)
    start = 0
    for end in ends.tolist():
        rows: list[int] = order[start:end].tolist()
        start = end
        old = sorted({known[row] for row in rows if row in known})
        name = old[0] if old else _name([ids[row] for row in rows], [objids[row] for row in rows])
        for row in rows:
            names[row] = known.get(row, name)
    return names


def _name(ids: Sequence[str], objids: Sequence[str | None]) -> str:
    numbers = [objid for objid in objids if objid is not None]
    if numbers:
        return f"objid-{min(numbers, key=lambda number: (len(number), number))}"
    return f"sky-{min(ids)}" if len(ids) > 1 else ids[0]


def _same(keys: Sequence[str | None]) -> list[tuple[int, int]]:
    """Links each row to the first one with its key, where that is another."""
    first: dict[str, int] = {}
    pairs = ((first.setdefault(key, row), row) for row, key in enumerate(keys) if key is not None)
    return [(one, other) for one, other in pairs if one != other]


def _near(ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
    """Pairs of rows within the radius; rows at one place are linked to the first of them."""
    rows = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
    if not len(rows):
        return np.zeros((0, 2), np.int64)
    places = np.round(np.column_stack([ra[rows], dec[rows]]), 7)
    unique, first, inverse = np.unique(places, axis=0, return_index=True, return_inverse=True)
    repeats = np.column_stack([rows[first[inverse.ravel()]], rows])
    lon, lat = np.radians(unique).T
    vectors = np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
    chord = 2 * np.sin(np.radians(RADIUS / 3600) / 2)
    pairs = KDTree(vectors).query_pairs(chord, output_type="ndarray")
    return np.concatenate([repeats, rows[first[pairs]]])
