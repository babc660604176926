"""HEALPix numbers against astropy_healpix."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy_healpix import HEALPix

from trifid.physics.healpix import nested_pixels, pixels_near


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


def places():
    """Positions all over the sky, at both poles, at RA 0, where the caps begin and faces meet."""
    generator = np.random.default_rng(11)
    ra = generator.uniform(0, 360, 600)
    dec = np.degrees(np.arcsin(generator.uniform(-1, 1, 600)))
    near = generator.normal(0, 1, 600) / 100
    dec[:100] = 90 - np.abs(near[:100])
    dec[100:200] = np.abs(near[100:200]) - 90
    ra[200:300] = near[200:300] % 360
    dec[300:400] = np.degrees(np.arcsin(2 / 3)) * np.sign(near[300:400]) + near[300:400]
    ra[350:450] = np.round(ra[350:450] / 90) * 90 % 360
    dec[:2], ra[:2], dec[100], ra[200] = 90.0, (0.0, 77.0), -90.0, 0.0
    return ra, dec


def moved(ra, dec, angle, apart):
    """Positions [deg] at an angle [deg] and a separation [deg] from others, by astropy."""
    there = SkyCoord(ra, dec, unit="deg").directional_offset_by(angle * u.deg, apart * u.deg)
    return there.ra.deg, there.dec.deg


@pytest.mark.parametrize("radius", [0.5, 2.0, 60.0])
def test_no_pixel_near_a_position_is_missed(radius):
    ra, dec = places()
    generator = np.random.default_rng(3)
    turn = generator.uniform(0, 360, (400, 1))
    apart = radius / 3600 * np.sqrt(generator.uniform(0, 1, (400, 1)))
    disc = nested_pixels(*moved(ra, dec, turn, apart), 9)
    for place in range(ra.size):
        one = slice(place, place + 1)
        found = pixels_near(ra[one], dec[one], radius, 9)
        assert set(disc[:, place]) <= set(found.tolist()) and found.size <= 8
        assert (np.diff(found) > 0).all()
    together = pixels_near(ra, dec, radius, 9)
    assert set(disc.ravel()) <= set(together.tolist()) and together.size < 3 * ra.size


@pytest.mark.parametrize(("order", "radius"), [(9, 60.0), (9, 2.0), (4, 60.0), (0, 60.0)])
def test_a_pixel_whose_corner_alone_is_near_is_found(order, radius):
    """Positions just within the radius of corners: each pixel at a corner is near."""
    generator = np.random.default_rng(order)
    ra, dec = places()
    numbers = np.unique(nested_pixels(ra, dec, order))
    lon, lat = HEALPix(nside=2**order, order="nested").boundaries_lonlat(numbers, step=1)
    corner = np.repeat(lon.deg.ravel(), 10), np.repeat(lat.deg.ravel(), 10)
    turn = generator.uniform(0, 360, corner[0].size)
    at = moved(*corner, turn, 0.999 * radius / 3600)
    around = np.arange(0, 360, 10)[:, None]
    touching = nested_pixels(*moved(*corner, around, 0.0005 * radius / 3600), order)
    missed = 0
    for place in range(0, turn.size, 11):
        one = slice(place, place + 1)
        found = pixels_near(at[0][one], at[1][one], radius, order)
        missed += not set(touching[:, place]) <= set(found.tolist())
    assert missed == 0 and np.unique(touching[:, 0]).size > 2


def test_a_radius_that_is_large_beside_a_pixel_is_refused():
    with pytest.raises(ValueError, match="a pixel of order 10 is 206 arcsec"):
        pixels_near(np.zeros(1), np.zeros(1), 60.0, 10)
    assert pixels_near(np.zeros(0), np.zeros(0), 60.0, 9).tolist() == []
