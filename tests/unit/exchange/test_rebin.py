"""Rebinning against spectres (the library HiSS-Cube uses) and the conservation of flux."""

import numpy as np
import pytest

from trifid.exchange.cube import WAVELENGTHS
from trifid.exchange.rebin import Rebin, edges
from trifid.schema import grid


@pytest.fixture(scope="module")
def spectra():
    generator = np.random.default_rng(2)
    flux = generator.normal(10, 3, (3, grid.LENGTH)).astype(np.float32)
    flux[:, 1500:1506] += 50
    ivar = generator.uniform(0.1, 4, flux.shape).astype(np.float32)
    return flux, ivar


def test_equal_to_spectres(spectra):
    spectres = pytest.importorskip("spectres").spectres
    flux, ivar = spectra
    got, error = Rebin(grid.wavelengths(), WAVELENGTHS).apply(flux, ivar)
    for row in range(2):
        sigma = 1 / np.sqrt(ivar[row].astype(float))
        want, want_error = spectres(WAVELENGTHS, grid.wavelengths(), flux[row].astype(float), sigma)
        np.testing.assert_allclose(got[row], want, rtol=1e-9)
        np.testing.assert_allclose(error[row], want_error, rtol=1e-9)


def test_flux_is_conserved(spectra):
    flux, ivar = spectra
    got, _ = Rebin(grid.wavelengths(), WAVELENGTHS).apply(flux, ivar)
    old, new = edges(grid.wavelengths()), edges(WAVELENGTHS)
    overlap = np.clip(np.minimum(old[1:], new[-1]) - np.maximum(old[:-1], new[0]), 0, None)
    np.testing.assert_allclose(got @ np.diff(new), flux.astype(float) @ overlap, rtol=1e-10)


def test_nothing_outside_coverage():
    flux, ivar = np.ones((1, 6)), np.array([[1.0, 1, 0, 1, 1, 1]])
    old = np.arange(10.0, 16.0)
    got, error = Rebin(old, np.arange(8.0, 20.0)).apply(flux, ivar)
    assert (
        np.isfinite(got[0]).tolist() == [False] * 2 + [True, True, False] + [True] * 3 + [False] * 4
    )
    assert np.array_equal(np.isnan(got), np.isnan(error))
    np.testing.assert_allclose(error[0, 2], 1.0)


def test_not_a_number_is_no_data():
    flux, ivar = np.array([[1.0, np.nan, 1.0]]), np.array([[1.0, 1.0, np.inf]])
    got, _ = Rebin(np.arange(3.0), np.arange(3.0)).apply(flux, ivar)
    assert np.isfinite(got[0]).tolist() == [True, False, False]
