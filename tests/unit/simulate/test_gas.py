import numpy as np
import pytest

from trifid.physics import bpt, lines
from trifid.schema import grid
from trifid.simulate import gas


@pytest.fixture(scope="module")
def drawn():
    wanted = np.array([bpt.STAR_FORMING, bpt.COMPOSITE, bpt.SEYFERT, bpt.LINER, bpt.BLANK] * 80)
    ratios, nucleus = gas.draw_ratios(np.random.default_rng(3), wanted)
    return wanted, ratios, nucleus


def test_lines_lie_in_the_region_of_the_class(drawn):
    wanted, ratios, _ = drawn
    found = bpt.classify(*gas.bpt_position(ratios))
    assert (found == np.where(wanted == bpt.BLANK, bpt.LINER, wanted)).all()


def test_ratios_of_atomic_physics(drawn):
    _, ratios, _ = drawn
    flux = dict(zip(gas.NAMES, ratios.T, strict=True))
    assert flux["oiii_5007"] / flux["oiii_4959"] == pytest.approx(2.98)
    assert flux["nii_6584"] / flux["nii_6548"] == pytest.approx(3.05)
    assert flux["h_gamma"] / flux["h_beta"] == pytest.approx(0.468)
    assert flux["oi_6300"] / flux["oi_6363"] == pytest.approx(3.0)
    assert flux["h_alpha"] == pytest.approx(1.0)
    decrement = flux["h_alpha"] / flux["h_beta"]
    assert 2.86 - 1e-9 <= decrement.min() <= decrement.max() <= 3.1 + 1e-9


def test_nuclei_outshine_in_active_galaxies_only(drawn):
    wanted, _, nucleus = drawn
    assert nucleus.min() >= 0
    assert nucleus.max() <= 1
    middle = {name: np.median(nucleus[wanted == name]) for name in np.unique(wanted)}
    assert middle[bpt.STAR_FORMING] < 0.1 < middle[bpt.COMPOSITE] < middle[bpt.SEYFERT]


def test_massive_galaxies_have_more_nitrogen():
    mass = np.repeat([8.6, 9.4, 10.2, 11.0], 300)
    mean = gas.nitrogen_of_mass(mass)
    wanted = np.full(mass.size, bpt.STAR_FORMING)
    x, _ = gas.bpt_position(gas.draw_ratios(np.random.default_rng(1), wanted, mean)[0])
    middle = [np.median(x[mass == value]) for value in (8.6, 9.4, 10.2, 11.0)]
    assert np.all(np.diff(middle[:3]) > 0.1)
    assert middle[1] == pytest.approx(mean[mass == 9.4][0], abs=0.05)
    assert middle[3] < -0.35  # it saturates


def test_star_formation_fills_the_room_below_kauffmanns_line():
    wanted = np.full(2000, bpt.STAR_FORMING)
    x, y = gas.bpt_position(gas.draw_ratios(np.random.default_rng(2), wanted)[0])
    above = y - (0.61 / (x + 0.08) + 1.10)
    poor, rich = (x > -0.9) & (x < -0.7), (x > -0.5) & (x < -0.4)
    assert above[poor].std() < 0.15 < 0.2 < above[rich].std()


def test_the_survey_lines_come_first():
    assert gas.NAMES[: len(lines.EMISSION)] == tuple(lines.EMISSION)
    assert gas.NAMES[gas.H_ALPHA] == "h_alpha"
    assert gas.NAMES[gas.H_BETA] == "h_beta"


def test_lines_hold_their_flux_and_stay_in_place():
    flux, sigma = np.array([[2.0, 1.0]]), np.array([[0.8, 3.0]])
    places = np.log10(np.array([[5000.3, 7000.1]]))
    seen = gas.draw_lines(flux, places, sigma, 3.65, 2500)[0]
    x = 10.0 ** (3.65 + grid.LOG10_STEP * np.arange(2500))
    area = seen * x * np.log(10.0) * grid.LOG10_STEP
    for place, total in ((5000.3, 2.0), (7000.1, 1.0)):
        near = np.abs(x - place) < 60.0
        assert area[near].sum() == pytest.approx(total, rel=1e-4)
        assert (area * x)[near].sum() / total == pytest.approx(place, abs=0.02)


def test_lines_outside_are_left_out():
    places = np.log10(np.array([[3000.0, 9000.0]]))
    seen = gas.draw_lines(np.ones((1, 2)), places, np.ones((1, 2)), 3.65, 2500)
    assert not seen.any()
