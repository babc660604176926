"""How far probabilities can be believed: proper scores and the expected calibration error."""

import numpy as np
from jaxtyping import Float, Int

_SMALLEST = 1e-7  # float32 probabilities that underflow to 0 cost 16.1 nats, not infinity


def row_log_loss(
    labels: Int[np.ndarray, "N"], probabilities: Float[np.ndarray, "N K"]
) -> Float[np.ndarray, "N"]:
    """Negative log-likelihood of each row's label [nat]; probabilities are clipped at 1e-7."""
    own = probabilities[np.arange(len(labels)), labels]
    return -np.log(np.clip(own, _SMALLEST, 1.0))


def row_brier(
    labels: Int[np.ndarray, "N"], probabilities: Float[np.ndarray, "N K"]
) -> Float[np.ndarray, "N"]:
    """Squared distance of each row's probabilities from its label, summed over classes (0 to 2)."""
    own = probabilities[np.arange(len(labels)), labels]
    return (probabilities**2).sum(axis=1) - 2.0 * own + 1.0


def log_loss(labels: Int[np.ndarray, "N"], probabilities: Float[np.ndarray, "N K"]) -> float:
    """Mean negative log-likelihood [nat]."""
    return float(row_log_loss(labels, probabilities).mean())


def brier(labels: Int[np.ndarray, "N"], probabilities: Float[np.ndarray, "N K"]) -> float:
    """Mean Brier score, summed over classes (0 to 2)."""
    return float(row_brier(labels, probabilities).mean())


def expected_calibration_error(
    correct: Float[np.ndarray, "N"], confidence: Float[np.ndarray, "N"], *, bins: int = 15
) -> float:
    """Mean absolute gap between confidence and accuracy over bins of equal mass.

    Args:
        correct: 1 where the predicted class is the label, else 0.
        confidence: The probability of the predicted class.
        bins: Number of bins. Rows of equal confidence stay in one bin, so bins may be fewer.
    """
    starts, order = _bins(confidence, bins)
    gaps = (confidence - correct)[order]
    return float(np.abs(np.add.reduceat(gaps, starts)).sum() / len(order))


def classwise_calibration_error(
    labels: Int[np.ndarray, "N"], probabilities: Float[np.ndarray, "N K"], *, bins: int = 15
) -> float:
    """Mean over classes of the calibration error of each class's own probability.

    Paper: Kull et al. 2019, NeurIPS, eq. 3, here with bins of equal mass.
    """
    errors = [
        expected_calibration_error((labels == k).astype(np.float64), probabilities[:, k], bins=bins)
        for k in range(probabilities.shape[1])
    ]
    return float(np.mean(errors))


def reliability(
    correct: Float[np.ndarray, "N"], confidence: Float[np.ndarray, "N"], *, bins: int = 15
) -> dict[str, Float[np.ndarray, "T"]]:
    """The reliability diagram: mean confidence, share right and rows of bins of equal mass."""
    starts, order = _bins(confidence, bins)
    count = np.diff(np.append(starts, len(order)))
    return {
        "confidence": np.add.reduceat(confidence[order], starts) / count,
        "accuracy": np.add.reduceat(correct[order], starts) / count,
        "rows": count.astype(np.float64),
    }


def _bins(confidence: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray]:
    """First place of each bin of equal mass, and the order; equal values stay together."""
    order = np.argsort(confidence, kind="stable")
    ranked = confidence[order]
    edges = np.linspace(0, len(order), bins + 1).round().astype(np.intp)[:-1]
    edges = edges[edges < len(order)]
    return np.unique(np.searchsorted(ranked, ranked[edges], side="left")), order
