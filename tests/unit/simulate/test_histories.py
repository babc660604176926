import numpy as np
import pytest

from trifid.physics import bpt
from trifid.simulate import histories, populations
from trifid.simulate.populations import AGE_EDGES, YOUNG


@pytest.fixture(scope="module")
def basis():
    return populations.load("analytic")


@pytest.fixture(scope="module")
def parts():
    classes = np.array([bpt.STAR_FORMING, bpt.COMPOSITE, bpt.SEYFERT, bpt.LINER, bpt.BLANK] * 40)
    universe = np.linspace(7.0, 13.4, classes.size)
    return histories.draw_parts(np.random.default_rng(5), classes, universe)


def test_parts_hold_a_unit_of_mass_at_their_ages(parts):
    assert parts.sum(axis=(2, 3)) == pytest.approx(np.ones((200, 3)))
    assert parts.min() >= 0
    assert parts[:, 0, YOUNG:].sum() == 0
    assert parts[:, 1:, :YOUNG].sum() == 0


def test_nothing_forms_before_the_universe(parts):
    oldest = 1e9 * np.linspace(7.0, 13.4, 200)
    too_old = AGE_EDGES[:-1] > oldest[:, None]
    assert parts.sum(axis=(1, 3))[too_old].max(initial=0.0) == 0


def test_solution_has_the_break_and_the_young_stars(basis, parts):
    count = len(parts)
    ew, dust = np.full(count, 8.0), np.linspace(0.0, 0.5, count)
    least, most = (
        histories.break_and_width(
            basis, histories.solve(basis, parts, dust, np.full(count, end), ew), dust
        )[0]
        for end in (0.5, 9.0)
    )
    wanted = 0.3 * least + 0.7 * most
    formed = histories.solve(basis, parts, dust, wanted, ew)
    d4000, found = histories.break_and_width(basis, formed, dust)
    assert d4000 == pytest.approx(wanted, abs=1e-9)
    assert found == pytest.approx(ew)
    assert formed.sum(axis=(1, 2, 3)) == pytest.approx(np.ones(count))


def test_impossible_breaks_are_moved_to_possible_ones(basis, parts):
    for wanted in (0.5, 9.0):
        ew = np.full(200, 5.0)
        formed = histories.solve(basis, parts, np.zeros(200), np.full(200, wanted), ew)
        assert formed.min() >= 0
        d4000, found = histories.break_and_width(basis, formed, np.zeros(200))
        assert ((d4000 > 1.0) & (d4000 < 2.5)).all()
        assert found == pytest.approx(ew)


def test_forming_rates_and_masses(basis):
    formed = np.zeros((1, 3, AGE_EDGES.size - 1, 4))
    formed[0, 0, :YOUNG, 2] = np.diff(AGE_EDGES)[:YOUNG]  # one solar mass a year
    assert histories.star_formation(formed) == pytest.approx(1.0)
    assert 0 < histories.living_mass(basis, formed)[0] < formed.sum()
    assert histories.mean_age(formed) == pytest.approx(0.015)


def test_shapes_of_histories():
    start, tau = np.array([10e9]), np.array([2e9])
    late, early = histories.delayed(start, tau), histories.delayed(start, 0.1 * tau)
    assert late.sum() == pytest.approx(1.0)
    assert early[0, -2:].sum() > 0.99 > late[0, -2:].sum()
    flat = histories.constant(np.array([1e8]), np.array([3.5e8]))[0]
    assert flat[5:7] == pytest.approx([0.4, 0.6])
    falling = histories.declining(3e7, np.array([1e9]), np.array([3e8]))[0]
    rate = falling[YOUNG:9] / np.diff(AGE_EDGES)[YOUNG:9]
    assert (np.diff(rate) > 0).all()  # more, the longer ago


def test_metallicities_share_between_neighbours():
    shares = histories.metal_shares(np.log10(np.array([0.1, 0.4, np.sqrt(2.5), 9.0])))
    assert shares == pytest.approx(
        np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0.5, 0.5], [0, 0, 0, 1]])
    )
