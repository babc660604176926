"""Every format by its name or suffix, from and to a store; the verbs export and import."""

import errno
import io
import json
import os
import runpy
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io.votable import validate
from astropy.table import Table
from typer.testing import CliRunner

from trifid.cli.main import app
from trifid.errors import ConfigError, InputError, StoreError
from trifid.evaluation.predictions import PredictionsWriter, read_predictions
from trifid.exchange import run
from trifid.exchange.credit import data_credit
from trifid.exchange.wide import Wide
from trifid.store.read import Store
from trifid.surveys.catalogue_files import read_columns

HATS = runpy.run_path(str(Path(__file__).parents[2] / "hats_files.py"))
WAYS_BACK = {"parquet": "s.parquet", "hats": "sky", "mmu": "mmu", "cube": "c.h5"}


def cli(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("name", "given", "form"),
    [
        ("a.parquet", "", "parquet"),
        ("a.FITS", "", "fits"),
        ("a.votable", "", "vot"),
        ("a.csv", "", "csv"),
        ("a.hdf5", "", "cube"),
        ("a.fits", "csv", "csv"),
        ("a", "hats", "hats"),
    ],
)
def test_the_format_by_suffix_or_name(name, given, form, tmp_path):
    assert run.format_of(tmp_path / name, given) == form


def test_unknown_formats_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="say --format"):
        run.format_of(tmp_path / "a.xlsx")
    with pytest.raises(ConfigError, match="no format 'x'; there are parquet"):
        run.format_of(tmp_path / "a.fits", "x")


@pytest.mark.parametrize("form", WAYS_BACK)
def test_out_and_back(form, rich_folder, rich, same_rows, tmp_path):
    out = tmp_path / WAYS_BACK[form]
    done = cli("export", rich_folder, "--out", out, "--format", form, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["rows"] == 12 and document["format"] == form
    lost = 1 if form in ("hats", "mmu") else 0
    assert document["left_out"] == lost
    rows = 8 if form == "cube" else 12 - lost
    done = cli("import", out, "--out", tmp_path / "back", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["rows"] == rows
    back = Store.open(tmp_path / "back", full=True)
    assert back.manifest.provenance["surveys"] == "sdss"
    assert back.manifest.provenance["imported_from"] == form
    if form == "parquet":
        assert back.hash() == rich.hash()
    elif form != "cube":
        same_rows(back, rich, ids=back.columns("object_id")["object_id"].to_pylist())


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".csv"])
def test_a_flat_table_can_be_read_by_ingest(suffix, rich_folder, rich, tmp_path):
    out = tmp_path / f"s{suffix}"
    done = run.export_store(rich_folder, out)
    assert done.without == ("image", "image_rgb", "series", "spectrum")
    read = {column.name: column for column in read_columns(out)}
    columns = rich.columns().to_pydict()
    assert len(read["object_id"].values) == 12
    redshift = read["redshift"]
    missing = redshift.null | np.isnan(redshift.values)
    got = [None if gone else v for v, gone in zip(redshift.values, missing, strict=True)]
    assert got == columns["redshift"]
    got = [
        None if null else int(v)
        for v, null in zip(read["plate"].values, read["plate"].null, strict=True)
    ]
    assert got == columns["plate"]
    assert [v or "" for v in read["class"].values] == [v or "" for v in columns["class"]]
    known = rich.take(np.arange(12), ["table"])["table"]
    column = read["table_modelmag_r"]
    missing = column.null | np.isnan(column.values)
    values = [None if gone else v for v, gone in zip(column.values, missing, strict=True)]
    expected = [
        v if ok else None for (v, *_), (ok, *_) in zip(known["values"], known["valid"], strict=True)
    ]
    assert [v is None for v in values] == [v is None for v in expected]
    assert all(
        a == pytest.approx(b, rel=1e-6)
        for a, b in zip(values, expected, strict=True)
        if b is not None
    )
    if suffix != ".csv":
        assert Table.read(out)["dec"].unit == "deg"


