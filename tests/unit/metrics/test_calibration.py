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
