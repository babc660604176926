"""Metrics of numbers, against plain formulas and other libraries."""

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.metrics import mean_pinball_loss, r2_score

from trifid.metrics.regression import (
    LIGHT_SPEED,
    RegressionStatistic,
    row_crps,
    row_pinball,
    row_pit,
    weighted_mad,
    weighted_median,
)


@pytest.fixture
def rows():
    generator = np.random.default_rng(3)
    truth = generator.uniform(0.02, 0.6, 301)
    sd = generator.uniform(0.01, 0.05, 301)
    return truth, truth + sd * generator.normal(size=301), sd


def _named(truth, mean, sd, groups=None, weights=None, **options):
    groups = np.arange(len(truth)) if groups is None else groups
    statistic = RegressionStatistic.of(truth, mean, sd, groups, **options)
    weights = np.ones((1, statistic.groups), np.int32) if weights is None else weights
    return dict(zip(statistic.names, statistic(weights).T, strict=True))


def test_metrics_are_the_plain_formulas(rows):
    truth, mean, sd = rows
    error = mean - truth
    found = _named(truth, mean, sd, redshift=True, outliers=(0.03,), baseline=0.3)
    scaled = error / (1 + truth)
    expected = {
        "rmse": np.sqrt(np.mean(error**2)),
        "mae": np.mean(np.abs(error)),
        "bias": np.mean(error),
        "r2": r2_score(truth, mean),
        "skill": 1 - np.mean(error**2) / np.mean((truth - 0.3) ** 2),
        "crps": row_crps(truth, mean, sd).mean(),
        "outliers_0.03": np.mean(np.abs(scaled) > 0.03),
        "bias_1z": scaled.mean(),
        "nmad": 1.4826 * stats.median_abs_deviation(error),
        "nmad_1z": 1.4826 * stats.median_abs_deviation(scaled),
        "velocity": LIGHT_SPEED * np.median(np.abs(scaled)),
        "coverage_68": np.mean(np.abs(error) < stats.norm.ppf(0.84) * sd),
        "coverage_95": np.mean(np.abs(error) < stats.norm.ppf(0.975) * sd),
        "pinball_05": mean_pinball_loss(truth, mean + sd * stats.norm.ppf(0.05), alpha=0.05),
        "pit_distance": stats.kstest(row_pit(truth, mean, sd), "uniform").statistic,
    }
    assert set(expected) <= set(found)
    for name, value in expected.items():
        np.testing.assert_allclose(found[name][0], value, rtol=1e-9, atol=1e-12, err_msg=name)


def test_a_weight_is_a_number_of_copies(rows):
    truth, mean, sd = rows
    groups = np.arange(301) // 3
    weights = np.random.default_rng(0).integers(0, 3, (5, 101)).astype(np.int32)
    options = {"redshift": True, "outliers": (0.15,), "baseline": 0.3}
    found = _named(truth, mean, sd, groups, weights, **options)
    for k, weight in enumerate(weights):
        copies = np.repeat(np.arange(301), weight[groups])
        plain = _named(truth[copies], mean[copies], sd[copies], **options)
        for name, value in plain.items():
            np.testing.assert_allclose(found[name][k], value[0], rtol=1e-9, atol=1e-12)


def test_without_a_width_the_crps_is_the_absolute_error(rows):
    truth, mean, _ = rows
    found = _named(truth, mean, None)
    assert found["crps"] == found["mae"]
    assert not any(name.startswith(("coverage", "pinball", "pit")) for name in found)


def test_crps_is_the_integral_of_its_definition():
    for truth, mean, sd in ((0.3, 0.0, 1.0), (2.0, -1.0, 0.4)):
        value, _ = integrate.quad(
            lambda x, t=truth, m=mean, s=sd: (stats.norm.cdf(x, m, s) - (x >= t)) ** 2,
            -20,
            20,
            points=[truth],
            limit=200,
        )
        found = row_crps(np.array([truth]), np.array([mean]), np.array([sd]))
        np.testing.assert_allclose(found, value, rtol=1e-7)


def test_medians_and_deviations_with_even_counts_and_ties():
    values = np.array([1.0, 1.0, 2.0, 5.0, 9.0, 9.0])
    weights = np.array([[1] * 6, [2, 0, 1, 1, 0, 0], [0, 0, 0, 1, 0, 0], [0] * 6])
    for found, plain in (
        (weighted_median(values, weights), np.median),
        (weighted_mad(values, weights), stats.median_abs_deviation),
    ):
        for k in range(3):
            np.testing.assert_allclose(found[k], plain(np.repeat(values, weights[k])), atol=1e-12)
        assert np.isnan(found[3])


def test_pinball_loss_is_lowest_at_its_quantile():
    draws = np.random.default_rng(0).normal(size=20_000)
    at = [row_pinball(draws, np.full_like(draws, q), 0.95).mean() for q in (1.3, 1.645, 2.0)]
    assert at[1] == min(at)


def test_truth_that_does_not_vary_has_no_r2():
    found = _named(np.ones(5), np.linspace(0, 2, 5), None, baseline=1.0)
    assert np.isnan(found["r2"][0]) and not np.isfinite(found["skill"][0])
