import numpy as np
import pytest

from trifid.errors import InputError
from trifid.physics.star_fit import fit_stars, model_grid
from trifid.schema import grid

_X = grid.log10_wavelengths()
_AXES = (np.linspace(3.8, 4.1, 9), np.linspace(2.5, 4.5, 9), np.linspace(-2.0, 0.0, 5))


def _spectra(values: np.ndarray) -> np.ndarray:
    """A continuum whose slope, and two lines whose width and depth tell the parameters (B, L)."""
    temperature, gravity, metals = (column[:, None] for column in values.T)
    continuum = 1.0 + 0.5 * (temperature - 4.0) * np.sin(60.0 * (_X - 3.7))
    wide = 0.5 * np.exp(-0.5 * ((_X - 3.63) / (2e-4 * gravity**2)) ** 2)
    deep = 0.1 * (metals + 2.5) * np.exp(-0.5 * ((_X - 3.76) / 1e-3) ** 2)
    return continuum * (1.0 - wide) * (1.0 - deep)


@pytest.fixture(scope="module")
def models():
    nodes = np.stack(np.meshgrid(*_AXES, indexing="ij"), axis=-1)
    spectra = _spectra(nodes.reshape(-1, 3)).reshape(*nodes.shape[:3], grid.LENGTH)
    return model_grid(_AXES, spectra)


@pytest.fixture(scope="module")
def truth():
    rng = np.random.default_rng(0)
    low, high = np.array([[axis[1], axis[-2]] for axis in _AXES]).T
    return rng.uniform(low, high, (60, 3))


def _fit(truth, models, snr: float, redshift: float = 0.0, change=1.0):
    rng = np.random.default_rng(1)
    clean = np.roll(_spectra(truth), round(np.log10(1.0 + redshift) / 1e-4), axis=1) * change
    ivar = np.full(clean.shape, snr**2)
    ivar[:, :60] = 0.0
    ivar[:, -60:] = 0.0
    ivar[:, 2000:2040] = 0.0
    flux = clean + rng.normal(size=clean.shape) / snr
    flux[ivar == 0.0] = np.nan
    return fit_stars(7.0 * flux, ivar / 49.0, np.full(len(truth), redshift), models)


def test_parameters_and_errors_of_noisy_spectra(truth, models) -> None:
    fit = _fit(truth, models, 15.0)
    pull = (fit.values - truth) / fit.errors
    assert np.isfinite(fit.errors).all(axis=1).mean() > 0.8
    assert np.nanmedian(np.abs(pull), axis=0) == pytest.approx(0.674, rel=0.5)
    assert np.median(fit.reduced_chi2) == pytest.approx(1.0, abs=0.15)
    noisier = _fit(truth, models, 5.0)
    spread = [np.abs(one.values - truth).mean(axis=0) for one in (fit, noisier)]
    assert (spread[0] < 0.7 * spread[1]).all()


def test_velocity_and_flux_calibration_do_not_matter(truth, models) -> None:
    smooth = 1.0 + 0.3 * np.linspace(-1, 1, grid.LENGTH) ** 2
    plain = _fit(truth, models, 30.0).values
    moved = _fit(truth, models, 30.0, redshift=0.001, change=smooth).values
    assert np.abs(moved - plain).mean(axis=0) == pytest.approx([0.0, 0.0, 0.0], abs=0.08)


def test_without_data_there_are_no_parameters(truth, models) -> None:
    nothing = np.zeros((2, grid.LENGTH))
    fit = fit_stars(nothing, nothing, np.zeros(2), models)
    assert np.isnan(fit.values).all() and np.isnan(fit.reduced_chi2).all()


def test_models_must_fit_their_axes(models) -> None:
    with pytest.raises(InputError, match="nodes"):
        model_grid(_AXES, np.ones((9, 9, 4, grid.LENGTH)))
