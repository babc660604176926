"""What a run cost: its own cost line, or that of its folds together."""

from pathlib import Path
from typing import Any

from trifid.files import read_json


def run_cost(run: Path) -> dict[str, Any]:
    """Reads a run's cost.json; for a k-fold run, seconds are summed and memory is the largest.

    Parameters, device and rows per second are those of the first fold. Empty where a run keeps
    no cost line (foreign predictions).

    Raises:
        RunError: If a cost line is not a JSON object.
    """
    if (run / "cost.json").is_file():
        return read_json(run / "cost.json")
    folds = [read_json(path) for path in sorted(run.glob("fold-*/cost.json"))]
    if not folds:
        return {}
    total = dict(folds[0])
    for key, join in (("train_seconds", sum), ("peak_memory_bytes", max)):
        values = [fold[key] for fold in folds if isinstance(fold.get(key), int | float)]
        if values:
            total[key] = join(values)
    return total
