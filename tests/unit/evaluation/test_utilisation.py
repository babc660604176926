"""What an input adds to the others: Wu's rate on the objects that have it and another."""

import numpy as np
import pytest
from sklearn.metrics import f1_score, r2_score

from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.predictions import PredictionsWriter, read_predictions
from trifid.evaluation.utilisation import utilisation

FULL, REST = "image+spectrum+table", "spectrum+table"


def test_the_rate_is_the_share_of_macro_f1_that_is_lost(table, columns):
    predictions = table(
        columns(200, skill=3.0, subset=FULL),
        columns(200, skill=1.0, subset=REST, seed=1),
        columns(150, subset="image", seed=2),
    )
    rates = utilisation(predictions, resamples=300)
    assert list(rates) == ["image"]  # of the others not every subset is there
    found = rates["image"]
    with_it, without = (
        f1_score(part.labels[:150], part.predicted[:150], average="macro")
        for part in (predictions.select(subset=name) for name in (FULL, REST))
    )
    assert found["n"] == 150
    assert found["value"] == pytest.approx((with_it - without) / with_it)
    assert 0 < found["low"] < found["value"] < found["high"] < 1
    assert evaluate(predictions, resamples=300)["utilisation"] == {"macro_f1": rates}


def test_an_input_that_changes_nothing_has_the_rate_zero(table, columns):
    parts = (columns(100, subset=name) for name in ("image+spectrum", "image", "spectrum"))
    rates = utilisation(table(*parts), resamples=100)
    assert {name: (entry["value"], entry["low"]) for name, entry in rates.items()} == {
        "image": (0.0, None), "spectrum": (0.0, None),
    }  # fmt: skip


def test_a_single_input_has_none(table, columns):
    assert utilisation(table(columns(50, subset="table")), resamples=100) == {}


def test_objects_are_paired_whatever_their_order_and_groups_drawn_together(table, columns):
    group = [f"g{k // 4}" for k in range(120)]
    options = [("image+spectrum", 3.0, 0), ("image", 1.5, 1), ("spectrum", 2.5, 2)]
    predictions = table(
        *(columns(120, subset=s, skill=k, seed=i, group=group) for s, k, i in options)
    )
    shuffled = predictions.take(np.random.default_rng(0).permutation(360))
    first, again = (utilisation(part, resamples=200) for part in (predictions, shuffled))
    for name, entry in first.items():
        assert again[name] == pytest.approx(entry)
    alone = table(*(columns(120, subset=s, skill=k, seed=i) for s, k, i in options))
    single = utilisation(alone, resamples=200)["image"]
    assert single["value"] == first["image"]["value"] and single["low"] != first["image"]["low"]


def numbers(path, errors):
    """Truths around 50, a tenth unlabelled; what each subset says is off by a Gaussian."""
    rng = np.random.default_rng(0)
    truth = rng.normal(50.0, 1.0, 300)
    means = {name: truth + rng.normal(0, error, 300) for name, error in errors.items()}
    truth[::10] = np.nan
    with PredictionsWriter(path, targets=("mass",), metadata={"task": "t", "model": "m"}) as writer:
        for name, mean in means.items():
            writer.add({"object_id": [f"o{k}" for k in range(300)], "fold": "test", "subset": name,
                        "seed": 1, "run": "r", "labels": truth[:, None],
                        "means": mean[:, None], "sds": None})  # fmt: skip
    known = np.isfinite(truth)
    scores = {name: r2_score(truth[known], mean[known]) for name, mean in means.items()}
    return read_predictions(path), scores


def test_of_a_number_it_is_the_share_of_r2(tmp_path):
    errors = {"image+table": 0.2, "image": 0.8, "table": 5.0}
    predictions, score = numbers(tmp_path / "p.parquet", errors)
    rates = evaluate(predictions, resamples=200)["utilisation"]["mass_r2"]
    whole = score["image+table"]
    assert rates["table"]["value"] == pytest.approx((whole - score["image"]) / whole, rel=1e-4)
    assert rates["table"]["n"] == 270 and rates["image"]["value"] > 1
    errors["image+table"] = 5.0  # R2 below 0 is no whole to take a share of
    predictions, _ = numbers(tmp_path / "q.parquet", errors)
    assert utilisation(predictions, target="mass", resamples=100)["image"]["value"] is None
