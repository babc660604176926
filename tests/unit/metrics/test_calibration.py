import numpy as np
import pytest
from sklearn.metrics import brier_score_loss
from sklearn.metrics import log_loss as reference_log_loss

from trifid.metrics.calibration import brier, expected_calibration_error, log_loss


@pytest.fixture
def case():
    generator = np.random.default_rng(0)
    probabilities = generator.dirichlet(np.ones(4), 500)
    labels = np.array([generator.choice(4, p=row) for row in probabilities])
    return labels, probabilities


def test_log_loss_and_brier_equal_scikit_learn(case):
    labels, probabilities = case
    assert log_loss(labels, probabilities) == pytest.approx(
        reference_log_loss(labels, probabilities), rel=1e-12
    )
    expected = sum(brier_score_loss(labels == k, probabilities[:, k]) for k in range(4))
    assert brier(labels, probabilities) == pytest.approx(expected, rel=1e-12)


def test_a_probability_of_zero_costs_a_finite_loss():
    assert log_loss(np.array([1]), np.array([[1.0, 0.0]])) == pytest.approx(16.118, abs=1e-3)


def test_calibration_error_against_a_plain_loop(case):
    labels, probabilities = case
    confidence = probabilities.max(axis=1)
    correct = (probabilities.argmax(axis=1) == labels).astype(float)
    order = np.argsort(confidence)
    expected = 0.0
    for part in np.array_split(order, 10):
        expected += len(part) / 500 * abs(correct[part].mean() - confidence[part].mean())
    got = expected_calibration_error(correct, confidence, bins=10)
    assert got == pytest.approx(expected, rel=1e-12)


def test_calibration_error_of_honest_and_of_overconfident_scores():
    generator = np.random.default_rng(1)
    confidence = generator.uniform(0.3, 1.0, 50_000)
    correct = (generator.random(50_000) < confidence).astype(float)
    assert expected_calibration_error(correct, confidence) < 0.01
    assert expected_calibration_error(correct, np.full(50_000, 0.95)) == pytest.approx(
        0.95 - correct.mean(), abs=1e-12
    )


def test_equal_confidences_stay_in_one_bin():
    correct = np.array([1.0, 0.0] * 50)
    assert expected_calibration_error(correct, np.full(100, 0.5)) == pytest.approx(0.0, abs=1e-12)
    assert expected_calibration_error(np.ones(3), np.full(3, 0.9)) == pytest.approx(0.1)


def test_classwise_error_is_the_mean_of_the_classes_and_zero_for_honest_ones():
    from trifid.metrics.calibration import classwise_calibration_error

    rng = np.random.default_rng(0)
    p = rng.random(20000)
    probabilities = np.stack([p, 1 - p], axis=1)
    labels = (rng.random(20000) > p).astype(int)
    assert classwise_calibration_error(labels, probabilities) < 0.02
    swapped = classwise_calibration_error(labels, probabilities[:, ::-1])
    assert swapped == pytest.approx(0.5, abs=0.02)


def test_reliability_bins_hold_all_rows_and_give_the_calibration_error():
    from trifid.metrics.calibration import expected_calibration_error, reliability

    rng = np.random.default_rng(1)
    confidence = rng.choice([0.5, 0.7, 0.9], 3000)
    correct = (rng.random(3000) < 0.8).astype(float)
    bins = reliability(correct, confidence)
    assert bins["confidence"] == pytest.approx([0.5, 0.7, 0.9])
    assert bins["rows"].sum() == 3000
    gap = np.abs(bins["confidence"] - bins["accuracy"]) @ bins["rows"] / 3000
    assert gap == pytest.approx(expected_calibration_error(correct, confidence))
