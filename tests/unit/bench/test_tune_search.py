"""Trials that end early and trials over folds; a search killed in the middle of a trial."""

import json
from statistics import median

import pytest

from trifid.bench import tune_search
from trifid.bench.tune import result_text, tune
from trifid.bench.tune_space import Range, Space
from trifid.errors import ConfigError
from trifid.models.classical import ClassicalConfig
from trifid.models.methods import KnnMethod
from trifid.recipes.galaxy4 import galaxy4_table
from trifid.store.read import Store
from trifid.training.recipe import Recipe
from trifid.training.rows import task_rows

EPOCHS, TRIALS = 4, 9
RATE = Space(space={"training.learning_rate": Range(low=1e-4, high=1e-2, log=True)})


NETWORK = galaxy4_table().edited([f"training.epochs={EPOCHS}"])


def pretend(kill_at=-1):
    """A training that writes a log instead: the higher the rate, the better every epoch."""
    calls = []

    def train(recipe, store, out, *, resume, watch):
        path = out / "log.jsonl"
        lines = path.read_text().splitlines() if path.is_file() else []
        history = [json.loads(line) for line in lines]
        while len(history) < recipe.training.epochs and not watch(history):
            calls.append(out.name)
            if len(calls) == kill_at:
                raise KeyboardInterrupt
            score = recipe.training.learning_rate * (len(history) + 1)
            history.append({"valid_macro_f1": score})
            out.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(entry) + "\n" for entry in history))

    return train


def run(store, out, *, kill_at=-1, **options):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tune_search, "train", pretend(kill_at))
        return tune([NETWORK], store, out, trials=TRIALS, space=RATE, **options)


@pytest.fixture(scope="module")
def whole(store_folder, tmp_path_factory):
    """A search that ran to its end."""
    return run(store_folder, tmp_path_factory.mktemp("search") / "out")


def plain(document):
    """What a search found, but for the time it took."""
    return [
        {key: value for key, value in line.items() if key != "seconds"}
        for line in document["recipes"][0]["trials"]
    ]


def curve(line):
    rate = float(line["set"][0].partition("=")[2])
    return [rate * epoch for epoch in range(1, EPOCHS + 1)]


def test_a_trial_below_the_median_of_finished_ones_ends(whole):
    lines = plain(whole)
    finished: list[list[float]] = []
    for line in lines[1:]:  # by hand: from the second epoch on, once four trials are finished
        steps = range(2, EPOCHS) if len(finished) >= 4 else ()
        below = [n for n in steps if curve(line)[n - 1] < median(c[n - 1] for c in finished)]
        assert line["ended"] == (below[0] if below else 0) and line["error"] == ""
        if not below:
            finished.append(curve(line))
            assert line["score"] == pytest.approx(curve(line)[-1])
    ended = [line for line in lines if line["ended"]]
    assert ended and all(line["score"] is None for line in ended)
    assert f"| {len(ended)} | 0 |" in result_text(whole)


def test_nothing_ends_where_that_is_switched_off(whole, store_folder, tmp_path):
    lines = plain(run(store_folder, tmp_path / "out", prune=False))
    assert all(line["score"] is not None and not line["ended"] for line in lines)
    assert lines[:5] == plain(whole)[:5]  # before anything was ended


def test_a_search_killed_within_a_trial_ends_alike(whole, store_folder, tmp_path):
    ended = next(line["trial"] for line in plain(whole) if line["ended"])
    with pytest.raises(KeyboardInterrupt):  # in the last epoch before that trial is ended
        run(store_folder, tmp_path / "out", kill_at=ended * EPOCHS + 2)
    again = run(store_folder, tmp_path / "out", resume=True)
    assert plain(again) == plain(whole)


def test_folds_share_out_train_and_valid_parts_and_leave_test_rows_alone(
    store_folder, tmp_path, monkeypatch
):
    base = galaxy4_table()
    neighbours = base.replace(
        model=ClassicalConfig(method=KnnMethod()), split=base.split.replace(by="group")
    )
    seen, real = [], tune_search.train
    monkeypatch.setattr(
        tune_search, "train", lambda recipe, *a, **k: seen.append(recipe) or real(recipe, *a, **k)
    )
    space = Space(space={"model.method.neighbours": Range(low=1, high=9)})
    document = tune([neighbours], store_folder, tmp_path / "out", trials=1, folds=3, space=space)
    assert document["folds"] == 3 and len(seen) == 3
    valid = [set(recipe.split.valid) for recipe in seen[:3]]
    test = set(neighbours.split.test)
    assert set.union(*valid) == set(range(20)) - test and sum(map(len, valid)) == 17
    for recipe in seen:
        split = recipe.split
        assert not set(split.train) & set(split.valid) and set(split.test) == test
        assert set(split.train) | set(split.valid) == set(range(20)) - test
    first = document["recipes"][0]["trials"][0]
    store = Store.open(store_folder)
    scores = []
    for k in range(3):
        folder = tmp_path / "out" / "trials" / base.name / "0000" / f"fold-{k}"
        log = json.loads((folder / "log.jsonl").read_text())
        scores.append(log["valid_macro_f1"])
        rows = task_rows(store, *Recipe.from_toml((folder / "recipe.toml").read_text()).resolved())
        assert json.loads((folder / "run.json").read_text())["rows"]["valid"] == len(rows.valid)
    assert first["score"] == pytest.approx(sum(scores) / 3)
    best = Recipe.from_toml((tmp_path / "out" / "best.toml").read_text())
    assert best.split == neighbours.split
    assert "mean of 3 folds" in (tmp_path / "out" / "result.md").read_text()
    for folds in (1, 18):
        with pytest.raises(ConfigError, match=rf"{folds} folds of the 17 train and valid parts"):
            tune([neighbours], store_folder, tmp_path / "no", trials=2, folds=folds, space=space)
