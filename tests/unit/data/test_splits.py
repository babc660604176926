"""Splits: no leak, even parts, stable when rows are added; sky cells against astropy-healpix."""

from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import astropy.units as u
import numpy as np
import pyarrow as pa
import pytest
from astropy_healpix import HEALPix
from hypothesis import given, settings
from hypothesis import strategies as st

from trifid.data.sky import healpix_ring
from trifid.data.splits import PARTS, Split, assign_parts, store_split, units
from trifid.errors import ConfigError, InputError, StoreError
from trifid.schema.block import Block
from trifid.schema.modality import IDENTITY_COLUMNS, ColumnSpec, StoreSchema
from trifid.store import Store, StoreWriter, write_shard

_ROWS = st.lists(st.tuples(st.integers(0, 30), st.sampled_from("abc")), max_size=80)


def _names(rows: list[tuple[int, str]]) -> tuple[list[str], list[str]]:
    return [f"unit-{unit}" for unit, _ in rows], [stratum for _, stratum in rows]


@settings(max_examples=60, deadline=None)
@given(rows=_ROWS, seed=st.integers(0, 9), order=st.randoms(use_true_random=False))
def test_units_stay_whole_and_row_order_does_not_matter(rows: Any, seed: int, order: Any) -> None:
    names, strata = _names(rows)
    parts = assign_parts(names, strata, seed=seed)
    assert parts.dtype == np.int8
    assert all(0 <= part < PARTS for part in parts.tolist())
    of_unit = dict(zip(names, parts.tolist(), strict=True))
    assert [of_unit[name] for name in names] == parts.tolist()
    shuffled = list(range(len(rows)))
    order.shuffle(shuffled)
    again = assign_parts([names[i] for i in shuffled], [strata[i] for i in shuffled], seed=seed)
    assert again.tolist() == parts[shuffled].tolist()


@settings(max_examples=60, deadline=None)
@given(rows=_ROWS, more=_ROWS)
def test_existing_units_keep_their_part(rows: Any, more: Any) -> None:
    names, strata = _names(rows)
    old = dict(zip(names, assign_parts(names, strata, seed=1).tolist(), strict=True))
    names, strata = _names(rows + more)
    new = dict(zip(names, assign_parts(names, strata, seed=1, existing=old).tolist(), strict=True))
    assert {unit: new[unit] for unit in old} == old


def test_each_part_holds_the_share_of_each_class_to_within_a_unit() -> None:
    sizes = {"GALAXY": 1003, "STAR": 203, "QSO": 37, "BHB": 7}
    strata = [name for name, size in sizes.items() for _ in range(size)]
    names = [f"u{i}" for i in range(len(strata))]
    parts = assign_parts(names, strata, seed=3)
    table = Counter(zip(strata, parts.tolist(), strict=True))
    for name, size in sizes.items():
        in_parts = [table[name, part] for part in range(PARTS)]
        assert {min(in_parts), max(in_parts)} <= {size // PARTS, -(-size // PARTS)}
    total = np.bincount(parts, minlength=PARTS)
    assert total.max() - total.min() <= 1


def test_units_of_many_rows_are_balanced_by_rows() -> None:
    random = np.random.default_rng(0)
    names = [f"plate-{p}" for p in range(200) for _ in range(random.integers(1, 640))]
    total = np.bincount(assign_parts(names, None, seed=0), minlength=PARTS)
    assert total.max() < 1.004 * total.mean()
    assert total.min() > 0.996 * total.mean()


def test_new_units_fill_the_emptiest_parts_of_their_stratum() -> None:
    old = {f"old{i}": i % 10 for i in range(100)}  # parts 10 to 19 are empty
    names = [*old, *(f"new{i}" for i in range(100))]
    parts = assign_parts(names, ["a"] * 200, seed=0, existing=old)
    assert np.bincount(parts, minlength=PARTS).tolist() == [10] * PARTS
    other = assign_parts([*names, "x"], ["a"] * 200 + ["b"], seed=0, existing=old)
    assert other[:200].tolist() == parts.tolist()


def test_a_unit_counts_to_its_most_frequent_stratum() -> None:
    names = ["pair"] * 3 + [f"a{i}" for i in range(19)]
    parts = assign_parts(names, ["b", "a", "a"] + ["a"] * 19, seed=0)
    assert sorted(set(parts.tolist())) == list(range(PARTS))


def test_the_seed_changes_the_parts() -> None:
    names = [f"u{i}" for i in range(200)]
    assert (assign_parts(names, None, seed=0) != assign_parts(names, None, seed=1)).mean() > 0.8


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ConfigError, match="1 strata for 2 rows"):
        assign_parts(["a", "b"], ["x"], seed=0)
    with pytest.raises(ConfigError, match="existing part 20"):
        assign_parts(["a"], None, seed=0, existing={"a": 20})
    with pytest.raises(ConfigError, match="expected one of group, plate, mjd, sky"):
        units(_table(["a"]), "moon")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"by plate needs the columns \['plate'\]"):
        units(_table(["a"]), "plate")
    with pytest.raises(ConfigError, match=r"by mjd needs the columns \['mjd'\]"):
        units(_table(["a"]), "mjd")


