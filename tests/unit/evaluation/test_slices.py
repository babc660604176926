import numpy as np
import pytest

from trifid.evaluation.slices import slices, store_columns
from trifid.store.read import Store


def test_the_bad_corner_is_found_and_named(table, columns):
    good, bad = columns(300, skill=4.0), columns(300, skill=0.5, seed=1)
    bad["object_id"] = [f"other-{k}" for k in range(300)]
    snr = np.concatenate([np.linspace(20, 40, 300), np.linspace(2, 10, 300)])
    names = np.repeat(["SDSS", "BOSS"], 300)
    found = slices(table(good, bad), {"sn_median": snr, "instrument": names})
    worst = found[0]
    assert worst["worse"] and worst["column"] == "sn_median"
    assert {e["slice"] for e in found if e["column"] == "instrument"} == {"SDSS", "BOSS"}
    boss = next(e for e in found if e["slice"] == "BOSS")
    assert boss["worse"] and boss["n"] == 300
    assert boss["accuracy"]["low"] < boss["accuracy"]["value"] < boss["accuracy"]["high"]
    assert sum(e["n"] for e in found if e["column"] == "sn_median") == 600
    assert sum(e["n"] for e in found if e["column"] == "class") == 600


def test_small_slices_missing_values_and_many_names_are_left_out(table, columns):
    predictions = table(columns(100))
    values = np.full(100, np.nan)
    values[:40] = 1.0
    found = slices(predictions, {"redshift": values, "plate": np.arange(100).astype(str)})
    assert {entry["column"] for entry in found} == {"class"}


def test_columns_come_in_the_order_of_the_objects(make_store, tmp_path):
    make_store(tmp_path / "s")
    store = Store.open(tmp_path / "s")
    ids = store.columns("object_id")["object_id"].to_numpy()[::-1]
    found = store_columns(store, ids)
    redshift = store.columns("redshift")["redshift"].to_numpy()
    assert found["redshift"] == pytest.approx(redshift[::-1])
    assert set(found) >= {"redshift", "sn_median", "modelmag_r", "plate", "sky"}
