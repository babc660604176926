import numpy as np
import pytest
from scipy.special import softmax

from trifid.calibration.prior_shift import estimate_prior, shift_prior
from trifid.errors import InputError


def test_prior_shift_undoes_balanced_training():
    rng = np.random.default_rng(5)
    natural = np.array([0.8, 0.15, 0.05])
    labels = rng.choice(3, 30000, p=natural)
    centres = 2.0 * np.eye(3)
    points = centres[labels] + rng.normal(size=(30000, 3))
    balanced = softmax(points @ centres.T, axis=1)  # the posterior under equal priors
    equal = np.full(3, 1 / 3)
    right = shift_prior(balanced, equal, natural)
    assert right.mean(axis=0) == pytest.approx(natural, abs=0.01)
    assert right.sum(axis=1) == pytest.approx(1.0)
    assert estimate_prior(balanced, equal) == pytest.approx(natural, abs=0.01)
    assert (right.argmax(1) == labels).mean() > (balanced.argmax(1) == labels).mean()
    with pytest.raises(InputError, match="must be positive"):
        shift_prior(balanced, np.array([0.5, 0.5, 0.0]), natural)
