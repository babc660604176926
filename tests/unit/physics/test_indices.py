import numpy as np
import pytest

from trifid.physics import extinction, indices, photometry
from trifid.schema import grid

X = grid.wavelengths()


def test_break_of_a_step() -> None:
    z = np.array([0.0, 0.1, 0.3])
    rest = X / (1.0 + z[:, None])
    per_frequency = np.where(rest > 3975.0, 1.7, 1.0)
    value, error = indices.d4000n(per_frequency / X**2 * 1e7, np.full(rest.shape, 100.0), z)
    assert value == pytest.approx(1.7, abs=0.01)
    assert (error > 0).all()


def test_a_break_outside_the_data_is_missing() -> None:
    ivar = np.where(X > 4300.0, 1.0, 0.0)[None]
    value, _ = indices.d4000n(np.ones((1, grid.LENGTH)), ivar, np.array([0.05]))
    assert np.isnan(value).all()


def test_index_of_a_gaussian_line_is_its_equivalent_width() -> None:
    z = np.array([0.0, 0.12])
    rest = X / (1.0 + z[:, None])
    depth = 0.3 * np.exp(-0.5 * ((rest - 4102.89) / 5.0) ** 2)
    flux = (1.0 - depth) * (3.0 + rest / 4000.0)
    width, error = indices.equivalent_width(flux, np.full(rest.shape, 400.0), z, indices.H_DELTA_A)
    assert width == pytest.approx(0.3 * 5.0 * np.sqrt(2 * np.pi), rel=0.02)
    emitting, _ = indices.equivalent_width(
        2.0 - flux / 4.0, np.full(rest.shape, 400.0), z, indices.H_DELTA_A
    )
    assert (emitting < 0).all()  # the Lick sign: absorption is positive
    rng = np.random.default_rng(0)
    many = [indices.equivalent_width(flux + rng.normal(0, 0.05, flux.shape), np.full(
        flux.shape, 400.0), z, indices.H_DELTA_A)[0] for _ in range(60)]  # fmt: skip
    assert np.std(many, axis=0) == pytest.approx(error, rel=0.35)


@pytest.mark.parametrize(("a", "b", "c"), [(0.6, 8.5, 1.0), (0.75, 12.0, 1.4), (0.5, 6.0, 1.2)])
def test_sersic_profiles_come_back(a: float, b: float, c: float) -> None:
    z = np.array([-0.0005, 0.0008])
    rest = X / (1.0 + z[:, None])
    line = 1.0 - a * np.exp(-((np.abs(rest - 4341.68) / b) ** c))
    found = indices.balmer_profile((20.0 - rest / 1000.0) * line, np.ones(rest.shape), z)
    assert found.a == pytest.approx(a, rel=0.06)
    assert found.b == pytest.approx(b, rel=0.12)
    assert found.c == pytest.approx(c, abs=0.12)
    assert found.d02 == pytest.approx(2.0 * b * np.log(a / 0.2) ** (1.0 / c), rel=0.05)
    assert found.fm == pytest.approx(1.0 - found.a)


def test_a_balmer_line_beyond_the_data_is_missing() -> None:
    found = indices.balmer_profile(np.ones((1, grid.LENGTH)), np.zeros((1, grid.LENGTH)),
                                   np.zeros(1))  # fmt: skip
    assert np.isnan(found.a).all()


def test_synthetic_fluxes_of_a_flat_source() -> None:
    """3631 Jy is magnitude 0 in every band the spectrum covers; the others are missing."""
    flux = 3.631e-20 * photometry.SPEED_OF_LIGHT / X**2 / 1e-17 * 1e-9
    bands, errors = indices.synthetic_fluxes(flux[None], np.full((1, grid.LENGTH), 4.0))
    assert bands[0, 1:4] == pytest.approx(1.0, abs=1e-3)
    assert np.isnan(bands[0, 0])
    assert (errors[0, 1:4] > 0).all()
    holed = np.where(np.abs(X - 6200.0) < 100.0, 0.0, 4.0)[None]
    assert np.isnan(indices.synthetic_fluxes(flux[None], holed)[0][0, 2])


def test_dereddening_undoes_the_survey_extinction() -> None:
    ebv = np.array([0.0, 0.2])
    flux = np.ones((2, grid.LENGTH))
    freed, ivar = indices.deredden(flux, flux, ebv)
    assert (freed[0] == 1.0).all()
    assert (freed * np.sqrt(ivar)) == pytest.approx(1.0)
    r = np.argmin(np.abs(X - 6166.0))
    wanted = ebv[1] * extinction.SF11_COEFFICIENTS[2]
    assert 2.5 * np.log10(freed[1, r]) == pytest.approx(wanted, rel=0.05)
    magnitudes = indices.deredden_magnitudes(np.full((2, 5), 18.0), ebv, 12)
    assert magnitudes[1, 2] == pytest.approx(18.0 - 0.2 * 2.751)
