"""`trifid fetch` on a small simulated archive."""

import json
import runpy
from pathlib import Path

import pytest
from typer.testing import CliRunner

from trifid.cli.main import app
from trifid.errors import TrifidError

SKY = runpy.run_path(str(Path(__file__).resolve().parents[2] / "sky_files.py"))


@pytest.fixture
def small_sky(monkeypatch):
    """`trifid simulate` makes the small survey of the tests; gives what it was asked for."""
    asked = []

    def simulate(task, objects, out, *, form):
        asked.append((task, objects, form))
        SKY["write_sky"](out, objects=min(objects, 5))

    monkeypatch.setattr("trifid.simulate.simulate", simulate)
    return asked


def fetch(*words):
    result = CliRunner().invoke(app, ["fetch", *map(str, words)])
    if isinstance(result.exception, TrifidError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def test_a_trial_without_network_ends_in_one_document(small_sky, tmp_path):
    out = tmp_path / "out"
    words = ["galaxy4", "--out", out, "--limit", 4, "--mirror", "simulated", "--json"]
    document = json.loads(fetch(*words).stdout)
    assert small_sky == [("galaxy4", 4, "sdss")]
    assert document["objects"] == {"present": 4, "partial": 0, "missing": 0}
    assert document["files"]["fetched"] > 4 and document["reasons"] == {}
    for name in ("catalogue", "manifest"):
        assert Path(document[name]).is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_it_says_how_to_go_on(small_sky, tmp_path):
    out = tmp_path / "out"
    shown = fetch("sgq3", "--out", out, "--limit", 2, "--mirror", "simulated", "--no-images")
    assert f"{out}: objects 2 present; files 2 fetched, 0 kept" in shown.stdout
    assert f"trifid ingest {out} --catalog {out}/catalogue.parquet --out STORE" in shown.stdout
    assert not list(out.rglob("frame-*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["galaxy5"], "no selection for task 'galaxy5'; known: galaxy4, sgq3, zsfr, bhb2"),
        (["galaxy4", "--release", "dr3"], "no release 'dr3'; known: dr16"),
        (["galaxy4", "--mirror", "ftp://host/sas"], "expected a folder or https"),
        (["galaxy4", "--mirror", "nowhere"], "nowhere: no such folder"),
        (["galaxy4", "--list", "nowhere.csv"], "nowhere.csv"),
    ],
)
def test_a_mistake_is_said_and_nothing_is_made(tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrifidError, match=message):
        fetch(*words, "--out", "out")
    assert not list(tmp_path.iterdir())
