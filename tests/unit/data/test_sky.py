"""Cells of equal area, against astropy-healpix."""

import numpy as np
import pytest

from trifid.data.sky import healpix_ring
from trifid.errors import InputError


@pytest.mark.parametrize("nside", [1, 8, 64])
def test_cells_are_those_of_astropy_healpix(nside):
    healpy = pytest.importorskip("astropy_healpix.healpy")
    generator = np.random.default_rng(nside)
    ra = generator.uniform(0, 360, 20_000)
    dec = np.rad2deg(np.arcsin(generator.uniform(-1, 1, 20_000)))
    expected = healpy.ang2pix(nside, ra, dec, lonlat=True)
    np.testing.assert_array_equal(healpix_ring(ra, dec, nside), expected)


def test_poles_turns_and_equal_areas():
    poles = healpix_ring(np.array([10.0, 10.0]), np.array([90.0, -90.0]), 8)
    assert poles[0] < 4 and poles[1] >= 764
    ra, dec = np.array([359.9, -0.1, 719.9]), np.array([5.0, 5.0, 5.0])
    assert len(set(healpix_ring(ra, dec, 8).tolist())) == 1


@pytest.mark.parametrize(("ra", "dec"), [(np.nan, 0.0), (np.inf, 0.0), (0.0, 90.1), (0.0, np.nan)])
def test_positions_off_the_sky_are_refused(ra, dec):
    with pytest.raises(InputError, match="not finite or its declination"):
        healpix_ring(np.array([ra]), np.array([dec]), 8)
