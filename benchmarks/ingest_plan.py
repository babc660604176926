"""The memory of planning a large ingest: files listed, looked at, made rows, grouped and cut.

    python benchmarks/ingest_plan.py [--files 1000000] [--json]

Nothing lies on disk: the list of files and what each holds are made up (one spectrum each, with an
objid and a position), and nothing is written. All else is `trifid ingest` itself. The number is
the largest resident size of the process, less that before the first file, for each file.
"""

import argparse
import json
import resource
import time
from pathlib import Path
from unittest import mock

import numpy as np

from trifid.ingest import run
from trifid.ingest.plan import shards
from trifid.ingest.scan import Found, Probe
from trifid.surveys.spectra import Identity

PLATE = 1000  # fibres


def listed(count: int) -> list[Found]:
    """A listing as `scan` gives it."""
    return [
        Found(
            f"{4000 + i // PLATE}/spec-{4000 + i // PLATE}-55500-{i % PLATE + 1:04d}.fits",
            200_000 + i % 7,
            1_700_000_000_000_000_000 + i,
        )
        for i in range(count)
    ]


def looked_at(folder: Path, path: str) -> list[Probe]:
    """What a file of the list holds."""
    plate, _, fiber = (int(part) for part in path[:-5].rsplit("-", 3)[1:])
    number = plate * PLATE + fiber
    rng = np.random.default_rng(number)
    who = Identity(
        f"sdss-{plate:04d}-55500-{fiber:04d}",
        f"12376507951{number:08d}",
        float(rng.uniform(0, 360)),
        float(rng.uniform(-10, 60)),
    )
    return [Probe(path, "spectrum", who, "sdss")]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--files", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    planned: list[int] = []

    def no_write(inputs, rows, skipped, setting, wanted, workers):
        chosen = run._modalities(rows, setting.naming, wanted)
        planned.append(len(shards(rows, chosen, setting.schema)))
        return len(rows), 0, skipped

    start, before = time.perf_counter(), _resident()
    with (
        mock.patch.object(run, "scan", lambda *a, **k: (listed(arguments.files), [])),
        mock.patch.object(run, "probe", looked_at),
        mock.patch.object(run, "_write", no_write),
    ):
        summary = run.ingest(Path(__file__).parent, Path("/nonexistent/store"))
    result = {
        "files": summary.rows,
        "shards": planned[0],
        "seconds": time.perf_counter() - start,
        "bytes_per_file": (_resident() - before) / arguments.files,
    }
    if arguments.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name:>16} {value:12.1f}")


def _resident() -> float:
    """Largest resident size so far [byte]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


if __name__ == "__main__":
    main()
