"""Spread scaling: one factor that makes predicted standard deviations fit the errors.

The counterpart of temperature scaling for numbers. Paper: Levi et al. 2022, Sensors 22, 5540
(standard-deviation scaling; the equation's number is unverified).
"""

import numpy as np
from jaxtyping import Float

_BOUND = 100.0  # factors from 0.01 to 100


def fit_spread(error: Float[np.ndarray, "N"], sd: Float[np.ndarray, "N"]) -> float:
    """The factor s that makes Gaussians of width s * sd most likely: rms of error / sd.

    Args:
        error: Prediction minus truth of validation rows, NaN = unknown.
        sd: Their predicted standard deviations.
    """
    known = np.isfinite(error) & (sd > 0)
    if not known.any():
        return 1.0
    scaled = error[known].astype(np.float64) / sd[known]
    return float(np.clip(np.sqrt(np.mean(scaled**2)), 1.0 / _BOUND, _BOUND))
