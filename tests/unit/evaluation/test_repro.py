"""A run trained again; the store and the recipe are those of the tests of whole runs."""

import json
import shutil

import pytest

from trifid.errors import RunError
from trifid.evaluation.repro import reproduce
from trifid.evaluation.run import judge
from trifid.recipes.galaxy4 import galaxy4_table
from trifid.training.run import train


@pytest.fixture(scope="module")
def run(store_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("repro") / "run"
    changes = ["training.epochs=1", "training.batch_size=32", "split.by=group"]
    judge(train(galaxy4_table().edited(changes), store_folder, out), out)
    return out


def test_the_same_recipe_gives_the_same_bits(run, tmp_path):
    found = reproduce(run, tmp_path / "again")
    assert found["bundles"] == {".": True} and found["same_store"]
    assert found["largest_difference"] == 0.0 and found["changed"] == 0
    assert found["rows"] > 0 and found["environment"] == {}
    assert all(entry["then"] == entry["now"] for entry in found["metrics"].values())


def test_what_differs_is_told(run, tmp_path):
    other = shutil.copytree(run, tmp_path / "run")
    recipe = (other / "recipe.toml").read_text()
    (other / "recipe.toml").write_text(recipe.replace("seed = 42", "seed = 43"))
    environment = json.loads((other / "environment.json").read_text())
    (other / "environment.json").write_text(json.dumps(environment | {"python": "2.7"}))
    found = reproduce(other, tmp_path / "again")
    assert found["bundles"] == {".": False} and found["largest_difference"] > 0
    assert found["environment"]["python"]["then"] == "2.7"


def test_an_unfinished_run_and_a_lost_store_are_said(run, tmp_path):
    with pytest.raises(RunError, match="no finished run"):
        reproduce(tmp_path, tmp_path / "again")
    other = shutil.copytree(run, tmp_path / "run")
    document = json.loads((other / "run.json").read_text())
    (other / "run.json").write_text(json.dumps(document | {"store": str(tmp_path / "gone")}))
    with pytest.raises(RunError, match="--data"):
        reproduce(other, tmp_path / "again")
