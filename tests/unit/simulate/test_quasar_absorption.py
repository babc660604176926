import numpy as np
import pytest

from trifid.physics import lines
from trifid.schema import grid
from trifid.simulate import quasar_absorption


def test_the_forest_takes_what_is_published() -> None:
    log10 = grid.log10_wavelengths()
    z = np.full(60, 2.8)
    seen = quasar_absorption.forest(log10, z, np.arange(60))
    rest = 10.0**log10 / 3.8
    window = (rest > 1050) & (rest < 1180)
    gas = 10.0 ** log10[window] / lines.LYMAN_ALPHA - 1.0
    expected = np.exp(-quasar_absorption.effective_depth(gas)).mean()
    assert seen[:, window].mean() == pytest.approx(expected, abs=0.02)
    assert (seen[:, rest > 1.001 * lines.LYMAN_ALPHA] == 1.0).all()
    assert 0.1 < seen[:, window].std() < 0.4
    assert (quasar_absorption.forest(log10, np.full(2, 0.5), np.arange(2)) == 1.0).all()


def test_a_damped_cloud_is_black_and_wide() -> None:
    rest = np.linspace(1150, 1280, 2601)
    seen = quasar_absorption.hydrogen(rest, 2e20)
    width = np.trapezoid(1.0 - seen, rest)
    assert seen[np.argmin(np.abs(rest - lines.LYMAN_ALPHA))] < 1e-6
    assert width == pytest.approx(7.3 * np.sqrt(2.0), rel=0.05)  # Wolfe+ 1986: 7.3 A at 1e20
    assert quasar_absorption.hydrogen(np.array([905.0]), 10**17.2)[0] == pytest.approx(
        np.exp(-1.0), abs=0.03
    )


def test_broad_absorption_lies_blueward_of_the_line() -> None:
    wavelength = grid.wavelengths()
    seen = quasar_absorption.wind(
        wavelength, np.full(3, 2.5), np.array([0.0, 0.8, -0.8]), np.array([1, 2, 2])
    )
    rest = wavelength / 3.5
    assert (seen[0] == 1.0).all()
    assert (seen[1, (rest > 1560) & (rest < 2700)] == 1.0).all()
    assert seen[1, (rest > 1400) & (rest < 1545)].min() < 0.5
    assert seen[2, (rest > 2550) & (rest < 2795)].min() < 0.8  # low ionisation: Mg II too


def test_metal_lines_are_narrow_and_rare() -> None:
    seen = quasar_absorption.metals(grid.wavelengths(), np.full(40, 2.0), np.arange(40))
    assert ((seen > 0) & (seen <= 1)).all()
    assert 0.001 < (seen < 0.9).mean() < 0.02
    assert (quasar_absorption.metals(grid.wavelengths(), np.full(5, 0.2), np.arange(5)) == 1).all()


def test_dust_reddens() -> None:
    curve = quasar_absorption.small_cloud_dust(np.array([1500.0, 5500.0]))
    assert curve[0] / curve[1] == pytest.approx((5500 / 1500) ** 1.2)
    assert curve[1] == pytest.approx(2.85, abs=0.05)
