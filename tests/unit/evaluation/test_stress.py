"""Runs judged with one input or the redshift made wrong."""

import itertools
import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from trifid.cli.main import app
from trifid.errors import RunError
from trifid.evaluation.run import judge
from trifid.evaluation.stress import (
    AS_IT_IS,
    OccludedStore,
    PermutedStore,
    ShiftedStore,
    stress,
    windows,
)
from trifid.models.gcsnet import gcsnet_small
from trifid.recipes.galaxy4 import galaxy4_spectrum, galaxy4_table
from trifid.schema import grid
from trifid.store.read import Store
from trifid.training.bundle import build_model, load_bundle
from trifid.training.run import train
from trifid.transforms.pipeline import SpectrumInput

QUICK = ["training.batch_size=16", "split.by=group", "training.mixup=0"]


def test_a_permuted_input_comes_from_other_rows_and_all_else_stays(store_folder):
    store = Store.open(store_folder)
    rows = np.flatnonzero(store.present("spectrum"))[:20]
    wrong = PermutedStore(store, "spectrum", rows, seed=3)
    asked = ["spectrum", "table"]
    true, moved = store.take(rows, asked), wrong.take(rows, asked)
    assert np.array_equal(true["table"]["values"], moved["table"]["values"])
    same = (true["spectrum"]["flux"] == moved["spectrum"]["flux"]).all(axis=1)
    assert not same.any()
    key = [tuple(line[:50]) for line in true["spectrum"]["flux"]]
    assert sorted(key) == sorted(tuple(line[:50]) for line in moved["spectrum"]["flux"])
    others = np.setdiff1d(np.arange(len(store)), rows)[:5]
    assert np.array_equal(*(s.take(others, ["image"])["image"]["flux"] for s in (store, wrong)))


def test_redshifts_are_off_by_the_stated_error(make_store, tmp_path):
    make_store(tmp_path / "s", rows=400)
    store = Store.open(tmp_path / "s")
    wrong = ShiftedStore(store, "redshift", 0.01, seed=1)
    true, moved = (s.columns("redshift", "ra")["redshift"].to_numpy() for s in (store, wrong))
    assert np.nanstd((moved - true) / (1 + true)) == pytest.approx(0.01, rel=0.12)
    assert wrong.columns("ra").equals(store.columns("ra"))


def test_a_model_that_lives_on_its_table_loses_by_its_permutation(store_folder, tmp_path):
    run = tmp_path / "run"
    recipe = galaxy4_table().replace(model=gcsnet_small())
    train(recipe.edited([*QUICK, "training.epochs=12"]), store_folder, run)
    found = stress(run, resamples=200)
    assert [model["name"] for model in found["models"]] == [AS_IT_IS, "table permuted"]
    (gap,) = [e for e in found["differences"] if e["metric"] == "accuracy"]
    assert gap["value"] < 0
    assert found["random_weights"] == {}
    with pytest.raises(RunError, match="no such folder"):
        stress(tmp_path)


def test_a_spectrum_in_the_rest_frame_is_tried_with_redshifts_that_are_off(store_folder, tmp_path):
    run = tmp_path / "run"
    rest = ["inputs.spectrum.frame=rest", "inputs.spectrum.length=400", "inputs.spectrum.step=8.0"]
    recipe = galaxy4_spectrum().replace(model=gcsnet_small())
    train(recipe.edited([*QUICK, *rest, "training.epochs=1"]), store_folder, run)
    judge([run], run)
    words = ["evaluate", str(run), "--stress", "--resamples", "100"]
    shown = [CliRunner().invoke(app, [*words, *more]) for more in ([], ["--json"])]
    assert "spectrum permuted" in shown[0].output and "adjusted p" in shown[0].output
    board = json.loads(shown[1].stdout)["stress"]
    assert "Random weights" in shown[0].output and list(board["random_weights"]) == ["spectrum"]
    names = [model["name"] for model in board["models"]]
    assert names[:2] == [AS_IT_IS, "spectrum permuted"]
    assert names[2] == "spectrum without 3800 to 4147 A" and len(names) == 11
    assert names[-2:] == ["redshift off by 0.001 (1 + z)", "redshift off by 0.01 (1 + z)"]


def test_a_network_before_training_is_its_own_random_weights(store_folder, tmp_path, monkeypatch):
    """With the weights it began with the curves are one; training moves them apart."""
    run = tmp_path / "run"
    recipe = galaxy4_spectrum().replace(model=gcsnet_small())
    train(recipe.edited([*QUICK, "training.epochs=6"]), store_folder, run)
    learned = stress(run, resamples=100)["random_weights"]["spectrum"]
    trained = load_bundle(run / "bundle")
    card = trained.card
    start = replace(trained, model=build_model(card.recipe, trained.pipeline, card.task))
    monkeypatch.setattr("trifid.evaluation.stress.load_bundle", lambda folder: start)
    unlearned = stress(run, resamples=100)["random_weights"]["spectrum"]
    assert unlearned["value"] == pytest.approx(1.0) and unlearned["n"] == learned["n"] > 5
    assert learned["value"] < 0.9
    assert learned["low"] < learned["value"] < learned["high"]


def test_a_window_has_no_data_in_the_frame_of_the_input(store_folder):
    store = Store.open(store_folder)
    rows = np.flatnonzero(store.present("spectrum"))[:4]
    redshift = store.columns("redshift")["redshift"].to_numpy()[rows]
    rest = SpectrumInput(frame="rest", start=4000.0, step=2.0, length=1000)
    for config, shift in ((SpectrumInput(), 0 * redshift), (rest, redshift)):
        pairs = windows(config)
        assert len(pairs) == 7 and all(a[1] == b[0] for a, b in itertools.pairwise(pairs))
        low, high = pairs[2]
        wrong = OccludedStore(store, config, low, high).take(rows, ["spectrum"])["spectrum"]
        true = store.take(rows, ["spectrum"])["spectrum"]
        wave = grid.wavelengths()[None] / (1 + shift[:, None])
        inside = (wave >= low) & (wave < high)
        assert inside.any(axis=1).all() and not wrong["ivar"][inside].any()
        assert (wrong["flux"][~inside] == true["flux"][~inside]).all()
    assert windows(SpectrumInput())[0][0] == pytest.approx(10**3.58)
