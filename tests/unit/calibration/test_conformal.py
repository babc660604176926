import mapie.classification
import mapie.regression
import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

from trifid.calibration.conformal import (
    class_scores,
    fit_classifier,
    fit_interval,
    upper_quantile,
)
from trifid.errors import InputError


def sky(n, seed, *, classes=4, sharpness=2.0, doubt=0.0):
    """Labels drawn from the very probabilities, blurred by `doubt` afterwards."""
    rng = np.random.default_rng(seed)
    truth = softmax(sharpness * rng.normal(size=(n, classes)), axis=1)
    labels = np.array([rng.choice(classes, p=row) for row in truth])
    return softmax(np.log(truth) + doubt * rng.normal(size=truth.shape), axis=1), labels


def covered(sets, labels):
    return sets[np.arange(len(labels)), labels]


@pytest.mark.parametrize("method", ["lac", "aps", "raps"])
def test_coverage_is_nominal_over_repeated_splits_even_for_a_wrong_model(method):
    probabilities, labels = sky(4000, 0, doubt=1.0)
    rng = np.random.default_rng(1)
    shares = []
    for _ in range(100):
        order = rng.permutation(len(labels))
        fit, new = order[:1000], order[1000:]
        found = fit_classifier(probabilities[fit], labels[fit], coverage=0.9, method=method)
        shares.append(covered(found.sets(probabilities[new], seed=7), labels[new]).mean())
    assert np.mean(shares) == pytest.approx(0.9, abs=0.01)


def test_mondrian_sets_cover_within_each_bin_and_plain_ones_do_not():
    """Over 50 splits: overall within 1 %, in each bin within 3 % on the mean of the splits."""
    parts = [sky(3000, 2 + k, sharpness=sharp, doubt=1.0) for k, sharp in enumerate((6, 2, 1))]
    probabilities, labels = (np.concatenate(side) for side in zip(*parts, strict=True))
    bins = np.repeat([0, 1, 2], 3000)
    rng = np.random.default_rng(1)
    by_bin = {"plain": [], "mondrian": []}
    overall = []
    for _ in range(50):
        order = rng.permutation(len(labels))
        fit, new = order[:1500], order[1500:]
        for name, fitted, used in (("plain", None, None), ("mondrian", bins[fit], bins[new])):
            found = fit_classifier(probabilities[fit], labels[fit], coverage=0.9, bins=fitted)
            inside = covered(found.sets(probabilities[new], used), labels[new])
            by_bin[name].append([inside[bins[new] == number].mean() for number in range(3)])
            overall.append(inside.mean())
    assert np.mean(overall) == pytest.approx(0.9, abs=0.01)
    assert np.mean(by_bin["mondrian"], axis=0) == pytest.approx([0.9] * 3, abs=0.01)
    close = np.abs(np.array(by_bin["mondrian"]) - 0.9) < 0.03
    assert close.mean() > 0.9  # of single splits too; a bin has 500 rows to fit on
    assert np.ptp(np.mean(by_bin["plain"], axis=0)) > 0.06


def test_class_conditional_sets_cover_the_rare_class():
    rng = np.random.default_rng(4)
    labels = (rng.random(20000) < 0.03).astype(int)
    logit = rng.normal(2.0 * labels - 4.0, 1.0)
    p = 1 / (1 + np.exp(-logit))
    probabilities = np.stack([1 - p, p], axis=1)
    fit = np.arange(20000) < 8000
    for per_class, least, most in ((False, 0.0, 0.6), (True, 0.85, 0.95)):
        found = fit_classifier(probabilities[fit], labels[fit], coverage=0.9, per_class=per_class)
        inside = covered(found.sets(probabilities[~fit]), labels[~fit])[labels[~fit] == 1]
        assert least <= inside.mean() <= most


def test_too_few_rows_for_the_promise_give_every_class():
    probabilities, labels = sky(8, 5)
    found = fit_classifier(probabilities, labels, coverage=0.9)
    assert np.isinf(found.thresholds).all() and found.sets(probabilities).all()
    enough = fit_classifier(*sky(9, 5), coverage=0.9)
    assert np.isfinite(enough.thresholds).all()
    unseen = enough.sets(probabilities, np.full(8, 3))
    assert unseen.all()


@pytest.mark.parametrize("n, coverage, rank", [(9, 0.9, 9), (19, 0.9, 18), (99, 0.95, 95)])
def test_the_quantile_is_the_split_conformal_rank(n, coverage, rank):
    scores = np.random.default_rng(0).permutation(n).astype(float)
    assert upper_quantile(scores, coverage) == rank - 1


def test_scores_are_hand_computed():
    p = np.array([[0.5, 0.3, 0.2]])
    assert class_scores(p, "lac")[0] == pytest.approx([0.5, 0.7, 0.8])
    aps = class_scores(p, "aps", seed=3)[0]
    u = np.random.default_rng(3).random()
    assert aps == pytest.approx([0.5 - u * 0.5, 0.8 - u * 0.3, 1 - u * 0.2])
    assert class_scores(p, "raps", seed=3)[0] - aps == pytest.approx([0, 0, 0.01])


class Given(ClassifierMixin, RegressorMixin, BaseEstimator):
    """A fitted estimator for MAPIE: its features are the probabilities, or the answers."""

    classes_ = np.arange(4)
    fitted_ = True

    def __init__(self, column=None):
        self.column = column

    def fit(self, x, y):
        return self

    def predict(self, x):
        return x.argmax(axis=1) if self.column is None else x[:, self.column]

    def predict_proba(self, x):
        return x


