import json

import numpy as np
import pytest
from sklearn.metrics import f1_score, roc_auc_score

from trifid.errors import RunError
from trifid.evaluation.compare import compare
from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.seeds import compare_seeds
from trifid.metrics.intervals import wilson


def _entries(document):
    yield from document["metrics"].values()
    yield from document["calibration"].values()
    for metrics in document["subsets"].values():
        yield from metrics.values()
    for entry in document["per_class"].values():
        yield from (value for key, value in entry.items() if key != "support")


def test_the_document_of_a_run(table, columns):
    predictions = table(
        columns(200), columns(150, subset="image", skill=0.3), columns(9, fold="train")
    )
    document = evaluate(predictions, resamples=300)
    assert document["n"] == document["groups"] == 200
    assert (document["task"], document["model"], document["fold"]) == ("sgq3", "small", "test")
    judged = predictions.select(fold="test", subset="image+spectrum")
    labels, predicted = judged.labels, judged.predicted
    metrics = document["metrics"]
    assert metrics["accuracy"]["value"] == pytest.approx((labels == predicted).mean())
    assert metrics["macro_f1"]["value"] == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )
    assert metrics["macro_auc"]["value"] == pytest.approx(
        roc_auc_score(labels, judged.probabilities, multi_class="ovr")
    )
    counts = np.array(document["confusion"]["counts"])
    assert counts.sum() == 200
    assert counts.sum(axis=1).tolist() == [
        entry["support"] for entry in document["per_class"].values()
    ]
    assert list(document["subsets"]) == ["image+spectrum", "image"]
    assert document["subset_n"] == {"image+spectrum": 200, "image": 150}
    assert (
        document["subsets"]["image"]["accuracy"]["value"]
        < document["subsets"]["image+spectrum"]["accuracy"]["value"]
    )
    for entry in _entries(document):
        if entry["low"] is not None:
            assert entry["low"] <= entry["value"] <= entry["high"]
    json.dumps(document, allow_nan=False)


def test_accuracy_of_independent_objects_has_wilson_s_interval(table, columns):
    predictions = table(columns(100))
    document = evaluate(predictions, resamples=100)
    hits = int((predictions.labels == predictions.predicted).sum())
    entry = document["metrics"]["accuracy"]
    assert (entry["low"], entry["high"]) == wilson(hits, 100)
    assert entry["method"] == "wilson"
    grouped = table(columns(100, group=[f"g{k // 2}" for k in range(100)]))
    document = evaluate(grouped, resamples=100)
    assert document["groups"] == 50
    assert document["metrics"]["accuracy"]["method"] == "bca"


def test_the_same_seed_gives_the_same_bytes_in_any_row_order(table, columns):
    predictions = table(columns(80))
    shuffled = predictions.take(np.random.default_rng(0).permutation(80))
    first = json.dumps(evaluate(predictions, resamples=200, seed=5)["per_class"])
    again = evaluate(shuffled, resamples=200, seed=5)["per_class"]
    other = json.dumps(evaluate(predictions, resamples=200, seed=6)["per_class"])
    assert first != other
    for label, entry in json.loads(first).items():
        assert again[label]["f1"]["low"] == pytest.approx(entry["f1"]["low"], abs=1e-12)
        assert again[label]["auc"]["high"] == pytest.approx(entry["auc"]["high"], abs=1e-12)


def test_unlabelled_rows_are_counted_and_left_out(table, columns):
    part = columns(50)
    labels = part["label"].copy()
    labels[:8] = None
    document = evaluate(table(part | {"label": labels}), resamples=100)
    assert (document["n"], document["unlabelled"]) == (42, 8)
    with pytest.raises(RunError, match="50 rows and no label"):
        evaluate(table(part | {"label": [None] * 50}), resamples=100)


def test_perfect_and_absent_classes_give_null_not_nan(table, columns):
    part = columns(60, skill=50.0)
    rows = np.flatnonzero(part["label"] != "star")
    part["probabilities"] = part["probabilities"][rows]
    part["object_id"] = [part["object_id"][k] for k in rows]
    document = evaluate(table(part | {"label": part["label"][rows]}), resamples=100)
    assert document["metrics"]["macro_auc"]["value"] == 1.0
    assert document["metrics"]["macro_auc"]["low"] is None
    assert document["metrics"]["accuracy"]["low"] < 1.0  # Wilson knows that n is small
    assert document["per_class"]["star"]["auc"]["value"] is None
    assert document["per_class"]["star"]["support"] == 0
    assert any("star" in note for note in document["notes"])
    json.dumps(document, allow_nan=False)


def test_folds_are_pooled_and_said_so(table, columns):
    predictions = table(columns(60, fold=[str(k % 3) for k in range(60)]), simulated=True)
    document = evaluate(predictions, resamples=100)
    assert document["n"] == 60
    assert any("3 folds" in note for note in document["notes"])
    assert any("simulated" in note for note in document["notes"])


def test_what_limits_the_numbers_is_noted(table, columns):
    assert evaluate(table(columns(300)), resamples=100)["notes"] == []
    notes = evaluate(table(columns(30)), resamples=100)["notes"]
    assert notes[0].startswith("30 groups")
    assert any(note.startswith("class star has") for note in notes)


@pytest.mark.parametrize("task, said", [("galaxy4", True), ("sgq3", False)])
def test_a_score_of_galaxy4_stands_beside_the_ceiling_of_its_labels(table, columns, task, said):
    """Trap E3: in the document, and in those of several runs together."""
    parts = [table(columns(60, seed=seed), task=task) for seed in (0, 1)]
    documents = [
        evaluate(parts[0], resamples=100),
        compare([("a", parts[0]), ("b", parts[1])], resamples=100),
        compare_seeds({"a": parts}, resamples=100),
    ]
    for document in documents:
        notes = [note for note in document["notes"] if note.startswith("label ceiling")]
        assert bool(notes) == said
        assert all("98.3 %" in note and "2,478" in note and "0.90" in note for note in notes)
