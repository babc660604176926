import json

import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from trifid.cli.info import info
from trifid.cli.ingest import ingest
from trifid.errors import ConfigError, StoreError

app = typer.Typer(pretty_exceptions_enable=False)
app.command("ingest")(ingest)
app.command("info")(info)


def run(*arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.stdout


@pytest.fixture
def folder(tmp_path, spec_files):
    place = tmp_path / "in"
    for fiber in (1, 2):
        who = {"BESTOBJID": ("19A", f"12376507951460{fiber:05d}"), "PLUG_RA": ("D", fiber)}
        row = spec_files.row(fiber=fiber, **who)
        spec_files.write_spec(place / f"spec-0266-51630-{fiber:04d}.fits", rows=[row])
    Image.new("RGB", (9, 9)).save(place / "1237650795146000001.png")
    (place / "[red]evil\x1b]0;x\x07.fits").write_bytes(b"nothing")
    return place


@pytest.fixture
def catalogue(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text('plate,mjd,fiberid,objid,kind\n266,51630,1,1.2e18,"[bold]=1+1\x1b[2J"\n')
    return path


def test_json_names_rows_groups_modalities_labels_and_skipped(tmp_path, folder, catalogue):
    out = run("ingest", folder, "--out", tmp_path / "s", "--catalog", catalogue, "--json")
    document = json.loads(out)
    assert document["added"] == document["rows"] == document["groups"] == 2
    assert document["notes"][0].startswith("c.csv: column 'objid' cannot be a key")
    again = json.loads(run("info", tmp_path / "s", "--check", "--json"))
    assert again == {k: v for k, v in document.items() if k in again}
    assert again["modalities"]["image_rgb"] == {
        "rows": 1,
        "kind": "picture",
        "height": 64,
        "width": 64,
        "pixel_scale": None,
        "fields": {"pixels": {"type": "uint8", "shape": [64, 64, 3]}},
    }
    assert again["labels"]["class"] == {"GALAXY": 2}
    assert again["labels"]["kind"] == {"[bold]=1+1[2J": 1}
    assert again["columns"]["kind"]["nulls"] == 1 and again["columns"]["ra"]["unit"] == "deg"
    files = {item["file"]: item["reason"] for item in again["skipped"]}
    assert set(files) == {"[red]evil\x1b]0;x\x07.fits", "c.csv"}


def test_text_for_people_shows_all_of_it_and_cannot_steer_the_terminal(tmp_path, folder, catalogue):
    out = run("ingest", folder, "--out", tmp_path / "s", "--catalog", catalogue)
    out += run("ingest", folder, "--out", tmp_path / "s", "--catalog", catalogue)
    out += run("info", tmp_path / "s")
    assert "\x1b" not in out and "\x07" not in out
    for text in ("2 rows, 2 of them new", "nothing new", "note: c.csv", "[red]evil?]0;x?.fits"):
        assert text in out, text
    for text in ("2 rows of 2 objects", "image_rgb", "1 of 2", "[bold]=1+1[2J 1", "GALAXY 2"):
        assert text in out, text


def test_mistakes_are_errors_of_trifid(tmp_path, folder):
    with pytest.raises(ConfigError, match="no modality 'x'"):
        run("ingest", folder, "--out", tmp_path / "s", "--modality", "x")
    with pytest.raises(StoreError, match="is not a folder"):
        run("info", tmp_path / "s")
