"""Parts 0 .. 19 of a store's rows, assigned once and never changed when rows are added.

Rows that could tell of each other (observations of one object; of one plate, date or piece of sky)
form a unit, and a unit lies in one part. A recipe says which parts train, validate and test.
"""

import hashlib
import heapq
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self, get_args

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Int8
from numpy import ndarray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trifid.data.sky import healpix_ring
from trifid.errors import ConfigError, StoreError
from trifid.files import safe_name, written_whole
from trifid.store.read import Store
from trifid.store.shard import cannot_write

PARTS = 20
SKY_NSIDE = 8
By = Literal["group", "plate", "mjd", "sky"]
_NEEDS: dict[str, tuple[str, ...]] = {
    "group": (),
    "plate": ("plate",),
    "mjd": ("mjd",),
    "sky": ("ra", "dec"),
}


def assign_parts(
    units: Sequence[str],
    strata: Sequence[str] | None,
    *,
    seed: int,
    existing: Mapping[str, int] | None = None,
) -> Int8[ndarray, "N"]:
    """A part for each row; depends on the names of the units and the seed, not on row order.

    Within each stratum the largest units go first, those of one size in an order drawn from the
    seed, each to the part with the fewest rows of its stratum, then the fewest rows of all.

    Args:
        units: The unit of each row.
        strata: The class of each row, or None; a unit counts to its most frequent one.
        seed: Chooses among equally good assignments.
        existing: Units that keep their part.

    Raises:
        ConfigError: If the lengths differ or an existing part is not 0 .. 19.
    """
    kinds = ["" for _ in units] if strata is None else strata
    if len(kinds) != len(units):
        raise ConfigError(f"{len(kinds)} strata for {len(units)} rows: expected one for each")
    existing = existing or {}
    if wrong := [part for part in existing.values() if not 0 <= part < PARTS]:
        raise ConfigError(f"existing part {wrong[0]}: expected 0 to {PARTS - 1}")
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for unit, kind in zip(units, kinds, strict=True):
        counts[unit][kind] += 1
    size = {unit: count.total() for unit, count in counts.items()}
    members: dict[str, list[str]] = defaultdict(list)
    for unit, count in counts.items():
        members[min(count, key=lambda kind: (-count[kind], kind))].append(unit)

    parts = {unit: part for unit, part in existing.items() if unit in counts}
    total = [0] * PARTS
    for unit, part in parts.items():
        total[part] += size[unit]
    for stratum in sorted(members):
        _fill_stratum(stratum, members[stratum], size, seed, parts, total)
    return np.array([parts[unit] for unit in units], np.int8)


def _fill_stratum(
    stratum: str,
    members: list[str],
    size: dict[str, int],
    seed: int,
    parts: dict[str, int],
    total: list[int],
) -> None:
    """Gives the members without a part one; updates `parts` and the rows per part, `total`."""
    rows = [0] * PARTS
    for unit in members:
        if unit in parts:
            rows[parts[unit]] += size[unit]
    draw = [_draw(seed, f"{stratum}/{part}") for part in range(PARTS)]
    emptiest = [(rows[part], total[part], draw[part], part) for part in range(PARTS)]
    heapq.heapify(emptiest)
    new = [unit for unit in members if unit not in parts]
    for unit in sorted(new, key=lambda unit: (-size[unit], _draw(seed, unit), unit)):
        in_stratum, in_all, order, part = emptiest[0]
        added = size[unit]
        heapq.heapreplace(emptiest, (in_stratum + added, in_all + added, order, part))
        parts[unit] = part
        total[part] += added


def _draw(seed: int, name: str) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode()).digest()


def units(columns: pa.Table, by: By) -> list[str]:
    """The unit of each row: rows linked by a shared group, plate, date or sky cell, over any chain.

    A row without plate, date or position is linked by its group alone. A unit is named after the
    smallest plate, date or cell in it, else after its group.

    Args:
        columns: Has `group`, and `plate`, `mjd` [d], or `ra` and `dec` [deg], as `by` asks.
        by: What else than the group links rows.

    Raises:
        ConfigError: If `by` is unknown or its columns are not there.
        InputError: If a declination lies outside -90 .. 90.
    """
    if by not in get_args(By):
        raise ConfigError(f"split by {by!r:.40}: expected one of {', '.join(get_args(By))}")
    if missing := [name for name in _NEEDS[by] if name not in columns.column_names]:
        raise ConfigError(f"a split by {by} needs the columns {missing}, which the store lacks")
    groups: list[str] = columns.column("group").to_pylist()
    if by == "group" or not groups:
        return groups
    names, group = np.unique(np.array(groups, object), return_inverse=True)
    rows, place = places(columns, by)
    labels, cell = np.unique(place, return_inverse=True)
    nodes = len(names) + len(labels)
    links = (np.ones(len(rows)), (group[rows], len(names) + cell))
    _, component = connected_components(coo_array(links, shape=(nodes, nodes)), directed=False)

    name_of: dict[int, str] = {}
    for owner, label in zip(component[len(names) :].tolist(), labels.tolist(), strict=True):
        name_of.setdefault(owner, f"{by}-{label}")
    for owner, name in zip(component[: len(names)].tolist(), names.tolist(), strict=True):
        name_of.setdefault(owner, name)
    return [name_of[owner] for owner in component[group].tolist()]


