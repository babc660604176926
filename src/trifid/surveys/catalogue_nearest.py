"""The nearest objects of a HATS catalogue to positions on the sky.

Only files of pixels that come within the radius of a position are opened; of these the positions
are read, and the other columns of row groups in which an object is the nearest. So a catalogue
costs what lies near, and memory holds the positions, one object for each and a piece of a file.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa

from trifid.physics.healpix import pixels_near
from trifid.physics.sky import Nearest, SkyTree, nearest_within
from trifid.progress import progress
from trifid.surveys.catalogue_files import RawColumn, join_parts, opened_part
from trifid.surveys.catalogue_hats import Hats, named_columns

_ORDER = 9  # pixels of 6.9 arcmin, in which the sky near positions is known
_ROWS = 2**16  # of a file at once


def nearest_objects(
    hats: Hats, ra: np.ndarray, dec: np.ndarray, radius: float
) -> tuple[Nearest, list[RawColumn], list[str]]:
    """The nearest object to each position, as `nearest_within` finds it among all of them.

    Args:
        hats: The catalogue.
        ra: (N,) right ascension [deg]; NaN matches nothing.
        dec: (N,) declination [deg].
        radius: [arcsec], at most 60.

    Returns:
        What lies near, by number of an object; the columns of these objects; a line for each column
        that is left out.

    Raises:
        InputError: Naming the file that cannot be read.
    """
    match = _Match(ra, dec, radius)
    known = match.known
    files = hats.near(pixels_near(ra[known], dec[known], radius, _ORDER), _ORDER)
    kind = hats.kind(files)
    names, left_out = hats.usable(kind)
    parts: list[tuple[Path, pa.Table]] = [(hats.path, kind.empty_table().select(names))]
    with progress(f"looking at {hats.path.name}", len(files), unit="files") as advance:
        for path in files:
            rows, *there = _around(path, names[:2], match)
            chosen = match.nearer(*there)
            if chosen.size:
                parts.append((path, _take(path, names, rows[chosen])))
            advance(1)
    near, used = match.result()
    return near, named_columns(join_parts(parts).take(pa.array(used))), left_out


class _Match:
    """Which objects are the nearest so far, as one file after the other is read."""

    def __init__(self, ra: np.ndarray, dec: np.ndarray, radius: float) -> None:
        self.radius = radius
        self.known = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
        self.tree = SkyTree(ra[self.known], dec[self.known])
        self._ra, self._dec = ra, dec
        self._near = nearest_within(ra, dec, np.zeros(0), np.zeros(0), radius)
        self._objects = 0

    def nearer(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """Counts M objects; gives those that are the nearest of some position now, ascending."""
        held = self._near
        rows = self.known[self.tree.near_others(ra, dec, self.radius)]
        near = nearest_within(self._ra[rows], self._dec[rows], ra, dec, self.radius)
        held.count[rows] += near.count
        closer = (near.index >= 0) & ~(near.separation >= held.separation[rows])
        chosen = np.unique(near.index[closer])
        held.index[rows[closer]] = self._objects + np.searchsorted(chosen, near.index[closer])
        held.separation[rows[closer]] = near.separation[closer]
        self._objects += chosen.size
        return chosen

    def result(self) -> tuple[Nearest, np.ndarray]:
        """What lies near, by number among the objects that are nearest in the end, and these."""
        matched = self._near.index >= 0
        used, numbers = np.unique(self._near.index[matched], return_inverse=True)
        self._near.index[matched] = numbers
        return self._near, used


def _around(
    path: Path, position: list[str], match: _Match
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of a file that lie near any position, ascending, their ra and dec [deg]."""
    start, found = 0, [(np.zeros(0, np.int64), np.zeros(0), np.zeros(0))]
    with opened_part(path, position) as file:
        for batch in file.iter_batches(_ROWS, columns=position, use_threads=False):
            ra, dec = (
                batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
                for name in position
            )
            placed = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec) & (np.abs(dec) <= 90))
            placed = placed[match.tree.others_near(ra[placed], dec[placed], match.radius)]
            found.append((start + placed, ra[placed], dec[placed]))
            start += len(batch)
    rows, ra, dec = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return rows, ra, dec


def _take(path: Path, names: list[str], rows: np.ndarray) -> pa.Table:
    """Some rows of a file, ascending; row groups that hold none of them are not read."""
    taken: list[pa.RecordBatch] = []
    with opened_part(path, names) as file:
        end = 0
        for group in range(file.num_row_groups):
            begin, end = end, end + file.metadata.row_group(group).num_rows
            if not ((rows >= begin) & (rows < end)).any():
                continue
            for batch in file.iter_batches(
                _ROWS, row_groups=[group], columns=names, use_threads=False
            ):
                here = rows[(rows >= begin) & (rows < begin + len(batch))] - begin
                begin += len(batch)
                taken.append(batch.select(names).take(pa.array(here)))
    return pa.Table.from_batches(taken)
