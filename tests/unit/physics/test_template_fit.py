import numpy as np
import pytest

from trifid.physics.template_fit import Spectrum, TemplateSet
from trifid.schema import grid


def curves(count: int = 3, length: int = 5200) -> np.ndarray:
    rng = np.random.default_rng(4)
    rough = rng.normal(size=(count, length))
    return 1.0 + np.stack([np.convolve(row, np.ones(9) / 9.0, "same") for row in rough])


def spectrum() -> Spectrum:
    rng = np.random.default_rng(5)
    flux = rng.normal(3.0, 1.0, grid.LENGTH)
    ivar = rng.uniform(0.5, 2.0, grid.LENGTH)
    ivar[:40] = ivar[900:1000] = 0.0
    return Spectrum(flux, ivar, 3)


def least_squares(seen: Spectrum, shapes: np.ndarray) -> float:
    """chi2 of shapes (K, L) on all pixels, by an independent solver."""
    root = np.sqrt(seen.ivar)
    design = np.concatenate([shapes, seen.polynomials]) * root
    values = np.linalg.lstsq(design.T, seen.flux * root, rcond=None)[0]
    return float(((seen.flux * root - values @ design) ** 2).sum())


@pytest.mark.parametrize("lag", [-300, 0, 77, 900])
def test_chi2_at_a_lag_is_that_of_least_squares(lag: int) -> None:
    item, seen = TemplateSet("GALAXY", 3.5, curves(), 0.0, 0.5), spectrum()
    shapes = np.zeros((3, grid.LENGTH))
    pixel = np.arange(grid.LENGTH) + lag
    inside = (pixel >= 0) & (pixel < item.curves.shape[1])
    shapes[:, inside] = item.curves[:, pixel[inside]]
    assert seen.chi2_at(item, lag) == pytest.approx(least_squares(seen, shapes), rel=1e-7)
    model, part = seen.model(item, lag)
    assert (seen.ivar * (seen.flux - model) ** 2).sum() == pytest.approx(
        seen.chi2_at(item, lag), rel=1e-7
    )
    assert part[~inside] == pytest.approx(0.0)


@pytest.mark.parametrize(("low", "high"), [(-8, 8), (-500, 300), (5, 120), (-200, -20)])
def test_all_lags_at_once_are_those_one_by_one(low: int, high: int) -> None:
    """Few lags by products, many by Fourier transforms: both are the fit on joined pixels."""
    item, seen = TemplateSet("STAR:A", 3.5, curves(), 0.0, 0.5, bin=1), spectrum()
    chi2 = seen.coarse_chi2(item, low, high)
    assert chi2.shape == (high - low + 1,)
    for lag in (low, (low + high) // 2, high):
        assert chi2[lag - low] == pytest.approx(seen.chi2_at(item, lag), rel=1e-7)


def test_joined_pixels_give_what_joined_spectra_give() -> None:
    item, seen = TemplateSet("QSO", 3.5, curves(), 0.0, 0.5, bin=2), spectrum()
    joined = item.curves[:, : grid.LENGTH].reshape(3, -1, 2).mean(axis=2).repeat(2, axis=1)
    flat = Spectrum(seen.flux, seen.ivar, 3)
    flat.polynomials = flat.polynomials.reshape(3, -1, 2).mean(axis=2).repeat(2, axis=1)
    assert seen.coarse_chi2(item, 0, 3)[0] == pytest.approx(least_squares(flat, joined), rel=1e-7)


def test_templates_that_reach_no_data_save_nothing() -> None:
    item, seen = TemplateSet("QSO", 3.5, curves(), 0.0, 0.5), spectrum()
    alone = least_squares(seen, np.zeros((0, grid.LENGTH)))
    assert seen.chi2_at(item, 6000) == pytest.approx(alone, rel=1e-9)


def test_what_the_polynomial_holds_already_saves_nothing() -> None:
    item, seen = TemplateSet("QSO", 3.5, np.ones((2, 9000)), 0.0, 0.5, bin=1), spectrum()
    alone = least_squares(seen, np.zeros((0, grid.LENGTH)))
    assert seen.coarse_chi2(item, 0, 5) == pytest.approx(alone, rel=1e-7)
    assert seen.coarse_chi2(item, 0, 500) == pytest.approx(alone, rel=1e-7)


def test_lags_follow_from_the_redshifts() -> None:
    item = TemplateSet("QSO", 3.5, curves(), 0.0, 0.5)
    assert item.lag_at_rest == pytest.approx((grid.LOG10_START - 3.5) * 1e4)
    assert item.lags[1] - item.lags[0] == pytest.approx(1e4 * np.log10(1.5), abs=1.0)
