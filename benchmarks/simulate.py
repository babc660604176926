"""Speed and memory of `trifid simulate`: rows a second, and the largest resident size.

    python benchmarks/simulate.py [--task galaxy4] [--rows 2000] [--workers 2] [--json]

Each is one process of its own; templates and grids are made before the clock starts. Memory is
that of one process that writes ROWS and ten times ROWS, images of 32 pixels: it should not grow.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from trifid.simulate import simulate
from trifid.simulate.options import SkyOptions
from trifid.simulate.run import sky_task


def _peak(task: str, rows: int, folder: Path) -> int:
    """Largest resident size [MB] of a process that simulates these rows."""
    code = (
        "import resource, sys; from pathlib import Path; from trifid.simulate import simulate;"
        f"simulate({task!r}, {rows}, Path({str(folder)!r}), size=32);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return int(run.stdout.split()[-1])


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", default="galaxy4")
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--memory", action="store_true", help="also measure memory")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    sky_task(options.task).prepare(SkyOptions())
    with tempfile.TemporaryDirectory() as folder:
        begin, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        simulate(options.task, options.rows, Path(folder) / "sky", workers=options.workers)
        seconds, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        result: dict[str, float | str] = {
            "task": options.task,
            "rows": options.rows,
            "workers": options.workers,
            "seconds": round(seconds, 1),
            "rows_per_second": round(options.rows / seconds, 1),
            "cpu_seconds_of_workers": round(
                after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1
            ),
        }
        if options.memory:
            for rows in (options.rows, 10 * options.rows):
                result[f"peak_mb_{rows}"] = _peak(options.task, rows, Path(folder) / f"m{rows}")
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:24} {value}")


if __name__ == "__main__":
    main()
