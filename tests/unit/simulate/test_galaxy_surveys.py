import numpy as np
import pytest

from trifid.physics import bpt
from trifid.simulate import galaxy_surveys
from trifid.simulate.spectrograph import line_spread


@pytest.fixture(scope="module")
def main():
    return galaxy_surveys.draw_main(np.random.default_rng(1), 1500)


@pytest.fixture(scope="module")
def deep():
    return galaxy_surveys.draw_deep(np.random.default_rng(1), 1500)


def test_main_sample_has_the_median_redshift_of_the_survey(main):
    assert np.median(main.redshift) == pytest.approx(0.104, abs=0.02)
    clear = main.magnitude - 2.285 * main.galactic_ebv
    assert clear.max() <= galaxy_surveys.MAIN_LIMIT + 1e-9
    assert np.median(clear) == pytest.approx(17.3, abs=0.2)


def test_brighter_galaxies_are_further_and_redder(main):
    mass = main.truth()["truth_log_mass"]
    assert np.corrcoef(mass, np.log(main.redshift))[0, 1] > 0.5
    quiescent = main.truth_class == bpt.BLANK
    assert mass[quiescent].mean() > mass[main.truth_class == bpt.STAR_FORMING].mean() + 0.4


def test_deep_sample_reaches_further(deep):
    clear = deep.magnitude - 2.285 * deep.galactic_ebv
    assert clear.max() <= galaxy_surveys.DEEP_LIMIT + 1e-9
    assert 0.7 < deep.redshift.max() <= 0.8
    red = (deep.truth_class == bpt.BLANK) & (deep.redshift > 0.4)
    assert red.sum() > 300
    assert np.median(deep.truth()["truth_log_mass"][red]) == pytest.approx(11.3, abs=0.3)


def test_every_galaxy_shines(deep):
    seen = deep.take(np.arange(100)).shine(line_spread)
    assert (seen.continuum > 0).all()
    assert (seen.emission >= 0).all()
    assert (seen.bands > 0).all()


def test_same_seed_same_sample():
    first, second = (galaxy_surveys.draw_deep(np.random.default_rng(7), 40) for _ in range(2))
    assert first.redshift.tobytes() == second.redshift.tobytes()
    assert first.formed.tobytes() == second.formed.tobytes()


def test_half_of_the_galaxies_of_boss_are_blue_candidates_for_quasars():
    drawn = galaxy_surveys.draw_boss(np.random.default_rng(3), 400)
    clear = drawn.magnitude - 2.285 * drawn.galactic_ebv
    assert galaxy_surveys.DEEP_LIMIT < clear.max() <= galaxy_surveys.CANDIDATE_LIMIT + 1e-9
    bands = -2.5 * np.log10(drawn.shine(line_spread).bands)
    blue = bands[:, 1] - bands[:, 2] < 0.6
    assert 0.2 < blue.mean() < 0.6
    assert np.median(drawn.ew[blue]) > 60
