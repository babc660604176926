"""Cutouts on another grid: values, places, and files that others read."""

import io

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

from trifid.simulate import sky_cutouts

RAMP = np.add.outer(10.0 * np.arange(9), np.arange(11)).astype("f4")  # 10 y + x


def test_the_same_grid_gives_the_same_image():
    np.testing.assert_array_equal(sky_cutouts.resampled(RAMP, (0, 0), RAMP.shape, 1.0), RAMP)


def test_a_plane_is_interpolated_exactly():
    found = sky_cutouts.resampled(RAMP, (1.0, -0.5), (3, 5), 0.5)
    x = 5 + 1.0 + 0.5 * (np.arange(5) - 2)
    y = 4 - 0.5 + 0.5 * (np.arange(3) - 1)
    np.testing.assert_allclose(found, np.add.outer(10 * y, x), rtol=1e-6)


def test_beyond_the_image_there_is_nothing():
    found = sky_cutouts.resampled(RAMP, (0, 0), (13, 13), 1.0)
    assert np.isnan(found[:2]).all() and np.isfinite(found[2:-2, 1:-1]).all()
    picture = Image.open(io.BytesIO(sky_cutouts.jpeg(np.stack([found[:2]] * 3))))
    assert picture.size == (13, 2) and picture.getextrema() == ((0, 0),) * 3


def test_a_fits_image_knows_its_place():
    data = sky_cutouts.fits_image(np.zeros((8, 8), "f4"), 150.0, 20.0, 0.396)
    assert data == sky_cutouts.fits_image(np.zeros((8, 8), "f4"), 150.0, 20.0, 0.396)
    with fits.open(io.BytesIO(data)) as held:
        wcs = WCS(held[0].header)
    assert wcs.pixel_to_world_values(3.5, 3.5) == pytest.approx((150.0, 20.0))
    east, north = wcs.pixel_to_world_values(2.5, 4.5)
    assert east > 150.0 and (north - 20.0) * 3600 == pytest.approx(0.396, rel=1e-4)
