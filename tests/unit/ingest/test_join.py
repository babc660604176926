"""Columns joined to a copy of a store: by id, nothing else touched, mistakes named."""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trifid.cli import main as command_line
from trifid.errors import ConfigError, InputError, StoreError
from trifid.ingest.join import join
from trifid.store.read import Store


@pytest.fixture
def table(store_folder, tmp_path):
    """Half of the rows, backwards, with a redshift, a count and a name; one redshift unknown."""
    ids = Store.open(store_folder).columns("object_id")["object_id"].to_pylist()[39::-1]
    redshift = [None, *np.linspace(0.1, 0.5, 39).tolist()]
    field = pa.field("redshift", pa.float32(), metadata={"unit": "1"})
    path = tmp_path / "numbers.parquet"
    columns = [pa.array(ids), pa.array(redshift, pa.float32()), pa.array(range(40)), pa.array(ids)]
    schema = pa.schema([("object_id", pa.string()), field, ("n", pa.int64()), ("s", pa.string())])
    pq.write_table(pa.table(columns, schema=schema), path)
    return path


def test_rows_get_the_values_of_their_id_and_keep_everything_else(store_folder, table, tmp_path):
    wanted = {"redshift": "redshift_predicted", "n": "count", "s": "name"}
    found = join(store_folder, table, tmp_path / "out", wanted)
    assert found == {"rows": 80, "joined": 40}
    old, new = Store.open(store_folder), Store.open(tmp_path / "out", full=True)
    before = old.columns()
    assert new.columns(*before.column_names).equals(before)
    rows = pq.read_table(table).to_pylist()
    by_id = {row["object_id"]: row for row in rows}
    got = new.columns("object_id", *wanted.values()).to_pylist()
    for row in got:
        known = by_id.get(row["object_id"], {})
        assert row["redshift_predicted"] == known.get("redshift")
        assert (row["count"], row["name"]) == (known.get("n"), known.get("s"))
    assert new.schema.columns["redshift_predicted"].unit == "1"
    every = np.arange(80)
    names = tuple(old.schema.modalities)
    for name, fields in old.take(every, names).items():
        for field, values in fields.items():
            assert np.array_equal(values, new.take(every, names)[name][field]), (name, field)
    sha256 = hashlib.sha256(table.read_bytes()).hexdigest()
    assert new.manifest.provenance["simulated"] == "true"
    assert sha256 in new.manifest.provenance["joined"]


def test_splits_go_along_and_a_second_join_is_noted_too(store_folder, table, tmp_path):
    import shutil

    own = tmp_path / "own"
    shutil.copytree(store_folder, own)
    (own / "splits").mkdir(exist_ok=True)
    (own / "splits" / "x.parquet").write_bytes(b"parts")
    join(own, table, tmp_path / "one", {"n": "count"})
    join(tmp_path / "one", table, tmp_path / "two", {"s": "name"})
    assert (tmp_path / "two" / "splits" / "x.parquet").read_bytes() == b"parts"
    said = Store.open(tmp_path / "two").manifest.provenance["joined"]
    assert "n as count" in said and "s as name" in said


def test_mistakes_are_named(store_folder, table, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match="'redshift' already"):
        join(store_folder, table, out, {"redshift": "redshift"})
    with pytest.raises(InputError, match="no column 'x'"):
        join(store_folder, table, out, {"x": "y"})
    with pytest.raises(ConfigError, match="one name"):
        join(store_folder, table, out, {"n": "a", "s": "a"})
    with pytest.raises(ConfigError, match="no column to join"):
        join(store_folder, table, out, {})
    twice = pq.read_table(table)
    pq.write_table(pa.concat_tables([twice, twice.slice(3, 1)]), tmp_path / "twice.parquet")
    with pytest.raises(InputError, match="occurs twice"):
        join(store_folder, tmp_path / "twice.parquet", out, {"n": "count"})
    (tmp_path / "other.csv").write_text("object_id,n\nelse,1\n")
    with pytest.raises(StoreError, match="shares no object_id"):
        join(store_folder, tmp_path / "other.csv", out, {"n": "count"})
    lists = pa.table({"object_id": ["a"], "v": [[1.0, 2.0]]})
    pq.write_table(lists, tmp_path / "lists.parquet")
    with pytest.raises(InputError, match="2 numbers a row"):
        join(store_folder, tmp_path / "lists.parquet", out, {"v": "v"})
    assert not out.exists()


def test_the_verb_says_what_it_joined(store_folder, table, tmp_path, monkeypatch, capsys):
    words = ["join", store_folder, table, "--out", tmp_path / "out", "--column", "n=count"]
    monkeypatch.setattr("sys.argv", ["trifid", *map(str, words)])
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert stopped.value.code == 0
    assert "40 of 80 rows have the new columns" in capsys.readouterr().out
