"""Catalogues of other surveys joined by position."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from trifid.errors import ConfigError, InputError
from trifid.ingest.rows import Row, Rows
from trifid.ingest.run import ingest
from trifid.ingest.sky_match import join, read_nearby, told
from trifid.store.read import Store
from trifid.surveys.catalogue import read_catalogue

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
