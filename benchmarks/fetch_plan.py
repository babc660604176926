"""Memory of a fetch's catalogue, plan and manifest, with made-up rows and nothing downloaded.

    python benchmarks/fetch_plan.py [--rows 70000]

Answers of the catalogue service with random numbers are read page by page, as in a fetch of
galaxy4; the catalogue, the plan of six files for each row and the manifest are written. Prints
the largest resident size of the process, and the seconds of plan and manifest; take one process
for each number of rows.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from trifid.fetch.ledger import Ledger
from trifid.fetch.rows import Wanted
from trifid.fetch.run import Choice, Job, expect, fetch_catalogue, write_manifest
from trifid.surveys.sdss_paths import get_release
from trifid.surveys.sdss_query import MAX_ROWS, QueryOptions
from trifid.surveys.sdss_selections import get_selection


def answers(wanted: Wanted, rows: int) -> Callable[[str, Callable[[str], object]], str]:
    """A catalogue service that knows so many rows, whatever it is asked."""
    rng = np.random.default_rng(0)
    head = "#Table1\n" + ",".join(column.name for column in wanted.columns) + "\n"
    given = 0

    def cell(name: str, kind: str, row: int) -> str:
        known = {
            "specobjid": 10**18 + row,
            "bestobjid": 1237648721217716541 + row,
            "plate": 266 + row // 640,
            "mjd": 51602,
            "fiberid": row % 640 + 1,
            "order_key": row,
            "run2d": 26,
            "run": 1000 + row // 100,
            "rerun": 301,
            "camcol": row % 6 + 1,
            "field": row % 200 + 11,
        }
        if name in known:
            return str(known[name])
        return "GALAXY" if kind == "string" else "3" if kind == "int64" else f"{rng.normal():.6f}"

    def ask(sql: str, accept: Callable[[str], object]) -> str:
        nonlocal given
        page = range(given, min(given + MAX_ROWS, rows))
        given = page.stop
        lines = (",".join(cell(c.name, c.type, row) for c in wanted.columns) + "\n" for row in page)
        text = head + "".join(lines)
        accept(text)
        return text

    return ask


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=70_000)
    rows = parser.parse_args().rows
    wanted = Wanted(get_selection("galaxy4"), get_release("dr17"), QueryOptions())
    with tempfile.TemporaryDirectory() as place, Ledger(Path(place)) as ledger:
        folder = Path(place)
        catalogue = fetch_catalogue(wanted, answers(wanted, rows), folder)
        planned = time.perf_counter()
        job = Job(catalogue, wanted.release, folder, Choice(), ledger)
        expect(job)
        for path in ledger.missing():
            ledger.arrived(path, "0" * 64)
        objects, _ = write_manifest(job)
        files = len(ledger)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    seconds = time.perf_counter() - planned
    print(f"{objects.total()} rows, {files} files: {peak:.0f} MB, {seconds:.1f} s")


if __name__ == "__main__":
    main()
