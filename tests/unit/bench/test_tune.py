"""The search: same budget, best kept, resumable to the same end, blind to test rows."""

import importlib
import json

import numpy as np
import pytest

from trifid.bench.tune import result_text, tune
from trifid.bench.tune_space import Range, Space
from trifid.errors import ConfigError, RunError
from trifid.models.classical import ClassicalConfig
from trifid.models.methods import DecisionTreeMethod, KnnMethod
from trifid.recipes.galaxy4 import galaxy4_table
from trifid.store.read import Store
from trifid.training.recipe import Recipe
from trifid.training.rows import task_rows

SPACE = Space(space={"model.method.neighbours": Range(low=1, high=9)})


@pytest.fixture(scope="module")
def neighbours():
    """Five nearest neighbours on the safe table features."""
    recipe = galaxy4_table()
    return recipe.replace(
        name="neighbours",
        model=ClassicalConfig(method=KnnMethod()),
        split=recipe.split.replace(by="group"),
    )


@pytest.fixture(scope="module")
def tuned(neighbours, store_folder, tmp_path_factory):
    """A finished search and what it gave."""
    out = tmp_path_factory.mktemp("tune") / "out"
    return out, tune([neighbours], store_folder, out, trials=4, space=SPACE)


def scores(document):
    return [(line["set"], line["score"]) for line in document["recipes"][0]["trials"]]


def test_the_first_trial_is_the_recipe_and_the_best_is_kept(tuned, neighbours):
    out, document = tuned
    found = scores(document)
    assert len(found) == 4 and found[0][0] == []
    best = document["recipes"][0]["best"]
    assert best["score"] == max(score for _, score in found)
    recipe = Recipe.from_toml((out / "best.toml").read_text())
    assert recipe == Recipe.from_toml((out / "best-neighbours.toml").read_text())
    assert recipe == neighbours.edited(['training.select="macro_f1"', *best["set"]])
    assert json.loads((out / "result.json").read_text()) == document
    assert (out / "result.md").read_text() == result_text(document)
    assert "simulated" in result_text(document) and not (out / "predictions.parquet").exists()


def test_a_search_that_was_killed_finds_what_it_would_have_found(
    tuned, neighbours, store_folder, tmp_path, monkeypatch
):
    from trifid.bench import tune_search as module

    real, calls = module.train, []

    def killed(*args, **named):
        calls.append(args)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*args, **named)

    monkeypatch.setattr(module, "train", killed)
    with pytest.raises(KeyboardInterrupt):
        tune([neighbours], store_folder, tmp_path / "out", trials=4, space=SPACE)
    monkeypatch.setattr(module, "train", real)
    told = []
    document = tune(
        [neighbours], store_folder, tmp_path / "out", trials=4, space=SPACE, resume=True,
        tell=told.append,
    )  # fmt: skip
    assert scores(document) == scores(tuned[1])
    more = tune([neighbours], store_folder, tmp_path / "out", trials=5, space=SPACE, resume=True)
    assert scores(more)[:4] == scores(document)
    assert any("trial 3 of 4" in line for line in told)


def test_test_rows_are_never_read(neighbours, store_folder, tmp_path, monkeypatch):
    store = Store.open(store_folder)
    recipe, task = neighbours.resolved()
    rows = task_rows(store, recipe, task)
    read, real = [], Store.take

    def take(self, wanted, *rest, **named):
        read.append(np.asarray(wanted))
        return real(self, wanted, *rest, **named)

    monkeypatch.setattr(Store, "take", take)
    tune([neighbours], store_folder, tmp_path / "out", trials=2, space=SPACE)
    seen = set(np.concatenate(read).tolist())
    assert seen >= set(rows.valid.tolist()) and not seen & set(rows.test.tolist())


def test_recipes_get_the_same_budget_and_a_failed_trial_counts(
    neighbours, store_folder, tmp_path, monkeypatch
):
    from trifid.bench import tune_search as module

    tree = neighbours.replace(name="tree", model=ClassicalConfig(method=DecisionTreeMethod()))
    real = module.train

    def train(recipe, store, out, **named):
        if recipe.name == "tree" and out.name == "0001":
            raise RunError("the loss is not finite")
        return real(recipe, store, out, **named)

    monkeypatch.setattr(module, "train", train)
    document = tune([neighbours, tree], store_folder, tmp_path / "out", trials=2, metric="loss")
    assert [len(entry["trials"]) for entry in document["recipes"]] == [2, 2]
    assert document["recipes"][1]["trials"][1]["error"] == "the loss is not finite"
    assert document["lower_is_better"]
    best = {entry["recipe"]: entry["best"]["score"] for entry in document["recipes"]}
    assert document["best"] == min(best, key=lambda name: best[name])
    monkeypatch.setattr(module, "train", lambda *a, **k: train(tree, None, tmp_path / "0001"))
    with pytest.raises(RunError, match="every trial of neighbours failed"):
        tune([neighbours], store_folder, tmp_path / "none", trials=2)


def test_a_folder_of_another_search_is_left_alone(tuned, neighbours, store_folder, tmp_path):
    out, _ = tuned
    with pytest.raises(RunError, match="--resume"):
        tune([neighbours], store_folder, out, trials=5, space=SPACE)
    with pytest.raises(RunError, match="other seed"):
        tune([neighbours], store_folder, out, trials=5, space=SPACE, seed=1, resume=True)
    with pytest.raises(RunError, match="other spaces"):
        tune([neighbours], store_folder, out, trials=5, resume=True)
    (tmp_path / "note").write_text("mine")
    with pytest.raises(RunError, match="not empty"):
        tune([neighbours], store_folder, tmp_path, trials=5)


def test_what_does_not_fit_is_refused_before_anything_runs(neighbours, store_folder, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(ConfigError, match="no score of task galaxy4"):
        tune([neighbours], store_folder, out, trials=2, metric="rmse")
    with pytest.raises(ConfigError, match="one name"):
        tune([neighbours, neighbours], store_folder, out, trials=2)
    with pytest.raises(ConfigError, match="one task"):
        other = neighbours.replace(task="sgq3")
        tune([neighbours, other], store_folder, out, trials=2)
    assert not out.exists()


def test_without_the_extra_it_says_so(neighbours, store_folder, tmp_path, monkeypatch):
    real = importlib.import_module

    def refuse(name, *rest):
        if name == "optuna":
            raise ImportError("No module named 'optuna'")
        return real(name, *rest)

    monkeypatch.setattr(importlib, "import_module", refuse)
    with pytest.raises(ConfigError, match=r"pip install 'trifid\[tune\]'"):
        tune([neighbours], store_folder, tmp_path / "out", trials=2)
