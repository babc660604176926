"""Ingest killed at random moments, then resumed to the same bytes; and a disk that is full."""

import contextlib
import random
import runpy
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from astropy.io import fits

SPEC_FILES = runpy.run_path(str(Path(__file__).parents[1] / "spec_files.py"))
SCRIPT = """
import sys
from pathlib import Path
from trifid.ingest import plan
from trifid.ingest.run import ingest

if __name__ == "__main__":
    plan.MAX_ROWS = 4
    done = ingest(Path(sys.argv[1]), Path(sys.argv[2]), workers=int(sys.argv[3]))
    print(done.rows, "rows", done.resumed, "shards resumed")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("files")
    source = SPEC_FILES["write_spec"](place / "one.fits").read_bytes()
    (place / "one.fits").unlink()
    for fiber in range(1, 241):
        path = place / f"spec-0266-51630-{fiber:04d}.fits"
        path.write_bytes(source)
        with fits.open(path, mode="update") as opened:
            opened[2].data["FIBERID"] = fiber
            opened[2].data["PLUG_RA"] = fiber
            opened[2].data["BESTOBJID"] = str(fiber)
            opened[1].data["flux"] += fiber
    (place / "spec-0266-51630-0100.fits").write_bytes(source[:9000])
    return place


def start(script, folder, out, workers):
    command = [sys.executable, str(script), str(folder), str(out), str(workers)]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def kill_with_shards(process, out, count, pause):
    """Kills a running ingest a moment after `count` shards are there; gives its workers."""
    deadline = time.monotonic() + 60
    while process.poll() is None and len(list(out.glob("shard-*"))) < count:
        assert time.monotonic() < deadline, "the ingest makes no shards"
        time.sleep(0.002)
    time.sleep(pause)
    children = []
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return children


@pytest.mark.parametrize("workers", [1, 2])
def test_killed_at_random_moments_it_ends_with_the_same_bytes(folder, tmp_path, workers):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    whole, part = tmp_path / "whole", tmp_path / "part"
    assert start(script, folder, whole, workers).wait() == 0
    rng = random.Random(workers)
    killed = 0
    for count in sorted(rng.sample(range(58), 5)):
        process = start(script, folder, part, workers)
        children = kill_with_shards(process, part, count, rng.uniform(0, 0.02))
        killed += process.returncode == -signal.SIGKILL
        _, alive = psutil.wait_procs(children, timeout=10)
        assert not alive, "a worker outlived its parent"
    assert killed >= 3 and not (part / "manifest.json").exists()
    assert start(script, folder, part, workers).wait() == 0
    names = sorted(path.name for path in whole.iterdir())
    assert names == sorted(path.name for path in part.iterdir())
    assert len(names) == 63  # 60 shards, manifest, skipped, data card
    for name in names:
        assert (whole / name).read_bytes() == (part / name).read_bytes(), name


def test_a_full_disk_is_one_line_and_the_same_command_goes_on(folder, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    disk = tmp_path / "disk"
    disk.mkdir()
    inside = (
        f"mount -t tmpfs -o size=1m tmpfs {disk} && {sys.executable} {script} {folder} {disk}/s 1; "
        f"echo rc $?; ls -a {disk}/s"
    )
    if shutil.which("unshare") is None:
        pytest.skip("unshare is not installed: no small file system can be made")
    probe = subprocess.run(
        ["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", str(disk)], capture_output=True
    )
    if probe.returncode:
        pytest.skip("a tmpfs cannot be mounted here")
    done = subprocess.run(["unshare", "-Urm", "sh", "-c", inside], capture_output=True, text=True)
    assert "rc 1" in done.stdout, done.stderr
    assert "StoreError" in done.stderr and "No space left on device" in done.stderr
    assert "manifest.json" not in done.stdout and ".tmp" not in done.stdout
    assert "shard-00000.arrow" in done.stdout
