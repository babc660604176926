"""How far a classifier can be trusted: recalibration, conformal sets, abstention.

Everything is fitted on the validation rows of a predictions table and judged on the test rows.
"""

from typing import Any

import numpy as np

from trifid.calibration.conformal import Method, fit_classifier
from trifid.calibration.prior_shift import estimate_prior, shift_prior
from trifid.calibration.scaling import fit_dirichlet, fit_vector, log_probabilities
from trifid.calibration.temperature import fit_temperature, scaled_softmax
from trifid.errors import RunError
from trifid.evaluation.conformal import COVERAGE, Columns, binned_sets, no_columns
from trifid.evaluation.measure import share
from trifid.evaluation.predictions import Predictions
from trifid.metrics.calibration import (
    brier,
    classwise_calibration_error,
    expected_calibration_error,
    log_loss,
)
from trifid.metrics.selective import risk_coverage, threshold_for_risk

RISKS = (0.01, 0.05)
_KINDS: dict[str, tuple[Method, bool]] = {
    "lac": ("lac", False),
    "aps": ("aps", False),
    "raps": ("raps", False),
    "lac_per_class": ("lac", True),
}


def trust(
    predictions: Predictions,
    *,
    fold: str = "test",
    coverage: float = COVERAGE,
    columns: Columns = no_columns,
) -> dict[str, Any]:
    """Calibration maps, conformal sets and abstention of the full subset of modalities.

    Args:
        predictions: A checked table; the answer is empty without labelled rows of a fold
            `valid`, and for votes, which are no probabilities.
        fold: The fold to judge.
        coverage: Of the conformal sets.
        columns: What is known of an object, for sets by bin.

    Returns:
        n_valid, n, calibration {map: {ece, classwise_ece, brier, nll}}, prior {trained, valid,
        estimated: {class: share}} or None, conformal {method: {coverage: {value, low, high},
        wanted, mean_size, empty, per_class}}, mondrian (see
        `trifid.evaluation.conformal.binned_sets`), selective {area, best_area, at: [{risk,
        threshold, answered, error}]}.
    """
    if "valid" not in predictions.folds or not predictions.metadata["probabilistic"]:
        return {}
    full = predictions.select(fold=fold).subsets[0]
    valid = predictions.select(fold="valid", subset=full).labelled()
    test = predictions.select(fold=fold, subset=full).labelled()
    if not len(valid) or not len(test):
        return {}
    return {
        "n_valid": len(valid),
        "n": len(test),
        "calibration": _calibration(valid, test),
        "prior": _prior(valid, test),
        "conformal": _conformal(valid, test, coverage),
        "mondrian": binned_sets(valid, test, columns, coverage=coverage),
        "selective": _selective(valid, test),
    }


def _calibration(valid: Predictions, test: Predictions) -> dict[str, dict[str, float]]:
    scores, new = log_probabilities(valid.probabilities), log_probabilities(test.probabilities)
    temperature = fit_temperature(scores, valid.labels)
    maps = {
        "as_predicted": test.probabilities,
        "temperature": scaled_softmax(new, temperature),
        "vector": fit_vector(scores, valid.labels)(new),
        "dirichlet": fit_dirichlet(valid.probabilities, valid.labels)(new),
    }
    if (trained := trained_shares(test)) is not None:
        maps["prior"] = shift_prior(test.probabilities, trained, _label_shares(valid))
    return {name: _scores(test.labels, values) for name, values in maps.items()}


def trained_shares(rows: Predictions) -> np.ndarray | None:
    """The class shares a resampled training saw (K,), in the order of the columns; None if natural.

    From the metadata `trained_shares` {class: share}; trifid writes it for balanced sampling.

    Raises:
        RunError: If a class has no positive number there.
    """
    known = rows.metadata.get("trained_shares")
    if not known:
        return None
    shares = [known.get(name) if isinstance(known, dict) else None for name in rows.classes]
    if not all(isinstance(share, int | float) and share > 0 for share in shares):
        raise RunError(
            f"predictions: metadata 'trained_shares' is {known!r:.80}, expected a positive share "
            f"of each class ({', '.join(rows.classes)})"
        )
    return np.array(shares, np.float64)


def _label_shares(rows: Predictions) -> np.ndarray:
    return np.bincount(rows.labels, minlength=len(rows.classes)) / len(rows)


def _prior(valid: Predictions, test: Predictions) -> dict[str, dict[str, float]] | None:
    """Class shares in training, among validation labels, and as estimated without test labels."""
    trained = trained_shares(test)
    if trained is None:
        return None
    shares = {
        "trained": trained / trained.sum(),
        "valid": _label_shares(valid),
        "estimated": estimate_prior(test.probabilities, trained),
    }
    return {
        name: dict(zip(test.classes, values.tolist(), strict=True))
        for name, values in shares.items()
    }


def _scores(labels: np.ndarray, probabilities: np.ndarray) -> dict[str, float]:
    predicted = probabilities.argmax(axis=1)
    correct = (predicted == labels).astype(np.float64)
    return {
        "ece": expected_calibration_error(correct, probabilities.max(axis=1)),
        "classwise_ece": classwise_calibration_error(labels, probabilities),
        "brier": brier(labels, probabilities),
        "nll": log_loss(labels, probabilities),
    }


def _conformal(valid: Predictions, test: Predictions, coverage: float) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (method, per_class) in _KINDS.items():
        fitted = fit_classifier(
            valid.probabilities, valid.labels, coverage=coverage, method=method, per_class=per_class
        )
        sets = fitted.sets(test.probabilities, seed=1)
        inside = sets[np.arange(len(test)), test.labels]
        found[name] = {
            "wanted": coverage,
            "coverage": share(inside),
            "mean_size": float(sets.sum(axis=1).mean()),
            "empty": float((~sets.any(axis=1)).mean()),
            "per_class": {
                label: share(inside[test.labels == k])
                for k, label in enumerate(test.classes)
                if (test.labels == k).any()
            },
        }
    return found


def _selective(valid: Predictions, test: Predictions) -> dict[str, Any]:
    right, sure = test.predicted == test.labels, test.probabilities.max(axis=1)
    curve = risk_coverage(right, sure)
    entries: list[dict[str, Any]] = []
    for risk in RISKS:
        least = threshold_for_risk(
            valid.predicted == valid.labels, valid.probabilities.max(axis=1), risk
        )
        kept = sure >= least
        entries.append(
            {
                "risk": risk,
                "threshold": float(least) if np.isfinite(least) else None,
                "answered": float(kept.mean()),
                "error": share(~right[kept]) if kept.any() else None,
            }
        )
    return {"area": curve.area, "best_area": curve.best_area, "at": entries}
