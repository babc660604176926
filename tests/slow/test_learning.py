"""A small network learns the galaxies of the simulated sky, by every subset of its inputs."""

import pytest

from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.predictions import read_predictions
from trifid.evaluation.run import PREDICTIONS, judge
from trifid.models.gcsnet import gcsnet_small
from trifid.recipes.galaxy4 import galaxy4
from trifid.simulate import simulate
from trifid.training.run import train

SUBSETS = {
    "image+spectrum+table",
    "image+spectrum",
    "image+table",
    "spectrum+table",
    "image",
    "spectrum",
    "table",
}


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Metrics and folder of a run of ten epochs, with images of 32 pixels."""
    folder = tmp_path_factory.mktemp("learning")
    simulate("galaxy4", 600, folder / "sky", seed=3, size=32)
    recipe = galaxy4().replace(model=gcsnet_small())
    recipe = recipe.edited(["training.epochs=10", "training.batch_size=32"])
    out = folder / "run"
    return judge(train(recipe, folder / "sky", out), out), out


def test_short_a_small_network_learns_galaxies_better_than_chance(judged):
    document, _ = judged
    counts = [entry["support"] for entry in document["per_class"].values()]
    assert document["n"] == sum(counts) >= 60
    macro_f1 = document["metrics"]["macro_f1"]
    assert macro_f1["low"] > 1.2 / len(counts), "guessing gives 1 / K, the largest class less"
    assert document["metrics"]["balanced_accuracy"]["low"] > 1.2 / len(counts)


def test_short_every_subset_of_modalities_is_judged(judged):
    document, out = judged
    assert set(document["subsets"]) == SUBSETS
    predictions = read_predictions(out / PREDICTIONS)
    assert set(predictions.subsets) == SUBSETS
    again = evaluate(predictions)
    assert again | {"slices": document["slices"]} == document  # slices need the store
    assert document["slices"]
    assert document["subset"] == "image+spectrum+table"
    assert set(document["subset_n"].values()) == {document["n"]}
