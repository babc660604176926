import json

import numpy as np
import pytest

from trifid.errors import RunError
from trifid.evaluation.compare import COMPARED, compare
from trifid.metrics.comparison import mcnemar


def _by_metric(document):
    return {entry["metric"]: entry for entry in document["differences"]}


def test_a_clear_gain_is_called_better(table, columns):
    strong, weak = table(columns(300, skill=3.0)), table(columns(300, skill=1.0, seed=1))
    document = compare([("strong", strong), ("weak", weak)], resamples=400)
    found = _by_metric(document)
    assert list(found) == list(COMPARED)
    assert all(entry["better"] == "strong" for entry in found.values())
    assert found["log_loss"]["value"] < 0 < found["accuracy"]["value"]
    right = [(part.labels == part.predicted) for part in (strong, weak)]
    assert found["accuracy"]["p"] == mcnemar(*right)[0]
    assert found["accuracy"]["test"].startswith("McNemar")
    values = [run["metrics"]["macro_f1"]["value"] for run in document["runs"]]
    assert found["macro_f1"]["value"] == pytest.approx(values[0] - values[1])
    json.dumps(document, allow_nan=False)


def test_equal_skill_shows_no_difference(table, columns):
    document = compare(
        [("a", table(columns(300, seed=5))), ("b", table(columns(300, seed=6)))], resamples=400
    )
    for entry in document["differences"]:
        assert entry["better"] is None
        assert entry["low"] < 0 < entry["high"]


def test_a_run_against_itself(table, columns):
    predictions = table(columns(50))
    document = compare([("a", predictions), ("b", predictions)], resamples=100)
    for entry in document["differences"]:
        assert (entry["value"], entry["p"], entry["better"]) == (0.0, 1.0, None)


def test_pairing_makes_the_interval_of_the_difference_narrow(table, columns):
    """Two runs that err on nearly the same objects: far narrower than two separate intervals."""
    part = columns(400, skill=1.0)
    second = part["probabilities"].copy()
    second[:12] = np.eye(3)[[("galaxy", "quasar", "star").index(k) for k in part["label"][:12]]]
    document = compare(
        [("a", table(part | {"probabilities": second})), ("b", table(part))], resamples=400
    )
    entry = _by_metric(document)["accuracy"]
    alone = document["runs"][0]["metrics"]["accuracy"]
    assert entry["high"] - entry["low"] < 0.5 * (alone["high"] - alone["low"])


def test_holm_runs_over_the_pairs_of_each_metric(table, columns):
    runs = [(str(k), table(columns(120, seed=k, skill=1 + 0.3 * k))) for k in range(3)]
    document = compare(runs, resamples=200)
    for metric in COMPARED:
        family = sorted(
            (entry["p"], entry["p_adjusted"])
            for entry in document["differences"]
            if entry["metric"] == metric
        )
        assert len(family) == 3
        assert family[0][1] == pytest.approx(min(1.0, 3 * family[0][0]))


def test_repeated_observations_are_not_tested_as_independent(table, columns):
    groups = [f"g{k // 2}" for k in range(100)]
    runs = [(str(k), table(columns(100, seed=k, group=groups))) for k in range(2)]
    document = compare(runs, resamples=100)
    assert document["groups"] == 50
    assert _by_metric(document)["accuracy"]["test"] == "paired bootstrap"


def test_only_shared_objects_count_in_any_order(table, columns):
    first = table(columns(100))
    second = table(columns(100, seed=1)).take(np.random.default_rng(0).permutation(100)[:70])
    document = compare([("a", first), ("b", second)], resamples=100)
    assert document["n"] == 70
    assert document["left_out"] == {"a": 30, "b": 0}


def test_class_order_does_not_matter(table, columns):
    part = columns(60)
    turned = part | {"probabilities": part["probabilities"][:, ::-1]}
    same = table(turned, classes=("star", "quasar", "galaxy"))
    document = compare([("a", table(part)), ("b", same)], resamples=100)
    assert all(entry["value"] == pytest.approx(0.0) for entry in document["differences"])


def test_costs_stand_beside_the_runs(table, columns):
    runs = [("a", table(columns(30))), ("b", table(columns(30, seed=1)))]
    document = compare(runs, costs={"a": {"parameters": 5}}, resamples=100)
    assert document["cost"] == [{"name": "a", "parameters": 5}, {"name": "b"}]


def test_what_cannot_be_compared_is_refused(table, columns):
    first = table(columns(30))
    with pytest.raises(RunError, match="needs two or more"):
        compare([("a", first)])
    with pytest.raises(RunError, match="names repeat"):
        compare([("a", first), ("a", first)])
    with pytest.raises(RunError, match="b: task 'galaxy4', but a has 'sgq3'"):
        compare([("a", first), ("b", table(columns(30), task="galaxy4"))])
    with pytest.raises(RunError, match=r"no labelled object in common .*a 30, b 5"):
        compare([("a", first), ("b", table(columns(5, object_id=list("vwxyz"))))])
    part = columns(30)
    labels = part["label"].copy()
    labels[4] = "star" if labels[4] != "star" else "quasar"
    with pytest.raises(RunError, match="object 'sdss-1-2-0004' has label"):
        compare([("a", first), ("b", table(part | {"label": labels}))])
    with pytest.raises(RunError, match=r"has 2 predictions in fold 'test' \(several seeds"):
        compare([("a", first), ("b", table(part, part | {"seed": 2}))])
