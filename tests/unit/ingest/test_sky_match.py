"""Catalogues of other surveys joined by position."""

import json
import runpy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trifid.errors import ConfigError, InputError
from trifid.ingest.rows import Row, Rows
from trifid.ingest.run import ingest
from trifid.ingest.sky_match import join, read_nearby, told
from trifid.store.read import Store
from trifid.surveys.catalogue import read_catalogue
from trifid.surveys.catalogue_hats import open_hats

HATS = runpy.run_path(str(Path(__file__).parents[2] / "hats_files.py"))
SKY = runpy.run_path(str(Path(__file__).parents[2] / "sky_files.py"))
ARCSEC = 1 / 3600
ALLWISE = (
    "designation,objid,ra,dec,w1mpro,group\n"
    f"A,6380520,10.0,{20 + 0.5 * ARCSEC:.8f},14.5,0.1\n"
    f"B,6380521,10.0,{20 + 1.5 * ARCSEC:.8f},15.5,0.2\n"
    "C,6380522,11.0,20.0,16.5,0.3\n"
    "D,6380523,,,17.5,0.4\n"
)


@pytest.fixture
def rows():
    return sky_rows()


def sky_rows():
    held = Rows([])
    held.add(Row("one", None, 10.0, 20.0), "1")
    held.add(Row("again", None, 10.0, 20.0), "2")
    held.add(Row("two", None, 11.0, 20.0 + 1.9 * ARCSEC), "3")
    held.add(Row("far", None, 12.0, 20.0), "4")
    held.add(Row("nowhere"), "5")
    return held


@pytest.fixture
def nearby(tmp_path):
    path = tmp_path / "AllWISE-p3.csv"
    path.write_text(ALLWISE)
    return read_nearby([path], 2.0)


def test_the_nearest_object_is_joined_and_all_are_counted(rows, nearby):
    (joined,) = join(rows, nearby, 2.0)
    assert [row.catalogue for row in rows.rows.values()] == [(0,), (1,), (2,), (None,), (None,)]
    assert joined.scalars.column("designation").to_pylist() == ["A", "A", "C"]
    assert joined.scalars.column("objid").to_pylist() == ["6380520", "6380520", "6380522"]
    assert joined.scalars.column("allwise_p3_matches").to_pylist() == [2, 2, 1]
    apart = joined.scalars.column("allwise_p3_separation").to_numpy()
    np.testing.assert_allclose(apart, [0.5, 0.5, 1.9], atol=1e-4)
    field = joined.scalars.schema.field("allwise_p3_separation")
    assert field.metadata == {b"unit": b"arcsec"}
    assert list(joined.features) == ["w1mpro", "allwise_p3_group"]
    assert joined.values[:, 0].tolist() == [14.5, 14.5, 16.5]
    assert len(joined) == 3 and not any(joined.objids)
    assert (
        joined.notes[-1:]
        == tuple(told([joined]))
        == (
            "AllWISE-p3.csv: 1 rows match one object within 2 arcsec, 2 several (the nearest is "
            "taken), 2 none; 1 objects match several rows",
        )
    )


def test_a_smaller_radius_matches_less(rows, nearby):
    (line,) = told(join(rows, nearby, 1.0))
    assert line.startswith("AllWISE-p3.csv: 2 rows match one object within 1 arcsec, 0 several")
    assert join(rows, [], 1.0) == []


def hats_table():
    """The objects of `nearby` that have a position, and one at the other end of the sky."""
    return pa.table(
        {
            "designation": ["A", "B", "C", "Z"],
            "objid": ["6380520", "6380521", "6380522", "1"],
            "meanra": [10.0, 10.0, 11.0, 200.0],
            "meandec": [20 + 0.5 * ARCSEC, 20 + 1.5 * ARCSEC, 20.0, -5.0],
            "w1mpro": [14.5, 15.5, 16.5, 9.0],
            "group": [0.1, 0.2, 0.3, 1.0],
        }
    )


def test_a_hats_catalogue_matches_as_the_same_rows_in_a_file_do(tmp_path):
    folder, path = tmp_path / "AllWISE-p3", tmp_path / "one" / "AllWISE-p3.parquet"
    HATS["write_hats"](folder, hats_table())
    path.parent.mkdir()
    names = [name.removeprefix("mean") for name in hats_table().column_names]
    pq.write_table(hats_table().rename_columns(names), path)
    results = []
    for source in (folder, path):
        held = sky_rows()
        (joined,) = join(held, read_nearby([source], 2.0), 2.0)
        table = joined.scalars.append_column("w1mpro", pa.array(joined.values[:, 0]))
        numbers = [row.catalogue[0] for row in held.rows.values()]
        content = [None if n is None else table.slice(n, 1).to_pylist()[0] for n in numbers]
        results.append((content, joined.features, told([joined])[0].split(": ")[1]))
    assert results[0] == results[1]
    assert [row and row["designation"] for row in results[0][0]] == ["A", "A", "C", None, None]


