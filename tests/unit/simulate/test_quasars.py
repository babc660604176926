import numpy as np
import pytest

from trifid.schema import grid
from trifid.simulate import quasar_lines, quasars
from trifid.simulate.instruments import SDSS
from trifid.simulate.source import Objects


@pytest.fixture(scope="module")
def drawn():
    return quasars.draw_quasars(np.random.default_rng(2), 48, "boss")


@pytest.fixture(scope="module")
def light(drawn):
    return drawn.shine(SDSS.line_spread)


def test_they_are_objects_of_the_simulated_sky(drawn, light) -> None:
    objects: Objects = drawn
    assert objects.kind == "quasar"
    assert len(objects.take(np.array([3, 1]))) == 2
    assert light.continuum.shape == (48, grid.LENGTH) == light.emission.shape
    assert (light.bands > 0).all()
    assert not light.bulge_bands.any()
    assert all(name.startswith("truth_") for name in objects.truth())
    assert all(np.isfinite(item).all() for item in (light.continuum, light.emission, light.bands))


def test_the_same_rows_shine_the_same_wherever_they_stand(drawn, light) -> None:
    rows = np.array([40, 7])
    again = drawn.take(rows).shine(SDSS.line_spread)
    assert again.continuum == pytest.approx(light.continuum[rows], rel=1e-9)
    assert again.bands == pytest.approx(light.bands[rows], rel=1e-9)


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


def test_a_share_has_broad_absorption() -> None:
    many = quasars.draw_quasars(np.random.default_rng(1), 2000)
    assert 0.08 < (many.wind != 0).mean() < 0.15


def test_carbon_follows_the_baldwin_effect() -> None:
    some = quasars.draw_quasars(np.random.default_rng(8), 600)
    civ = [line.name for line in quasar_lines.BROAD].index("civ_1549")
    slope = np.polyfit(-0.4 * some.luminosity, np.log10(some.strength[:, civ]), 1)[0]
    assert slope == pytest.approx(-0.17, abs=0.03)  # Baldwin effect


def test_hosts_show_in_faint_near_quasars_only() -> None:
    some = quasars.draw_quasars(np.random.default_rng(3), 300)
    near, far = np.flatnonzero(some.redshift < 0.4), np.flatnonzero(some.redshift > 1.5)
    point = [some.take(rows[:12]).shape().point[:, 2] for rows in (near, far)]
    assert all(((share >= 0) & (share <= 1)).all() for share in point)
    assert point[1].min() > 0.9
    assert 0.2 < np.median(point[0]) < 0.85


def test_blur_is_a_gaussian_of_the_width_asked_for() -> None:
    spike = np.zeros((1, 801))
    spike[0, 400] = 1.0
    sigma = np.linspace(0.8, 1.6, 801)
    seen = quasars.blur(spike, sigma)[0]
    pixel = np.arange(801) - 400.0
    assert seen.sum() == pytest.approx(1.0, abs=0.01)
    assert np.sqrt((seen * pixel**2).sum()) == pytest.approx(sigma[400], rel=0.03)
