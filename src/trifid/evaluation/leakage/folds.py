"""Whether train, valid and test share objects, places, plates, dates, or the very same pixels."""

import hashlib
from collections.abc import Callable

import numpy as np
from scipy.spatial import KDTree

from trifid.data.splits import places
from trifid.evaluation.leakage.finding import Finding, Verdict
from trifid.store.read import Store
from trifid.training.rows import TaskRows

_SAME_PLACE = 1.0  # [arcsec]
_BATCH = 256


def fold_numbers(rows: TaskRows, count: int) -> np.ndarray:
    """0 train, 1 valid, 2 test, -1 none, for each row of the store (N,)."""
    numbers = np.full(count, -1, np.int64)
    for number, members in enumerate(rows.fold_of().values()):
        numbers[members] = number
    return numbers


def shared_groups(store: Store, fold: np.ndarray) -> Finding:
    """No sky object may lie in two folds (E6)."""
    names = store.columns("group")["group"].to_numpy(zero_copy_only=False)
    crossing = _crossing(names, fold)
    return _verdict("groups across folds", crossing, "fail", "sky objects lie in two folds")


def shared_places(store: Store, fold: np.ndarray) -> Finding:
    """No two rows within 1 arcsec may lie in two folds, whatever their ids say (E6)."""
    columns = store.columns("ra", "dec")
    ra, dec = (columns[n].to_numpy(zero_copy_only=False).astype(np.float64) for n in ("ra", "dec"))
    known = np.isfinite(ra) & np.isfinite(dec) & (fold >= 0)
    if known.sum() < 2:
        return Finding("places across folds", "none", "the store has no positions")
    lon, lat = np.deg2rad(ra[known]), np.deg2rad(dec[known])
    points = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1)
    pairs = KDTree(points).query_pairs(np.deg2rad(_SAME_PLACE / 3600.0), output_type="ndarray")
    crossing = int((fold[known][pairs[:, 0]] != fold[known][pairs[:, 1]]).sum())
    return _verdict(
        "places across folds", crossing, "fail", "pairs within 1 arcsec lie in two folds"
    )


def shared_plates(store: Store, fold: np.ndarray) -> Finding:
    """Plates in several folds share calibration, sky and noise (E5)."""
    if "plate" not in store.schema.columns:
        return Finding("plates across folds", "none", "the store has no plates")
    rows, plates = places(store.columns("plate"), "plate")
    crossing = _crossing(plates, fold[rows])
    return _verdict(
        "plates across folds", crossing, "warn", "plates lie in two folds; split by plate or sky"
    )


def shared_dates(store: Store, fold: np.ndarray) -> Finding:
    """Dates in several folds share a night; judged where no plate says what was taken together."""
    if "plate" in store.schema.columns or "mjd" not in store.schema.columns:
        reason = "plates are judged" if "plate" in store.schema.columns else "the store has no mjd"
        return Finding("dates across folds", "none", reason)
    rows, dates = places(store.columns("mjd"), "mjd")
    crossing = _crossing(dates, fold[rows])
    return _verdict("dates across folds", crossing, "warn", "dates lie in two folds; split by mjd")


def shared_pixels(store: Store, fold: np.ndarray) -> Finding:
    """No image or spectrum may lie bit for bit in two folds."""
    kinds = [n for n, spec in store.schema.modalities.items() if spec.kind != "table"]
    seen: dict[bytes, int] = {}
    crossing, rows = 0, np.flatnonzero(fold >= 0)
    for start in range(0, len(rows), _BATCH):
        part = rows[start : start + _BATCH]
        for name, fields in store.take(part, kinds).items():
            content = next(iter(fields.values()))
            for row in np.flatnonzero(fields["present"]):
                digest = hashlib.blake2b(content[row].tobytes(), digest_size=12).digest()
                digest += name.encode()
                crossing += seen.setdefault(digest, int(fold[part[row]])) != fold[part[row]]
    if not seen:
        return Finding("pixels across folds", "none", "the store has no images or spectra")
    return _verdict("pixels across folds", crossing, "fail", "identical data lie in two folds")


def _crossing(names: np.ndarray, fold: np.ndarray) -> int:
    """How many names occur in more than one fold."""
    used = fold >= 0
    _, place = np.unique(names[used].astype(str), return_inverse=True)
    pairs = np.unique(np.stack([place, fold[used]], axis=1), axis=0)
    return int((np.bincount(pairs[:, 0]) > 1).sum())


def _verdict(check: str, crossing: int, bad: Verdict, what: str) -> Finding:
    if crossing:
        return Finding(check, bad, f"{crossing} {what}", {"crossing": crossing})
    return Finding(check, "pass", "none crosses", {"crossing": 0})


CHECKS: tuple[Callable[[Store, np.ndarray], Finding], ...] = (
    shared_groups,
    shared_places,
    shared_plates,
    shared_dates,
    shared_pixels,
)
