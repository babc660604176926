"""Stars as the instruments see them."""

from dataclasses import replace

import numpy as np
import pytest

from trifid.physics import photometry
from trifid.schema import grid
from trifid.simulate import spectrograph, starlight
from trifid.simulate.stars import draw_stars


@pytest.fixture(scope="module")
def stars():
    return draw_stars(np.random.default_rng(1), 60, "boss")


def test_light_has_the_shape_the_instruments_expect(stars):
    light = stars.shine(spectrograph.line_spread)
    assert light.continuum.shape == light.emission.shape == (60, grid.LENGTH)
    assert light.bands.shape == light.bulge_bands.shape == (60, 5)
    assert np.all(light.bands > 0)
    assert not light.emission.any()
    assert not light.bulge_bands.any()
    assert light.continuum.min() > -0.02 * light.continuum.max()


def test_bands_and_spectrum_are_the_same_light(stars):
    light = stars.shine(lambda wavelength: np.full(wavelength.shape, 1.0))
    inside = slice(0, grid.LENGTH)
    weights = photometry.band_weights(grid.wavelengths())[1:4]  # g, r, i lie on the store's grid
    assert light.bands[:, 1:4] == pytest.approx(light.continuum[:, inside] @ weights.T, rel=2e-3)


def test_velocity_moves_lines(stars):
    one = stars.take(np.flatnonzero(stars.family == "hot")[:1])
    still = replace(one, redshift=np.zeros(1), galactic_ebv=np.zeros(1))
    moved = replace(still, redshift=10.0 ** (np.full(1, 7.0) * grid.LOG10_STEP) - 1.0)
    spread = lambda wavelength: np.full(wavelength.shape, 1.0)  # noqa: E731
    before, after = still.shine(spread).continuum[0], moved.shine(spread).continuum[0]
    assert after[207:4000] == pytest.approx(before[200:3993], rel=1e-4)


def test_rotation_makes_lines_shallow(stars):
    one = stars.take(np.flatnonzero(stars.family == "solar")[:1])
    slow, fast = (
        replace(one, rotation=np.full(1, v)).shine(spectrograph.line_spread).continuum[0]
        for v in (1.0, 250.0)
    )
    assert np.abs(np.diff(fast)).sum() < 0.8 * np.abs(np.diff(slow)).sum()


def test_the_line_spread_varies_along_the_spectrum():
    sigma = spectrograph.line_spread(starlight.wavelengths())
    star = draw_stars(np.random.default_rng(3), 4, "legacy")
    varied = starlight._broadened(star, sigma)
    for middle in (2000, 4500):
        constant = starlight._broadened(star, np.full(sigma.size, sigma[middle]))
        scale = constant[:, middle - 3 : middle + 4]
        assert varied[:, middle - 3 : middle + 4] == pytest.approx(scale, rel=0.03)


def test_stars_are_points_with_truth(stars):
    shape = stars.shape()
    assert np.all(shape.point == 1.0)
    truth = stars.truth()
    assert set(truth) == {"truth_star_type", "truth_teff", "truth_logg", "truth_feh"}
    assert stars.kind == "star"
    assert len(stars.take(np.array([5, 2]))) == 2
    assert stars.take(np.array([5, 2])).teff[1] == stars.teff[2]
