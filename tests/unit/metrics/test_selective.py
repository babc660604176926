import numpy as np
import pytest

from trifid.metrics.selective import risk_coverage, threshold_for_risk


def test_the_curve_is_hand_computed_and_ties_stay_together():
    confidence = np.array([0.9, 0.8, 0.8, 0.6, 0.5])
    correct = np.array([True, True, False, True, False])
    found = risk_coverage(correct, confidence)
    assert found.coverage == pytest.approx([0.2, 0.6, 0.8, 1.0])
    assert found.risk == pytest.approx([0, 1 / 3, 1 / 4, 2 / 5])
    assert found.threshold == pytest.approx([0.9, 0.8, 0.6, 0.5])
    assert found.area == pytest.approx((0 + 2 / 3 + 1 / 4 + 2 / 5) / 5)
    assert found.best_area == pytest.approx((0 + 0 + 0 + 1 / 4 + 2 / 5) / 5)


def test_an_informative_confidence_beats_a_random_one():
    rng = np.random.default_rng(0)
    confidence = rng.random(5000)
    correct = rng.random(5000) < confidence
    area = risk_coverage(correct, confidence).area
    assert area < risk_coverage(correct, rng.random(5000)).area - 0.1
    assert area > risk_coverage(correct, confidence).best_area


def test_the_promised_error_holds_for_new_objects():
    rng = np.random.default_rng(1)
    broken = 0
    for _ in range(60):
        confidence = rng.random(3000)
        correct = rng.random(3000) < 0.6 + 0.4 * confidence
        least = threshold_for_risk(correct[:1500], confidence[:1500], 0.15)
        kept = confidence[1500:] >= least
        assert kept.mean() > 0.2
        expected = 1 - (0.6 + 0.4 * confidence[1500:][kept]).mean()
        broken += expected > 0.15
    assert broken <= 3


def test_no_threshold_can_promise_what_is_never_reached():
    assert threshold_for_risk(np.zeros(50, bool), np.linspace(0, 1, 50), 0.1) == np.inf
    assert threshold_for_risk(np.ones(400, bool), np.linspace(0, 1, 400), 0.1) == 0.0
