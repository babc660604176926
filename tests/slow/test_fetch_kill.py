"""A fetch killed at random moments, from a server with faults, ends with the same folder."""

import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trifid.simulate.sky_archive import SkyArchive
from trifid.simulate.sky_server import Faults, SkyServer

SKY = runpy.run_path(str(Path(__file__).parents[1] / "sky_files.py"))
KILLS = 10
SCRIPT = """
import sys
from pathlib import Path
from trifid.fetch.polite import Politeness
from trifid.fetch.rows import Wanted
from trifid.fetch.survey import Fetch, Places, fetch
from trifid.surveys.sdss_paths import RELEASES
from trifid.surveys.sdss_query import QueryOptions
from trifid.surveys.sdss_selections import GALAXY4

wanted = Wanted(GALAXY4, RELEASES["dr17"], QueryOptions())
manners = Politeness(
    attempts=20, back_off=0.002, back_off_max=0.02, read_timeout=0.5, query_pause=0.0
)
places = Places(sys.argv[2], sys.argv[3])
request = Fetch(wanted, Path(sys.argv[1]), places, manners=manners, record_places=False)
print(fetch(request, print))
"""


class SlowAndFaulty(Faults):
    """Every request takes a while; a share of them fail."""

    def of(self, address, count):
        return super().of(address, count) or "slow"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return SkyArchive(SKY["write_sky"](tmp_path_factory.mktemp("sky"), objects=24))


def start(script, out, server):
    command = [sys.executable, str(script), str(out), server.sas, server.url]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


def finish(process):
    """Waits for the end of a fetch that is to succeed."""
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors.decode()


def content(out):
    return {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def kill_after(process, out, files, pause):
    """Kills a running fetch a moment after so many files of the survey are there."""
    deadline = time.monotonic() + 120
    while process.poll() is None and len(list(out.rglob("*-*.fits*"))) < files:
        assert time.monotonic() < deadline, "the fetch brings no files"
        time.sleep(0.002)
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


@pytest.mark.parametrize("rate", [0.0, 0.3], ids=["short", "faults"])
def test_killed_at_random_moments_it_ends_with_the_same_folder(archive, tmp_path, rate):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    whole, part = tmp_path / "whole", tmp_path / "part"
    with SkyServer(archive) as server:
        finish(start(script, whole, server))
    rng = random.Random(1)
    faults = SlowAndFaulty(rate=rate, seed=2, slow=0.02, hang=1.0)
    killed = 0
    with SkyServer(archive, faults) as server:
        for files in sorted(rng.sample(range(110), KILLS if rate else 3)):
            process = start(script, part, server)
            killed += kill_after(process, part, files, rng.uniform(0, 0.05))
        finish(start(script, part, server))
    assert killed >= 2
    assert content(part) == content(whole)
