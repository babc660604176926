"""Spectra that several surveys took of one object, as modalities of one row.

A spectrum of another survey that lies within 1 arcsec of a row with an SDSS spectrum becomes
`spectrum_SURVEY` of the nearest such row. Where a survey has several for a row, the nearest is
taken, then the one of the highest S/N; the others stay rows of their own.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.spatial import KDTree

from trifid.ingest.groups import RADIUS
from trifid.ingest.rows import Row, Rows
from trifid.ingest.scan import Probe

FIRST = "sdss"
"""The survey whose rows take up the spectra of others."""
_SAME = 3  # digits of a separation [arcsec] that count: beyond them catalogues agree by chance


def join_spectra(rows: Rows, probes: Sequence[Probe]) -> None:
    """Moves spectra of other surveys into the rows of SDSS spectra, changing `rows`."""
    noise = {p.identity.object_id: p.identity.signal_to_noise for p in probes if p.identity}
    known = [row for row in rows.rows.values() if row.ra is not None and row.spectra]
    first = [row for row in known if row.spectra[0].survey == FIRST]
    others = [row for row in known if row.spectra[0].survey != FIRST]
    if not first or not others:
        return
    tree = KDTree(_vectors(first))
    chord = 2 * np.sin(np.radians(RADIUS / 3600) / 2)
    nearest = tree.query(_vectors(others), distance_upper_bound=chord)
    pairs = np.column_stack(nearest).tolist()
    found: list[tuple[float, float, str, str]] = []
    for other, (distance, place) in zip(others, pairs, strict=True):
        index = int(place)
        if index < len(first):
            apart = round(float(np.degrees(2 * np.arcsin(distance / 2))) * 3600, _SAME)
            rank = -noise.get(other.object_id, 0.0)
            found.append((apart, rank, other.object_id, first[index].object_id))
    for _, _, object_id, target in sorted(found):
        source = rows.rows[object_id].spectra[0]
        held = rows.rows[target].spectra
        modality = f"spectrum_{source.survey}"
        if modality not in {entry.modality for entry in held}:
            rows.change(target, spectra=(*held, replace(source, modality=modality)))
            del rows.rows[object_id]


def _vectors(rows: Sequence[Row]) -> np.ndarray:
    """(N, 3) unit vectors of rows with a position."""
    lon = np.radians([row.ra for row in rows if row.ra is not None])
    lat = np.radians([row.dec for row in rows if row.dec is not None])
    return np.column_stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])
