import numpy as np
import pytest

from trifid.physics import bpt, line_fit, lines
from trifid.physics.profiles import PIXEL_VELOCITY, line_pixels, sdss_spread
from trifid.schema import grid

FLUXES = {
    "oii_3729": 60.0, "neiii_3869": 10.0, "h_delta": 20.0, "h_gamma": 36.0, "h_beta": 80.0,
    "oiii_5007": 60.0, "hei_5876": 9.0, "oi_6300": 8.0, "h_alpha": 260.0, "nii_6584": 80.0,
    "sii_6717": 45.0, "sii_6731": 33.0,
}  # fmt: skip


def spectra(count: int, *, velocity: float = 120.0, dip: float = 0.0, seed: int = 0):
    """Lines of known flux on a sloped continuum with broad Balmer absorption, without noise."""
    rng = np.random.default_rng(seed)
    z = rng.uniform(0.03, 0.25, count)
    x = grid.wavelengths()
    rest = x / (1.0 + z[:, None])
    stars = 8.0 * (rest / 5000.0) ** -0.5
    for place in (4102.89, 4341.68, 4862.68, 6564.61):
        stars *= 1.0 - dip * np.exp(-0.5 * ((rest - place) / 8.0) ** 2)
    flux = stars.copy()
    per_angstrom = 1.0 / (np.log(10.0) * grid.LOG10_STEP * x)
    for group in line_fit.GROUPS:
        for name, ratio in group:
            wavelength = (lines.EMISSION | lines.QUASAR)[name].wavelength * (1.0 + z)
            place = (np.log10(wavelength) - grid.LOG10_START) / grid.LOG10_STEP
            sigma = np.hypot(velocity / PIXEL_VELOCITY, sdss_spread(wavelength))
            row, pixel, values = line_pixels(place, sigma, grid.LENGTH)
            flux[row, pixel] += ratio * FLUXES[group[0][0]] * values * per_angstrom[pixel]
    return flux, stars, z


def test_known_lines_come_back() -> None:
    flux, _, z = spectra(6)
    ivar = np.full(flux.shape, 4.0)
    measured = line_fit.measure_lines(flux, ivar, z)
    for name, fit in measured.lines.items():
        assert fit.flux == pytest.approx(FLUXES[name], rel=0.03, abs=0.5), name
        assert fit.covered.all()
    assert measured.velocity == pytest.approx(120.0, rel=0.03)
    level = 8.0 * (6564.61 / 5000.0) ** -0.5
    assert measured.lines["h_alpha"].ew == pytest.approx(260.0 / level / (1.0 + z), rel=0.03)
    assert (measured.reduced_chi2 < 0.05).all()


def test_starlight_templates_free_lines_from_absorption() -> None:
    flux, stars, z = spectra(6, dip=0.25)
    ivar = np.full(flux.shape, 4.0)
    blind = line_fit.measure_lines(flux, ivar, z)
    told = line_fit.measure_lines(flux, ivar, z, starlight=stars[:, None])
    assert told.lines["h_beta"].flux == pytest.approx(80.0, rel=0.02)
    assert (blind.lines["h_beta"].flux < 78.0).all()


def test_errors_describe_the_scatter_and_are_independent_of_scale() -> None:
    flux, stars, z = spectra(40)
    rng = np.random.default_rng(1)
    noisy = flux + rng.normal(0.0, 0.5, flux.shape)
    ivar = np.full(flux.shape, 4.0)
    measured = line_fit.measure_lines(noisy, ivar, z, starlight=stars[:, None])
    for name in ("h_beta", "oiii_5007", "h_alpha", "sii_6731"):
        fit = measured.lines[name]
        pulls = (fit.flux - FLUXES[name]) / fit.error
        assert 0.8 < np.std(pulls) < 1.25, name
        assert abs(pulls.mean()) < 0.4, name
    assert measured.reduced_chi2 == pytest.approx(1.0, abs=0.1)
    scaled = line_fit.measure_lines(100 * noisy, ivar / 1e4, z, starlight=stars[:, None])
    assert scaled.lines["h_beta"].ew == pytest.approx(measured.lines["h_beta"].ew, rel=1e-6)


def test_what_is_not_there_is_not_covered() -> None:
    flux, _, z = spectra(3)
    far = np.array([0.7, 0.7, 1.4])
    measured = line_fit.measure_lines(flux, np.full(flux.shape, 4.0), far)
    assert not measured.lines["h_alpha"].covered.any()
    assert (measured.lines["h_alpha"].amplitude_over_noise == 0).all()
    assert (line_fit.classes(measured).bpt == bpt.BLANK).all()
    assert (line_fit.whan_classes(measured) == "BLANK").all()
    empty = line_fit.measure_lines(flux, np.zeros(flux.shape), z)
    assert np.isnan(empty.reduced_chi2).all()
    assert all(np.isfinite(fit.flux).all() for fit in empty.lines.values())


def test_classes_and_sentinels() -> None:
    flux, stars, z = spectra(4)
    ivar = np.full(flux.shape, 4.0)
    measured = line_fit.measure_lines(flux, ivar, z)
    labels = line_fit.classes(measured)
    assert (labels.bpt == bpt.STAR_FORMING).all()
    assert (line_fit.whan_classes(measured) == "star forming").all()
    assert labels.ebmv == pytest.approx(0.11, abs=0.04)  # 260/80 against 2.86
    quiet = line_fit.classes(line_fit.measure_lines(stars, ivar, z))
    assert (quiet.bpt == bpt.BLANK).all()
    assert not quiet.ew_ha.any()


def test_lines_on_the_night_sky_are_zeroed_only_if_asked() -> None:
    flux, _, _ = spectra(1)
    z = np.array([5578.9 / 5008.24 - 1.0])
    ivar = np.full(flux.shape, 4.0)
    told = line_fit.measure_lines(flux, ivar, z).lines["oiii_5007"]
    zeroed = line_fit.measure_lines(flux, ivar, z, zero_on_sky=True).lines["oiii_5007"]
    assert told.warning.all()
    assert zeroed.flux[0] == 0.0 == zeroed.amplitude_over_noise[0]
