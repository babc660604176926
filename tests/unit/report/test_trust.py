from dataclasses import replace

import numpy as np
import pytest

from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.predictions import PredictionsWriter, read_predictions
from trifid.evaluation.slices import slices
from trifid.report.trust import risk_curve, slice_table, trust_tables

CLASSES = ("a", "b", "c")


@pytest.fixture(scope="module")
def predictions(tmp_path_factory):
    rng, rows = np.random.default_rng(0), 800
    labels = rng.integers(0, 3, rows)
    scores = rng.normal(size=(rows, 3)) + 2.0 * np.eye(3)[labels]
    path = tmp_path_factory.mktemp("trust") / "predictions.parquet"
    with PredictionsWriter(path, classes=CLASSES, metadata={"task": "t", "model": "m"}) as writer:
        writer.add(
            {
                "object_id": [f"o{k}" for k in range(rows)],
                "fold": ["valid" if k < 400 else "test" for k in range(rows)],
                "subset": "table",
                "label": np.array(CLASSES, dtype=object)[labels],
                "probabilities": np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True),
                "seed": 1,
                "run": "r",
            }
        )
    return read_predictions(path)


def test_three_tables_say_what_was_fitted_and_judged(predictions):
    document = evaluate(predictions, resamples=100)
    maps, sets, abstention = trust_tables(document)
    assert [row[0] for row in maps.rows] == ["As predicted", "Temperature", "Vector", "Dirichlet"]
    assert "400 validation objects, judged on 400" in maps.note
    assert len(sets.rows) == 4 and "wanted 90" in sets.head[1]
    covered = float(sets.rows[0][1].text)
    assert covered == pytest.approx(0.9, abs=0.06)
    assert len(abstention.rows) == 2
    assert trust_tables({}) == [] and slice_table({}) is None


def test_shares_of_resampled_training_are_shown(predictions):
    known = predictions.metadata | {"trained_shares": {"a": 0.2, "b": 0.3, "c": 0.5}}
    document = evaluate(replace(predictions, metadata=known), resamples=100)
    maps, shares, *_ = trust_tables(document)
    assert [row[0] for row in maps.rows][-1] == "Prior"
    assert shares.rows[0] == ("As trained", "0.20", "0.30", "0.50") and len(shares.rows) == 3


def test_slices_of_numbers_are_shown_by_their_error():
    entry = {"column": "mass by sn_median", "slice": "2 to 5", "n": 40, "worse": True,
             "ratio": {"value": 2.0, "low": 1.5, "high": 2.6, "method": "bca"}}  # fmt: skip
    table = slice_table({"slices": [entry]})
    assert table is not None and table.head[2] == "RMSE over that of all"
    assert table.rows[0][2].text == "2.000" and table.rows[0][3] == "worse"


def test_the_worst_slices_come_first_and_are_marked(predictions):
    judged = predictions.select(fold="test").labelled()
    wrong = np.where(judged.predicted == judged.labels, "bright", "faint").astype(object)
    table = slice_table({"slices": slices(predictions, {"light": wrong})})
    assert table is not None
    assert table.rows[0][0] == "light: faint" and table.rows[0][3] == "worse"
    assert table.rows[-1][3] == ""


def test_the_curve_says_how_many_of_the_surer_half_are_wrong(predictions):
    drawn = risk_curve(predictions.select(fold="test").labelled())
    assert "Of the surer half" in drawn.caption and "<svg" in drawn.image
