import numpy as np
import pytest
from scipy.stats import norm

from trifid.calibration.quantiles import fit_levels
from trifid.errors import InputError


def test_levels_of_a_model_twice_too_sure_are_mended():
    rng = np.random.default_rng(6)
    pit = norm.cdf(rng.normal(0, 2, 20000))  # sd 1 predicted, 2 true
    found = fit_levels(pit)
    assert found.honest(np.array([0.5])) == pytest.approx([0.5], abs=0.02)
    needed = found.needed(np.array([0.05, 0.95]))
    assert norm.ppf(needed) == pytest.approx([-2 * 1.645, 2 * 1.645], abs=0.2)
    assert found.honest(needed) == pytest.approx([0.05, 0.95], abs=1e-9)
    with pytest.raises(InputError, match="expected some"):
        fit_levels(np.array([0.5, np.nan]))
