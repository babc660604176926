import numpy as np
import pytest

from trifid.physics import bpt
from trifid.simulate import gas
from trifid.simulate.galaxy_draw import (
    CLASS_SHARES,
    MEASURABLE,
    draw_at,
    draw_galaxies,
    main_sequence,
    weakest_peak,
)


@pytest.fixture(scope="module")
def many():
    return draw_galaxies(np.random.default_rng(3), 3000)


@pytest.fixture(scope="module")
def given():
    classes = np.repeat(np.array(list(CLASS_SHARES)), 200)
    rng = np.random.default_rng(8)
    return draw_at(rng, rng.uniform(0.03, 0.3, 1000), rng.uniform(15.5, 18, 1000), classes)


def test_classes_have_the_shares_of_the_paper(many):
    for name, share in CLASS_SHARES.items():
        found = (many.truth_class == name).mean()
        assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 3000))


def test_other_shares_may_be_asked_for():
    only = draw_galaxies(np.random.default_rng(3), 20, shares={bpt.SEYFERT: 1.0})
    assert set(only.truth_class) == {bpt.SEYFERT}


def test_classes_are_measurable_and_normal_galaxies_quiescent(many):
    blank = many.truth_class == bpt.BLANK
    assert (weakest_peak(many)[~blank] >= MEASURABLE).all()
    assert np.median(many.ew[blank]) < 0.5
    assert np.median(many.ew[many.truth_class == bpt.STAR_FORMING]) > 10


def test_nuisances_do_not_know_the_class(many):
    blank = many.truth_class == bpt.BLANK
    for name in ("redshift", "snr"):
        values = getattr(many, name)
        sigma = values.std() * np.sqrt(1 / blank.sum() + 1 / (~blank).sum())
        assert abs(values[blank].mean() - values[~blank].mean()) < 4 * sigma


def test_ranges(many):
    assert many.redshift.min() >= 0.02
    assert many.redshift.max() <= 0.3
    assert many.snr.min() > 10
    assert (many.gas_ebv >= 0).all()
    assert (many.formed >= 0).all()
    assert np.isnan(many.magnitude).all()


def test_breaks_of_the_classes(many):
    d4000 = many.truth()["truth_d4000"]
    expected = {
        bpt.STAR_FORMING: 1.30, bpt.COMPOSITE: 1.45, bpt.SEYFERT: 1.55,
        bpt.LINER: 1.70, bpt.BLANK: 1.85,
    }  # fmt: skip
    for name, middle in expected.items():
        assert np.median(d4000[many.truth_class == name]) == pytest.approx(middle, abs=0.07)


def test_star_formation_lies_about_the_main_sequence(given):
    truth = given.truth()
    above = truth["truth_log_sfr"] - main_sequence(truth["truth_log_mass"])
    forming = above[given.truth_class == bpt.STAR_FORMING]
    assert forming.mean() == pytest.approx(0.0, abs=0.08)
    assert forming.std() == pytest.approx(0.30, abs=0.06)
    passive = above[given.truth_class == bpt.BLANK]
    assert -1.85 < passive.min() < passive.max() < -0.95


def test_halpha_goes_with_star_formation(given):
    truth = given.truth()
    specific = truth["truth_log_sfr"] - truth["truth_log_mass"]
    forming = given.truth_class == bpt.STAR_FORMING
    ew = np.log10(given.ew[forming])
    assert np.corrcoef(specific[forming], ew)[0, 1] > 0.8
    assert 10 < np.median(given.ew[forming]) < 40


def test_masses_are_those_of_galaxies(given):
    mass = given.truth()["truth_log_mass"]
    assert 9.5 < np.percentile(mass, 5) < np.percentile(mass, 95) < 12.4


def test_same_seed_same_galaxies():
    first, second = (draw_galaxies(np.random.default_rng(7), 30) for _ in range(2))
    assert first.formed.tobytes() == second.formed.tobytes()
    assert first.ratios.tobytes() == second.ratios.tobytes()


def test_none_are_drawn():
    assert len(draw_galaxies(np.random.default_rng(7), 0)) == 0


def test_the_gas_of_brighter_galaxies_holds_more_metals() -> None:
    faint, bright = (
        draw_at(
            np.random.default_rng(4), np.full(150, 0.05), np.full(150, magnitude),
            np.full(150, bpt.STAR_FORMING),
        )
        for magnitude in (18.5, 15.5)
    )  # fmt: skip
    nitrogen = [np.median(gas.bpt_position(item.ratios)[0]) for item in (faint, bright)]
    assert nitrogen[1] > nitrogen[0] + 0.2
