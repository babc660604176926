import numpy as np
import pytest

from trifid.physics import lines
from trifid.schema import grid
from trifid.simulate import quasar_absorption, quasar_lines, quasar_population, quasars
from trifid.simulate.instruments import SDSS
from trifid.simulate.source import Objects


@pytest.fixture(scope="module")
def drawn():
    return quasars.draw_quasars(np.random.default_rng(2), 96, "boss")


@pytest.fixture(scope="module")
def light(drawn):
    return drawn.shine(SDSS.line_spread)


def test_they_are_objects_of_the_simulated_sky(drawn, light) -> None:
    objects: Objects = drawn
    assert objects.kind == "quasar"
    assert len(objects.take(np.array([3, 1]))) == 2
    assert light.continuum.shape == (96, grid.LENGTH) == light.emission.shape
    assert (light.bands > 0).all()
    assert not light.bulge_bands.any()
    assert all(name.startswith("truth_") for name in objects.truth())
    assert all(np.isfinite(item).all() for item in (light.continuum, light.emission, light.bands))


def test_the_same_rows_shine_the_same_wherever_they_stand(drawn, light) -> None:
    rows = np.array([40, 7])
    again = drawn.take(rows).shine(SDSS.line_spread)
    assert again.continuum == pytest.approx(light.continuum[rows], rel=1e-9)
    assert again.bands == pytest.approx(light.bands[rows], rel=1e-9)


def test_surveys_find_what_they_look_for() -> None:
    rng = np.random.default_rng(0)
    z, i = quasar_population.draw(rng, 4000, "legacy")
    assert 1.2 < np.median(z) < 1.7
    assert (i[z < 2.8] < 19.15).all()
    z, i = quasar_population.draw(rng, 4000, "boss")
    assert (z > 2.1).mean() > 0.75
    assert 20.2 < np.median(i) < 21.2
    assert (z < 2.1).mean() > 0.08


def test_the_composite_has_the_published_slope() -> None:
    """-0.44 in frequency between the windows free of lines, within what 200 quasars allow."""
    rng = np.random.default_rng(5)
    some = quasars.draw_quasars(rng, 200, "legacy")
    some = some.take(np.flatnonzero((some.redshift > 1.85) & (some.redshift < 3.0)))
    seen = some.shine(SDSS.line_spread).continuum
    rest = grid.wavelengths() / (1.0 + some.redshift[:, None])
    blue, red = (
        np.array([np.median(f[(r > a) & (r < b)]) for f, r in zip(seen, rest, strict=True)])
        for a, b in ((1440, 1470), (2190, 2230))
    )
    slope = -2.0 - np.log(red / blue) / np.log(2210 / 1455)
    assert np.median(slope) == pytest.approx(-0.44, abs=0.17)
    assert 0.15 < np.std(slope) < 0.6


def test_the_forest_takes_what_is_published() -> None:
    log10 = grid.log10_wavelengths()
    z = np.full(60, 2.8)
    seen = quasar_absorption.forest(log10, z, np.arange(60))
    rest = 10.0**log10 / 3.8
    window = (rest > 1050) & (rest < 1180)
    gas = 10.0 ** log10[window] / lines.LYMAN_ALPHA - 1.0
    expected = np.exp(-quasar_absorption.effective_depth(gas)).mean()
    assert seen[:, window].mean() == pytest.approx(expected, abs=0.02)
    assert (seen[:, rest > 1.001 * lines.LYMAN_ALPHA] == 1.0).all()
    assert 0.1 < seen[:, window].std() < 0.4
    assert (quasar_absorption.forest(log10, np.full(2, 0.5), np.arange(2)) == 1.0).all()


def test_a_damped_cloud_is_black_and_wide() -> None:
    rest = np.linspace(1150, 1280, 2601)
    seen = quasar_absorption.hydrogen(rest, 2e20)
    width = np.trapezoid(1.0 - seen, rest)
    assert seen[np.argmin(np.abs(rest - lines.LYMAN_ALPHA))] < 1e-6
    assert width == pytest.approx(7.3 * np.sqrt(2.0), rel=0.05)  # Wolfe+ 1986: 7.3 A at 1e20
    assert quasar_absorption.hydrogen(np.array([905.0]), 10**17.2)[0] == pytest.approx(
        np.exp(-1.0), abs=0.03
    )


def test_broad_absorption_lies_blueward_of_the_line(drawn) -> None:
    wavelength = grid.wavelengths()
    seen = quasar_absorption.wind(
        wavelength, np.full(3, 2.5), np.array([0.0, 0.8, -0.8]), np.array([1, 2, 2])
    )
    rest = wavelength / 3.5
    assert (seen[0] == 1.0).all()
    assert (seen[1, (rest > 1560) & (rest < 2700)] == 1.0).all()
    assert seen[1, (rest > 1400) & (rest < 1545)].min() < 0.5
    assert seen[2, (rest > 2550) & (rest < 2795)].min() < 0.8  # low ionisation: Mg II too
    many = quasars.draw_quasars(np.random.default_rng(1), 2000)
    assert 0.08 < (many.wind != 0).mean() < 0.15


def test_lines_have_the_equivalent_widths_drawn() -> None:
    x = np.linspace(-0.4, 0.4, 8001)
    profile = quasar_lines.line_profile(x, np.array(0.01))
    assert np.trapezoid(profile, x) == pytest.approx(1.0, abs=1e-6)
    some = quasars.draw_quasars(np.random.default_rng(8), 600)
    civ = [line.name for line in quasar_lines.BROAD].index("civ_1549")
    slope = np.polyfit(-0.4 * some.luminosity, np.log10(some.strength[:, civ]), 1)[0]
    assert slope == pytest.approx(-0.17, abs=0.03)  # Baldwin effect


def test_hosts_show_in_faint_near_quasars_only() -> None:
    some = quasars.draw_quasars(np.random.default_rng(3), 300)
    point = some.shape().point[:, 2]
    near, far = some.redshift < 0.4, some.redshift > 1.5
    assert ((point >= 0) & (point <= 1)).all()
    assert point[far].min() > 0.9
    assert 0.2 < np.median(point[near]) < 0.85


def test_blur_is_a_gaussian_of_the_width_asked_for() -> None:
    spike = np.zeros((1, 801))
    spike[0, 400] = 1.0
    sigma = np.linspace(0.8, 1.6, 801)
    seen = quasars.blur(spike, sigma)[0]
    pixel = np.arange(801) - 400.0
    assert seen.sum() == pytest.approx(1.0, abs=0.01)
    assert np.sqrt((seen * pixel**2).sum()) == pytest.approx(sigma[400], rel=0.03)
