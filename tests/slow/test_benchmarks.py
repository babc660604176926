"""Every benchmark still runs, at a size that measures nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks"
SMALL = {
    "cutouts": ("--targets", "3", "--rounds", "1", "--size", "64"),
    "fetch": ("--objects", "3", "--rounds", "1"),
    "fetch_plan": ("--rows", "700"),
    "ingest_fields": ("--fields", "1", "--objects", "1", "--rounds", "1"),
    "ingest_plan": ("--files", "2000"),
    "ingest_spectra": ("--files", "20"),
    "interval_coverage": ("--sets", "2", "--resamples", "50"),
    "memory": ("--rows", "500", "1000"),
    "nearby": ("--objects", "5000", "--positions", "50", "--radius", "60"),
    "simulate": ("--task", "sgq3", "--rows", "20", "--workers", "1"),
    "store_reads": ("--rows", "1024", "--rounds", "1"),
    "training": ("--rows", "250", "--steps", "2", "--rounds", "1", "--recipe", "galaxy4_table"),
}


@pytest.mark.parametrize("name", SMALL)
def test_it_runs(name, tmp_path):
    command = [sys.executable, str(FOLDER / f"{name}.py"), *SMALL[name]]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_one_document_for_programs(tmp_path):
    command = [sys.executable, str(FOLDER / "training.py"), *SMALL["training"], "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "galaxy4_table" in json.loads(done.stdout)["recipes"]


def test_weights_of_batmms_encoders_are_drawn(tmp_path):
    trifid = [sys.executable, "-m", "trifid.cli"]
    sky, run, out = tmp_path / "sky", tmp_path / "run", tmp_path / "weights.png"
    changes = ("training.epochs=2", "inputs.spectrum.length=3520", "inputs.spectrum.rebin=4")
    steps = (
        [*trifid, "simulate", "bhb2", "--objects", "200", "--size", "16", "--out", str(sky)],
        [*trifid, "train", "bhb2_small", "--data", str(sky), "--out", str(run)]
        + [word for change in changes for word in ("--set", change)],
        [sys.executable, str(FOLDER / "encoder_weights.py"), str(run), "--out", str(out), "--json"],
    )
    for command in steps:
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    panels = json.loads(done.stdout)[0]["panels"]
    assert panels["bands"]["names"] == list("ugriz") and len(panels["segments"]["names"]) == 7
    for panel in panels.values():
        for weights in panel["classes"].values():
            assert abs(sum(weights["mean"]) - 1) < 1e-5
    assert out.stat().st_size > 10_000
