"""Numbers there and back, and spreads that fit the errors."""

import numpy as np
import pytest

from trifid.training.forward import Answers
from trifid.training.scale import calibrated, fit_scales, restored

TRUTH = np.random.default_rng(0).normal(5.0, 2.0, (4000, 2))


def test_restored_undoes_the_scale():
    scales = fit_scales(("a", "b"), TRUTH)
    mean = np.array([scale.mean for scale in scales.values()])
    sd = np.array([scale.sd for scale in scales.values()])
    back, spread = restored(scales, Answers(((TRUTH - mean) / sd).astype(np.float32)))
    np.testing.assert_allclose(back, TRUTH, atol=1e-5)
    assert spread is None


@pytest.mark.parametrize("factor", [0.5, 3.0])
def test_a_wrong_spread_is_put_right_on_validation_rows(factor):
    scales = fit_scales(("a", "b"), TRUTH)
    said = Answers(np.zeros_like(TRUTH, np.float32), np.full_like(TRUTH, -2 * np.log(factor)))
    fitted = calibrated(scales, said, TRUTH)
    assert fitted["a"].spread == pytest.approx(factor, rel=0.05)
    _, sd = restored(fitted, said)
    assert sd is not None and sd.mean() == pytest.approx(2.0, rel=0.05)


def test_without_a_predicted_spread_there_is_nothing_to_calibrate():
    scales = fit_scales(("a", "b"), TRUTH)
    assert calibrated(scales, Answers(np.zeros_like(TRUTH)), TRUTH) == scales


def test_targets_in_order_stay_in_order():
    rng = np.random.default_rng(1)
    low = rng.normal(0.0, 1.0, 500)
    truth = np.stack([rng.normal(size=500), low, low + 0.2, low + rng.uniform(0.3, 3, 500)], axis=1)
    scales = fit_scales(("z", "p16", "p50", "p84"), truth, ordered=("p16", "p50", "p84"))
    assert scales["p16"] == scales["p50"] == scales["p84"] != scales["z"]
    answered = np.sort(rng.normal(size=(100, 4)), axis=1)
    back, _ = restored(scales, Answers(answered))
    assert (np.diff(back[:, 1:], axis=1) > 0).all()
