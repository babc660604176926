"""Flat tables in four formats: equal numbers, units, and text that stays text."""

import csv

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
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
    assert pq.read_table(tmp_path / "c.parquet").equals(hostile, check_metadata=True)


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
