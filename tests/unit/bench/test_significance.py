"""Bounds from totals agree with the paired tests on objects."""

import numpy as np
import pytest
from scipy.stats import ttest_ind_from_stats

from trifid.bench.significance import mcnemar_bounds, two_proportions, welch
from trifid.metrics.comparison import mcnemar


def test_nineteen_objects_of_ten_thousand_are_within_one_standard_error():
    error, p = two_proportions(10_047, 10_338, 10_028, 10_338)
    assert round(error * 10_338) == 24
    assert p == pytest.approx(0.43, abs=0.01)


def test_equal_and_perfect_scores_differ_in_nothing():
    assert two_proportions(5, 5, 7, 7) == (0.0, 1.0)
    assert mcnemar_bounds(5, 5, 5).greatest_p == 1.0


@pytest.mark.parametrize("seed", range(20))
def test_the_paired_test_lies_between_its_bounds(seed):
    draw = np.random.default_rng(seed)
    n = int(draw.integers(30, 400))
    first = draw.random(n) < draw.uniform(0.6, 0.95)
    second = np.where(draw.random(n) < 0.7, first, draw.random(n) < 0.8)
    bounds = mcnemar_bounds(int(first.sum()), int(second.sum()), n)
    assert bounds.fewest <= int((first != second).sum()) <= bounds.most
    p, _ = mcnemar(first, second)
    assert bounds.least_p - 0.05 <= p <= bounds.greatest_p + 0.05  # exact and chi-square differ


def test_welch_is_scipys():
    gap, error, p = welch(0.9478, 0.0038, 0.9396, 0.0057, 5)
    expected = ttest_ind_from_stats(0.9478, 0.0038, 5, 0.9396, 0.0057, 5, equal_var=False)
    assert p == pytest.approx(float(expected.pvalue))
    assert gap / error == pytest.approx(float(expected.statistic))


def test_without_spread_or_with_one_run_there_is_no_p():
    assert np.isnan(welch(1.0, 0.0, 0.5, 0.0, 5)[2])
    assert np.isnan(welch(1.0, 0.1, 0.5, 0.1, 1)[2])
