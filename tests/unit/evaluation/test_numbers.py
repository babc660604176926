"""Predicted numbers, from the table to documents, commands and the page."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from typer.testing import CliRunner

from trifid.cli.compare import compare as compare_verb
from trifid.cli.evaluate import evaluate as evaluate_verb
from trifid.errors import RunError
from trifid.evaluation.compare import compare
from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.predictions import PredictionsWriter, pool_folds, read_predictions
from trifid.evaluation.seeds import compare_seeds
from trifid.report import report_html

TARGETS = ("redshift", "low", "high")
METADATA = {
    "task": "zsfr",
    "model": "small",
    "about": {"redshift": {"unit": "", "kind": "redshift", "outliers": [0.15]}, "low": {}},
    "ordered": ["low", "high"],
    "train_mean": {"redshift": 0.5, "low": 0.0, "high": 2.5},
}


def columns_of(n=120, *, noise=0.1, seed=0, spread=0.1, subset="image+spectrum", **others):
    """Truth depends on `n` alone; every tenth redshift is unlabelled."""
    truth = np.random.default_rng(9).uniform(0, 1, (n, 3)) + np.array([0, 0, 2])
    labels = truth.copy()
    labels[::10, 0] = np.nan
    means = truth + np.random.default_rng(seed).normal(0, noise, (n, 3))
    sds = None if spread is None else np.full((n, 3), spread)
    columns = {
        "object_id": [f"sdss-1-2-{k:04d}" for k in range(n)],
        "fold": "test",
        "subset": subset,
        "labels": labels,
        "means": means,
        "sds": sds,
        "seed": 1,
        "run": "run",
    }
    return columns | others


@pytest.fixture
def write(tmp_path):
    def write_parts(*parts, name="predictions.parquet", **metadata):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with PredictionsWriter(path, targets=TARGETS, metadata=METADATA | metadata) as writer:
            for part in parts:
                writer.add(part)
        return path

    return write_parts


def test_the_table_holds_labels_means_and_gaussian_quantiles(write):
    table = pq.read_table(write(columns_of(30)))
    assert table["label_redshift"].null_count == 3 and table["label_low"].null_count == 0
    middle, low, high = (table[f"low_{part}"].to_numpy() for part in ("mean", "q05", "q95"))
    np.testing.assert_allclose(high - middle, 0.1 * 1.6448536, rtol=1e-5)
    np.testing.assert_allclose(middle - low, 0.1 * 1.6448536, rtol=1e-5)
    predictions = read_predictions(write(columns_of(30, spread=None)))
    assert predictions.targets == TARGETS and predictions.classes == ()
    assert predictions.numbers("low").sd is None
    assert len(predictions.labelled("redshift")) == 27


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.drop_columns(["low_sd"]), "no column low_sd"),
        (lambda t: t.append_column("label_mass", pa.array([0.0] * 5)), "label_mass belongs to"),
        (lambda t: put(t, "low_mean", [0, 1, np.nan, 0, 0]), "'low_mean' is nan for object"),
        (lambda t: put(t, "low_mean", [0, 1, None, 0, 0]), "'low_mean' has 1 null"),
        (lambda t: put(t, "label_low", [0, np.inf, None, 0, 0]), "'label_low' is inf"),
        (lambda t: put(t, "low_sd", [1, 1, 0, 1, 1]), "'low_sd' is 0 for object"),
        (lambda t: put(t, "low_sd", [1, 1, None, 1, 1]), "low has a spread .* on some rows"),
        (lambda t: put(t, "low_q05", [9] * 5), "a quantile of low is 9"),
        (lambda t: t.replace_schema_metadata({"kind": '"regression"'}), "'targets' is None"),
        (lambda t: pa.concat_tables([t, t]), "2 rows for object_id"),
    ],
)
def test_foreign_tables_are_checked(write, change, message):
    path = write(columns_of(5))
    pq.write_table(change(pq.read_table(path)), path)
    with pytest.raises(RunError, match=message):
        read_predictions(path)


def put(table, name, values):
    place = table.column_names.index(name)
    return table.set_column(place, table.field(name), pa.array(values, table.field(name).type))


def test_the_document_of_a_regression(write):
    parts = [columns_of(120), columns_of(120, noise=0.3, subset="image")]
    document = evaluate(read_predictions(write(*parts)), resamples=200)
    json.dumps(document, allow_nan=False)
    assert (document["kind"], document["n"], document["unlabelled"]) == ("regression", 120, 0)
    redshift = document["targets"]["redshift"]
    assert (redshift["n"], redshift["unlabelled"]) == (108, 12)
    rmse = document["metrics"]["low_rmse"]
    assert rmse["low"] < rmse["value"] < rmse["high"] and abs(rmse["value"] - 0.1) < 0.02
    assert document["subsets"]["image"]["low_rmse"]["value"] > 2 * rmse["value"]
    assert abs(redshift["metrics"]["coverage_68"]["value"] - 0.68) < 0.12
    assert sum(redshift["pit"]["counts"]) == 108
    assert redshift["baselines"]["training_mean"]["rmse"] > 0.2
    assert document["crossings"]["crossed"] == 0 and document["crossings"]["rows"] == 120
    assert {"outliers_0.15", "nmad_1z", "velocity"} <= set(redshift["metrics"])


def test_crossed_quantiles_are_counted(write):
    part = columns_of(50, noise=0.0)
    part["means"][:7, 1] = 9.0
    found = evaluate(read_predictions(write(part)), resamples=100)["crossings"]
    assert (found["crossed"], found["rows"]) == (7, 50) and found["share"]["value"] == 0.14


def test_without_a_spread_there_is_no_coverage(write):
    document = evaluate(read_predictions(write(columns_of(60, spread=None))), resamples=100)
    metrics = document["targets"]["low"]["metrics"]
    assert "coverage_68" not in metrics and document["targets"]["low"]["pit"] is None
    assert metrics["crps"]["value"] == metrics["mae"]["value"]
    assert "no spread" in " ".join(document["notes"])


def test_paired_comparison_names_the_better_run(write):
    good, bad = (
        read_predictions(write(columns_of(150, noise=n, seed=k), name=f"{k}/p.parquet"))
        for k, n in enumerate((0.1, 0.3))
    )
    document = compare([("good", good), ("bad", bad)], resamples=200)
    found = {entry["metric"]: entry for entry in document["differences"]}
    assert found["low_rmse"]["better"] == found["low_r2"]["better"] == "good"
    assert found["low_rmse"]["value"] < 0 < found["low_r2"]["value"]
    assert document["runs"][0]["metrics"]["high_rmse"]["value"] < 0.2
    same = compare([("good", good), ("again", good)], resamples=100)
    assert all(entry["better"] is None for entry in same["differences"])


def test_numbers_and_classes_are_not_compared(write, tmp_path):
    path = tmp_path / "classes.parquet"
    with PredictionsWriter(path, classes=("a", "b"), metadata={"task": "zsfr"}):
        pass
    tables = [("n", read_predictions(write(columns_of(9)))), ("c", read_predictions(path))]
    with pytest.raises(RunError, match="kind"):
        compare(tables)


def test_folds_are_pooled(write, tmp_path):
    parts = [
        write(columns_of(20, object_id=[f"o{k}-{i}" for i in range(20)]), name=f"{k}/p.parquet")
        for k in range(2)
    ]
    pooled = read_predictions(pool_folds(parts, tmp_path / "all.parquet"))
    assert len(pooled) == 40 and pooled.folds == ("0", "1") and pooled.targets == TARGETS
    assert evaluate(pooled, resamples=100)["n"] == 40


def test_the_verbs_print_tables_and_documents_and_the_page_is_written(write):
    app = typer.Typer()
    app.command("evaluate")(evaluate_verb)
    app.command("compare")(compare_verb)
    runs = [
        write(columns_of(60, seed=k), name=f"run-{k}/predictions.parquet").parent for k in range(2)
    ]
    shown = CliRunner().invoke(app, ["evaluate", str(runs[0]), "--resamples", "100"])
    assert shown.exit_code == 0, shown.output
    for text in ("redshift", "coverage_68", "0 of 60 rows", "Note: 60 groups"):
        assert text in shown.output
    shown = CliRunner().invoke(app, ["compare", *map(str, runs), "--resamples", "100"])
    assert shown.exit_code == 0, shown.output
    assert "low_rmse" in shown.output and "no difference shown" in shown.output
    document = evaluate(read_predictions(runs[0] / "predictions.parquet"), resamples=100)
    (runs[0] / "metrics.json").write_text(json.dumps(document))
    page = report_html(runs[0]).read_text()
    for text in (
        "By target",
        "Residuals of redshift",
        "PIT of low",
        "Quantiles in the wrong order",
    ):
        assert text in page


def test_several_seeds_are_judged_target_by_target(write):
    def seeds(noise, numbers):
        return [
            read_predictions(write(columns_of(120, noise=noise, seed=k), name=f"{k}.parquet"))
            for k in numbers
        ]

    runs = {"close": seeds(0.1, (1, 2)), "far": seeds(0.3, (3,))}
    found = compare_seeds(runs, resamples=200)
    assert found["targets"] == {"redshift": 108, "low": 120, "high": 120}
    close, far = found["models"]
    each = [evaluate(part, resamples=100)["metrics"]["low_rmse"]["value"] for part in runs["close"]]
    assert close["metrics"]["low_rmse"]["seeds"] == pytest.approx(each)
    assert close["metrics"]["low_rmse"]["value"] == pytest.approx(np.mean(each))
    assert close["crossed"] == far["crossed"] == 0.0
    gaps = {entry["metric"]: entry for entry in found["differences"]}
    assert gaps["low_rmse"]["better"] == "close" and gaps["low_rmse"]["value"] > 0.15
    assert gaps["redshift_r2"]["better"] == "close" and gaps["redshift_r2"]["value"] < 0
