import numpy as np
import pytest

from trifid.simulate import stellar


def test_break_grows_with_age() -> None:
    blue, red = stellar.band_sums()
    breaks = red / blue
    assert (np.diff(breaks) > 0).all()
    assert breaks[0] < 1.1
    assert breaks[-1] > 2.0


def test_light_fractions_give_the_break() -> None:
    wanted = np.array([1.2, 1.5, 1.8])
    fractions = stellar.light_fractions(wanted, np.full(3, 0.5), np.full(3, 0.5))
    blue, red = stellar.band_sums()
    assert (fractions @ red) / (fractions @ blue) == pytest.approx(wanted)
    assert fractions.sum(axis=1) == pytest.approx(np.ones(3))


def test_light_fractions_stay_within_the_components() -> None:
    fractions = stellar.light_fractions(np.array([0.5, 5.0]), np.full(2, 0.5), np.full(2, 0.5))
    assert fractions[0, 2:].sum() == 0.0
    assert fractions[1, :2].sum() == 0.0


def test_lines_lie_in_vacuum() -> None:
    x = np.linspace(5000.0, 7000.0, 40001)
    old = stellar.curves(x)[3]
    near = np.abs(x - 5895.6) < 10.0
    assert x[near][old[near].argmin()] == pytest.approx(5895.6, abs=0.5)


def test_components_are_the_curves_of_the_grid() -> None:
    x = stellar.rest_wavelengths()
    assert (stellar.components() == stellar.curves(x)).all()
    assert stellar.components()[:, np.searchsorted(x, 5500.0)] == pytest.approx(np.ones(4))
