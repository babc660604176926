import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as mcnemar_of_statsmodels
from statsmodels.stats.multitest import multipletests

from trifid.metrics.comparison import bootstrap_p, corrected_resampled_t, holm, mcnemar


def _pairs(only_first, only_second, both=30):
    first = np.array([True] * only_first + [False] * only_second + [True] * both)
    second = np.array([False] * only_first + [True] * only_second + [True] * both)
    return first, second


@pytest.mark.parametrize("b, c", [(3, 12), (0, 1), (10, 10), (24, 0), (0, 24)])
def test_mcnemar_is_the_exact_binomial_test_when_small(b, c):
    p, name = mcnemar(*_pairs(b, c))
    assert name == "McNemar exact"
    assert p == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue, rel=1e-12)


@pytest.mark.parametrize("b, c", [(10, 15), (60, 20), (200, 180), (30, 30)])
def test_mcnemar_has_a_continuity_correction_when_large(b, c):
    p, name = mcnemar(*_pairs(b, c))
    assert name == "McNemar chi-square"
    expected = 1 - stats.chi2.cdf(max(abs(b - c) - 1, 0) ** 2 / (b + c), 1)
    assert p == pytest.approx(expected, rel=1e-9)
    assert p == pytest.approx(stats.binomtest(b, b + c, 0.5).pvalue, abs=0.01)


@pytest.mark.parametrize("b, c", [(3, 12), (12, 12), (0, 24), (10, 15), (60, 20), (200, 180)])
def test_mcnemar_is_that_of_statsmodels(b, c):
    table = [[30, b], [c, 5]]
    theirs = mcnemar_of_statsmodels(table, exact=b + c < 25, correction=True)
    assert mcnemar(*_pairs(b, c))[0] == pytest.approx(theirs.pvalue, rel=1e-12)


def test_holm_is_that_of_statsmodels():
    for seed in range(5):
        p_values = np.random.default_rng(seed).random(12) ** 3
        theirs = multipletests(p_values, method="holm")[1]
        np.testing.assert_allclose(holm(p_values), theirs, rtol=1e-12)


def test_mcnemar_without_discordant_objects_shows_nothing():
    assert mcnemar(*_pairs(0, 0))[0] == 1.0


def test_holm_by_hand():
    adjusted = holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005]))
    np.testing.assert_allclose(adjusted, [0.03, 0.06, np.nan, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.9, 0.8])), [1.0, 1.0])
    assert holm(np.array([])).size == 0


def test_bootstrap_p_follows_the_normal_law():
    generator = np.random.default_rng(0)
    value = np.array([0.0, 1.0, 2.0, 4.0, np.nan])
    samples = value + generator.normal(size=(20_000, 5))
    p = bootstrap_p(value, samples)
    np.testing.assert_allclose(p[:4], 2 * stats.norm.sf(value[:4]), atol=0.01)
    assert p[3] >= 1 / 20_001
    assert np.isnan(p[4])


def test_bootstrap_p_of_equal_classifiers_is_one():
    assert bootstrap_p(np.zeros(1), np.zeros((100, 1)))[0] == 1.0


def test_corrected_t_is_wider_than_the_plain_one_and_equals_it_without_correction():
    gaps = np.random.default_rng(0).normal(0.02, 0.01, 10)
    plain = stats.ttest_1samp(gaps, 0.0)
    mean, low, high, p = corrected_resampled_t(gaps, 0.0)
    assert p == pytest.approx(plain.pvalue) and mean == pytest.approx(gaps.mean())
    assert (low, high) == pytest.approx(tuple(plain.confidence_interval(0.95)))
    wide = corrected_resampled_t(gaps, 1 / 9)
    assert wide[1] < low and wide[2] > high and wide[3] > p
    assert (wide[2] - wide[1]) / (high - low) == pytest.approx(np.sqrt((0.1 + 1 / 9) / 0.1))


def test_corrected_t_of_one_run_or_of_equal_runs():
    assert np.isnan(corrected_resampled_t(np.array([0.1]), 0.2)[1:]).all()
    assert corrected_resampled_t(np.zeros(4), 0.2) == (0.0, 0.0, 0.0, 1.0)
