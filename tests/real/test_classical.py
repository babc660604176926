"""Classical models on 4,998 real rows of the DR14 table, small and in seconds.

All fourteen rows with ten folds are in docs/science/results.md.
"""

import pytest

from trifid import registry
from trifid.evaluation.run import judge
from trifid.ingest.run import ingest
from trifid.training.run import train


@pytest.fixture(scope="module")
def dr14(shared_data, tmp_path_factory):
    """The store of the table."""
    out = tmp_path_factory.mktemp("dr14") / "store"
    ingest(shared_data / "catalogues" / "kaggle_dr14_dev.csv", out)
    return out


def accuracy(name, store, out, *changes):
    recipe = registry.get("recipe", name).build().edited(changes)
    document = judge(train(recipe, store, out), out)
    entry = document["metrics"]["accuracy"]
    assert document["n"] == 750 and entry["low"] < entry["value"] < entry["high"]
    return entry["value"], document


def test_magnitudes_tell_most_objects_and_the_redshift_nearly_all(dr14, tmp_path):
    plain, document = accuracy("sgq3_extra_trees", dr14, tmp_path / "plain")
    assert 0.88 < plain < 0.97
    assert document["metrics"]["macro_auc"]["value"] > 0.95
    leaky, _ = accuracy(
        "sgq3_extra_trees", dr14, tmp_path / "leaky", "inputs.table.feature_set=ugriz_z"
    )
    assert leaky > 0.97


def test_a_model_without_probabilities_has_no_area_under_a_curve(dr14, tmp_path):
    value, document = accuracy("sgq3_ridge", dr14, tmp_path / "ridge")
    assert value > 0.8
    assert document["metrics"]["macro_auc"]["value"] is None
