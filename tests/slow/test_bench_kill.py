"""A suite killed with SIGKILL at any moment ends, resumed, with the leaderboard of a quiet one."""

import json
import os
import signal
import subprocess
import sys
import time

import tomli_w

SUITE = {
    "name": "quick",
    "seeds": [1, 2],
    "set": ["training.epochs=2", "training.batch_size=32", "split.by=group"],
    "contenders": [
        {"name": "table", "recipe": "galaxy4_table"},
        {"name": "boosted", "recipe": "galaxy4_boosted", "set": ["model.method.trees=20"]},
    ],
}


def start(suite, store, out, *more):
    words = ["bench", str(suite), "--data", str(store), "--out", str(out), *more]
    code = "from trifid.cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def told(out):
    """What does not depend on the time a run took."""
    board = json.loads((out / "leaderboard.json").read_text())
    for model in board["models"]:
        model["cost"] = {"parameters": model["cost"]["parameters"]}
    return board


def killed_when(process, ready):
    """Sends SIGKILL once something is there; whether the process was still running."""
    while not ready() and process.poll() is None:
        time.sleep(0.01)
    running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return running


def test_a_suite_survives_kill_9(store_folder, tmp_path):
    suite = tmp_path / "suite.toml"
    suite.write_text(tomli_w.dumps(SUITE))
    assert start(suite, store_folder, tmp_path / "quiet").wait(timeout=300) == 0
    out = tmp_path / "killed"
    moments = [
        lambda: (out / "runs" / "table" / "seed-1" / "run.json").is_file(),
        lambda: (out / "runs" / "boosted" / "seed-1" / "bundle").is_dir(),
        lambda: (out / "runs" / "table" / "seed-2" / "log.jsonl").is_file(),
    ]
    killed = 0
    for number, ready in enumerate(moments):
        process = start(suite, store_folder, out, *(["--resume"] if number else []))
        killed += killed_when(process, ready)
    assert killed >= 2
    assert start(suite, store_folder, out, "--resume").wait(timeout=300) == 0
    assert told(out) == told(tmp_path / "quiet")
    assert (out / "leaderboard.html").is_file()
