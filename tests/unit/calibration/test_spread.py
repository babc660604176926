"""The factor on predicted standard deviations."""

import numpy as np
import pytest

from trifid.calibration.spread import fit_spread


def test_the_factor_makes_scaled_errors_of_unit_size():
    generator = np.random.default_rng(1)
    sd = generator.uniform(0.1, 2.0, 5000)
    error = 2.5 * sd * generator.normal(size=5000)
    assert fit_spread(error, sd) == pytest.approx(np.sqrt(np.mean((error / sd) ** 2)))
    assert fit_spread(error, sd) == pytest.approx(2.5, rel=0.05)


def test_unknown_errors_count_for_nothing_and_the_factor_is_bounded():
    assert fit_spread(np.array([np.nan, 2.0]), np.ones(2)) == 2.0
    assert fit_spread(np.array([np.nan]), np.ones(1)) == 1.0
    assert fit_spread(np.array([1e9]), np.ones(1)) == 100.0
