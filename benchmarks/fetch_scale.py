"""A simulated survey fetched, ingested and trained on: as it is, with faults, killed on the way.

python benchmarks/fetch_scale.py --sky FOLDER --out FOLDER [--limit N] [--no-images]
                                 [--rate 0.3] [--kills 10] [--epochs 1] [--recipe galaxy4]

FOLDER of --sky is made by `trifid simulate galaxy4 --objects 5000 --as sdss --out FOLDER`. It is
served on the loopback interface by a process of its own. Three fetches:

    clean    no request fails
    rough    a share of the requests fail in every way the server knows
    killed   killed at random moments, then run to its end

Each is ingested. Printed: objects by status, the peak memory of every process, whether the three
folders and the three stores are equal byte by byte, and how often an object is in a store. The
clean store is trained on.
"""

import argparse
import contextlib
import hashlib
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq
from fetch import served

from trifid.store.read import Store

FETCH = """
import sys
from pathlib import Path
from trifid.fetch.polite import Politeness
from trifid.fetch.rows import Wanted
from trifid.fetch.run import Choice
from trifid.fetch.survey import Fetch, Places, fetch
from trifid.surveys.sdss_paths import RELEASES
from trifid.surveys.sdss_query import QueryOptions
from trifid.surveys.sdss_selections import GALAXY4

out, url, limit, images = sys.argv[1:]
wanted = Wanted(GALAXY4, RELEASES["dr17"], QueryOptions(), int(limit) or None)
manners = Politeness(back_off=0.02, back_off_max=0.5, read_timeout=10.0, query_pause=0.0)
places, choice = Places(f"{url}/sas", url), Choice(images=images == "True")
done = fetch(
    Fetch(wanted, Path(out), places, choice, manners, count=False, record_places=False),
    lambda _: None,
)
print(done.objects, done.fetched, done.kept)
"""


def run(command: list[str]) -> dict[str, float]:
    """Runs a command to its end: seconds, and the peak memory [MB] of its process."""
    start, peak = time.perf_counter(), 0
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
        while True:
            done, status, usage = os.wait4(process.pid, os.WNOHANG)
            if done:
                break
            with contextlib.suppress(OSError):
                state = Path(f"/proc/{process.pid}/status").read_text()
                peak = max([peak, *(int(kb) for kb in re.findall(r"VmHWM:\s+(\d+) kB", state))])
            time.sleep(0.05)
        if status:
            errors.seek(0)
            raise RuntimeError(errors.read().decode()[-2000:])
    return {
        "seconds": round(time.perf_counter() - start, 1),
        "cpu_s": round(usage.ru_utime + usage.ru_stime, 1),
        "peak_mb": round(peak / 1000),
    }


def fetch_command(out: Path, url: str, limit: int, *, images: bool) -> list[str]:
    """The command of a fetch."""
    return [sys.executable, "-c", FETCH, str(out), url, str(limit), str(images)]


def kill_often(command: list[str], kills: int, longest: float) -> int:
    """Kills a fetch at random moments, again and again; gives how many kills hit a running one."""
    rng = random.Random(1)
    hit = 0
    for _ in range(kills):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(rng.uniform(1.0, longest))
        hit += process.poll() is None
        process.kill()
        process.wait()
    return hit


def content(folder: Path) -> dict[str, str]:
    """Hashes of all files by their paths, but locks and the parts that a kill leaves."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path.name != "store.lock"
    }


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sky", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=0)
    parser.add_argument("--no-images", action="store_true")
    parser.add_argument("--rate", type=float, default=0.3)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=1, help="0: no training")
    parser.add_argument("--recipe", default="galaxy4")
    options = parser.parse_args()
    out, images = options.out, not options.no_images
    trifid = [sys.executable, "-m", "trifid.cli"]

    def told(name: str, **values: object) -> None:
        print(json.dumps({"step": name, **values}), flush=True)

    kinds = ["clean", *(["rough"] if options.rate else []), *(["killed"] if options.kills else [])]
    longest = 0.0
    for kind in kinds:
        folder, store, hit = out / kind, out / f"{kind}-store", 0
        with served(options.sky, rate=options.rate if kind == "rough" else 0.0) as url:
            command = fetch_command(folder, url, options.limit, images=images)
            if kind == "killed":
                hit = kill_often(command, options.kills, longest)
            measured = run(command)
            longest = longest or measured["seconds"] / 5
            status = pq.read_table(folder / "manifest.parquet", columns=["status"])
            counts = status.column("status").value_counts().to_pylist()
            told(f"fetch {kind}", **measured, kills=hit, objects=counts)
            if kind == "rough":  # what was listed as missing is had by the same command again
                told("fetch rough again", **run(command))
        command = [*trifid, "ingest", str(folder), "--catalog", str(folder / "catalogue.parquet"),
                   "--size", "64", "--out", str(store)]  # fmt: skip
        told(f"ingest {kind}", **run(command))
        ids = Store.open(store).columns("object_id").column(0).to_pylist()
        told(f"store {kind}", rows=len(ids), distinct=len(set(ids)))
        if kind != "clean":
            told(
                f"{kind} equals clean",
                folder=content(folder) == content(out / "clean"),
                store=content(store) == content(out / "clean-store"),
            )
    if options.epochs:
        command = [*trifid, "train", options.recipe, "--data", str(out / "clean-store"), "--out",
                   str(out / "run"), "--set", f"training.epochs={options.epochs}"]  # fmt: skip
        told("train", **run(command))
        scores = subprocess.run([*trifid, "evaluate", str(out / "run"), "--json"],
                                capture_output=True, text=True, check=True)  # fmt: skip
        document = json.loads(scores.stdout)
        told("evaluate", n=document["n"], accuracy=document["metrics"].get("accuracy"))


if __name__ == "__main__":
    main()