def sets_of_mapie(fit, new, method, **options):
    theirs = mapie.classification.SplitConformalClassifier(
        Given(), confidence_level=0.9, conformity_score=method, prefit=True, random_state=3
    )
    theirs.conformalize(*fit)
    return theirs.predict_set(new, options)[1][:, :, 0]


def test_lac_sets_are_those_of_mapie():
    fit, new = sky(500, 6), sky(300, 7)
    ours = fit_classifier(*fit, coverage=0.9).sets(new[0])
    assert np.array_equal(ours, sets_of_mapie(fit, new[0], "lac"))


@pytest.mark.filterwarnings("ignore:WARNING. your conformalization dataset has less labels")
def test_lac_sets_of_a_bin_and_of_a_class_are_those_of_mapie_on_its_rows():
    (p, labels), (new, _) = sky(600, 6), sky(300, 7)
    bins, places = np.arange(600) % 3, np.arange(300) % 3
    ours = fit_classifier(p, labels, coverage=0.9, bins=bins).sets(new, places)
    by_class = fit_classifier(p, labels, coverage=0.9, per_class=True).sets(new)
    for number in range(3):
        own = bins == number
        theirs = sets_of_mapie((p[own], labels[own]), new[places == number], "lac")
        assert np.array_equal(ours[places == number], theirs)
        own = labels == number
        theirs = sets_of_mapie((p[own], labels[own]), new, "lac")
        assert np.array_equal(by_class[:, number], theirs[:, number])


def test_aps_sets_are_those_of_mapie_when_both_throw_the_same_dice(monkeypatch):
    fit, new = sky(500, 6), sky(300, 7)
    theirs = sets_of_mapie(fit, new[0], "aps", include_last_label="randomized")
    monkeypatch.setattr(np.random, "default_rng", np.random.RandomState)
    ours = fit_classifier(*fit, coverage=0.9, method="aps", seed=3).sets(new[0], seed=3)
    assert np.array_equal(ours, theirs)


def test_intervals_are_those_of_mapie():
    rng = np.random.default_rng(10)
    middle = rng.normal(size=500)
    ends = np.stack([middle - 0.5, middle + 0.7, middle], axis=1)  # low, high, median
    truth = middle + rng.normal(size=500)
    fit, new = np.arange(500) < 300, np.arange(500) >= 300
    quantiles = mapie.regression.ConformalizedQuantileRegressor(
        [Given(0), Given(1), Given(2)], confidence_level=0.9, prefit=True
    )
    quantiles.conformalize(ends[fit], truth[fit])
    _, theirs = quantiles.predict_interval(ends[new], symmetric_correction=True)
    ours = fit_interval(ends[fit, 0], ends[fit, 1], truth[fit], coverage=0.9)
    low, high = ours.intervals(ends[new, 0], ends[new, 1])
    np.testing.assert_allclose(np.stack([low, high], axis=1), theirs[:, :, 0], rtol=1e-12)

    plain = mapie.regression.SplitConformalRegressor(Given(2), confidence_level=0.9, prefit=True)
    plain.conformalize(ends[fit], truth[fit])
    _, theirs = plain.predict_interval(ends[new])
    ours = fit_interval(middle[fit], middle[fit], truth[fit], coverage=0.9)
    low, high = ours.intervals(middle[new], middle[new])
    np.testing.assert_allclose(np.stack([low, high], axis=1), theirs[:, :, 0], rtol=1e-12)


def test_quantile_regression_is_widened_to_its_promise_in_every_bin():
    rng = np.random.default_rng(8)
    bins = np.repeat([0, 1], 5000)
    truth = rng.normal(0, np.where(bins == 0, 1.0, 3.0))
    low, high = np.full(10000, -0.5), np.full(10000, 0.5)
    fit = np.arange(10000) % 2 == 0
    found = fit_interval(low[fit], high[fit], truth[fit], coverage=0.9, bins=bins[fit])
    ends = found.intervals(low[~fit], high[~fit], bins=bins[~fit])
    inside = (ends[0] <= truth[~fit]) & (truth[~fit] <= ends[1])
    for number in (0, 1):
        assert inside[bins[~fit] == number].mean() == pytest.approx(0.9, abs=0.02)
    assert found.margins[1] > 2 * found.margins[0]


def test_scaled_intervals_follow_the_predicted_width():
    rng = np.random.default_rng(9)
    sd = rng.uniform(0.5, 4.0, 8000)
    truth = rng.normal(0, 2 * sd)  # the model believes half of it
    mean, fit = np.zeros(8000), np.arange(8000) < 4000
    found = fit_interval(mean[fit], mean[fit], truth[fit], coverage=0.9, scale=sd[fit])
    low, high = found.intervals(mean[~fit], mean[~fit], scale=sd[~fit])
    inside = (low <= truth[~fit]) & (truth[~fit] <= high)
    narrow = sd[~fit] < 2
    assert inside[narrow].mean() == pytest.approx(0.9, abs=0.03)
    assert inside[~narrow].mean() == pytest.approx(0.9, abs=0.03)
    assert found.margins[0] == pytest.approx(2 * 1.645, abs=0.15)


def test_bad_input_is_named():
    with pytest.raises(InputError, match="no validation rows"):
        fit_classifier(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(InputError, match="coverage is 1"):
        fit_interval(np.zeros(3), np.ones(3), np.ones(3), coverage=1.5)
