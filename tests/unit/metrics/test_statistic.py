import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from trifid.metrics.intervals import bootstrap
from trifid.metrics.statistic import OVERALL, PER_CLASS, ClassifierStatistic


@pytest.fixture
def case():
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 3, 300)
    scores = generator.normal(size=(300, 3))
    scores[np.arange(300), labels] += 1.5
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    return labels, probabilities.argmax(axis=1), probabilities, generator.integers(0, 80, 300)


def test_a_weighting_equals_the_rows_written_out(case):
    labels, predicted, probabilities, groups = case
    statistic = ClassifierStatistic.of(*case)
    weights = np.random.default_rng(1).integers(0, 3, (1, groups.max() + 1))
    rows = np.repeat(np.arange(300), weights[0][groups])
    got = dict(zip(OVERALL, statistic(weights)[0], strict=False))
    assert got["accuracy"] == pytest.approx((labels == predicted)[rows].mean())
    macro = f1_score(labels[rows], predicted[rows], average="macro")
    assert got["macro_f1"] == pytest.approx(macro)
    area = roc_auc_score(labels[rows], probabilities[rows], multi_class="ovr")
    assert got["macro_auc"] == pytest.approx(area)
    assert got["log_loss"] == pytest.approx(log_loss(labels[rows], probabilities[rows]))


def test_the_columns_are_overall_then_each_class(case):
    labels, predicted = case[:2]
    statistic = ClassifierStatistic.of(*case)
    values = statistic(np.ones((2, statistic.groups), np.int32))
    assert values.shape == (2, len(OVERALL) + 3 * len(PER_CLASS))
    start = len(OVERALL) + 3 * PER_CLASS.index("f1")
    expected = f1_score(labels, predicted, average=None)
    np.testing.assert_allclose(values[0, start : start + 3], expected)


def test_macro_area_leaves_out_a_class_that_is_absent():
    labels, groups = np.array([0, 0, 1, 1]), np.arange(4)
    probabilities = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.4, 0.5, 0.1]])
    statistic = ClassifierStatistic.of(labels, labels, probabilities, groups)
    values = dict(zip(OVERALL, statistic(np.ones((1, 4), np.int32))[0], strict=False))
    binary = [roc_auc_score(labels == k, probabilities[:, k]) for k in (0, 1)]
    assert values["macro_auc"] == pytest.approx(np.mean(binary))


def test_intervals_of_f1_and_area_hold_the_truth():
    """40 % / 35 % / 25 % classes, n = 300: coverage of 80 trials within three standard errors."""
    generator = np.random.default_rng(7)

    def draw(n):
        labels = generator.choice(3, size=n, p=[0.4, 0.35, 0.25])
        scores = generator.normal(size=(n, 3))
        scores[np.arange(n), labels] += 1.8
        probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
        return labels, probabilities.argmax(axis=1), probabilities, np.arange(n)

    columns = [OVERALL.index("macro_f1"), OVERALL.index("macro_auc")]
    truth = ClassifierStatistic.of(*draw(100_000))(np.ones((1, 100_000), np.int32))[0, columns]
    held = np.zeros(2)
    for trial in range(80):
        found = bootstrap(ClassifierStatistic.of(*draw(300)), 300, resamples=200, seed=trial)
        held += (found.low[columns] <= truth) & (truth <= found.high[columns])
    assert (held / 80 >= 0.875).all(), held / 80
