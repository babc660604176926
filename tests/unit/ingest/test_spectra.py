"""Spectra of several surveys in one store: as rows of their own, and as modalities of one row."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from trifid.cli import main as command_line
from trifid.errors import ConfigError
from trifid.ingest.rows import Row, Rows, Source
from trifid.ingest.run import ingest
from trifid.ingest.scan import Probe
from trifid.ingest.spectra import join_spectra
from trifid.store.read import Store
from trifid.surveys.spectra import Identity

FILES = runpy.run_path(str(Path(__file__).resolve().parents[2] / "survey_files.py"))
SDSS, DESI, LAMOST = FILES["IDS"]["sdss"], FILES["IDS"]["desi"], FILES["IDS"]["lamost"]


@pytest.fixture
def folder(tmp_path):
    """One object seen by three surveys, and a second one by DESI alone."""
    FILES["sdss"](tmp_path / "in")
    FILES["lamost"](tmp_path / "in")
    FILES["desi"](tmp_path / "in" / "desi", rows=2)
    FILES["redrock"](tmp_path / "in" / "desi", (FILES["TARGETID"], 0.3, "QSO"))
    return tmp_path / "in"


def rows_of(out):
    return {row["object_id"]: row for row in Store.open(out, full=True).columns().to_pylist()}


def test_every_spectrum_is_a_row_and_one_object_is_one_group(folder, tmp_path):
    summary = ingest(folder, tmp_path / "s")
    rows = rows_of(tmp_path / "s")
    second = f"desi-{FILES['TARGETID'] + 1}-sv3-dark"
    assert set(rows) == {SDSS, DESI, LAMOST, second} and summary.skipped == ()
    assert len({rows[key]["group"] for key in (SDSS, DESI, LAMOST)}) == 1
    assert rows[second]["group"] == second
    assert [rows[key]["survey"] for key in (SDSS, DESI, LAMOST)] == ["sdss", "desi", "lamost"]
    assert [rows[key]["instrument"] for key in (SDSS, DESI, LAMOST)] == ["SDSS", "DESI", "LAMOST"]
    assert [rows[key]["class"] for key in (SDSS, DESI, LAMOST)] == ["GALAXY", "QSO", "STAR"]
    assert rows[SDSS]["plate"] == 266 and rows[DESI]["plate"] is None
    assert rows[SDSS]["resolving_power"] is None and rows[DESI]["resolving_power"] > 2000
    redrock = "desi/redrock-sv3-dark-26065.fits"
    assert rows[DESI]["source_path"] == ["desi/coadd-sv3-dark-26065.fits", redrock]
    store = Store.open(tmp_path / "s")
    assert store.manifest.provenance["surveys"] == "desi,lamost,sdss"
    names = store.schema.modalities["table"].features
    table = store.take(np.arange(4), ["table"])["table"]
    order = store.columns("object_id").column(0).to_pylist()
    snr = dict(zip(order, table["values"][:, names.index("snr_g")], strict=True))
    flux = dict(zip(order, table["valid"][:, names.index("flux_g")], strict=True))
    assert snr[LAMOST] == 12.5 and snr[SDSS] == 0
    assert flux == {SDSS: 0, LAMOST: 0, DESI: 1, second: 1}


def test_spectra_of_one_object_become_modalities_of_its_sdss_row(folder, tmp_path):
    ingest(folder, tmp_path / "rows")
    ingest(folder, tmp_path / "s", spectra="modalities")
    rows = rows_of(tmp_path / "s")
    second = f"desi-{FILES['TARGETID'] + 1}-sv3-dark"
    assert set(rows) == {SDSS, second}
    row = rows[SDSS]
    assert (row["class"], row["desi_class"], row["lamost_class"]) == ("GALAXY", "QSO", "STAR")
    assert (row["desi_id"], row["lamost_id"]) == (DESI, LAMOST)
    assert row["desi_redshift"] == 0.3 and row["redshift"] == pytest.approx(0.1)
    assert len(row["source_path"]) == 4 and rows[second]["desi_id"] is None
    assert rows[second]["survey"] == "desi" and "desi_survey" not in row
    store, alone = Store.open(tmp_path / "s"), Store.open(tmp_path / "rows")
    names = ["spectrum", "spectrum_desi", "spectrum_lamost"]
    assert [n for n in store.schema.modalities if n.startswith("spectrum")] == names
    place = list(rows).index(SDSS)
    assert [bool(store.present(n)[place]) for n in names] == [True, True, True]
    taken = store.take(np.array([place]), names)
    order = alone.columns("object_id").column(0).to_pylist()
    for name, key in zip(names, (SDSS, DESI, LAMOST), strict=True):
        same = alone.take(np.array([order.index(key)]), ["spectrum"])["spectrum"]
        assert (taken[name]["flux"] == same["flux"]).all()
        assert (taken[name]["ivar"] == same["ivar"]).all()
    again = ingest(folder, tmp_path / "s", spectra="modalities")
    assert again.added == 0


def test_the_nearest_then_the_clearest_is_taken_and_the_rest_stay(tmp_path):
    def add(rows, survey, name, ra, noise):
        source = Source("spectrum", survey, f"{name}.fits", None, name)
        rows.add(Row(name, None, ra, 10.0, spectra=(source,)), source.path)
        return Probe(source.path, "spectrum", Identity(name, signal_to_noise=noise), survey)

    arcsec = 1 / 3600 / np.cos(np.radians(10.0))
    rows = Rows([])
    probes = [
        add(rows, "sdss", "sdss-a", 50.0, 0.0),
        add(rows, "sdss", "sdss-b", 50.0 + 1.5 * arcsec, 0.0),
        add(rows, "desi", "far", 50.0 - 0.4 * arcsec, 99.0),
        add(rows, "desi", "weak", 50.0 + 0.2 * arcsec, 1.0),
        add(rows, "desi", "clear", 50.0 - 0.2 * arcsec, 5.0),
        add(rows, "desi", "second", 50.0 + 1.4 * arcsec, 1.0),
        add(rows, "lamost", "other", 50.0 + 2.6 * arcsec, 1.0),
    ]
    join_spectra(rows, probes)
    assert set(rows.rows) == {"sdss-a", "sdss-b", "far", "weak", "other"}
    held = {key: [s.object_id for s in row.spectra] for key, row in rows.rows.items()}
    assert held["sdss-a"] == ["sdss-a", "clear"] and held["sdss-b"] == ["sdss-b", "second"]
    assert [s.modality for s in rows.rows["sdss-a"].spectra] == ["spectrum", "spectrum_desi"]


def test_a_bad_second_spectrum_costs_the_row_nothing_else(folder, tmp_path):
    FILES["lamost"](folder, empty=True)
    summary = ingest(folder, tmp_path / "s", spectra="modalities")
    assert [(i.object_id, "no valid pixel" in i.reason) for i in summary.skipped] == [(SDSS, True)]
    row = rows_of(tmp_path / "s")[SDSS]
    assert row["desi_id"] == DESI and row["class"] == "GALAXY" and row["lamost_id"] is None


def test_rows_of_one_file_follow_each_other(tmp_path):
    FILES["desi"](tmp_path / "in", rows=3)
    header = {"SURVEY": "main", "PROGRAM": "dark"}
    FILES["desi"](tmp_path / "in", rows=2, name="coadd-main-dark-26065.fits", header=header)
    ingest(tmp_path / "in", tmp_path / "s")
    store = Store.open(tmp_path / "s", full=True)
    paths = [row["source_path"][0] for row in store.columns("source_path").to_pylist()]
    assert paths == sorted(paths) and len(paths) == 5


def test_a_wrong_choice_and_the_command(folder, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="expected rows or modalities"):
        ingest(folder, tmp_path / "s", spectra="both")
    out = str(tmp_path / "s")
    arguments = ["trifid", "ingest", str(folder), "--out", out, "--spectra", "modalities"]
    monkeypatch.setattr("sys.argv", arguments)
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    assert ended.value.code == 0 and len(Store.open(tmp_path / "s")) == 2
