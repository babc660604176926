"""Model atmospheres."""

import numpy as np
import pytest

from trifid.simulate import atmospheres, stellar_gas, stellar_lines


@pytest.fixture(scope="module")
def vega():
    mix = stellar_gas.mixture(-0.5)
    star = atmospheres.model(9500.0, 3.9, mix, atmospheres.energy_sample())
    return star, atmospheres.spectrum(star, mix)


def test_pressure_holds_the_weight(vega):
    star, _ = vega
    assert star.pressure == pytest.approx(10.0**3.9 * star.column)
    assert np.all(np.diff(star.temperature) >= 0)


def test_light_has_the_balmer_jump_and_lines_of_its_type(vega):
    _, flux = vega
    wavelength = 10.0 ** (stellar_lines.LOG10_START + 1e-4 * np.arange(stellar_lines.LENGTH))
    at = lambda low, high: flux[(wavelength > low) & (wavelength < high)].mean()  # noqa: E731
    assert 2.0 < at(4020, 4060) / at(3600, 3640) < 3.0
    for centre in (4341.7, 4862.7):
        assert at(centre - 2, centre + 2) < 0.5 * at(centre + 80, centre + 100)


def test_light_is_that_of_its_temperature(vega):
    """Vega's flux at 5556 A [erg/s/cm2/A] times (distance / radius)^2: 3.44e-9, 1.62 mas radius."""
    _, flux = vega
    wavelength = 10.0 ** (stellar_lines.LOG10_START + 1e-4 * np.arange(stellar_lines.LENGTH))
    surface = 3.44e-9 * (1.62e-3 / 206264.8) ** -2
    assert np.interp(5556.0, wavelength, flux) == pytest.approx(surface, rel=0.12)


def test_all_energy_leaves():
    sample, mix = atmospheres.energy_sample(), stellar_gas.mixture(0.0)
    star = atmospheres.model(5800.0, 4.4, mix, sample)
    gas, opacity = atmospheres._opacity(star.temperature, star.pressure, mix, sample)
    source = atmospheres.planck(sample.wavelength, gas.temperature)
    _, flux = atmospheres._intensities(opacity, source, star.column)
    total = 4.0 * np.pi * (flux[0] * sample.width).sum()
    assert total == pytest.approx(5.670374e-5 * 5800.0**4, rel=0.03)
