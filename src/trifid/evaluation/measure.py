"""One number with its interval, and the notes that every document may carry."""

import math
from typing import Any

from trifid.evaluation.predictions import Predictions

Entry = dict[str, Any]
FEW_GROUPS = 100


def measure(value: float, low: float, high: float, method: str) -> Entry:
    """One number with its interval, None in place of NaN and infinity."""
    ends = [number if math.isfinite(number) else None for number in (value, low, high)]
    return {**dict(zip(("value", "low", "high"), ends, strict=True)), "method": method}


def simulated_note(rows: Predictions) -> list[str]:
    """That numbers from simulated objects say nothing about the sky."""
    simulated = rows.metadata["simulated"]
    return ["simulated objects: no statement about the sky"] if simulated else []


def pooled_note(folds: tuple[str, ...]) -> list[str]:
    """That several fits were pooled."""
    if len(folds) < 2:
        return []
    return [f"{len(folds)} folds pooled: rows were predicted by different fits"]
