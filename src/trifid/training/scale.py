"""Targets to standardised numbers and back: what a regression's bundle keeps."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from pydantic import Field

from trifid.calibration.spread import fit_spread
from trifid.config import Config
from trifid.losses.regression import LOG_VARIANCE
from trifid.schema.batch import Batch
from trifid.training.forward import Answers

_Positive: Any = Field(gt=0, allow_inf_nan=False)


class TargetScale(Config):
    """One target's scale.

    Attributes:
        mean: Of the training rows.
        sd: Of the training rows; 1 where they do not vary.
        spread: Factor on predicted standard deviations, fitted on validation rows.
    """

    mean: float = Field(allow_inf_nan=False)
    sd: float = _Positive
    spread: float = _Positive


Scales = Mapping[str, TargetScale]


def fit_scales(
    names: Sequence[str], numbers: np.ndarray, ordered: Sequence[str] = ()
) -> dict[str, TargetScale]:
    """Scales of targets over training rows.

    Args:
        names: Of the columns.
        numbers: The targets (N, D), NaN = unlabelled.
        ordered: Those that rise from one to the next, as quantiles do. They share one mean and one
            sd, so that what is in order before `restored` is in order after it.
    """
    scales: dict[str, TargetScale] = {}
    together = [k for k, name in enumerate(names) if name in ordered]
    for k, name in enumerate(names):
        column = numbers[:, together if k in together else k]
        known = column[np.isfinite(column)]
        sd = float(known.std()) if len(known) > 1 else 0.0
        mean = float(known.mean()) if len(known) else 0.0
        scales[name] = TargetScale(mean=mean, sd=sd if sd > 0 else 1.0, spread=1.0)
    return scales


def calibrated(scales: Scales, answers: Answers, numbers: np.ndarray) -> dict[str, TargetScale]:
    """The scales with spreads fitted on validation rows (N, D), where the model predicts any."""
    plain = {name: scale.replace(spread=1.0) for name, scale in scales.items()}
    mean, sd = restored(plain, answers)
    if sd is None:
        return plain
    return {
        name: scale.replace(spread=fit_spread(mean[:, k] - numbers[:, k], sd[:, k]))
        for k, (name, scale) in enumerate(plain.items())
    }


def standardised(scales: Scales, batch: Batch) -> Batch:
    """The batch with each target as (value - mean) / sd, in float32."""
    targets = {
        name: ((batch.targets[name] - scale.mean) / scale.sd).to(torch.float32)
        for name, scale in scales.items()
    }
    return batch.replace(targets=targets)


def restored(scales: Scales, answers: Answers) -> tuple[np.ndarray, np.ndarray | None]:
    """Means and calibrated standard deviations (N, D) in the units of the targets."""
    width = np.array([scale.sd for scale in scales.values()])
    middle = np.array([scale.mean for scale in scales.values()])
    mean = answers.answer.astype(np.float64) * width + middle
    if answers.log_variance is None:
        return mean, None
    log_variance = answers.log_variance.astype(np.float64).clip(-LOG_VARIANCE, LOG_VARIANCE)
    spread = np.array([scale.spread for scale in scales.values()])
    return mean, np.exp(0.5 * log_variance) * width * spread
