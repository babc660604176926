"""One line of log per epoch."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from trifid.metrics.calibration import log_loss
from trifid.metrics.classification import confusion_counts, confusion_metrics
from trifid.training.recipe import TrainingConfig
from trifid.training.rows import TaskRows


def epoch_entry(
    logits: np.ndarray, rows: TaskRows, config: TrainingConfig, state: Mapping[str, Any]
) -> dict[str, Any]:
    """What an epoch's validation says, with loss, rate and time.

    Args:
        logits: (N, K) of the validation rows.
        rows: Labels and rows.
        config: The recipe's training part.
        state: epoch, step, loss_sum, seconds of the epoch just done.
    """
    labels = rows.labels[rows.valid]
    predicted = logits.argmax(axis=1)
    metrics = confusion_metrics(confusion_counts(labels, predicted, logits.shape[1]))
    steps, seconds = int(state["step"]), float(state["seconds"])
    return {
        "epoch": int(state["epoch"]),
        "step": (int(state["epoch"]) + 1) * steps,
        "train_loss": round(float(state["loss_sum"]) / max(steps, 1), 6),
        "valid_loss": round(log_loss(labels, softmax(logits.astype(np.float64), axis=1)), 6),
        "valid_accuracy": round(float(metrics["accuracy"]), 6),
        "valid_macro_f1": round(float(metrics["macro_f1"]), 6),
        "seconds": round(seconds, 3),
        "rows_per_second": round(len(rows.train) / seconds, 1) if seconds > 0 else 0.0,
    }


def log_text(history: Sequence[Mapping[str, Any]]) -> str:
    """The log as JSON lines."""
    return "".join(json.dumps(entry, allow_nan=False) + "\n" for entry in history)
