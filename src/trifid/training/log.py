"""One line of log per epoch."""

import json
from collections.abc import Mapping, Sequence
from typing import Any


def epoch_entry(scores: Mapping[str, float], rows: int, state: Mapping[str, Any]) -> dict[str, Any]:
    """What an epoch's validation says, with loss, rate and time.

    Args:
        scores: Of the validation rows, by name.
        rows: Number of training rows.
        state: epoch, step, loss_sum, seconds of the epoch just done.
    """
    steps, seconds = int(state["step"]), float(state["seconds"])
    return {
        "epoch": int(state["epoch"]),
        "step": (int(state["epoch"]) + 1) * steps,
        **_train_loss(state, steps),
        **{f"valid_{name}": round(score, 6) for name, score in scores.items()},
        "seconds": round(seconds, 3),
        "rows_per_second": round(rows / seconds, 1) if seconds > 0 else 0.0,
    }


def _train_loss(state: Mapping[str, Any], steps: int) -> dict[str, float]:
    """Mean loss of the steps; nothing where a model was fitted in one go."""
    if state["loss_sum"] is None:
        return {}
    return {"train_loss": round(float(state["loss_sum"]) / max(steps, 1), 6)}


def log_text(history: Sequence[Mapping[str, Any]]) -> str:
    """The log as JSON lines."""
    return "".join(json.dumps(entry, allow_nan=False) + "\n" for entry in history)