def _table(groups: list[str], **columns: Any) -> pa.Table:
    types = {"plate": pa.int64(), "mjd": pa.float64(), "ra": pa.float64(), "dec": pa.float64()}
    arrays = {name: pa.array(values, types[name]) for name, values in columns.items()}
    return pa.table({"group": pa.array(groups, pa.string())} | arrays)


def test_units_by_group_are_the_groups() -> None:
    assert units(_table(["b", "a", "b"]), "group") == ["b", "a", "b"]
    assert units(_table([], plate=[]), "plate") == []


def test_repeats_join_their_plates() -> None:
    groups = ["g1", "g2", "g2", "g3", "g4", "g5", "g5"]
    plates = [266, 266, 300, 300, 412, None, None]
    assert units(_table(groups, plate=plates), "plate") == ["plate-266"] * 4 + [
        "plate-412", "g5", "g5",
    ]  # fmt: skip


def test_a_row_without_plate_follows_its_group() -> None:
    groups = ["g1", "g1", "g2"]
    assert units(_table(groups, plate=[None, 500, None]), "plate") == [
        "plate-500", "plate-500", "g2",
    ]  # fmt: skip


def test_dates_are_whole_days_and_repeats_join_them() -> None:
    groups = ["g1", "g2", "g2", "g3", "g4", "g5"]
    days = [52000.1, 52000.9, 52003.2, 52003.0, 52004.0, None]
    expected = ["mjd-52000"] * 4 + ["mjd-52004", "g5"]
    assert units(_table(groups, mjd=days), "mjd") == expected
    whole = _table(groups).append_column(
        "mjd", pa.array([None if day is None else int(day) for day in days], pa.int64())
    )
    assert units(whole, "mjd") == expected


def test_many_rows_of_one_group_and_plate_are_one_unit() -> None:
    assert set(units(_table(["g"] * 512, plate=[7] * 512), "plate")) == {"plate-7"}


def test_units_by_sky_cell_keep_groups_whole() -> None:
    ra, dec = [10.0, 10.1, 200.0, None, 200.0], [0.5, 0.6, -40.0, 3.0, np.nan]
    got = units(_table(["a", "b", "b", "c", "d"], ra=ra, dec=dec), "sky")
    cell = int(healpix_ring(np.array([10.0]), np.array([0.5]), 8)[0])
    assert got == [f"sky-{cell}"] * 3 + ["c", "d"]
    with pytest.raises(InputError, match="outside -90"):
        units(_table(["a"], ra=[1.0], dec=[91.0]), "sky")


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(st.tuples(st.integers(0, 12), st.none() | st.integers(0, 12)), max_size=40))
def test_no_plate_and_no_group_lies_in_two_units(rows: Any) -> None:
    groups, plates = [f"g{g}" for g, _ in rows], [p for _, p in rows]
    of_group, of_plate = defaultdict(set), defaultdict(set)
    got = units(_table(groups, plate=plates), "plate")
    for unit, group, plate in zip(got, groups, plates, strict=True):
        of_group[group].add(unit)
        if plate is not None:
            of_plate[plate].add(unit)
    assert all(len(found) == 1 for found in [*of_group.values(), *of_plate.values()])


@pytest.mark.parametrize("nside", [1, 2, 8, 13])
def test_sky_cells_are_those_of_healpix(nside: int) -> None:
    random = np.random.default_rng(nside)
    ra = random.uniform(-400.0, 800.0, 50_000)
    dec = np.degrees(np.arcsin(random.uniform(-1.0, 1.0, 50_000)))
    ra[:6], dec[:6] = [0, 359.99999, 45, 133, 10, 20], [90, -90, 89.99999, 0, 41.81, -41.81]
    got = healpix_ring(ra, dec, nside)
    expected = HEALPix(nside=nside, order="ring").lonlat_to_healpix(ra * u.deg, dec * u.deg)
    assert np.array_equal(got, expected)
    assert np.bincount(got, minlength=12 * nside**2).min() > 0


