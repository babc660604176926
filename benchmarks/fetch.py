"""Fetching from a server on this machine, against astroquery's download of the same files.

python benchmarks/fetch.py [--objects 40] [--rounds 3] [--connections 4] [--delay S] [--json]

A survey of galaxies is simulated and served on the loopback interface, so that the network costs
nothing and what is measured is the work of the client and of the server.
trifid asks the catalogue, plans, fetches with checks and fsync, hashes and writes the manifest. Two
references get the list for nothing: astroquery's `SDSS.get_spectra` and `SDSS.get_images` with
their base address on this server, which download the files one by one and open them; and
`astropy.utils.data.download_file`, which astroquery calls, for each file, and nothing else.
`--delay` adds a wait to each answer, as a far archive does. The server is a process of its own.
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

import pyarrow.parquet as pq
from astropy.table import Table, unique
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
def served(sky: Path, delay: float = 0.0, rate: float = 0.0) -> Generator[str]:
    """Serves a survey from another process; gives the base of its services.

    Args:
        sky: The survey.
        delay: Wait before each answer [s].
        rate: Share of requests that fail, in every way there is.
    """
    command = [sys.executable, __file__, "--serve", str(sky), "--delay", str(delay)]
    command += ["--rate", str(rate)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the server has no pipes")
        yield process.stdout.readline().strip()
        process.stdin.close()  # tells it to end


def serve(sky: Path, delay: float, rate: float) -> None:
    """Serves until standard input ends."""
    faults = Faults(rate=float(delay > 0), kinds=("slow",), slow=delay)
    if rate:
        faults = Faults(rate=rate, slow=0.05, hang=1.0)
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


def by_astroquery(url: str, catalogue: Path) -> tuple[float, int]:
    """Seconds of astroquery's download of the same spectra and frames, and how many files."""
    from astroquery.sdss import SDSS, conf

    names = ["plate", "mjd", "fiberid", "run2d", "run", "rerun", "camcol", "field"]
    rows = Table(pq.read_table(catalogue, columns=names).to_pydict())
    rows.rename_column("fiberid", "fiberID")
    fields = unique(rows["run", "rerun", "camcol", "field"])
    start = time.perf_counter()
    with conf.set_temp("sas_baseurl", f"{url}/sas"):
        spectra = SDSS.get_spectra(matches=rows, cache=False, show_progress=False)
        images = SDSS.get_images(matches=fields, band="ugriz", cache=False, show_progress=False)
    seconds = time.perf_counter() - start
    return seconds, len(spectra) + len(images)


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=40)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--rate", type=float, default=0.0, help="share of faults, with --serve")
    parser.add_argument("--sky", type=Path, help="a simulated survey that is there already")
    parser.add_argument("--serve", type=Path, help="only serve this survey")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.delay, options.rate)
        return
    seconds: dict[str, list[float]] = {"trifid": [], "astroquery": [], "astropy": []}
    with tempfile.TemporaryDirectory() as place:
        sky = options.sky or Path(place) / "sky"
        if options.sky is None:
            simulate("galaxy4", options.objects, sky, size=64, form="sdss")
        objects = len(SkyArchive(sky))
        with served(sky, options.delay) as url:
            for number in range(options.rounds):
                out = Path(place) / f"out{number}"
                ours, paths = by_trifid(url, out, options.connections)
                theirs, files = by_astroquery(url, out / "catalogue.parquet")
                if files != len(paths):
                    raise RuntimeError(f"{files} files by astroquery, {len(paths)} by trifid")
                seconds["trifid"].append(ours)
                seconds["astroquery"].append(theirs)
                seconds["astropy"].append(by_astropy(url, paths))

    def ratios(name: str) -> list[float]:
        return [b / a for a, b in zip(seconds["trifid"], seconds[name], strict=True)]

    result = {
        "objects": objects,
        "files": len(paths),
        "connections": options.connections,
        "delay": options.delay,
        **{f"{name}_objects_per_s": objects / statistics.median(s) for name, s in seconds.items()},
        **{f"over_{name}": statistics.median(ratios(name)) for name in ("astroquery", "astropy")},
        **{f"lowest_over_{name}": min(ratios(name)) for name in ("astroquery", "astropy")},
    }
    if options.json:
        print(json.dumps(result))
    else:
        for name, value in result.items():
            print(f"{name:24} {value:.4g}" if isinstance(value, float) else f"{name:24} {value}")


if __name__ == "__main__":
    main()
