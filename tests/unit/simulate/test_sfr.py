import numpy as np
import pytest

from trifid.simulate import sfr


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    truth = rng.normal(0.0, 0.8, 1500)
    from_lines = np.arange(1500) % 2 == 0
    return truth, from_lines, sfr.draw_estimates(rng, truth, from_lines, failed=0.0)


def test_percentiles_are_in_order_and_calibrated(drawn):
    truth, _, columns = drawn
    names = ("sfr_p2p5", "sfr_p16", "sfr_median", "sfr_p84", "sfr_p97p5")
    stacked = np.stack([columns[name] for name in names])
    assert (np.diff(stacked, axis=0) > 0).all()
    for values, level in zip(stacked, (0.025, 0.16, 0.5, 0.84, 0.975), strict=True):
        error = np.sqrt(level * (1 - level) / truth.size)
        assert (truth < values).mean() == pytest.approx(level, abs=4 * error)


def test_entropy_is_that_of_the_width(drawn):
    _, _, columns = drawn
    expected = sfr.entropy_of_width(columns["sfr_p16"], columns["sfr_p84"])
    assert np.abs(columns["sfr_entropy"] - expected).max() < 0.3


def test_widths_of_the_two_estimators(drawn):
    _, from_lines, columns = drawn
    width = columns["sfr_p84"] - columns["sfr_p16"]
    assert 0.49 < width[from_lines].min() < width[from_lines].max() < 0.82
    assert 1.48 < width[~from_lines].min() < width[~from_lines].max() < 2.22


def test_modes_are_quantised(drawn):
    _, _, columns = drawn
    steps = columns["sfr_mode"] / 0.05
    assert steps == pytest.approx(np.rint(steps), abs=1e-6)


def test_the_lower_side_is_the_longer(drawn):
    _, _, columns = drawn
    low = columns["sfr_median"] - columns["sfr_p2p5"]
    high = columns["sfr_p97p5"] - columns["sfr_median"]
    assert np.median(low / high) > 1.1


def test_summary_of_a_known_distribution():
    place = np.array([0.0, 0.05, 0.10, 0.15])
    columns = sfr.summarise(place, np.array([[0.25, 0.25, 0.25, 0.25]]))
    assert columns["sfr_entropy"] == pytest.approx(-2.0)
    assert columns["sfr_avg"] == pytest.approx(0.075)
    assert columns["sfr_median"] == pytest.approx(0.075)
    assert columns["sfr_p16"] == pytest.approx(-0.025 + 0.2 * 0.16)


def test_failed_estimates_have_sentinels_everywhere():
    rng = np.random.default_rng(0)
    columns = sfr.draw_estimates(rng, np.zeros(50), np.ones(50, bool), failed=1.0)
    assert (columns["sfr_flag"] > 0).all()
    assert set(columns) == {*sfr.COLUMNS, "sfr_flag"}
    for name in sfr.COLUMNS:
        assert set(columns[name]) == {0.0 if name == "sfr_entropy" else -99.0}