@pytest.mark.parametrize("position", [(np.nan, 0.0), (0.0, np.inf), (0.0, -90.1)])
def test_positions_off_the_sky_are_refused(position: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="outside -90"):
        healpix_ring(np.array(position[:1]), np.array(position[1:]), 8)


_SCHEMA = StoreSchema(modalities={}, columns=IDENTITY_COLUMNS | {"plate": ColumnSpec(type="int64")})


def _write(folder: Path, *shards: list[tuple[str, str, int | None]], extend: bool = False) -> Store:
    with StoreWriter(folder, _SCHEMA, provenance={}, extend=extend) as writer:
        for shard in shards:
            columns: dict[str, Any] = {name: [None] * len(shard) for name in _SCHEMA.columns}
            columns["object_id"], columns["group"], columns["plate"] = zip(*shard, strict=True)
            writer.add(write_shard(folder, writer.next_number, Block(columns), _SCHEMA))
        writer.finish([])
    return Store.open(folder)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return _write(tmp_path / "sky", [(f"o{i}", f"g{i // 2}", 100 + i % 5) for i in range(40)])


def _split(store: Store, **changes: Any) -> Split:
    arguments: dict[str, Any] = {"by": "group", "strata_name": "none", "strata": None, "seed": 0}
    return store_split(store, **arguments | changes)


def test_a_store_keeps_its_split(store: Store) -> None:
    split = _split(store)
    path = store.folder / "splits" / "group-none-seed0.parquet"
    content = path.read_bytes()
    loaded = Split.load(path)
    assert loaded.hash() == split.hash()
    assert loaded.object_ids == split.object_ids == tuple(f"o{i}" for i in range(40))
    assert loaded.units == tuple(f"g{i // 2}" for i in range(40))
    assert (loaded.by, loaded.strata_name, loaded.seed) == ("group", "none", 0)
    assert np.array_equal(loaded.parts, split.parts)
    assert _split(store, strata=["x"] * 40).hash() == split.hash()  # kept, not made anew
    assert path.read_bytes() == content
    _split(store, seed=1)
    _split(store, strata_name="../galaxy4", strata=["a", "b"] * 20)
    assert {file.name for file in path.parent.iterdir()} == {
        path.name, "group-none-seed1.parquet", "group-galaxy4-seed0.parquet",
    }  # fmt: skip


def test_added_rows_leave_the_old_parts_alone(store: Store) -> None:
    old = _split(store)
    more = [("new0", "g0", 100), *((f"new{i}", f"h{i}", 100) for i in range(1, 30))]
    longer = _split(_write(store.folder, more, extend=True))
    assert longer.parts[:40].tolist() == old.parts.tolist()
    assert longer.parts[40] == old.parts[0]
    assert len(longer.parts) == 70
    assert longer.hash() != old.hash()
    assert _split(Store.open(store.folder)).hash() == longer.hash()


def test_added_rows_that_would_leak_are_refused(tmp_path: Path) -> None:
    store = _write(tmp_path / "sky", [("a", "ga", 1), ("b", "gb", 2)])
    old = _split(store, by="plate")
    assert old.units == ("plate-1", "plate-2")
    assert old.parts[0] != old.parts[1]
    store = _write(store.folder, [("c", "ga", 2)], extend=True)
    with pytest.raises(StoreError, match=r"plate-none-seed0\.parquet.*would leak: remove it"):
        _split(store, by="plate")
    assert len(_split(store).parts) == 3  # by group nothing was linked


def test_the_hash_knows_parts_and_not_order(store: Store) -> None:
    split = _split(store)
    turned = Split(split.object_ids[::-1], split.units[::-1], split.parts[::-1], "group", "none", 0)
    assert turned.hash() == split.hash()
    moved = Split(
        split.object_ids, split.units, (split.parts + 1) % np.int8(PARTS), "group", "none", 0
    )
    assert moved.hash() != split.hash()


def _move_a_row(path: Path, read: Callable[[Path], pa.Table], write: Any) -> None:
    table = read(path)
    part = table.column("part").to_pylist()
    part[0] = (part[0] + 1) % PARTS
    write(table.set_column(2, "part", pa.array(part, pa.int8())), path)


def test_a_split_changed_by_hand_is_refused(store: Store) -> None:
    from pyarrow import parquet

    _split(store)
    path = store.folder / "splits" / "group-none-seed0.parquet"
    _move_a_row(path, parquet.read_table, parquet.write_table)
    with pytest.raises(StoreError, match="changed after it was written"):
        _split(store)
    path.write_bytes(b"PAR1")
    with pytest.raises(StoreError, match="not a readable split"):
        _split(store)
    parquet.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(StoreError, match="not a readable split"):
        _split(store)