def places(columns: pa.Table, by: By) -> tuple[ndarray, ndarray]:
    """Rows that have a plate, date or position, and its number: of a date the whole days (UT)."""
    arrays = [columns.column(name).combine_chunks() for name in _NEEDS[by]]
    known = np.logical_and.reduce([~_nulls(array) for array in arrays])
    rows = np.flatnonzero(known)
    values = [array.take(pa.array(rows)).to_numpy(zero_copy_only=False) for array in arrays]
    if by == "sky":
        return rows, healpix_ring(values[0], values[1], SKY_NSIDE)
    if by == "mjd" and values[0].dtype.kind == "f":
        return rows, np.floor(values[0]).astype(np.int64)
    return rows, values[0]


def _nulls(array: pa.Array) -> ndarray:
    return array.is_null(nan_is_null=True).to_numpy(zero_copy_only=False)


@dataclass(frozen=True)
class Split:
    """The part of every row of a store, in its order.

    Attributes:
        object_ids: The rows.
        units: The unit of each row.
        parts: (N,) int8, 0 .. 19.
        by: What links rows to units.
        strata_name: What the units were stratified by, "none" if by nothing.
        seed: The seed of the assignment.
    """

    object_ids: tuple[str, ...]
    units: tuple[str, ...]
    parts: np.ndarray
    by: str
    strata_name: str
    seed: int

    def hash(self) -> str:
        """SHA-256 over ids and parts, independent of row order."""
        pairs = sorted(zip(self.object_ids, self.parts.tolist(), strict=True))
        digest = hashlib.sha256(repr((self.by, self.strata_name, self.seed)).encode())
        for object_id, part in pairs:
            digest.update(f"{object_id}\0{part}\n".encode())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Writes the split as Parquet, whole or not at all.

        Raises:
            StoreError: If the file cannot be written.
        """
        metadata = {
            "by": self.by,
            "strata": self.strata_name,
            "seed": str(self.seed),
            "hash": self.hash(),
        }
        arrays = [pa.array(self.object_ids, pa.string()), pa.array(self.units, pa.string())]
        arrays.append(pa.array(self.parts, pa.int8()))
        table = pa.table(arrays, names=["object_id", "unit", "part"], metadata=metadata)
        try:
            path.parent.mkdir(exist_ok=True)
            with written_whole(path) as temporary:
                pq.write_table(table, temporary)
        except OSError as error:
            raise cannot_write(path, error) from None

    @classmethod
    def load(cls, path: Path) -> Self:
        """Reads a split and checks its hash.

        Raises:
            StoreError: If it is missing, not a split, or was changed by hand.
        """
        try:
            table = pq.read_table(path)
            metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
            split = cls(
                object_ids=tuple(table.column("object_id").to_pylist()),
                units=tuple(table.column("unit").to_pylist()),
                parts=table.column("part").cast(pa.int8()).to_numpy(),
                by=metadata["by"],
                strata_name=metadata["strata"],
                seed=int(metadata["seed"]),
            )
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise StoreError(f"{path} is not a readable split: {error}") from None
        if split.hash() != metadata.get("hash"):
            raise StoreError(f"{path} was changed after it was written: remove it to split anew")
        return split


def store_split(
    store: Store, *, by: By, strata_name: str, strata: Sequence[str] | None, seed: int
) -> Split:
    """The split kept in a store under `splits/`: made at first use, extended when rows were added.

    Args:
        store: The store.
        by: What links rows to units: group, plate, mjd or sky.
        strata_name: What the strata are (a task's name), "none" without.
        strata: The class of each row, or None.
        seed: The seed of the assignment.

    Raises:
        ConfigError: If `by` does not fit the store.
        StoreError: If the kept split was changed, or rows added since then link units that lie
            in different parts (such a split would leak).
    """
    path = store.folder / "splits" / f"{by}-{safe_name(strata_name)}-seed{seed}.parquet"
    columns = store.columns("object_id", "group", *_columns_of(store, by))
    ids: list[str] = columns.column("object_id").to_pylist()
    names = units(columns, by)
    kept: dict[str, int] = {}
    if path.exists():
        old = Split.load(path)
        kept = dict(zip(old.object_ids, old.parts.tolist(), strict=True))
    existing: dict[str, int] = {}
    for object_id, unit in zip(ids, names, strict=True):
        if object_id in kept and existing.setdefault(unit, kept[object_id]) != kept[object_id]:
            raise StoreError(
                f"{path}: rows added since link parts {existing[unit]} and {kept[object_id]} "
                f"of unit {unit!r:.40}, so it would leak: remove it to split anew"
            )
    parts = assign_parts(names, strata, seed=seed, existing=existing)
    split = Split(tuple(ids), tuple(names), parts, by, strata_name, seed)
    if kept.keys() != set(ids):
        split.save(path)
    return split


def _columns_of(store: Store, by: str) -> list[str]:
    return [name for name in _NEEDS.get(by, ()) if name in store.schema.columns]
