"""Opacity of hydrogen, helium and electrons."""

import numpy as np
import pytest

from trifid.simulate import stellar_gas, stellar_opacity


def gas(temperature, pressure, **mix):
    return stellar_gas.equilibrium(
        np.array([float(temperature)]), np.array([float(pressure)]), stellar_gas.mixture(0.0, **mix)
    )


def test_the_negative_hydrogen_ion_absorbs_most_near_8500_angstrom():
    sun, wavelength = gas(6000, 1e5), np.linspace(4000, 16000, 400)
    absorption = stellar_opacity._hydride(sun, wavelength)[0]
    assert 8000 < wavelength[np.argmax(absorption)] < 9200
    cross = stellar_opacity._hydride(sun, np.array([8500.0]))[0, 0] / sun.hydride[0]
    assert cross == pytest.approx(4e-17, rel=0.15)  # John 1988, figure 1, with stimulation


def test_the_balmer_jump_is_large_in_a_stars_and_smooth():
    absorption, _ = stellar_opacity.smooth_opacity(gas(9500, 1e3), np.arange(3500.0, 4200.0, 0.5))
    assert absorption[0, 100] > 5 * absorption[0, -250]  # 3550 against 4075 angstrom
    steps = np.abs(np.diff(np.log(absorption[0, 260:340])))  # 3630-3670: lines merge
    assert steps.max() < 0.2


def test_stark_wings_grow_with_pressure():
    wavelength = np.array([4300.0, 4320.0, 4341.7])
    ratios = []
    for pressure in (1e2, 1e4):
        absorption = stellar_opacity.smooth_opacity(gas(10000, pressure), wavelength)[0][0]
        ratios.append(absorption[1] / absorption[2])
    assert ratios[1] > 3 * ratios[0]


def test_high_levels_dissolve_at_high_density():
    thin, thick = (stellar_opacity._occupation(gas(12000, p))[0, :, 0] for p in (1e2, 1e6))
    assert thin[10] > 0.9
    assert thick[10] < 0.1
    assert np.all(np.diff(thick[3:]) <= 1e-12)


def test_helium_lines_show_in_a_helium_atmosphere():
    wavelength = np.array([4472.76, 4560.0])
    absorption, _ = stellar_opacity.smooth_opacity(gas(16000, 1e5, helium=1e6), wavelength)
    assert absorption[0, 0] > 5 * absorption[0, 1]


def test_scattering_falls_with_wavelength():
    _, scattering = stellar_opacity.smooth_opacity(gas(4000, 1e5), np.array([4000.0, 8000.0]))
    assert scattering[0, 0] > 8 * scattering[0, 1]
