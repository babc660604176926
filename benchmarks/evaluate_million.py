"""How long one million predictions with a thousand resamples take, and how much memory.

    python benchmarks/evaluate_million.py [--rows 1000000] [--resamples 1000] [--groups G] [--json]

Simulated predictions of four classes, rows in groups as of plates. Time is that of
`trifid.evaluation.evaluate.evaluate` (every metric with a BCa interval, calibration), not of
reading the file; memory is the peak of the process, table included. Aim: a minute and 4 GB.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.predictions import PredictionsWriter, read_predictions

CLASSES = ("AGN", "COMP", "NORMAL", "SF")
SHARES = (0.1, 0.2, 0.2, 0.5)
AT_ONCE = 100_000  # rows written at a time


def write(path: Path, rows: int, groups: int) -> None:
    """Predictions of a classifier that is right about four times in five."""
    rng = np.random.default_rng(0)
    names = np.array(CLASSES, dtype=object)
    with PredictionsWriter(path, classes=CLASSES, metadata={"simulated": True}) as writer:
        for start in range(0, rows, AT_ONCE):
            numbers = np.arange(start, min(start + AT_ONCE, rows))
            labels = rng.choice(len(CLASSES), len(numbers), p=SHARES)
            scores = rng.normal(size=(len(numbers), len(CLASSES))) + np.log(SHARES)
            scores[np.arange(len(numbers)), labels] += 2.5
            values = np.exp(scores)
            writer.add(
                {
                    "object_id": [f"o{number}" for number in numbers],
                    "group": [f"plate-{number % groups}" for number in numbers],
                    "fold": "test",
                    "subset": "image+spectrum",
                    "label": names[labels],
                    "probabilities": values / values.sum(axis=1, keepdims=True),
                    "seed": 0,
                    "run": "r",
                }
            )


def main() -> None:
    """Prints rows, seconds and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=20_000)
    parser.add_argument("--resamples", type=int, default=1000)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.parquet"
        write(path, options.rows, options.groups)
        begun = time.perf_counter()
        predictions = read_predictions(path)
        read = time.perf_counter()
        busy = time.process_time()
        document = evaluate(predictions, resamples=options.resamples)
        seconds, busy = time.perf_counter() - read, time.process_time() - busy
    found = {
        "rows": document["n"],
        "groups": document["groups"],
        "resamples": options.resamples,
        "cores": len(os.sched_getaffinity(0)),
        "read_seconds": round(read - begun, 1),
        "seconds": round(seconds, 1),
        "processor_seconds": round(busy, 1),
        "peak_gigabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "macro_auc": document["metrics"]["macro_auc"],
    }
    print(json.dumps(found, indent=None if options.json else 1))


if __name__ == "__main__":
    main()
