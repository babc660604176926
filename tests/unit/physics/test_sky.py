"""The nearest object on the sky, against separations computed one by one."""

import numpy as np
from astropy.coordinates import SkyCoord

from trifid.physics.sky import SkyTree, nearest_within


def test_it_finds_what_all_separations_say():
    rng = np.random.default_rng(1)
    ra, dec = 359.99 + 0.02 * rng.random(60), 60 + 0.02 * rng.random(60)
    ra %= 360.0
    other_ra, other_dec = (359.99 + 0.02 * rng.random(90)) % 360.0, 60 + 0.02 * rng.random(90)
    found = nearest_within(ra, dec, other_ra, other_dec, 6.0)
    here, there = SkyCoord(ra, dec, unit="deg"), SkyCoord(other_ra, other_dec, unit="deg")
    apart = here[:, None].separation(there[None, :]).arcsec
    near = apart <= 6.0
    assert set(near.sum(1)) >= {0, 1, 2}
    np.testing.assert_array_equal(found.count, near.sum(1))
    expected = np.where(near.any(1), apart.argmin(1), -1)
    np.testing.assert_array_equal(found.index, expected)
    np.testing.assert_allclose(
        found.separation, np.where(near.any(1), apart.min(1), np.nan), atol=1e-6
    )


def test_unknown_positions_match_nothing():
    nan = np.nan
    found = nearest_within(
        np.array([nan, 10.0, 10.0]), np.array([0.0, nan, 0.0]),
        np.array([nan, 10.0]), np.array([0.0, 0.0]), 2.0,
    )  # fmt: skip
    assert found.index.tolist() == [-1, -1, 1] and found.count.tolist() == [0, 0, 1]
    empty = np.zeros(0)
    for one, other in ((empty, np.zeros(1)), (np.zeros(1), empty)):
        assert nearest_within(one, one, other, other, 2.0).count.sum() == 0


def test_of_two_equally_near_the_first_is_taken():
    twice = np.array([10.0, 10.0])
    found = nearest_within(np.array([10.0]), np.array([0.0]), twice, np.zeros(2), 1.0)
    assert found.index.tolist() == [0] and found.count.tolist() == [2]


def test_a_tree_says_who_lies_near_whom():
    rng = np.random.default_rng(2)
    ra, dec = rng.uniform(0, 360, 50), 90 - 0.02 * rng.random(50)
    other_ra, other_dec = rng.uniform(0, 360, 80), 90 - 0.02 * rng.random(80)
    here, there = SkyCoord(ra, dec, unit="deg"), SkyCoord(other_ra, other_dec, unit="deg")
    near = here[:, None].separation(there[None, :]).arcsec <= 9.0
    tree = SkyTree(ra, dec)
    others = tree.others_near(other_ra, other_dec, 9.0)
    np.testing.assert_array_equal(others, np.flatnonzero(near.any(0)))
    np.testing.assert_array_equal(
        tree.near_others(other_ra, other_dec, 9.0), np.flatnonzero(near.any(1))
    )
    assert 0 < others.size < 80
    empty = np.zeros(0)
    assert tree.others_near(empty, empty, 9.0).size == tree.near_others(empty, empty, 9.0).size == 0
    nobody = SkyTree(empty, empty)
    assert nobody.others_near(ra, dec, 9.0).size == nobody.near_others(ra, dec, 9.0).size == 0
