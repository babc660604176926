"""Fetching from a server on this machine, against astropy's download of the same files one by one.

python benchmarks/fetch.py [--objects 40] [--rounds 3] [--connections 4] [--json]

A survey of galaxies is simulated and served on the loopback interface, so that the network costs
nothing and what is measured is the work of the client and of the server.
trifid asks the catalogue, plans, fetches with checks and fsync, hashes and writes the manifest;
the reference calls `astropy.utils.data.download_file` for each file of the same list and does
nothing else. `--delay` adds a wait to each answer, as a far archive does. The server is a process
of its own.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

from astropy.utils.data import download_file

from trifid.fetch.polite import Politeness
from trifid.fetch.rows import Wanted
from trifid.fetch.run import Choice
from trifid.fetch.survey import Fetch, Places, fetch
from trifid.simulate import simulate
from trifid.simulate.sky_archive import SkyArchive
from trifid.simulate.sky_server import Faults, SkyServer
from trifid.surveys.sdss_paths import RELEASES
from trifid.surveys.sdss_query import QueryOptions
from trifid.surveys.sdss_selections import GALAXY4


@contextlib.contextmanager
def served(sky: Path, delay: float) -> Generator[str]:
    """Serves a survey from another process; gives the base of its services."""
    command = [sys.executable, __file__, "--serve", str(sky), "--delay", str(delay)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the server has no pipes")
        yield process.stdout.readline().strip()
        process.stdin.close()  # tells it to end


def serve(sky: Path, delay: float) -> None:
    """Serves until standard input ends."""
    faults = Faults(rate=float(delay > 0), kinds=("slow",), slow=delay)
    with SkyServer(SkyArchive(sky), faults) as server:
        print(server.url, flush=True)
        sys.stdin.read()


def by_trifid(url: str, out: Path, connections: int) -> tuple[float, list[str]]:
    """Seconds of a whole fetch, and the paths it brought."""
    start = time.perf_counter()
    manners = Politeness(connections=connections, query_pause=0.0)
    fetch(
        Fetch(
            Wanted(GALAXY4, RELEASES["dr17"], QueryOptions()),
            out,
            Places(f"{url}/sas", url),
            Choice(workers=connections),
            manners,
            count=False,
        ),
        lambda _: None,
    )
    seconds = time.perf_counter() - start
    return seconds, sorted(str(p.relative_to(out)) for p in out.glob("dr17/**/*") if p.is_file())


def by_astropy(url: str, paths: list[str]) -> float:
    """Seconds to download the same files one after another."""
    start = time.perf_counter()
    for path in paths:
        Path(download_file(f"{url}/sas/{path}", cache=False, show_progress=False)).unlink()
    return time.perf_counter() - start


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--sky", type=Path, help="a simulated survey that is there already")
    parser.add_argument("--serve", type=Path, help="only serve this survey")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.delay)
        return
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as place:
        sky = options.sky or Path(place) / "sky"
        if options.sky is None:
            simulate("galaxy4", options.objects, sky, size=64, form="sdss")
        objects = len(SkyArchive(sky))
        with served(sky, options.delay) as url:
            for number in range(options.rounds):
                out = Path(place) / f"out{number}"
                seconds, paths = by_trifid(url, out, options.connections)
                ours.append(seconds)
                theirs.append(by_astropy(url, paths))
    ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
    result = {
        "objects": objects,
        "files": len(paths),
        "connections": options.connections,
        "delay": options.delay,
        "trifid_objects_per_s": objects / statistics.median(ours),
        "astropy_objects_per_s": objects / statistics.median(theirs),
        "ratio": statistics.median(ratios),
        "lowest_ratio": min(ratios),
    }
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:24} {value:.4g}" if isinstance(value, float) else f"{name:24} {value}")


if __name__ == "__main__":
    main()
