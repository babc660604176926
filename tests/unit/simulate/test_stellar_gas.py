"""The gas in equilibrium."""

import numpy as np
import pytest

from trifid.simulate import stellar_gas


def test_the_sun_has_the_electron_pressure_of_the_textbook():
    gas = stellar_gas.equilibrium(np.array([5800.0]), np.array([1e5]), stellar_gas.mixture(0.0))
    pressure = gas.electrons * stellar_gas.BOLTZMANN * gas.temperature
    assert pressure[0] == pytest.approx(15.0, rel=0.3)  # Gray 2005, table 9.2


def test_charge_is_conserved():
    temperature, pressure = np.array([4000.0, 6000.0, 9000.0, 20000.0]), np.full(4, 1e4)
    gas = stellar_gas.equilibrium(temperature, pressure, stellar_gas.mixture(-1.0))
    positive = gas.protons + gas.helium[1] + 2.0 * gas.helium[2] - gas.hydride
    for (number, charge), people in gas.atoms.items():
        if number > 2 and charge:
            share = people * stellar_gas.partition(number, charge, temperature)
            positive = positive + charge * share
    assert positive == pytest.approx(gas.electrons, rel=1e-3)


def test_molecules_form_in_the_cold():
    temperature = np.array([2800.0, 3500.0, 5000.0])
    gas = stellar_gas.equilibrium(temperature, np.full(3, 1e5), stellar_gas.mixture(0.0))
    assert np.all(np.diff(gas.dissociated) > 0)
    for name in ("TiO", "CaH", "VO"):
        assert np.all(np.diff(gas.molecules[name]) < 0)


def test_metals_scale_with_metallicity():
    rich, poor = stellar_gas.mixture(0.0), stellar_gas.mixture(-2.0)
    iron = stellar_gas.NUMBERS.index(26)
    assert poor.abundance[iron] == pytest.approx(0.01 * rich.abundance[iron])
    assert poor.abundance[1] == rich.abundance[1]