def test_positions_alone_say_what_lies_near(rows, tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("ra,dec\n10.0,20.0\n50.0,20.0\n")
    (joined,) = join(rows, read_nearby([path], 2.0), 2.0)
    assert joined.scalars.column_names == ["list_matches", "list_separation"]
    assert joined.scalars.column("list_separation").to_pylist() == [0.0, 0.0]
    assert joined.features == {} and len(joined) == joined.scalars.num_rows == 2


def test_it_stands_behind_catalogues_joined_by_key(rows, nearby, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("object_id,w1mpro,designation\ntwo,1.0,x\n")
    rows.catalogues = [read_catalogue(path)]
    rows.change("two", catalogue=(0,))
    joined, again = join(rows, [*nearby, *nearby], 2.0)
    assert rows.rows["two"].catalogue == (0, 2, 2)
    assert rows.rows["one"].catalogue == (None, 0, 0)
    assert rows.rows["far"].catalogue == (None, None, None)
    assert "allwise_p3_designation" in joined.scalars.column_names
    assert list(joined.features) == ["allwise_p3_w1mpro", "allwise_p3_group"]
    assert list(again.features) == ["allwise_p3_allwise_p3_w1mpro", "allwise_p3_allwise_p3_group"]


def test_a_catalogue_without_positions_and_an_impossible_radius_are_refused(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("object_id,w1mpro\ntwo,1.0\n")
    with pytest.raises(InputError, match="no row has a position; expected ra and dec"):
        read_nearby([path], 2.0)
    for radius in (0.0, 61.0):
        with pytest.raises(ConfigError, match="at most 60 arcsec"):
            read_nearby([], radius)


def test_a_store_knows_what_was_joined_by_position(tmp_path):
    sky = SKY["write_sky"](tmp_path / "sky", objects=3)  # two rows of one object, one of another
    wise = tmp_path / "wise.csv"
    wise.write_text(f"source,ra,dec,w1mpro\nx,150.0,{20 + ARCSEC:.8f},14.5\ny,10.0,20.0,15.5\n")
    out = tmp_path / "store"
    catalogs = [sky / "catalogue.fits"]
    done = ingest(sky, out, catalogs=catalogs, nearby=[wise], radius=3.0, size=8)
    line = (
        "wise.csv: 2 rows match one object within 3 arcsec, 0 several (the nearest is taken), "
        "1 none; 1 objects match several rows"
    )
    assert line in done.notes
    store = Store.open(out)
    assert json.loads(store.manifest.provenance["sky_matches"]) == [line]
    table = store.columns("ra", "source", "wise_matches", "wise_separation", "source_path")
    rows = table.to_pylist()
    assert sorted((row["source"], row["wise_matches"]) for row in rows if row["source"]) == [
        ("x", 1),
        ("x", 1),
    ]
    (alone,) = [row for row in rows if row["ra"] != 150.0]
    assert alone["wise_separation"] is None and "wise.csv" not in alone["source_path"]
    assert "w1mpro" in store.schema.modalities["table"].features
    assert store.schema.columns["wise_separation"].unit == "arcsec"
    again = ingest(sky, out, catalogs=catalogs, nearby=[wise], radius=3.0, size=8)
    assert again.added == 0


def test_a_store_takes_of_a_hats_catalogue_what_lies_near(tmp_path):
    sky = SKY["write_sky"](tmp_path / "sky", objects=3)
    table = pa.table(
        {
            "source": ["x", "y", "z"],
            "meanra": [150.0, 150.0, 10.0],
            "meandec": [20 + ARCSEC, 20 + 2 * ARCSEC, -70.0],
            "w1mpro": [14.5, 15.5, 16.5],
        }
    )
    files = HATS["write_hats"](sky / "wise", table)  # within the folder that is ingested
    place = HATS["partitions"](np.array([10.0]), np.array([-70.0]))
    far = files[int(place[0][0]), int(place[1][0])]
    far.write_bytes(b"garbage")
    out, catalogs = tmp_path / "store", [sky / "catalogue.fits"]
    done = ingest(sky, out, catalogs=catalogs, nearby=[sky / "wise"], radius=3.0, size=8)
    assert "wise: 0 rows match one object within 3 arcsec, 2 several" in " ".join(done.notes)
    assert "wise: column '_healpix_29' is left out: it numbers a pixel" in done.notes
    assert not [item for item in done.skipped if "Npix" in item.file]
    store = Store.open(out)
    rows = store.columns("source", "wise_matches", "source_path", "source_sha256").to_pylist()
    assert sorted((row["source"], row["wise_matches"]) for row in rows if row["source"]) == [
        ("x", 2),
        ("x", 2),
    ]
    sha256 = open_hats(sky / "wise").sha256
    assert json.loads(store.manifest.provenance["catalogues"])["wise"] == sha256
    matched = next(row for row in rows if row["source"])
    assert (
        dict(zip(matched["source_path"], matched["source_sha256"], strict=True))["wise"] == sha256
    )
    again = ingest(sky, out, catalogs=catalogs, nearby=[sky / "wise"], radius=3.0, size=8)
    assert again.added == 0


@pytest.mark.parametrize("given", ["alone", "as a folder of parts"])
def test_a_catalogue_in_a_folder_alone_makes_a_store_of_tables(given, tmp_path):
    if given == "alone":
        HATS["write_hats"](tmp_path / "wise", hats_table())
        done = ingest(tmp_path / "wise", tmp_path / "store")
    else:
        (tmp_path / "wise").mkdir()
        (tmp_path / "empty").mkdir()
        table = hats_table().rename_columns(["designation", "objid", "ra", "dec", "w1mpro", "n"])
        for number in range(len(table)):
            pq.write_table(table.slice(number, 1), tmp_path / "wise" / f"{number}.parquet")
        done = ingest(tmp_path / "empty", tmp_path / "store", catalogs=[tmp_path / "wise"])
    assert done.rows == done.added == 4
    store = Store.open(tmp_path / "store")
    assert sorted(store.columns("object_id")["object_id"].to_pylist()) == [
        "objid-1",
        "objid-6380520",
        "objid-6380521",
        "objid-6380522",
    ]
    assert store.columns("ra")["ra"].null_count == 0
    assert list(store.schema.modalities) == ["table"]
    assert "w1mpro" in store.schema.modalities["table"].features
