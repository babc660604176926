"""Gaps, windows, scale and rest frame, against NumPy and against line positions."""

import numpy as np
import pytest
import torch

from trifid.schema import grid
from trifid.transforms import spectrum as spectra


def _random(rows=4, length=60, seed=0):
    generator = np.random.default_rng(seed)
    flux = torch.from_numpy(generator.normal(size=(rows, length)).astype(np.float32))
    valid = torch.from_numpy(generator.random((rows, length)) > 0.3)
    return flux, valid


def test_fill_gaps_equals_numpy_interpolation_inside_and_zero_outside():
    flux, valid = _random()
    got = spectra.fill_gaps(flux, valid).numpy()
    for row in range(len(flux)):
        known = np.flatnonzero(valid[row])
        expected = np.interp(np.arange(60), known, flux[row, known], left=0, right=0)
        np.testing.assert_allclose(got[row], expected, atol=1e-6)


def test_fill_gaps_of_an_empty_spectrum_is_zero():
    flux, _ = _random()
    assert (spectra.fill_gaps(flux, torch.zeros_like(flux, dtype=torch.bool)) == 0).all()


def test_window_is_the_slice_the_paper_uses():
    x = torch.arange(grid.LENGTH, dtype=torch.float32)[None]
    cut = spectra.window(x, 3.58, 3843)
    assert cut[0, 0] == 300 and cut.shape == (1, 3843)
    assert grid.wavelengths()[300] == pytest.approx(3801.9, abs=0.05)
    assert grid.wavelengths()[300 + 3842] == pytest.approx(9208.7, abs=0.1)


def test_first_pixel_alignment_pads_and_cuts_by_index():
    x = torch.arange(1.0, 11.0)[None].repeat(2, 1)
    valid = torch.ones(2, 10, dtype=torch.bool)
    valid[1, :7] = False
    got = spectra.from_first_pixel(x, valid, 5)
    assert got.tolist() == [[1, 2, 3, 4, 5], [8, 9, 10, 0, 0]]


def test_robust_scale_is_median_and_iqr_of_valid_pixels():
    flux, valid = _random()
    got = spectra.robust_scale(flux, valid).numpy()
    for row in range(len(flux)):
        cells = flux[row, valid[row]].numpy()
        low, median, high = np.quantile(cells, [0.25, 0.5, 0.75])
        np.testing.assert_allclose(got[row, valid[row]], (cells - median) / (high - low), rtol=2e-5)
        assert (got[row, ~valid[row]] == 0).all()


def test_robust_scale_guards_a_flat_and_an_empty_spectrum():
    flat = torch.full((2, 5), 3.0)
    valid = torch.tensor([[True] * 5, [False] * 5])
    assert (spectra.robust_scale(flat, valid) == 0).all()


@pytest.mark.parametrize("redshift", [0.0, 0.05, 0.137, 0.29])
@pytest.mark.parametrize("line", [4862.68, 5008.24, 6564.61])
def test_a_line_lands_on_its_rest_wavelength(redshift, line):
    wavelength = grid.wavelengths()
    flux = np.exp(-0.5 * ((wavelength - line * (1 + redshift)) / 4.0) ** 2)
    got, covered = spectra.rest_frame(
        torch.from_numpy(flux.astype(np.float32))[None],
        torch.ones(1, grid.LENGTH, dtype=torch.bool),
        torch.tensor([redshift]).double(),
        start=3800.0,
        step=2.0,
        count=1600,
    )
    rest = 3800.0 + 2.0 * np.arange(1600)
    assert got.shape == (1, 1600) and rest[-1] == 6998.0 and bool(covered)
    assert abs(rest[int(got[0].argmax())] - line) <= 2.0


def test_the_rest_frame_conserves_flux():
    wavelength = grid.wavelengths()
    flux = torch.from_numpy((1 + 0.3 * np.sin(wavelength / 7)).astype(np.float32))[None]
    valid = torch.ones(1, grid.LENGTH, dtype=torch.bool)
    got, _ = spectra.rest_frame(
        flux, valid, torch.tensor([0.1]).double(), start=4000.0, step=2.0, count=1000
    )
    inside = (wavelength > 1.1 * 3999) & (wavelength < 1.1 * 5999)
    width = np.gradient(wavelength)
    expected = float((flux[0].numpy() * width)[inside].sum())
    assert float(got.sum()) * 2.0 * 1.1 == pytest.approx(expected, rel=1e-3)


def test_a_spectrum_that_does_not_reach_or_has_no_redshift_is_not_covered():
    valid = torch.ones(3, grid.LENGTH, dtype=torch.bool)
    valid[1, :600] = False  # starts at 4073 angstrom
    redshift = torch.tensor([0.0, 0.0, torch.nan]).double()
    flux = torch.ones(3, grid.LENGTH)
    got, covered = spectra.rest_frame(flux, valid, redshift, start=3800.0, step=2.0, count=1600)
    assert covered.tolist() == [True, False, False]
    assert got.isfinite().all()


def test_mean_scale():
    x = torch.tensor([[1.0, 3.0], [0.0, 0.0]])
    assert spectra.mean_scale(x).tolist() == [[0.5, 1.5], [0.0, 0.0]]


def test_rebin_is_the_inverse_variance_weighted_mean():
    generator = np.random.default_rng(0)
    flux = generator.normal(size=(2, 23)).astype(np.float32)
    ivar = generator.random((2, 23)).astype(np.float32)
    ivar[0, :5] = 0
    mean, weight = spectra.rebin(torch.from_numpy(flux), torch.from_numpy(ivar), 5)
    assert mean.shape == (2, 4)
    assert mean[0, 0] == 0 and weight[0, 0] == 0
    np.testing.assert_allclose(
        mean[1, 2], np.average(flux[1, 10:15], weights=ivar[1, 10:15]), rtol=1e-5
    )
    np.testing.assert_allclose(weight[1, 2], ivar[1, 10:15].sum(), rtol=1e-6)
