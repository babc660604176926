"""Numbers of torch-uncertainty 0.13.0 on fixed data, and ours on the same.

torch-uncertainty needs Lightning, which trifid does without (docs/science/traps.md), so its
numbers are recorded here. To record them again, in an environment of its own that has it:

    python tests/golden/test_torch_uncertainty.py

Compared is what both define alike. Its LAC, APS and RAPS take the interpolated quantile without
the (n + 1) of split conformal prediction, and leave no set empty; those sets are compared with
MAPIE's (tests/unit/calibration/test_conformal.py). Its vector scaling has no offset.
"""

import numpy as np
import pytest
from scipy.special import softmax

from trifid.calibration.conformal import fit_interval
from trifid.calibration.temperature import fit_temperature
from trifid.metrics.calibration import brier, expected_calibration_error, log_loss
from trifid.metrics.selective import risk_coverage

ROWS, CLASSES = 300, 4
RECORDED = {
    "aurc": 0.40681377053260803,
    "brier": 0.7037041783332825,
    "nll": 1.344677209854126,
    "ece": 0.2163267880678177,
    "temperature": 2.230379343032837,
    "cqr": 1.0874146223068237,
    "coverage": 0.4566666781902313,
}


def logits_and_labels():
    rng = np.random.default_rng(11)
    logits = 2.0 * rng.normal(size=(ROWS, CLASSES))
    labels = np.array([rng.choice(CLASSES, p=row) for row in softmax(0.5 * logits, axis=1)])
    return logits.astype(np.float32), labels


def quantiles_and_truth():
    rng = np.random.default_rng(12)
    middle = rng.normal(size=ROWS)
    ends = np.stack([middle - 0.5, middle + 0.7], axis=1).astype(np.float32)
    return ends, (middle + rng.normal(size=ROWS)).astype(np.float32)


def record():
    """What torch-uncertainty says."""
    import torch
    from torch.utils.data import DataLoader, TensorDataset
    from torch_uncertainty.metrics.classification import AURC, BrierScore, CategoricalNLL
    from torch_uncertainty.metrics.classification.calibration import AdaptiveCalibrationError
    from torch_uncertainty.metrics.regression.interval import IntervalCoverage
    from torch_uncertainty.post_processing import TemperatureScaler
    from torch_uncertainty.post_processing.conformal import ConformalRegCQR

    logits, labels = (torch.from_numpy(values) for values in logits_and_labels())
    ends, truth = (torch.from_numpy(values) for values in quantiles_and_truth())
    found = {}
    for name, metric in (
        ("aurc", AURC()),
        ("brier", BrierScore(num_classes=CLASSES)),
        ("nll", CategoricalNLL()),
        ("ece", AdaptiveCalibrationError(task="multiclass", num_classes=CLASSES, num_bins=15)),
    ):
        metric.update(logits.softmax(-1), labels)
        found[name] = metric.compute().item()
    rows = DataLoader(TensorDataset(logits, labels), batch_size=ROWS)
    temperature = TemperatureScaler(model=torch.nn.Identity(), lr=1.0, max_iter=2000)
    temperature.fit(dataloader=rows, progress=False)
    found["temperature"] = temperature.temperature[0].item()
    margin = ConformalRegCQR(alpha=0.1, model=torch.nn.Identity())
    margin.fit(DataLoader(TensorDataset(ends, truth), batch_size=ROWS))
    found["cqr"] = margin.quantile.item()
    coverage = IntervalCoverage()
    coverage.update(ends[:, 0], ends[:, 1], truth)
    found["coverage"] = coverage.compute().item()
    return found


@pytest.fixture(scope="module")
def judged():
    """Probabilities, labels, whether the likeliest class is right, and its probability."""
    logits, labels = logits_and_labels()
    p = softmax(logits.astype(np.float64), axis=1)
    return p, labels, p.argmax(axis=1) == labels, p.max(axis=1)


def test_scores_and_calibration_error_are_theirs(judged):
    p, labels, right, sure = judged
    assert brier(labels, p) == pytest.approx(RECORDED["brier"], abs=1e-6)
    assert log_loss(labels, p) == pytest.approx(RECORDED["nll"], abs=1e-6)
    error = expected_calibration_error(right.astype(float), sure, bins=15)
    assert error == pytest.approx(RECORDED["ece"], abs=1e-6)


def test_the_area_under_risk_and_coverage_is_theirs(judged):
    """Theirs is the trapezium rule over coverages 1/n to 1; ours the mean of the same risks."""
    curve = risk_coverage(judged[2], judged[3])
    area = np.trapezoid(curve.risk, curve.coverage) / (1 - 1 / ROWS)
    assert area == pytest.approx(RECORDED["aurc"], abs=1e-6)
    ends = 0.5 * (curve.risk[0] + curve.risk[-1]) / ROWS
    assert curve.area == pytest.approx(RECORDED["aurc"] * (1 - 1 / ROWS) + ends, abs=1e-6)


def test_the_temperature_is_theirs():
    assert fit_temperature(*logits_and_labels()) == pytest.approx(RECORDED["temperature"], abs=2e-5)


def test_conformal_quantile_regression_is_theirs_but_for_one_rank():
    """Of 300 misses split conformal takes rank ceil(301 0.9) = 271; theirs is the 272nd.

    They ask `torch.quantile(..., 271 / 300, interpolation="higher")`, which counts from 0 to 299.
    """
    ends, truth = quantiles_and_truth()
    low, high = ends.T
    misses = np.sort(np.maximum(low - truth, truth - high))
    assert misses[271] == pytest.approx(RECORDED["cqr"], abs=1e-6)
    assert fit_interval(low, high, truth, coverage=0.9).margins[0] == misses[270]
    inside = (low <= truth) & (truth <= high)
    assert inside.mean() == pytest.approx(RECORDED["coverage"], abs=1e-6)


if __name__ == "__main__":
    print(record())
