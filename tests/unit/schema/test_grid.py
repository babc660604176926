"""The stored wavelength grid."""

import numpy as np

from trifid.schema import grid


def test_the_grid_is_that_of_the_survey():
    wavelengths = grid.wavelengths()
    assert wavelengths.shape == (grid.LENGTH,) == (4700,)
    np.testing.assert_allclose(wavelengths[[0, -1]], [3548.134, 10468.875], atol=1e-3)
    np.testing.assert_allclose(np.diff(np.log10(wavelengths)), 1e-4, atol=1e-12)
    np.testing.assert_allclose(10 ** grid.log10_wavelengths(), wavelengths)


def test_index_of_is_the_inverse():
    for k in (0, 1, 300, 4699):
        assert np.isclose(grid.index_of(grid.log10_wavelengths()[k]), k, atol=1e-8)
    assert grid.index_of(3.0) < 0 and np.isclose(grid.index_of(3.55005), 0.5)
