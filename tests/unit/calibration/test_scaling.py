import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from trifid.calibration.scaling import fit_dirichlet, fit_vector, log_probabilities
from trifid.calibration.temperature import fit_temperature, scaled_softmax
from trifid.errors import InputError


def drawn(scores, seed):
    rng = np.random.default_rng(seed)
    p = softmax(scores, axis=1)
    return np.array([rng.choice(p.shape[1], p=row) for row in p])


def test_vector_scaling_finds_the_factors_that_were_applied():
    scores = 2.0 * np.random.default_rng(0).normal(size=(20000, 3))
    labels = drawn(scores, 1)
    factors, offset = np.array([2.0, 0.5, 1.0]), np.array([0.5, -0.5, 0.0])
    found = fit_vector((scores - offset) / factors, labels, strength=0.0)
    assert np.diagonal(found.matrix) == pytest.approx(factors, rel=0.06)
    assert found.offset - found.offset.mean() == pytest.approx(offset, abs=0.06)
    assert np.count_nonzero(found.matrix) == 3


def test_dirichlet_scaling_mends_what_a_temperature_cannot():
    rng = np.random.default_rng(2)
    scores = rng.normal(size=(12000, 3)) * 2
    labels = drawn(scores, 3)
    wrong = softmax(scores @ np.array([[1.5, 0.4, 0], [0, 0.7, 0], [0.3, 0, 1.2]]), axis=1)
    fit, new = np.arange(12000) < 6000, np.arange(12000) >= 6000
    found = fit_dirichlet(wrong[fit], labels[fit], strength=1e-5)
    rows = np.arange(6000)
    after = np.log(found(log_probabilities(wrong[new])))[rows, labels[new]].mean()
    temperature = fit_temperature(log_probabilities(wrong[fit]), labels[fit])
    scaled = scaled_softmax(log_probabilities(wrong[new]), temperature)
    before = np.log(scaled)[rows, labels[new]].mean()
    best = log_softmax(scores[new], axis=1)[rows, labels[new]].mean()
    assert before + 0.01 < after < best


def test_few_rows_leave_the_scores_nearly_as_they_are():
    scores = np.random.default_rng(4).normal(size=(3, 4))
    found = fit_vector(scores, np.array([0, 1, 2]), strength=10.0)
    assert found.matrix == pytest.approx(np.eye(4), abs=0.05)
    with pytest.raises(InputError, match="0 labels"):
        fit_vector(scores, np.array([], int))