def test_hostile_text_stays_inside(rich_folder, tmp_path):
    for form, name in {"csv": "s.csv", "fits": "s.fits", "vot": "s.vot", **WAYS_BACK}.items():
        done = cli("export", rich_folder, "--out", tmp_path / name, "--format", form)
        assert done.exit_code == 0, done.output
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"s.csv", "s.fits", "s.vot", *WAYS_BACK.values()}
    assert "passwd" not in " ".join(str(path) for path in tmp_path.rglob("*"))
    lines = (tmp_path / "s.csv").read_text(encoding="utf-8").splitlines()
    ids = [line for line in lines if not line.startswith("#")][1:]
    assert len(ids) == 12 and not [line for line in ids if line.lstrip('"').startswith(("=", "-"))]
    assert all(line.isprintable() for line in lines)
    assert "<script>" not in (tmp_path / "s.vot").read_text(encoding="utf-8")


def test_memory_holds_a_part(rich_folder, tmp_path, monkeypatch):
    """No format asks for more than a shard at a time."""
    most = []
    real = Wide.take
    monkeypatch.setattr(Wide, "take", lambda s, rows: most.append(len(rows)) or real(s, rows))
    for form, name in WAYS_BACK.items():
        run.export_store(rich_folder, tmp_path / name, form)
    assert max(most) <= 8 and sum(most) >= 12


@pytest.mark.parametrize("form", [*WAYS_BACK, "fits", "vot", "csv"])
def test_an_error_on_the_way_leaves_nothing(form, rich_folder, tmp_path, monkeypatch):
    calls = []
    real = Wide.take

    def fail(self, rows):
        calls.append(len(rows))
        if len(calls) > 1 or form == "cube":
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(self, rows)

    monkeypatch.setattr(Wide, "take", fail)
    out = tmp_path / "out"
    with pytest.raises(OSError, match="No space left"):
        run.export_store(rich_folder, out, form)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("form", [*WAYS_BACK, "fits", "vot", "csv"])
def test_what_exists_is_refused_in_one_line(form, rich_folder, tmp_path):
    out = tmp_path / "out"
    out.write_text("mine")
    done = cli("export", rich_folder, "--out", out, "--format", form)
    assert isinstance(done.exception, ConfigError) and "exists" in str(done.exception)
    assert out.read_text() == "mine" and list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("form", ["parquet", "hats"])
def test_a_kill_leaves_nothing_under_the_name(form, rich_folder, tmp_path):
    out = tmp_path / "out"
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from trifid.exchange import run, wide, cube\n"
        "real, calls = wide.Wide.take, []\n"
        "def take(self, rows):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 2:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return real(self, rows)\n"
        "wide.Wide.take = take\n"
        "run.export_store(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, rich_folder, out, form], timeout=60, env=os.environ
    )
    assert done.returncode == -signal.SIGKILL
    assert not out.exists()
    run.export_store(rich_folder, out, form)
    assert out.exists()


@pytest.mark.parametrize("form", ["hats", "folders", "collection", "hipscat"])
def test_hats_of_others_is_sent_to_ingest(form, tmp_path):
    columns = {"meanra": [1.0, 80.0], "meandec": [2.0, -40.0], "mag": [15.0, 16.0]}
    HATS["write_hats"](tmp_path / "sky", pa.table(columns), form)
    with pytest.raises(InputError, match="trifid ingest") as caught:
        run.import_store(tmp_path / "sky", tmp_path / "back")
    words = str(caught.value).rpartition(": trifid ")[2].split()
    assert cli(*words).exit_code == 0  # the command that it names
    assert len(Store.open(tmp_path / "back")) == 2


def test_hats_of_predictions_is_sent_to_ingest(tmp_path):
    columns = {"object_id": ["a"], "ra": [1.0], "dec": [2.0], "predicted": ["star"], "p": [0.9]}
    table = pa.table(columns)
    run.export_table(table, tmp_path / "sky", "hats")
    with pytest.raises(InputError, match="was not made of a store"):
        run.import_store(tmp_path / "sky", tmp_path / "back")
    assert cli("ingest", tmp_path / "sky", "--out", tmp_path / "back").exit_code == 0
    assert Store.open(tmp_path / "back").columns("predicted")["predicted"].to_pylist() == ["star"]


