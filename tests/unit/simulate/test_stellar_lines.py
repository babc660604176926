"""The list of lines and its sums."""

import numpy as np

from trifid.physics import lines
from trifid.simulate import stellar_gas, stellar_lines


def test_the_strong_lines_lie_where_they_should():
    table, wavelength = stellar_lines.line_table(), stellar_lines.bin_wavelengths()
    for species, energy, name in (((20, 1), 0.0, "ca_k"), ((20, 1), 0.0, "ca_h")):
        row = next(
            r
            for r, s in enumerate(table.species)
            if s == species and table.energy[r] < energy + 0.2
        )
        place = lines.ABSORPTION[name].wavelength
        near = np.abs(wavelength - place) < 1.0
        assert table.strength[row, near].max() > 0.2


def test_bins_cover_the_pixels():
    wavelength = stellar_lines.bin_wavelengths()
    assert wavelength.size == stellar_lines.LENGTH * stellar_lines.BINS
    middle = np.log10(wavelength[: stellar_lines.BINS]).mean()
    assert abs(middle - stellar_lines.LOG10_START) < 1e-9


def test_opacity_follows_temperature_and_metals():
    table = stellar_lines.line_table()
    bins = np.arange(0, stellar_lines.LENGTH * stellar_lines.BINS, 400)
    wavelength, part = stellar_lines.bin_wavelengths()[bins], table.take(bins)
    values = []
    for metallicity in (0.0, -2.0):
        gas = stellar_gas.equilibrium(
            np.array([5000.0, 9000.0]), np.full(2, 1e5), stellar_gas.mixture(metallicity)
        )
        values.append(stellar_lines.line_opacity(gas, part, wavelength).sum(axis=1))
    assert values[0][0] > 1.5 * values[0][1]
    assert values[0][0] > 10 * values[1][0]


def test_wings_of_calcium_reach_far():
    gas = stellar_gas.equilibrium(np.array([5000.0]), np.array([1e5]), stellar_gas.mixture(0.0))
    wavelength = np.array([3934.8, 3937.8, 3940.8])
    wings = stellar_lines.wing_opacity(gas, stellar_lines.line_table(), wavelength)[0]
    assert wings[0] > wings[1] > wings[2] > 0


def test_the_list_has_a_hash():
    assert len(stellar_lines.list_sha256()) == 64
