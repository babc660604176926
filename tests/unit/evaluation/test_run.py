"""Runs that predict numbers, from the store to predictions, catalogue and page."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from trifid.errors import ConfigError, StoreError
from trifid.evaluation.predictions import read_predictions
from trifid.evaluation.run import judge, predict_store
from trifid.inference.catalogue import predict_catalogue
from trifid.inference.predict import predict
from trifid.models.zsfr_networks import zsfr_small
from trifid.recipes.zsfr import zsfr
from trifid.report import report_html
from trifid.store.read import Store
from trifid.training import loop
from trifid.training.bundle import load_bundle
from trifid.training.run import train

QUICK = ["training.epochs=3", "training.batch_size=16", "split.by=group", "training.patience=0"]


@pytest.fixture(scope="module")
def recipe():
    return zsfr().replace(model=zsfr_small()).edited([*QUICK, "training.mixup=0.2"])


@pytest.fixture(scope="module")
def run(tmp_path_factory, number_store, recipe):
    out = tmp_path_factory.mktemp("numbers") / "run"
    judge(train(recipe, number_store, out), out)
    return out


def test_predictions_are_in_the_units_of_the_targets(run, number_store):
    predictions = read_predictions(run / "predictions.parquet")
    assert len(predictions.targets) == 9 and predictions.metadata["ordered"][0] == "sfr_p2p5"
    rows = predictions.select(fold="test", subset="image+spectrum")
    redshift, sfr = rows.numbers("redshift"), rows.numbers("sfr_avg")
    assert np.isfinite(redshift.truth).all() and np.isnan(sfr.truth).any()
    assert np.abs(redshift.mean - 0.1).max() < 0.5 and sfr.sd is not None and (sfr.sd > 0).all()
    known = rows.labelled("sfr_avg").numbers("sfr_avg").truth
    assert known.min() > -99
    document = json.loads((run / "metrics.json").read_text())
    assert set(document["subsets"]) == {"image+spectrum", "image", "spectrum"}
    log = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert {"valid_loss", "valid_rmse", "valid_crps"} <= set(log[0])


def test_the_bundle_keeps_scales_of_the_training_rows_and_spreads(run, number_store, recipe):
    card = load_bundle(run / "bundle").card
    assert list(card.scales) == list(card.task.targets)
    store = Store.open(number_store)
    every = np.array(store.columns("sfr_avg")["sfr_avg"].to_pylist())
    assert every.min() == -99 and -1 < card.scales["sfr_avg"].mean < 4
    assert any(scale.spread != 1.0 for scale in card.scales.values())


def test_a_stopped_run_resumes_to_the_same_bytes(run, number_store, recipe, tmp_path, monkeypatch):
    steps, real = [], loop.Trainer._step

    def stopping(self, raw):
        steps.append(raw)
        if len(steps) > 5:
            raise KeyboardInterrupt
        return real(self, raw)

    monkeypatch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(loop.Trainer, "_step", stopping)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(recipe, number_store, out)
    monkeypatch.undo()
    train(recipe, number_store, out, resume=True)
    for name in ("bundle.json", "model.safetensors"):
        assert (out / "bundle" / name).read_bytes() == (run / "bundle" / name).read_bytes()


def test_the_catalogue_has_numbers_with_widths_and_units(run, number_store, tmp_path):
    out = tmp_path / "catalogue.parquet"
    counts = predict_catalogue(run, number_store, out)
    table = pq.read_table(out)
    assert counts["rows"] == table.num_rows == 80
    assert table.schema.field("sfr_median").metadata[b"unit"] == b"log10(Msun/yr)"
    assert {"redshift", "redshift_sd", "used"} <= set(table.column_names)
    assert "predicted" not in table.column_names


def test_one_object_gets_numbers_with_their_widths(run):
    flux = np.random.default_rng(0).normal(10, 1, 4000)
    said = predict(run, spectrum=(10 ** (3.58 + 1e-4 * np.arange(4000)), flux, np.ones(4000)))
    value, sd = said.numbers["redshift"]
    assert said.predicted == "" and said.probabilities == {} and said.used == ("spectrum",)
    assert np.isfinite(value) and sd is not None and sd > 0
    assert predict(run).numbers == {}


def test_another_store_without_the_columns_is_predicted_unlabelled(run, store_folder, tmp_path):
    out = predict_store(run / "bundle", store_folder, tmp_path / "p.parquet")
    rows = read_predictions(out)
    assert len(rows.labelled("redshift")) and not len(rows.labelled("sfr_avg"))


def test_the_page_shows_residuals(run, number_store):
    page = report_html(run, number_store).read_text()
    assert "Residuals of redshift" in page and "predicts 9 numbers" in page


def test_some_targets_may_be_left_out(number_store, store_folder, recipe, tmp_path):
    narrow = recipe.edited(["targets=['redshift']", "training.epochs=1"])
    document = judge(train(narrow, store_folder, tmp_path / "a"), tmp_path / "a")
    assert list(document["targets"]) == ["redshift"] and document["crossings"] is None
    with pytest.raises(StoreError, match="sfr_avg"):
        train(recipe, store_folder, tmp_path / "b")
    with pytest.raises(ConfigError, match="no target 'mass'; known: redshift"):
        train(recipe.edited(["targets=['mass']"]), number_store, tmp_path / "c")
    with pytest.raises(ConfigError, match="no labels 'mpa'; known: none, it predicts numbers"):
        train(recipe.edited(["labels=mpa"]), number_store, tmp_path / "d")


def test_patience_ends_a_run_that_gets_no_better(number_store, recipe, tmp_path):
    still = recipe.edited(
        ["training.epochs=9", "training.patience=2", "training.learning_rate=1e-30"]
    )
    train(still, number_store, tmp_path / "run")
    log = (tmp_path / "run" / "log.jsonl").read_text().splitlines()
    assert len(log) < 9
