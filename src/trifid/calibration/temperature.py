"""Temperature scaling: one number that makes a classifier's confidence fit its accuracy.

Paper: Guo et al. 2017, ICML, arXiv:1706.04599, section 4.2.
"""

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from trifid.errors import InputError

_LOG_BOUND = np.log(100.0)  # temperatures from 0.01 to 100


def fit_temperature(logits: Float[np.ndarray, "N K"], labels: Int[np.ndarray, "N"]) -> float:
    """The temperature T that makes softmax(logits / T) most likely for validation labels.

    The likelihood is convex in 1/T, so there is one optimum. Where every row is right it lies at
    infinite confidence: T is held within 0.01 .. 100.

    Args:
        logits: Scores of the validation rows, never of the rows trained on.
        labels: Their classes, 0 .. K-1.

    Raises:
        InputError: If there are no rows, lengths differ, or a logit is not finite.
    """
    logits = np.asarray(logits, dtype=np.float64)
    if len(labels) == 0 or len(labels) != len(logits):
        raise InputError(
            f"temperature: {len(logits)} rows of logits and {len(labels)} labels, "
            "expected as many of both and at least one; give the run a larger validation part"
        )
    if not np.isfinite(logits).all():
        raise InputError("temperature: a validation logit is not finite; the training diverged")
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        return -float(log_softmax(logits / np.exp(log_temperature), axis=1)[rows, labels].mean())

    found = minimize_scalar(
        loss, bounds=(-_LOG_BOUND, _LOG_BOUND), method="bounded", options={"xatol": 1e-6}
    )
    return float(np.exp(found.x))


def scaled_softmax(logits: Float[np.ndarray, "N K"], temperature: float) -> np.ndarray:
    """Calibrated probabilities: softmax(logits / T)."""
    return softmax(np.asarray(logits, dtype=np.float64) / temperature, axis=1)
