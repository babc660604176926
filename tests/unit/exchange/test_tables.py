"""Flat tables in four formats: equal numbers, units, and text that stays text."""

import csv
import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.io.votable import parse, validate
from astropy.table import Table

from trifid.exchange.tables import FORMATS, write_catalogue

FLOAT = pa.float64()
HOSTILE = (
    '=cmd|"/C calc"!A0',
    "<script>alert(1)</script>",
    "+1+1",
    "@SUM(A1)",
    "-2+3",
    "\t=1+1",
    "line\nbreak\rand\x1b[31m\x00bell\x07",
    "é]]>&amp;\u202eright to left",
    'quote"comma,semi;',
    None,
)


def text(name, values):
    field = pa.field(name, pa.string(), metadata={"unit": "", "description": f"text <{name}>"})
    return field, pa.array(values, pa.string())


def numbers(name, values, kind=FLOAT, unit="deg"):
    field = pa.field(name, kind, metadata={"unit": unit, "description": "a number"})
    return field, pa.array(values, kind)


def table(*columns, metadata=None):
    fields, arrays = zip(*columns, strict=True)
    return pa.table(list(arrays), schema=pa.schema(fields, metadata=metadata or {"task": "t"}))


@pytest.fixture
def hostile():
    count = len(HOSTILE)
    return table(
        text("object_id", HOSTILE),
        numbers("dec", [-1.5, *[None] * (count - 1)]),
        numbers("flag", [True, False] * (count // 2), pa.bool_(), ""),
        numbers("number", [None, *range(count - 1)], pa.int64(), ""),
        text("prob_=cmd()é\n", ["x"] * count),
        metadata={"recipe": "name\n=cmd()\x1b", "bundle_sha256": "0" * 64, "trifid": "é"},
    )


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as handle:
        lines = handle.read()
    notes = [line for line in lines.split("\n") if line.startswith("#")]
    body = lines.split("\n", len(notes))[-1]
    return notes, list(csv.reader(body.splitlines(keepends=True)))


def test_csv_runs_nothing_and_steers_no_terminal(hostile, tmp_path):
    write_catalogue(hostile, tmp_path / "c.csv")
    notes, rows = rows_of(tmp_path / "c.csv")
    assert len(notes) == 3 and "# recipe: name=cmd()" in notes
    assert len(rows) == 1 + len(HOSTILE)
    for row in rows[1:]:
        assert not row[0].startswith(("=", "+", "-", "@", "\t"))
        assert all(cell.isprintable() for cell in row)
    assert rows[1][0] == "'" + HOSTILE[0]  # readable, quoted
    assert rows[2][0] == HOSTILE[1]
    assert rows[9][0] == HOSTILE[8]
    assert rows[1][1] == "-1.5" and rows[2][1] == ""  # numbers stay numbers, null is empty
    assert rows[0][-1] == "prob_=cmd()é"


@pytest.fixture
def catalogue():
    """Predictions as `trifid predict` writes them: positions, a class, a number, credit."""
    return table(
        text("object_id", ["a", "b", None]),
        numbers("ra", [1.0, 2.0, None]),
        numbers("dec", [-1.0, None, 3.0]),
        text("predicted", ["SF", None, "AGN"]),
        numbers("prob_SF", [0.25, None, 1.0], pa.float32(), ""),
        numbers("modelmag_r", [17.5, 18.5, None], pa.float32(), "mag"),
        numbers("flux", [1.0, 2.0, None], pa.float32(), "1e-17 erg / (s cm2 angstrom)"),
        numbers("spectroflux_r", [1.0, 2.0, None], pa.float32(), "nanomaggy"),
        numbers("odd", [1, 2, None], pa.int64(), "no unit: <at> all"),
        numbers("clean", [True, None, False], pa.bool_(), ""),
        metadata={
            "task": "galaxy4",
            "trained_on_simulated_data": "false",
            "trained_on_store": "x" * 200,
            "acknowledgement": "Thanks é\nhttps://www.sdss.org/collaboration/citing-sdss/ " * 3,
            "citation": "GCSNet, preprints.org 202604.1739",
        },
    )


@pytest.mark.parametrize("name", ["hostile", "catalogue"])
def test_a_votable_passes_the_validator(name, request, tmp_path):
    path = tmp_path / "c.vot"
    write_catalogue(request.getfixturevalue(name), path)
    told = io.StringIO()
    assert validate(path, output=told), told.getvalue()
    parse(path, verify="exception")


def test_a_votable_says_what_columns_mean(catalogue, tmp_path):
    write_catalogue(catalogue, tmp_path / "c.vot")
    votable = parse(tmp_path / "c.vot")
    fields = {field.name: field for field in votable.get_first_table().fields}
    ucds = {name: field.ucd for name, field in fields.items()}
    assert ucds["object_id"] == "meta.id;meta.main" and ucds["ra"] == "pos.eq.ra;meta.main"
    assert ucds["predicted"] == "src.class" and ucds["prob_SF"] == "stat.probability"
    assert ucds["modelmag_r"] == "phot.mag;em.opt.R" and ucds["odd"] is None
    assert fields["ra"].description == "a number"
    infos = {info.name: info.value for info in votable.resources[0].infos}
    assert infos["citation"] == "GCSNet, preprints.org 202604.1739"
    assert infos["acknowledgement"].startswith("Thanks éhttps://www.sdss.org/")


@pytest.mark.parametrize("suffix", [".fits", ".vot", ".parquet"])
def test_astropy_reads_units(catalogue, suffix, tmp_path):
    if suffix == ".parquet":  # astropy cannot read null text there
        kept = [f.name for f in catalogue.schema if f.type != pa.string()]
        catalogue = catalogue.select(kept)
    write_catalogue(catalogue, tmp_path / f"c{suffix}")
    got = Table.read(tmp_path / f"c{suffix}")
    assert got["ra"].unit == "deg" and got["modelmag_r"].unit == "mag"
    assert got["flux"].unit == "1e-17 erg / (s cm2 Angstrom)"
    assert str(got["spectroflux_r"].unit).strip("'") in ("nanomaggy", "nmgy")
    assert got["prob_SF"].unit is None
    if suffix != ".parquet":  # where astropy makes NaN of a null number
        assert np.ma.getmaskarray(got["odd"]).tolist() == [False, False, True]


def test_fits_says_what_columns_mean(catalogue, tmp_path):
    write_catalogue(catalogue, tmp_path / "c.fits")
    with fits.open(tmp_path / "c.fits") as hdus:
        hdus.verify("exception")
        header = hdus[1].header
    assert header["TTYPE2"] == "ra" and header["TUCD2"] == "pos.eq.ra;meta.main"
    assert header["TUNIT2"] == "deg" and header["TCOMM2"] == "a number"
    said = "".join(header["COMMENT"])
    assert "citation: GCSNet, preprints.org 202604.1739" in said
    assert said.count("https://www.sdss.org/collaboration/citing-sdss/") == 3
    assert "Thanks\\xe9https" in said  # astropy cuts blanks off the ends of cards
    assert header["TASK"] == "galaxy4"
    assert header["TRAINED_"] == "false" and header["TRAINE2"] == "x" * 200


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_credit_is_in_every_format(catalogue, suffix, tmp_path):
    write_catalogue(catalogue, tmp_path / f"c{suffix}")
    data = (tmp_path / f"c{suffix}").read_bytes().replace(b"\n", b"")
    assert b"preprints.org 202604.1739" in data
    assert b"www.sdss.org" in data


@pytest.mark.parametrize("suffix", [".fits", ".vot"])
def test_nulls_are_no_values_and_values_no_nulls(suffix, tmp_path):
    least = -(2**63)
    given = table(
        numbers("n", [999999, None, 0, -1, least], pa.int64(), ""),
        numbers("small", [-(2**15), None, 7, 2**15 - 1, 0], pa.int16(), ""),
        numbers("clean", [True, None, False, True, None], pa.bool_(), ""),
        numbers("sure", [True, False, False, True, True], pa.bool_(), ""),
    )
    write_catalogue(given, tmp_path / f"c{suffix}")
    got = Table.read(tmp_path / f"c{suffix}")
    for name in given.column_names:
        values = [None if value is np.ma.masked else int(value) for value in got[name]]
        assert values == given[name].to_pylist(), name


def test_names_that_differ_in_case_only_stay_apart(tmp_path):
    both = table(numbers("g", [1.0]), numbers("G", [2.0]), numbers("\x1bg", [3.0]))
    for suffix in (".fits", ".vot"):
        write_catalogue(both, tmp_path / f"c{suffix}")
        got = Table.read(tmp_path / f"c{suffix}")
        assert [got[name][0] for name in got.colnames] == [1.0, 2.0, 3.0]
        assert len({name.lower() for name in got.colnames}) == 3


def test_votable_and_fits_can_be_read_whatever_the_text(hostile, tmp_path):
    for suffix in (".vot", ".fits"):
        path = tmp_path / f"c{suffix}"
        write_catalogue(hostile, path)
        got = Table.read(path)
        assert len(got) == len(HOSTILE)
        texts = [str(value).strip() for value in got.columns[0]]
        assert all(value.isprintable() for value in texts)
        assert texts[1] == HOSTILE[1] and texts[8] == HOSTILE[8]
        assert got["dec"][0] == -1.5 and got["dec"].unit == "deg"
        assert np.ma.getmaskarray(got["number"])[0] and got["number"][1:].tolist() == list(range(9))
        assert [bool(v) for v in got["flag"]] == [True, False] * 5


def test_parquet_keeps_text_and_nulls_as_they_are(hostile, tmp_path):
    write_catalogue(hostile, tmp_path / "c.parquet")
    read = pq.read_table(tmp_path / "c.parquet")
    assert read.equals(hostile)
    assert [f.metadata for f in read.schema] == [f.metadata for f in hostile.schema]
    assert (hostile.schema.metadata or {}).items() <= read.schema.metadata.items()


@pytest.mark.parametrize("suffix", sorted(FORMATS))
def test_an_empty_table_is_a_table(hostile, tmp_path, suffix):
    path = tmp_path / f"c{suffix}"
    write_catalogue(hostile.slice(0, 0), path)
    if suffix in (".fits", ".vot"):
        assert len(Table.read(path)) == 0
    assert path.stat().st_size > 0


def test_a_failed_write_leaves_the_old_file(hostile, tmp_path, monkeypatch):
    path = tmp_path / "c.csv"
    path.write_text("mine")

    def fail(table, temporary):
        temporary.write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(FORMATS, ".csv", fail)
    with pytest.raises(OSError, match="No space"):
        write_catalogue(hostile, path)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]
