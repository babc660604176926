"""One number with its interval, and the notes that every document may carry."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from trifid.evaluation.predictions import Predictions
from trifid.metrics.intervals import Intervals, wilson

Entry = dict[str, Any]
FEW_GROUPS = 100

CEILINGS = {
    "galaxy4": "of 2,478 real galaxies (the ECO table, S/N > 3; nearby, of low mass) MPA-JHU and "
    "Portsmouth put 98.3 % into the same of three BPT classes, with an F1 of composites of 0.90; "
    "no score means more than its labels do, and another sample may agree less"
}
"""By task: what two sources of labels say of the same objects.

Measured on the ECO resolved table of galaxies with both classes, which trifid does not ship.
"""


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


def ceiling_note(rows: Predictions) -> list[str]:
    """How well two catalogues of labels agree, where that was measured (trap E3)."""
    known = CEILINGS.get(str(rows.metadata["task"]))
    return [f"label ceiling: {known}"] if known else []


def notes_of(parts: Sequence[Predictions]) -> list[str]:
    """What a reader of several tables together must know, each note once."""
    notes = [note for part in parts for note in (*simulated_note(part), *ceiling_note(part))]
    return list(dict.fromkeys(notes))


def groups_note(groups: int) -> list[str]:
    """That an interval from few groups is a little too narrow, and by how much.

    Measured by `benchmarks/interval_coverage.py --rows 140 --groups 20 --sets 1000`.
    """
    if groups >= FEW_GROUPS:
        return []
    return [
        f"{groups} groups: bootstrap intervals from fewer than {FEW_GROUPS} may hold the truth "
        "less often than they say (simulated, 140 objects in 20 groups: 93 to 95 % instead of 95)"
    ]


def pooled_note(folds: tuple[str, ...]) -> list[str]:
    """That several fits were pooled."""
    if len(folds) < 2:
        return []
    return [f"{len(folds)} folds pooled: rows were predicted by different fits"]
