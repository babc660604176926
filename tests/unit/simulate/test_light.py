import numpy as np
import pytest

from trifid.physics import extinction
from trifid.schema import grid
from trifid.simulate import histories, light, populations

REST = populations.rest_wavelengths()
OBSERVED = light.observed_wavelengths()


def brute_force(rest, redshift, sigma):
    """Gaussian of another width at every pixel, summed directly."""
    places = np.log10(REST * (1 + redshift)) / grid.LOG10_STEP
    out = np.empty(OBSERVED.size)
    for pixel, place in enumerate(np.log10(OBSERVED) / grid.LOG10_STEP):
        near = np.abs(places - place) < 25
        weight = np.exp(-0.5 * ((places[near] - place) / sigma[pixel]) ** 2)
        out[pixel] = (weight * rest[near]).sum() / weight.sum()
    return out


def test_window_covers_store_and_bands():
    assert OBSERVED[light.STORE] == pytest.approx(grid.wavelengths())
    assert OBSERVED[0] < 3551 - 599
    assert OBSERVED[-1] > 8932 + 1370
    assert REST[0] * (1 + light.MAX_REDSHIFT) <= OBSERVED[0]


def test_broadening_that_changes_with_wavelength_is_that_of_direct_sums():
    rest = np.ones(REST.size)
    for centre in np.arange(2600, 11000, 97.3):  # lines as sharp as templates have them
        rest -= 0.5 * np.exp(-0.5 * (np.log10(REST / centre) / 1.1e-4) ** 2)
    redshift = np.array([0.0, 0.0731])
    sigma = np.linspace(1.3, 0.75, OBSERVED.size)
    seen = light.observe(np.stack([rest, rest]), redshift, np.stack([sigma, sigma]) ** 2)
    for row, z in enumerate(redshift):
        expected = brute_force(rest, z, sigma)
        inside = slice(100, -100)
        assert np.abs(seen[row] - expected)[inside].max() < 0.02 * 0.5


def test_constant_broadening_is_exact():
    rest = np.exp(-0.5 * (np.log10(REST / 6000.0) / 3e-4) ** 2)[None]
    seen = light.observe(rest, np.array([0.1]), np.full((1, OBSERVED.size), 16.0))[0]
    sigma = np.sqrt(np.sum(seen * np.log10(OBSERVED / 6600.0) ** 2) / seen.sum())
    assert sigma == pytest.approx(5e-4, rel=1e-3)
    assert np.sum(seen) == pytest.approx(rest.sum(), rel=1e-6)


def test_templates_are_broadened_by_the_difference_only():
    basis = populations.load("analytic")
    blurred = populations.Populations(
        "blurred", basis.flux, basis.h_alpha, basis.living, np.full(REST.size, 0.8)
    )
    velocity, redshift = np.array([69.029]), np.array([0.1])
    for spread, added in ((1.0, 0.36), (0.7, 0.0)):

        def constant(x, spread=spread):
            return np.full(x.shape, spread)

        found = light.broadening(blurred, redshift, velocity, constant)
        assert found == pytest.approx(np.full((1, OBSERVED.size), 1.0 + added), rel=1e-4)
    found = light.broadening(basis, redshift, velocity, lambda x: np.full(x.shape, 0.7))
    assert found[0, 0] == pytest.approx(1.49, rel=1e-4)


def test_young_stars_see_all_of_the_dust():
    basis = populations.load("analytic")
    formed = np.zeros((2, 3, 15, 4))
    formed[0, 0, 0, 2], formed[1, 2, 14, 2] = 1.0, 1.0
    clear, dusty = (light.starlight(basis, formed, np.full(2, ebv)).whole for ebv in (0.0, 0.3))
    lost = -2.5 * np.log10(dusty / clear)
    curve = extinction.calzetti00(REST)
    assert lost[0] == pytest.approx(0.3 * curve)
    assert lost[1] == pytest.approx(0.44 * 0.3 * curve)
    assert light.starlight(basis, formed, np.zeros(2)).old[0].max() == 0.0


def test_starlight_is_the_sum_over_bins():
    basis = populations.load("analytic")
    parts = histories.draw_parts(
        np.random.default_rng(1), np.array(["Composite"]), np.array([13.0])
    )
    found = light.starlight(basis, parts, np.zeros(1)).whole
    assert found == pytest.approx(np.einsum("bpaz,azl->bl", parts, basis.flux))


def test_band_fluxes_of_a_flat_spectrum():
    flat = 3.631e-29 * 2.99792458e18 / OBSERVED**2 * 1e17  # one nanomaggy at all wavelengths
    assert light.band_fluxes(flat[None]) == pytest.approx(np.ones((1, 5)), rel=1e-3)


def test_foreground_follows_the_catalogue_coefficients():
    flat = 1.0 / OBSERVED**2
    flux = light.band_fluxes(np.stack([flat, flat]) * light.foreground(np.array([0.0, 0.3])))
    lost = -2.5 * np.log10(flux[1] / flux[0]) / 0.3
    assert lost == pytest.approx([4.239, 3.303, 2.285, 1.698, 1.263], rel=0.08)
