"""HEALPix numbers against astropy_healpix."""

import numpy as np
import pytest
from astropy import units as u
from astropy_healpix import HEALPix

from trifid.exchange.healpix import nested_pixels


@pytest.mark.parametrize("order", [0, 1, 4, 10, 29])
def test_equal_to_astropy_healpix(order):
    generator = np.random.default_rng(order)
    ra = generator.uniform(0, 360, 20_000)
    dec = np.degrees(np.arcsin(generator.uniform(-1, 1, 20_000)))
    dec[:2000] = 90 - generator.uniform(0, 1e-3, 2000)
    dec[2000:4000] = generator.uniform(0, 1e-3, 2000) - 90
    reference = HEALPix(nside=2**order, order="nested")
    expected = reference.lonlat_to_healpix(ra * u.deg, dec * u.deg)
    got = nested_pixels(ra, dec, order)
    assert got.dtype == np.int64
    if order < 29:
        np.testing.assert_array_equal(got, expected)
    else:  # pixels of 0.4 mas: the last bits are rounding
        assert (got == expected).mean() > 0.999
        np.testing.assert_array_equal(got >> 8, expected >> 8)


def test_edges_of_the_sky_are_pixels_of_the_sky():
    ra = np.array([0.0, 360.0, -1e-18, 359.9999999999999, 90.0, 180.0, 45.0, 0.0, 123.0, 400.0])
    dec = np.array([0.0, 0.0, 0.0, 41.8103, -41.8103, 90.0, -90.0, 90.0, 41.81031489577862, -3.0])
    for order in (0, 3, 29):
        got = nested_pixels(ra, dec, order)
        assert ((got >= 0) & (got < 12 * 4**order)).all()
        assert got[0] == got[1]


def test_a_pixel_holds_the_four_of_the_next_order():
    generator = np.random.default_rng(7)
    ra, dec = generator.uniform(0, 360, 1000), generator.uniform(-90, 90, 1000)
    for order in range(0, 28, 3):
        finer = nested_pixels(ra, dec, order + 1) >> 2
        np.testing.assert_array_equal(nested_pixels(ra, dec, order), finer)
