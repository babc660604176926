import numpy as np
import pytest

from trifid.schema import grid
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


def test_redshift_moves_an_absorption_line() -> None:
    redshift = np.array([0.0, 0.123])
    seen = stellar.observed_components(redshift, np.full(2, 1.5), 1150, 5900)
    x = 10.0 ** (stellar.LOG10_START + grid.LOG10_STEP * (1150 + np.arange(5900)))
    for row, z in enumerate(redshift):
        near = np.abs(x / (1 + z) - 5895.6) < 10.0  # Na D of the old metal-rich component
        centre = x[near][seen[row, 3][near].argmin()]
        assert centre == pytest.approx(5895.6 * (1 + z), abs=1.5)


def test_broadening_keeps_the_light() -> None:
    narrow, wide = (
        stellar.observed_components(np.array([0.05]), np.array([s]), 2000, 3500)[0] for s in (1, 4)
    )
    assert wide.sum(axis=1) == pytest.approx(narrow.sum(axis=1), rel=1e-3)
    assert np.ptp(np.diff(wide[3])) < np.ptp(np.diff(narrow[3]))
