import dataclasses

import numpy as np
import pytest

from trifid.physics import bpt, cosmology
from trifid.schema import grid
from trifid.simulate import gas
from trifid.simulate.galaxies import log10_mass
from trifid.simulate.galaxy_draw import draw_at, draw_galaxies
from trifid.simulate.spectrograph import line_spread

X = grid.wavelengths()


@pytest.fixture(scope="module")
def galaxies():
    return draw_galaxies(np.random.default_rng(11), 60)


@pytest.fixture(scope="module")
def seen(galaxies):
    return galaxies.shine(line_spread)


def test_emission_has_the_equivalent_width(galaxies, seen):
    width = X * np.log(10) * grid.LOG10_STEP
    inside = [gas.NAMES.index(name) for name in ("nii_6548", "nii_6584")]
    for row in range(20):
        alpha = 6564.61 * (1 + galaxies.redshift[row])
        near = np.abs(X - alpha)
        flux = (seen.emission[row] * width)[near < 40.0].sum()
        nitrogen = galaxies.ratios[row, inside].sum()
        level = seen.continuum[row][(near > 62) & (near < 90)].mean()
        ew = flux / (1.0 + nitrogen) / level / (1 + galaxies.redshift[row])
        assert ew == pytest.approx(galaxies.ew[row], rel=0.06, abs=0.02)


def test_one_object_makes_bands_and_spectrum(seen):
    spectrum = seen.continuum + seen.emission
    blue = spectrum[:, np.abs(X - 4686) < 650].mean(axis=1)
    red = spectrum[:, np.abs(X - 6166) < 650].mean(axis=1)
    color = -2.5 * np.log10(seen.bands[:, 1] / seen.bands[:, 2])
    assert np.corrcoef(color, -2.5 * np.log10(blue / red))[0, 1] > 0.99
    assert (seen.bulge_bands < seen.bands).all()
    assert (seen.bulge_bands >= 0).all()


def test_light_has_the_magnitude(galaxies):
    classes, count = galaxies.truth_class, len(galaxies)
    bright = draw_at(
        np.random.default_rng(1), np.full(count, 0.1), np.linspace(15, 20, count), classes
    )
    r = 22.5 - 2.5 * np.log10(bright.shine(line_spread).bands[:, 2])
    assert r == pytest.approx(bright.magnitude)
    assert (bright.magnitude > np.linspace(15, 20, count)).all()  # the Milky Way dims


def test_dust_reddens(galaxies):
    dusty = dataclasses.replace(galaxies, galactic_ebv=galaxies.galactic_ebv + 0.3)
    colors = [-2.5 * np.log10(item.shine(line_spread).bands) for item in (dusty, galaxies)]
    redder = np.diff(colors[1] - colors[0], axis=1).mean(axis=0) / 0.3
    assert redder == pytest.approx([0.936, 1.018, 0.587, 0.435], rel=0.2)


def test_old_galaxies_are_redder():
    many = draw_galaxies(np.random.default_rng(2), 200)
    bands = many.shine(line_spread).bands
    color = -2.5 * np.log10(bands[:, 0] / bands[:, 2])
    quiescent = many.truth_class == bpt.BLANK
    assert color[quiescent].mean() > color[~quiescent].mean() + 0.4


def test_mass_follows_from_magnitude(galaxies):
    count = len(galaxies)
    near = dataclasses.replace(galaxies, magnitude=np.full(count, 17.0))
    far = dataclasses.replace(near, magnitude=np.full(count, 14.5))
    assert log10_mass(far) - log10_mass(near) == pytest.approx(np.ones(count))
    assert np.isnan(log10_mass(galaxies)).all()


def test_mass_is_that_of_the_light():
    """The flux of the whole spectrum over that of a solar mass, from the grids themselves."""
    drawn = draw_at(
        np.random.default_rng(4), np.array([0.12]), np.array([17.0]), np.array([bpt.BLANK])
    )
    plain = dataclasses.replace(
        drawn, galactic_ebv=np.zeros(1), gas_ebv=np.zeros(1), ew=np.zeros(1),
        magnitude=np.array([17.0]),
    )  # fmt: skip
    per_mass = np.einsum("paz,azl->l", plain.formed[0], plain.populations.flux)
    x = 10.0 ** (3.2 + 1e-4 * np.arange(per_mass.size)) * 1.12
    area = 4 * np.pi * (cosmology.luminosity_distance(plain.redshift)[0] * 3.0856776e24) ** 2
    flux = per_mass * 3.826e33 / area / 1.12  # [erg/s/cm2/A]
    band = np.abs(x - 6166) < 691
    per_frequency = (flux * x)[band].sum() / (2.99792458e18 / x)[band].sum()
    magnitude = -2.5 * np.log10(per_frequency) - 48.60
    expected = 0.4 * (magnitude - 17.0)
    living = np.einsum("paz,az->", plain.formed[0], plain.populations.living)
    assert log10_mass(plain)[0] - np.log10(living) == pytest.approx(expected, abs=0.03)


def test_truth_names_say_so(galaxies):
    truth = galaxies.truth()
    assert all(name.startswith("truth_") for name in truth)
    assert all(values.shape == (60,) for values in truth.values())
    assert set(truth["truth_whan"]) <= {
        "star forming", "strong agn", "weak agn", "retired", "passive",
    }  # fmt: skip


def test_take_keeps_the_order(galaxies, seen):
    rows = np.array([5, 2, 2])
    taken = galaxies.take(rows)
    assert taken.ew.tolist() == galaxies.ew[rows].tolist()
    assert len(taken) == 3
    assert taken.shine(line_spread).continuum == pytest.approx(seen.continuum[rows])


def test_shape_has_no_point(galaxies):
    assert galaxies.shape().point.tolist() == [[0.0] * 5] * 60
    assert galaxies.kind == "galaxy"
