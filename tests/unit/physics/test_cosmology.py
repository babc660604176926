import numpy as np
import pytest
from astropy.cosmology import FlatLambdaCDM

from trifid.physics import cosmology

REDSHIFT = np.array([0.001, 0.02, 0.1, 0.3, 0.8, 2.0, 5.0])


@pytest.fixture(scope="module")
def reference():
    return FlatLambdaCDM(H0=70, Om0=0.3, Tcmb0=0)


def test_distances_are_astropys(reference):
    expected = {
        cosmology.comoving_distance: reference.comoving_distance,
        cosmology.luminosity_distance: reference.luminosity_distance,
        cosmology.angular_distance: reference.angular_diameter_distance,
        cosmology.distance_modulus: reference.distmod,
    }
    for ours, theirs in expected.items():
        assert ours(REDSHIFT) == pytest.approx(theirs(REDSHIFT).value, rel=1e-5)


def test_ages_and_volumes_are_astropys(reference):
    assert cosmology.age(REDSHIFT) == pytest.approx(reference.age(REDSHIFT).value, rel=1e-9)
    volume = reference.differential_comoving_volume(REDSHIFT).value * 4 * np.pi
    assert cosmology.volume_slope(REDSHIFT) == pytest.approx(volume, rel=1e-5)


def test_nothing_is_at_no_distance():
    assert cosmology.comoving_distance(np.zeros(2)).tolist() == [0.0, 0.0]
