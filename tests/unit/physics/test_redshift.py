import numpy as np
import pytest

from trifid.errors import InputError
from trifid.physics.profiles import place_templates
from trifid.physics.redshift import BITS, TemplateSet, fit_redshifts
from trifid.schema import grid


def template(name: str, seed: int, low: float, high: float, joined: int = 2) -> TemplateSet:
    """Smooth curves with 40 lines each: nothing real, but every class its own."""
    rng = np.random.default_rng(seed)
    start, length = 3.40, 6600
    x = np.arange(length)
    curves = np.stack([np.ones(length), x / length])
    for index in range(2):
        for place, depth in zip(rng.uniform(0, length, 40), rng.normal(0, 0.3, 40), strict=True):
            curves[index] += depth * np.exp(-0.5 * ((x - place) / 4.0) ** 2)
    return TemplateSet(name, start, curves, low, high, bin=joined)


SETS = [
    template("GALAXY", 1, 0.0, 0.6),
    template("QSO", 2, 0.0, 0.7, 4),
    template("STAR:A", 3, -0.004, 0.004),
    template("STAR:B", 4, -0.004, 0.004),
]


def seen(item: TemplateSet, z: np.ndarray, noise: float):
    placed, reached = place_templates(item.curves, item.log10_start, z)
    rng = np.random.default_rng(0)
    flux = 10.0 * placed[:, 0] + 3.0 * placed[:, 1] + rng.normal(0, noise, reached.shape)
    x = np.arange(grid.LENGTH)
    return flux, np.where((x > 300) & (x < 4100), noise**-2.0, 0.0) * np.ones(flux.shape)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_class_and_redshift_come_back(which: int) -> None:
    item = SETS[which]
    z = np.array([0.0011, -0.0005]) if which == 2 else np.array([0.1234, 0.4567])
    flux, ivar = seen(item, z, 1.0)
    found = fit_redshifts(flux, ivar, SETS)
    assert found.name.tolist() == [item.name.split(":")[0]] * 2
    assert found.subclass.tolist() == [item.name.partition(":")[2]] * 2
    assert np.abs(found.redshift - z).max() < 2e-4
    assert (np.abs(found.redshift - z) < 5.0 * found.error + 1e-6).all()
    assert found.reduced_chi2 == pytest.approx(1.0, abs=0.1)
    assert (found.warning == 0).all()
    assert (found.delta > 0.01).all()
    assert set(found.by_class) == {"GALAXY", "QSO", "STAR"}


def test_noise_is_doubted() -> None:
    rng = np.random.default_rng(3)
    flux = rng.normal(0, 1, (3, grid.LENGTH))
    found = fit_redshifts(flux, np.ones(flux.shape), SETS)
    assert (found.warning & BITS["SMALL_DELTA_CHI2"] > 0).all()


def test_outliers_and_empty_spectra_are_told() -> None:
    flux, ivar = seen(SETS[0], np.array([0.2, 0.2, 0.2]), 1.0)
    flux[1, 500:4000:5] += 300.0
    ivar[2] = 0.0
    found = fit_redshifts(flux, ivar, SETS)
    assert found.warning[1] & BITS["MANY_OUTLIERS"]
    assert found.warning[2] == BITS["NODATA"]
    assert found.name[2] == ""
    assert np.isnan(found.redshift[2])


def test_a_redshift_at_the_limit_is_told() -> None:
    flux, ivar = seen(SETS[0], np.array([0.61]), 1.0)
    found = fit_redshifts(flux, ivar, [TemplateSet("GALAXY", 3.40, SETS[0].curves, 0.0, 0.6100)])
    assert found.warning[0] & BITS["Z_FITLIMIT"]


def test_a_negative_star_is_told() -> None:
    flux, ivar = seen(SETS[2], np.array([0.001]), 0.5)
    found = fit_redshifts(-flux, ivar, SETS[2:])
    assert found.warning[0] & BITS["NEGATIVE_MODEL"]


def test_spectra_off_the_grid_are_refused() -> None:
    with pytest.raises(InputError, match="expected"):
        fit_redshifts(np.ones((1, 100)), np.ones((1, 100)), SETS)
