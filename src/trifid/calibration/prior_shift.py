"""Prior correction: probabilities of a model trained under other class shares than it is used with.

Resampling to equal classes, or a survey with another mix of objects, changes the prior and leaves
the likelihood. Papers: Elkan 2001, IJCAI, theorem 2; Saerens, Latinne & Decaestecker 2002, Neural
Computation 14, 21, section 2.2 (the unknown prior by expectation maximisation).
"""

import numpy as np
from jaxtyping import Float

from trifid.errors import InputError


def shift_prior(
    probabilities: Float[np.ndarray, "N K"],
    trained: Float[np.ndarray, "K"],
    wanted: Float[np.ndarray, "K"],
) -> Float[np.ndarray, "N K"]:
    """Probabilities under another prior: in proportion to p wanted / trained.

    Args:
        probabilities: Under the prior `trained`.
        trained: Class shares the model learned under, all positive.
        wanted: Class shares it is used with.

    Raises:
        InputError: If a share is negative, or a trained one is zero.
    """
    if (trained <= 0).any() or (wanted < 0).any():
        raise InputError(f"prior: shares must be positive, got {trained} trained, {wanted} wanted")
    moved = probabilities * (wanted / wanted.sum()) / (trained / trained.sum())
    return moved / np.maximum(moved.sum(axis=1, keepdims=True), 1e-300)


def estimate_prior(
    probabilities: Float[np.ndarray, "N K"],
    trained: Float[np.ndarray, "K"],
    *,
    steps: int = 1000,
    tolerance: float = 1e-8,
) -> Float[np.ndarray, "K"]:
    """The class shares that make unlabelled rows most likely, by expectation maximisation.

    It asks for calibrated probabilities and for all objects to belong to one of the classes.
    """
    prior = np.asarray(trained, np.float64) / np.sum(trained)
    for _ in range(steps):
        new = shift_prior(probabilities, np.asarray(trained, np.float64), prior).mean(axis=0)
        if np.abs(new - prior).max() < tolerance:
            return new
        prior = new
    return prior
