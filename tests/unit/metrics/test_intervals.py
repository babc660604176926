import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from trifid.metrics.intervals import bootstrap, draw_groups, wilson


@pytest.mark.parametrize("successes, n", [(0, 5), (5, 5), (131, 140), (1, 10_000), (50, 100)])
def test_wilson_is_that_of_scipy_and_of_statsmodels(successes, n):
    expected = stats.binomtest(successes, n).proportion_ci(method="wilson")
    assert wilson(successes, n) == pytest.approx((expected.low, expected.high), abs=1e-12)
    theirs = proportion_confint(successes, n, method="wilson")
    assert wilson(successes, n) == pytest.approx(theirs, abs=1e-12)


def test_wilson_of_nothing_is_everything():
    assert wilson(0, 0) == (0.0, 1.0)


def test_draws_are_multinomial_and_depend_on_the_seed_alone():
    whole = draw_groups(50, range(4000), seed=3)
    parts = [draw_groups(50, range(k, k + 1000), seed=3) for k in range(0, 4000, 1000)]
    assert (whole.sum(axis=1) == 50).all()
    assert whole.mean(axis=0) == pytest.approx(np.ones(50), abs=0.08)
    assert whole.var() == pytest.approx(49 / 50, abs=0.02)
    assert (whole == np.concatenate(parts)).all()
    assert (whole != draw_groups(50, range(4000), seed=4)).any()


def _mean_of(values):
    return lambda weights: (weights @ values / weights.sum(axis=1))[:, None]


@pytest.mark.parametrize("method", ["bca", "percentile"])
def test_bootstrap_agrees_with_scipy(method):
    values = np.random.default_rng(0).exponential(size=60)  # skewed, so that BCa matters

    def skewed(sample, axis=-1):
        return np.sqrt(np.mean(sample**2, axis=axis))

    expected = stats.bootstrap(
        (values,), skewed, n_resamples=20_000, method=method, rng=np.random.default_rng(1)
    ).confidence_interval
    found = bootstrap(
        lambda w: np.sqrt(w @ values**2 / w.sum(axis=1))[:, None],
        60,
        resamples=20_000,
        seed=2,
        method=method,
        expand=False,
    )
    assert found.value[0] == pytest.approx(skewed(values))
    assert found.low[0] == pytest.approx(expected.low, abs=0.02)
    assert found.high[0] == pytest.approx(expected.high, abs=0.03)


def test_few_groups_reach_as_far_as_student_s_t():
    """The mean of 15 normal values: the interval is that of the t distribution, not of z."""
    values = stats.norm.ppf((np.arange(15) + 0.5) / 15)
    expected = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    options = {"resamples": 20_000, "seed": 1, "method": "percentile"}
    found = bootstrap(_mean_of(values), 15, **options)
    assert found.high[0] - found.low[0] == pytest.approx(expected.high - expected.low, rel=0.02)
    plain = bootstrap(_mean_of(values), 15, expand=False, **options)
    narrower = stats.norm.ppf(0.975) / stats.t.ppf(0.975, 14) * np.sqrt(14 / 15)
    ratio = (plain.high - plain.low)[0] / (found.high - found.low)[0]
    assert ratio == pytest.approx(narrower, rel=0.02)


def test_groups_of_equal_rows_widen_the_interval():
    generator = np.random.default_rng(0)
    values = generator.normal(size=100)
    alone = bootstrap(_mean_of(values), 100)
    # each value five times, in groups of five: the same information, not five times as much
    repeated = bootstrap(_mean_of(5 * values), 100)
    width = alone.high - alone.low
    np.testing.assert_allclose((repeated.high - repeated.low) / 5, width, rtol=1e-9)
    split = bootstrap(_mean_of(np.repeat(values, 5)), 500)
    assert (split.high - split.low)[0] == pytest.approx(width[0] / np.sqrt(5), rel=0.15)


def test_no_interval_is_pretended():
    constant = bootstrap(_mean_of(np.ones(30)), 30)
    assert constant.value[0] == 1.0
    assert np.isnan(constant.low[0])
    assert np.isnan(constant.high[0])
    single = bootstrap(lambda w: w[:, :1] * 3.0, 1)
    assert np.isnan(single.low[0])

    def often_undefined(weights):
        return np.where(weights[:, :1] > 0, weights[:, 1:2].astype(float), np.nan)

    assert np.isnan(bootstrap(often_undefined, 20).low[0])  # defined in 64 % of the resamples


def test_coverage_of_a_skewed_proportion_like_ratio():
    """Grouped data with repeats: 95 % intervals hold the truth in about 95 % of 300 trials."""
    generator = np.random.default_rng(5)
    held = 0
    for trial in range(300):
        quality = generator.beta(8, 2, size=120)  # groups differ: rows of a group are correlated
        sizes = generator.integers(1, 5, 120)
        hits = generator.binomial(sizes, quality)
        found = bootstrap(
            lambda w, hits=hits, sizes=sizes: (w @ hits / (w @ sizes))[:, None],
            120,
            resamples=400,
            seed=trial,
        )
        held += found.low[0] <= 0.8 <= found.high[0]
    assert 0.91 <= held / 300 <= 0.985  # three standard errors around 0.95
