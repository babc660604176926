"""Selective prediction: what is gained by leaving the doubtful objects to somebody else.

Paper: El-Yaniv & Wiener 2010, JMLR 11, 1605; Geifman & El-Yaniv 2017, NeurIPS, algorithm 1.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float
from scipy.stats import beta


@dataclass(frozen=True)
class RiskCoverage:
    """Error among the answered objects as more are answered, most confident first.

    Attributes:
        coverage: Share answered at each threshold (T,), rising to 1.
        risk: Share of errors among them (T,).
        threshold: Least confidence answered (T,).
        area: Mean risk over all coverages (AURC); smaller is better.
        best_area: The area if every error were less confident than every right answer.
    """

    coverage: Float[np.ndarray, "T"]
    risk: Float[np.ndarray, "T"]
    threshold: Float[np.ndarray, "T"]
    area: float
    best_area: float


def risk_coverage(
    correct: Bool[np.ndarray, "N"], confidence: Float[np.ndarray, "N"]
) -> RiskCoverage:
    """The risk-coverage curve; objects of equal confidence are answered together."""
    order = np.argsort(-confidence, kind="stable")
    errors, ranked = np.cumsum(~correct[order]), confidence[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
    answered = last + 1
    risk = errors[last] / answered
    width = np.diff(answered, prepend=0)
    best = np.maximum(np.arange(1, len(ranked) + 1) - int(correct.sum()), 0)
    return RiskCoverage(
        coverage=answered / len(ranked),
        risk=risk,
        threshold=ranked[last],
        area=float((risk * width).sum() / len(ranked)),
        best_area=float((best / np.arange(1, len(ranked) + 1)).mean()),
    )


def threshold_for_risk(
    correct: Bool[np.ndarray, "N"],
    confidence: Float[np.ndarray, "N"],
    risk: float,
    *,
    confidence_level: float = 0.95,
) -> float:
    """The least confidence to answer at, so that the error stays below `risk` for new objects.

    Found on validation rows: the largest coverage whose Clopper-Pearson upper bound, shared over
    log2(N) looks by Bonferroni, is not above `risk`. Infinite where no threshold can promise it.

    Args:
        correct: Whether each validation row is right.
        confidence: Of each.
        risk: The error allowed among answered objects.
        confidence_level: Of the promise.
    """
    curve = risk_coverage(correct, confidence)
    answered = np.rint(curve.coverage * len(confidence)).astype(np.int64)
    looks = max(1, int(np.ceil(np.log2(len(confidence)))))
    low, high, found = 0, len(answered) - 1, np.inf
    for _ in range(looks):
        middle = (low + high) // 2
        n = int(answered[middle])
        errors = round(float(curve.risk[middle]) * n)
        bound = 1.0
        if errors < n:
            bound = float(beta.ppf(1.0 - (1.0 - confidence_level) / looks, errors + 1, n - errors))
        if bound <= risk:
            found, low = float(curve.threshold[middle]), middle + 1
        else:
            high = middle - 1
        if low > high:
            break
    return found