def test_what_cannot_be_imported_is_said(rich_folder, tmp_path):
    (tmp_path / "a.fits").write_bytes(b"x")
    for path, message in (
        (tmp_path / "no.parquet", "does not exist"),
        (tmp_path / "a.fits", "trifid ingest"),
        (tmp_path, "no healpix="),
    ):
        with pytest.raises(InputError, match=message):
            run.import_store(path, tmp_path / "back")
    with pytest.raises(StoreError, match="already holds a finished store"):
        run.import_store(tmp_path / "a.fits", rich_folder)


@pytest.fixture
def run_folder(rich, tmp_path):
    """A folder with what `trifid evaluate` leaves there."""
    folder = tmp_path / "run"
    folder.mkdir()
    ids = rich.columns("object_id")["object_id"].to_pylist()
    about = {"task": "galaxy4", "citation": "A paper", **data_credit({"surveys": "sdss"})}
    names = ("SF", "AGN")
    with PredictionsWriter(folder / "predictions.parquet", classes=names, metadata=about) as writer:
        answers = np.linspace(0, 1, len(ids), dtype=np.float32)
        fixed = {"fold": "test", "subset": "image", "label": "SF", "seed": 1, "run": "=r"}
        probabilities = np.stack([answers, 1 - answers], axis=1)
        writer.add({"object_id": ids, "probabilities": probabilities, **fixed})
    return folder


def test_predictions_are_exported(run_folder, rich_folder, tmp_path):
    for name in ("p.vot", "p.fits", "p.csv", "p.parquet"):
        done = cli("export", run_folder, "--out", tmp_path / name, "--data", rich_folder)
        assert done.exit_code == 0, done.output
    assert validate(tmp_path / "p.vot", output=io.StringIO())
    got = Table.read(tmp_path / "p.vot")
    assert got["ra"].unit == "deg" and got["prob_SF"][-1] == 1
    text = (tmp_path / "p.vot").read_text(encoding="utf-8")
    for said in ("citing-sdss", "A paper", 'ucd="src.class"', "calibrated probability of AGN"):
        assert said in text
    for name in ("p.fits", "p.csv"):
        assert b"A paper" in (tmp_path / name).read_bytes()
    again = read_predictions(tmp_path / "p.parquet")
    assert again.table.equals(read_predictions(run_folder / "predictions.parquet").table)


def test_predictions_divide_the_sky(run_folder, rich_folder, tmp_path):
    done = cli("export", run_folder, "--out", tmp_path / "bare", "--format", "hats")
    assert isinstance(done.exception, InputError) and "no columns ra and dec" in str(done.exception)
    done = cli(
        *("export", run_folder, "--out", tmp_path / "sky", "--format", "hats", "--json"),
        *("--data", rich_folder),
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["left_out"] == 1
    about = (tmp_path / "sky" / "hats.properties").read_text(encoding="utf-8")
    assert "bib_reference=A paper" in about and "citing-sdss" in about


def test_tables_that_are_no_predictions(rich_folder, tmp_path):
    pq.write_table(
        pa.table({"object_id": ["a"], "ra": [1.0], "dec": [2.0]}), tmp_path / "t.parquet"
    )
    done = cli("export", tmp_path / "t.parquet", "--out", tmp_path / "t.vot")
    assert done.exit_code == 0 and Table.read(tmp_path / "t.vot")["ra"][0] == 1.0
    for form in ("mmu", "cube"):
        done = cli("export", tmp_path / "t.parquet", "--out", tmp_path / "x", "--format", form)
        assert isinstance(done.exception, ConfigError) and "give a store" in str(done.exception)
    run.export_store(rich_folder, tmp_path / "s.parquet")
    done = cli("export", tmp_path / "s.parquet", "--out", tmp_path / "s.vot")
    assert isinstance(done.exception, InputError) and "trifid import" in str(done.exception)
    done = cli("export", tmp_path / "no.parquet", "--out", tmp_path / "s.vot")
    assert isinstance(done.exception, InputError) and "does not exist" in str(done.exception)
