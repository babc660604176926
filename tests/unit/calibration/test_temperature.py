import numpy as np
import pytest
from scipy.special import softmax

from trifid.calibration.temperature import fit_temperature, scaled_softmax
from trifid.errors import InputError
from trifid.metrics.calibration import expected_calibration_error, log_loss


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_was_put_in_is_found(temperature):
    generator = np.random.default_rng(0)
    honest = 2.0 * generator.normal(size=(20_000, 4))
    labels = (honest + generator.gumbel(size=honest.shape)).argmax(axis=1)  # softmax draws
    assert fit_temperature(honest * temperature, labels) == pytest.approx(temperature, rel=0.03)


def test_scaling_mends_overconfidence_and_keeps_the_ranks():
    generator = np.random.default_rng(1)
    honest = generator.normal(size=(5000, 3))
    labels = (honest + generator.gumbel(size=honest.shape)).argmax(axis=1)
    logits = 8.0 * honest
    before, after = softmax(logits, axis=1), scaled_softmax(logits, fit_temperature(logits, labels))

    def error(probabilities):
        correct = (probabilities.argmax(axis=1) == labels).astype(float)
        return expected_calibration_error(correct, probabilities.max(axis=1))

    assert error(before) > 0.2
    assert error(after) < 0.03
    assert log_loss(labels, after) < log_loss(labels, before)
    assert (before.argmax(axis=1) == after.argmax(axis=1)).all()


def test_float32_logits_and_separable_rows_stay_in_bounds():
    logits = np.eye(3, dtype=np.float32) * 5
    assert 0.01 <= fit_temperature(logits, np.arange(3)) < 0.2
    assert fit_temperature(logits, np.array([1, 2, 0])) > 90


def test_impossible_input_is_refused():
    with pytest.raises(InputError, match="larger validation part"):
        fit_temperature(np.zeros((0, 3)), np.zeros(0, int))
    with pytest.raises(InputError, match="diverged"):
        fit_temperature(np.array([[0.0, np.nan]]), np.array([0]))
