import numpy as np

from trifid.ingest.groups import group_names

NAN = np.nan


def test_same_objid_is_one_group_wherever_it_lies():
    names = group_names(
        ["b", "a", "c"], ["7", "7", None], np.array([1.0, 200.0, 5.0]), np.array([1.0, -30.0, 5.0])
    )
    assert names == ["objid-7", "objid-7", "c"]


def test_friends_of_friends_within_an_arcsec():
    step = 0.9 / 3600
    dec = np.array([60.0, 60.0, 60.0, 60.0, 60.0])
    ra = 10 + np.array([0, 1, 2, 4, 500]) * step / np.cos(np.radians(60))
    ids = [f"r{i}" for i in range(5)]
    names = group_names(ids, [None] * 5, ra, dec)
    assert names == ["sky-r0", "sky-r0", "sky-r0", "r3", "r4"]


def test_groups_cross_the_zero_meridian_and_the_pole():
    ra = np.array([359.9999, 0.0001, 10.0, 190.0])
    dec = np.array([0.0, 0.0, 89.9999, 89.9999])
    names = group_names(["a", "b", "c", "d"], [None] * 4, ra, dec)
    assert names == ["sky-a", "sky-a", "sky-c", "sky-c"]


def test_an_objid_names_the_group_of_its_neighbours():
    ra, dec = np.array([10.0, 10.0, NAN]), np.array([1.0, 1.0 + 0.5 / 3600, NAN])
    assert group_names(["z", "y", "x"], [None, "12", None], ra, dec) == [
        "objid-12",
        "objid-12",
        "x",
    ]


def test_many_rows_at_one_place_stay_cheap():
    n = 20_000
    names = group_names([f"r{i:05d}" for i in range(n)], [None] * n, np.zeros(n), np.zeros(n))
    assert set(names) == {"sky-r00000"}


def test_rows_of_a_store_keep_their_group_and_new_ones_join_it():
    ra, dec = np.array([10.0, 10.0, 50.0]), np.array([1.0, 1.0, 1.0])
    names = group_names(["old", "new", "far"], [None, "5", None], ra, dec, {0: "old"})
    assert names == ["old", "old", "far"]


def test_names_do_not_depend_on_the_order_of_rows():
    rng = np.random.default_rng(0)
    ids = [f"r{i:03d}" for i in range(300)]
    objids = [str(i) if i % 5 == 0 else None for i in rng.integers(1, 40, 300)]
    ra = rng.uniform(0, 20 / 3600, 300)
    dec = rng.uniform(0, 20 / 3600, 300)
    once = dict(zip(ids, group_names(ids, objids, ra, dec), strict=True))
    order = rng.permutation(300)
    again = group_names([ids[i] for i in order], [objids[i] for i in order], ra[order], dec[order])
    assert {ids[i]: name for i, name in zip(order, again, strict=True)} == once
