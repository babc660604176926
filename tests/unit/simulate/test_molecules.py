"""Bands of CaH and VO; water."""

import numpy as np

from trifid.simulate import molecules, stellar_lines


def test_bands_lie_where_spectra_of_m_dwarfs_show_them():
    wavelength = stellar_lines.bin_wavelengths()
    total = {"CaH": np.zeros(wavelength.size), "VO": np.zeros(wavelength.size)}
    for name, energy, row in molecules.bands(wavelength):
        assert energy > 0
        assert np.all(row >= 0)
        total[name] += row
    for name, low, high in (("CaH", 6750, 7050), ("CaH", 6300, 6450), ("VO", 7850, 8000)):
        inside = (wavelength > low) & (wavelength < high)
        assert total[name][inside].sum() > 0.1 * total[name].sum()


def test_water_absorbs_in_the_infrared_only():
    cross = molecules.water(np.array([6000.0, 14200.0, 16500.0, 27500.0]))
    assert cross[0] < 1e-30
    assert cross[3] > cross[1] > cross[2]
