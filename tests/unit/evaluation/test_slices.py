import numpy as np
import pytest

from trifid.evaluation.predictions import PredictionsWriter, read_predictions
from trifid.evaluation.slices import number_slices, slices, store_columns
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


def test_every_set_of_inputs_is_a_slice(table, columns):
    parts = (columns(200, skill=3.0), columns(200, skill=0.3, subset="image", seed=2),
             columns(10, subset="spectrum"))  # fmt: skip
    found = [e for e in slices(table(*parts), {}) if e["column"] == "inputs given"]
    assert [(e["slice"], e["n"], e["worse"]) for e in found] == [("image", 200, True)]


def test_slices_of_numbers_by_their_error_over_that_of_all(tmp_path):
    """Errors of 0.1 on the first half, 0.5 on the second: RMSE 0.28, 1.39 and 0.36 of it."""
    rng = np.random.default_rng(0)
    error = rng.normal(size=400) * np.repeat([0.1, 0.5], 200)
    truth = rng.normal(size=400)
    predicted = truth + error
    truth[::20] = np.nan
    path = tmp_path / "p.parquet"
    with PredictionsWriter(path, targets=("mass",), metadata={"task": "t", "model": "m"}) as writer:
        writer.add({"object_id": [f"o{k}" for k in range(400)], "fold": "test", "subset": "table",
                    "seed": 1, "run": "r", "labels": truth[:, None],
                    "means": predicted[:, None], "sds": None})  # fmt: skip
    found = number_slices(
        read_predictions(path), {"instrument": np.repeat(["SDSS", "BOSS"], 200),
                                 "redshift": np.full(400, np.nan)},
    )  # fmt: skip
    assert [(e["column"], e["slice"], e["n"]) for e in found] == [
        ("mass by instrument", "BOSS", 190), ("mass by instrument", "SDSS", 190)
    ]  # fmt: skip
    whole = np.sqrt(np.nanmean(np.where(np.isnan(truth), np.nan, error) ** 2))
    for entry, half in zip(found, (slice(200, 400), slice(0, 200)), strict=True):
        own = np.sqrt(np.mean(error[half][np.isfinite(truth[half])] ** 2))
        assert entry["ratio"]["value"] == pytest.approx(own / whole, rel=1e-5)
        assert entry["ratio"]["low"] < own / whole < entry["ratio"]["high"]
    assert [e["worse"] for e in found] == [True, False]


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
