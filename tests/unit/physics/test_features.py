import numpy as np
import pytest

from trifid.physics import features
from trifid.physics.redshift import TemplateSet
from trifid.schema import grid


def scene():
    rng = np.random.default_rng(0)
    flux = 10.0 + rng.normal(0, 0.5, (5, grid.LENGTH))
    return flux, np.full(flux.shape, 4.0), np.array([0.02, 0.1, 0.2, 0.5, 1.2])


def test_every_column_is_there_and_has_a_unit() -> None:
    flux, ivar, z = scene()
    found = features.measured_features(flux, ivar, z)
    assert list(found) == list(features.UNITS)
    assert {values.shape for values in found.values()} == {(5,)}
    assert np.isnan(found["h_alpha_flux"][4])
    assert np.isfinite(found["h_alpha_flux"][:3]).all()
    assert (found["bpt"] == "BLANK").all()
    assert np.isnan(found["ebv_gas"]).all()
    assert found["d4000n"][0] == pytest.approx((4050 / 3900) ** 2, rel=0.02)  # flat in wavelength
    assert np.isfinite(found["synthetic_gr"]).all()


def test_dust_of_the_milky_way_is_taken_off() -> None:
    flux, ivar, z = scene()
    plain = features.measured_features(flux, ivar, z)
    freed = features.measured_features(flux, ivar, z, ebv_sfd=np.full(5, 0.1))
    shift = plain["synthetic_gr"] - freed["synthetic_gr"]
    assert shift == pytest.approx(0.1 * (3.303 - 2.285), rel=0.1)


def test_templates_that_do_not_reach_leave_the_rest_unmeasured() -> None:
    flux, ivar, z = scene()
    short = TemplateSet("STARLIGHT", np.log10(3500.0), np.ones((1, 1800)), 0.0, 1.0)
    found = features.measured_features(flux, ivar, z, starlight=short)
    assert np.isnan(found["h_alpha_flux"]).all()  # the templates end at 5296 angstrom
    assert np.isfinite(found["h_beta_flux"][:3]).all()


def test_no_spectra_no_rows() -> None:
    empty = np.zeros((0, grid.LENGTH))
    found = features.measured_features(empty, empty, np.zeros(0))
    assert all(len(values) == 0 for values in found.values())
