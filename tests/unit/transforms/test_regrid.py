"""Resampling onto the stored grid: flux conserved, errors as a simulation finds them."""

import numpy as np
import pytest

from trifid.errors import InputError
from trifid.schema import grid
from trifid.transforms.regrid import regrid

WAVELENGTHS = grid.wavelengths()
WIDTHS = WAVELENGTHS * (10 ** (grid.LOG10_STEP / 2) - 10 ** (-grid.LOG10_STEP / 2))


def stored(seed=0):
    generator = np.random.default_rng(seed)
    flux = generator.normal(5, 1, grid.LENGTH).astype(np.float32)
    ivar = generator.uniform(0.5, 2, grid.LENGTH).astype(np.float32)
    ivar[:50], ivar[1000:1010], ivar[-20:] = 0, 0, 0
    return np.where(ivar > 0, flux, 0).astype(np.float32), ivar


def test_the_stored_grid_itself_comes_back():
    flux, ivar = stored()
    got, inverse = regrid(WAVELENGTHS, flux.astype(np.float64), ivar.astype(np.float64))
    np.testing.assert_allclose(got, flux, rtol=1e-6)
    np.testing.assert_allclose(inverse, ivar, rtol=1e-6)
    assert got.dtype == inverse.dtype == np.float32


def test_float32_wavelengths_of_survey_files_lose_no_pixel():
    flux, ivar = stored()
    rounded = 10.0 ** grid.log10_wavelengths().astype(np.float32)
    got, inverse = regrid(rounded, flux.astype(np.float64), ivar.astype(np.float64))
    assert ((inverse > 0) == (ivar > 0)).all()
    np.testing.assert_allclose(got, flux, atol=0.03)


@pytest.mark.parametrize("step", [0.2, 1.0, 3.7])
def test_flux_is_conserved(step):
    wavelength = np.arange(3300.0, 10800.0, step)
    flux = 3 + np.exp(-0.5 * ((wavelength - 6000) / 12) ** 2) * 40
    got, inverse = regrid(wavelength, flux, np.ones_like(flux))
    assert (inverse > 0).all()
    edges = np.concatenate([wavelength - step / 2, wavelength[-1:] + step / 2])
    integral = np.interp(WAVELENGTHS[[0, -1]], edges, np.concatenate([[0], np.cumsum(flux) * step]))
    total = (got * WIDTHS)[1:-1].sum() + 0.5 * (got * WIDTHS)[[0, -1]].sum()
    assert total == pytest.approx(integral[1] - integral[0], rel=1e-4)
    assert got[0] == pytest.approx(3, rel=1e-5)


def test_a_constant_stays_constant_on_any_grid():
    wavelength = np.sort(np.random.default_rng(1).uniform(3500, 10600, 3000))
    got, inverse = regrid(wavelength, np.full(3000, 2.5), np.ones(3000))
    np.testing.assert_allclose(got[inverse > 0], 2.5, rtol=1e-6)


@pytest.mark.parametrize("step", [0.25, 1.3, 5.0])
def test_inverse_variance_is_that_of_many_noisy_spectra(step):
    """1/ivar of a pixel is the variance that 4000 noisy copies of the spectrum show."""
    generator = np.random.default_rng(2)
    wavelength = np.arange(5000.0, 5060.0, step)
    sigma = np.linspace(0.5, 2.0, len(wavelength))
    _, inverse = regrid(wavelength, np.zeros_like(wavelength), sigma**-2)
    used = np.flatnonzero(inverse > 0)
    assert len(used) > 40
    noise = generator.normal(0, sigma, (4000, len(wavelength)))
    many = np.array([regrid(wavelength, copy, sigma**-2)[0][used] for copy in noise[:600]])
    ratio = many.var(axis=0) * inverse[used]
    assert ratio.mean() == pytest.approx(1, abs=0.05)
    assert (np.abs(ratio - 1) < 6 * np.sqrt(2 / 600)).all()


def test_finer_pixels_average_the_noise_down():
    wavelength = np.arange(3400.0, 10700.0, 0.1)
    _, inverse = regrid(wavelength, np.zeros_like(wavelength), np.ones_like(wavelength))
    np.testing.assert_allclose(inverse, WIDTHS / 0.1, rtol=0.08)


def test_gaps_and_nan_are_gaps_and_nothing_leaks_out_of_them():
    wavelength = np.arange(4000.0, 9000.0, 1.0)
    flux, ivar = np.ones_like(wavelength), np.ones_like(wavelength)
    flux[1000:1010] = np.nan  # 5000 - 5009
    flux[2000], ivar[2000] = 1e9, 0  # 6000
    ivar[3000] = np.nan
    flux[3500] = np.inf
    ivar[4000] = -1
    got, inverse = regrid(wavelength, flux, ivar)
    for centre in (5005, 6000, 7000, 7500, 8000):
        assert inverse[np.abs(WAVELENGTHS - centre).argmin()] == 0
    outside = (WAVELENGTHS < 3999) | (WAVELENGTHS > 9000)
    assert (inverse[outside] == 0).all() and (got[inverse == 0] == 0).all()
    np.testing.assert_allclose(got[inverse > 0], 1, rtol=1e-6)
    lost = (inverse == 0) & ~outside
    assert 14 < WIDTHS[lost].sum() < 14 + 7 * 2 * 1.8  # and the half-covered pixels beside


def test_numbers_that_float32_cannot_hold_are_no_data():
    wavelength = np.arange(4000.0, 4100.0, 0.5)
    for flux, ivar in ((1e39, 1.0), (1.0, 1e39), (1.0, 1e-320)):
        got, inverse = regrid(wavelength, np.full(200, flux), np.full(200, ivar))
        assert not got.any() and not inverse.any()


def test_a_spectrum_beside_the_grid_is_empty():
    got, inverse = regrid(np.linspace(20000.0, 21000, 50), np.ones(50), np.ones(50))
    assert not got.any() and not inverse.any()


@pytest.mark.parametrize(
    "wavelength",
    [
        np.linspace(9000.0, 4000.0, 20),
        np.array([4000.0, 4001.0, 4001.0, 4002.0]),
        np.array([4000.0, np.nan, 4002.0]),
        np.array([4000.0, 4001.0, np.inf]),
        np.array([-1.0, 4000.0]),
        np.array([4000.0]),
        np.array([]),
    ],
)
def test_wavelengths_that_do_not_ascend_are_refused(wavelength):
    with pytest.raises(InputError, match="ascend"):
        regrid(wavelength, np.ones(len(wavelength)), np.ones(len(wavelength)))
