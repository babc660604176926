"""Simulated stars against templates of real ones; nothing here is an ingredient."""

import numpy as np
import pytest
from astropy.io import fits

from trifid.schema import grid
from trifid.simulate import spectrograph
from trifid.simulate.stars import draw_stars

RANGE = slice(298, 4138)  # 3800-9200 angstrom
COMPONENTS = 10
ODD = ("WDmagnetic", "Ldwarf", "CalciumWD", "Carbon")


def normalised(flux):
    return flux / flux.mean(axis=1, keepdims=True)


def explained(spectra, basis_of):
    """Share of the variance about the mean that ten components of other spectra explain (B,)."""
    middle = basis_of.mean(axis=0)
    vectors = np.linalg.svd(basis_of - middle, full_matrices=False)[2][:COMPONENTS]
    rest = spectra - middle
    left = rest - rest @ vectors.T @ vectors
    return 1.0 - (left**2).sum(axis=1) / ((spectra - spectra.mean(axis=1, keepdims=True)) ** 2).sum(
        axis=1
    )


@pytest.fixture(scope="module")
def templates(shared_data):
    """Real stars of types O to M and white dwarfs on the store's grid, by name."""
    with fits.open(shared_data / "templates" / "spEigenStar-55734.fits") as file:
        header, data = file[0].header, np.array(file[0].data, dtype=np.float64)
    names = np.array([str(header[f"NAME{row}"]) for row in range(data.shape[0])])
    place = (grid.log10_wavelengths() - header["COEFF0"]) / header["COEFF1"]
    flux = np.stack([np.interp(place, np.arange(data.shape[1]), row) for row in data])
    keep = ~np.isin(names, ODD)
    return names[keep], normalised(flux[keep][:, RANGE])


@pytest.fixture(scope="module")
def simulated():
    stars = draw_stars(np.random.default_rng(3), 600, "legacy")
    return stars, normalised(stars.shine(spectrograph.line_spread).continuum[:, RANGE])


def test_simulated_stars_span_real_ones(templates, simulated):
    """Simulated components explain real templates nearly as well as other real ones do."""
    _, real = templates
    half = np.arange(len(real)) % 2 == 0
    by_real = np.concatenate(
        [explained(real[half], real[~half]), explained(real[~half], real[half])]
    )
    by_simulated = explained(real, simulated[1])
    back = explained(simulated[1], real)
    print(np.percentile(by_real, [10, 50]), np.percentile(by_simulated, [10, 50]))
    print(np.percentile(back, [10, 50]))
    assert np.median(by_simulated) > 0.98
    assert np.median(back) > 0.97


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("A1V (95418)", 8700, 10200),
        ("F8V (30562)", 5700, 6500),
        ("G1V (95128)", 5500, 6200),
        ("K3V (32147)", 4500, 5100),
        ("M1 (204445)", 3400, 3950),
    ],
)
def test_the_nearest_simulated_star_has_the_temperature_of_the_type(
    templates, simulated, name, low, high
):
    names, real = templates
    stars, flux = simulated
    target = real[np.flatnonzero(names == name)[0]]
    distance = ((_flat(flux) - _flat(target)) ** 2).sum(axis=1)
    near = np.argsort(distance)[:5]
    assert low < np.median(stars.teff[near]) < high


def _flat(curves):
    """Spectra over the power law that fits them best."""
    logs = np.log(np.maximum(np.atleast_2d(curves), 1e-3))
    x = np.linspace(-1.0, 1.0, logs.shape[1])
    trend = np.polynomial.legendre.legfit(x, logs.T, 1)
    return np.exp(logs - np.polynomial.legendre.legval(x, trend))
