"""Vector and Dirichlet scaling: calibration maps with more freedom than one temperature.

Both are multinomial logistic regressions fitted on validation rows: vector scaling on the logits
with one factor and one offset a class (Guo et al. 2017, ICML, section 4.2), Dirichlet scaling on
log-probabilities with a full matrix whose off-diagonal and offset are held small (Kull et al. 2019,
NeurIPS, section 3: ODIR). With few rows they overfit where a temperature does not: judge them.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import minimize
from scipy.special import log_softmax, softmax

from trifid.errors import InputError

_SMALLEST = 1e-12


@dataclass(frozen=True)
class AffineScaling:
    """softmax(matrix @ scores + offset). matrix (K, K), offset (K,)."""

    matrix: Float[np.ndarray, "K K"]
    offset: Float[np.ndarray, "K"]

    def __call__(self, scores: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N K"]:
        """Calibrated probabilities of logits (vector) or log-probabilities (Dirichlet)."""
        return softmax(scores @ self.matrix.T + self.offset, axis=1)


def fit_vector(
    logits: Float[np.ndarray, "N K"], labels: Int[np.ndarray, "N"], *, strength: float = 1e-3
) -> AffineScaling:
    """Vector scaling: a diagonal matrix and an offset.

    Args:
        logits: Scores of the validation rows.
        labels: Their classes.
        strength: Of the pull of factors towards 1 and offsets towards 0.

    Raises:
        InputError: If there are no rows or a logit is not finite.
    """
    free = np.eye(logits.shape[1], logits.shape[1] + 1, dtype=bool)
    free[:, -1] = True
    return _fit(logits, labels, free, free, strength)


def fit_dirichlet(
    probabilities: Float[np.ndarray, "N K"],
    labels: Int[np.ndarray, "N"],
    *,
    strength: float = 1e-2,
) -> AffineScaling:
    """Dirichlet scaling; apply the result to `log_probabilities(p)`.

    Args:
        probabilities: Of the validation rows.
        labels: Their classes.
        strength: Of the pull of off-diagonal cells and offsets towards 0.

    Raises:
        InputError: If there are no rows or a probability is not finite.
    """
    classes = probabilities.shape[1]
    free = np.ones((classes, classes + 1), dtype=bool)
    beside = ~np.eye(classes, classes + 1, dtype=bool)
    return _fit(log_probabilities(probabilities), labels, free, beside, strength)


def log_probabilities(probabilities: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N K"]:
    """Logarithms, bounded below."""
    return np.log(np.maximum(probabilities, _SMALLEST))


def _fit(
    scores: np.ndarray, labels: np.ndarray, free: np.ndarray, pulled: np.ndarray, strength: float
) -> AffineScaling:
    """Least mean log-loss plus pull towards the identity; convex, so the optimum is the one.

    `free` and `pulled` (K, K + 1) say which cells of [matrix, offset] move, and which are held.
    """
    if len(labels) == 0 or len(labels) != len(scores):
        raise InputError(f"scaling: {len(scores)} rows of scores and {len(labels)} labels")
    if not np.isfinite(scores).all():
        raise InputError("scaling: a validation score is not finite; the training diverged")
    rows, start = np.arange(len(labels)), np.eye(*free.shape)
    inputs = np.concatenate([scores, np.ones((len(scores), 1))], axis=1)
    truth = np.eye(len(free))[labels]

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        cells = start.copy()
        cells[free] = values
        log_p = log_softmax(inputs @ cells.T, axis=1)
        strays = np.where(pulled, cells - start, 0.0)
        slope = (np.exp(log_p) - truth).T @ inputs / len(rows) + 2.0 * strength * strays
        return strength * float((strays**2).sum()) - float(log_p[rows, labels].mean()), slope[free]

    found = minimize(loss, start[free], jac=True, method="L-BFGS-B", options={"maxiter": 500})
    start[free] = found.x
    return AffineScaling(start[:, :-1], start[:, -1])
