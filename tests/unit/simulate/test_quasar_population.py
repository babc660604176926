import numpy as np
import pytest

from trifid.simulate import quasar_population


def test_surveys_find_what_they_look_for() -> None:
    rng = np.random.default_rng(0)
    z, i = quasar_population.draw(rng, 4000, "legacy")
    assert 1.2 < np.median(z) < 1.7
    assert (i[z < 2.8] < 19.15).all()
    z, i = quasar_population.draw(rng, 4000, "boss")
    assert (z > 2.1).mean() > 0.75
    assert 20.2 < np.median(i) < 21.2
    assert (z < 2.1).mean() > 0.08


def test_absolute_magnitude_of_a_bright_quasar() -> None:
    """3C 273: i about 12.7 at redshift 0.158 is M_i(z = 2) about -27."""
    seen = quasar_population.absolute_magnitude(np.array([12.7]), np.array([0.158]))
    assert seen == pytest.approx(-27.2, abs=0.2)


def test_bright_quasars_are_rarer_and_most_were_at_redshift_two() -> None:
    magnitude = np.array([-24.0, -26.0, -28.0])
    assert (np.diff(quasar_population.density(magnitude, np.full(3, 1.5))) < 0).all()
    history = quasar_population.density(np.full(3, -27.0), np.array([0.5, 2.2, 3.8]))
    assert history[1] > 3 * history[0]
    assert history[1] > 3 * history[2]
