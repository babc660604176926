"""Processes for the parts of an ingest."""

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trifid.errors import StoreError
from trifid.ingest.workers import Workers


@pytest.mark.parametrize("count", [1, 2])
def test_every_job_is_done_once(count):
    with Workers(count) as pool:
        assert sorted(pool.each(math.sqrt, (k * k for k in range(50)))) == list(range(50))
        assert list(pool.each(math.sqrt, ())) == []


def test_one_worker_is_this_process_and_does_jobs_as_they_are_wanted():
    done = []
    with Workers(1) as pool:
        results = pool.each(done.append, [1, 2])
        assert not done
        next(results)
        assert done == [1]


def test_processes_do_one_task_after_another():
    with Workers(2) as pool:
        assert sorted(pool.each(math.sqrt, [4.0] * 8)) == [2.0] * 8
        first = set(pool._pool._processes)
        assert sorted(pool.each(math.floor, [4.5] * 8)) == [4] * 8
        assert set(pool._pool._processes) >= first and len(pool._pool._processes) <= 2


def test_an_error_in_a_worker_arrives_here():
    with Workers(2) as pool, pytest.raises(ValueError, match="math domain error"):
        list(pool.each(math.sqrt, [1.0, -1.0]))


def test_a_worker_that_dies_is_said():
    with Workers(2) as pool, pytest.raises(StoreError, match="a worker process died"):
        list(pool.each(os._exit, [3]))


def test_a_killed_parent_leaves_no_worker_behind():
    code = (
        "import time; from trifid.ingest.workers import Workers\n"
        "if __name__ == '__main__':\n"
        "    with Workers(2) as pool:\n"
        "        list(pool.each(abs, [1, 2]))\n"
        "        print(*pool._pool._processes, flush=True)\n"
        "        list(pool.each(time.sleep, [60, 60]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as process:
        workers = [int(word) for word in process.stdout.readline().split()]
        process.kill()
    assert workers
    until = time.monotonic() + 20
    while any(map(_lives, workers)) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(map(_lives, workers))


def _lives(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
