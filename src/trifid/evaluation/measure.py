"""One number with its interval, and the notes that every document may carry."""

import math
from typing import Any

import numpy as np

from trifid.evaluation.predictions import Predictions
from trifid.metrics.intervals import Intervals, wilson

Entry = dict[str, Any]
FEW_GROUPS = 100


def measure(value: float, low: float, high: float, method: str) -> Entry:
    """One number with its interval, None in place of NaN and infinity."""
    return {"value": plain(value), "low": plain(low), "high": plain(high), "method": method}


def measures(found: Intervals, method: str) -> list[Entry]:
    """The numbers of a bootstrap, each with its interval."""
    ends = zip(found.value.tolist(), found.low.tolist(), found.high.tolist(), strict=True)
    return [measure(*triple, method) for triple in ends]


def share(flags: np.ndarray) -> Entry:
    """A share of rows (N,) with its Wilson interval and N."""
    low, high = wilson(int(flags.sum()), len(flags))
    return {"value": float(flags.mean()), "low": low, "high": high, "n": len(flags)}


def plain(value: float) -> float | None:
    """A number as JSON has it: None in place of NaN and infinity."""
    return float(value) if math.isfinite(value) else None


def simulated_note(rows: Predictions) -> list[str]:
    """That numbers from simulated objects say nothing about the sky."""
    simulated = rows.metadata["simulated"]
    return ["simulated objects: no statement about the sky"] if simulated else []


def pooled_note(folds: tuple[str, ...]) -> list[str]:
    """That several fits were pooled."""
    if len(folds) < 2:
        return []
    return [f"{len(folds)} folds pooled: rows were predicted by different fits"]
