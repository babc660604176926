"""trifid evaluate and trifid compare, run as a user runs them."""

import json

import pytest
import typer
from typer.testing import CliRunner

from trifid.cli.compare import compare
from trifid.cli.evaluate import evaluate
from trifid.errors import RunError

HOSTILE = "[red]nova[/red] :smile: \x1b[31m"


@pytest.fixture
def call():
    app = typer.Typer()
    app.command()(evaluate)
    app.command()(compare)

    def run(*words):
        return CliRunner().invoke(app, [str(word) for word in words])

    return run


def test_evaluate_prints_tables_or_one_document(call, write, columns):
    parts = (columns(60), columns(60, subset="image"), columns(60, subset="spectrum"))
    run = write(*parts, name="fused/predictions.parquet").parent
    shown = call("evaluate", run, "--resamples", 100)
    assert shown.exit_code == 0, shown.output
    for text in (
        "n = 60 objects in 60 groups",
        "macro_f1",
        "quasar",
        "image+spectrum",
        "Utilisation",
        "Note: 60",
    ):
        assert text in shown.output
    document = json.loads(call("evaluate", run, "--resamples", 100, "--json").stdout)
    assert {"n", "metrics", "per_class", "confusion", "subsets"} <= set(document)


def test_compare_says_when_nothing_is_shown(call, write, columns):
    runs = [
        write(columns(80, seed=k), name=f"run-{k}/predictions.parquet").parent for k in range(2)
    ]
    (runs[0] / "cost.json").write_text(json.dumps({"parameters": 415_490, "device": "cpu"}))
    shown = call("compare", *runs, "--resamples", 100)
    assert shown.exit_code == 0, shown.output
    assert "no difference shown" in shown.output
    assert "415,490" in shown.output
    assert "better only" in shown.output
    document = json.loads(call("compare", *runs, "--resamples", 100, "--json").stdout)
    assert {"runs", "differences", "cost"} <= set(document)
    assert [run["name"] for run in document["runs"]] == ["run-0", "run-1"]


def test_runs_of_one_name_go_by_their_paths(call, write, columns):
    runs = [write(columns(20, seed=k), name=f"{k}/r/predictions.parquet").parent for k in range(2)]
    document = json.loads(call("compare", *runs, "--resamples", 100, "--json").stdout)
    assert [run["name"] for run in document["runs"]] == [str(run) for run in runs]


def test_names_from_files_are_shown_and_not_obeyed(call, write, columns):
    labels = columns(30)["label"]
    labels[labels == "star"] = HOSTILE
    path = write(
        columns(30) | {"label": labels},
        classes=("galaxy", "quasar", HOSTILE),
        name="hostile/predictions.parquet",
        task=HOSTILE,
    )
    shown = call("evaluate", path.parent, "--resamples", 100)
    assert shown.exit_code == 0, shown.output
    assert "[red]nova[/red] :smile: ?[31m" in shown.output
    assert "\x1b" not in shown.output
    runs = [path.parent, path.parent]
    assert isinstance(call("compare", *runs).exception, RunError)  # one name twice


def test_missing_runs_and_bundles_are_user_errors(call, tmp_path):
    missing = call("evaluate", tmp_path / "none").exception
    assert isinstance(missing, RunError)
    assert "no such file" in str(missing)
    no_bundle = call("evaluate", tmp_path, "--data", tmp_path / "sky").exception
    assert isinstance(no_bundle, RunError)
    assert "in one of the folds" in str(no_bundle)
