"""trifid compare: paired statistics of two or more runs on the objects they share."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

_METRICS = ("accuracy", "macro_f1", "macro_auc", "log_loss")
_DIFFERENCE = ("a - b", "metric", "difference", "p", "adjusted", "test", "shown")


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Two or more run folders.")],
    fold: Annotated[
        str, typer.Option(help="Fold to compare on; test of a k-fold run pools all folds.")
    ] = "test",
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 2000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Compare runs on the same objects: differences with intervals, adjusted p and cost."""
    from trifid.evaluation.compare import compare as compare_runs
    from trifid.evaluation.cost import run_cost
    from trifid.evaluation.predictions import read_predictions

    names = _names(runs)
    tables = [
        (name, read_predictions(run / "predictions.parquet"))
        for name, run in zip(names, runs, strict=True)
    ]
    costs = {name: run_cost(run) for name, run in zip(names, runs, strict=True)}
    document = compare_runs(tables, costs=costs, fold=fold, resamples=resamples)
    if as_json:
        typer.echo(json.dumps(document, allow_nan=False))
        return
    _print(document)


def _names(runs: list[Path]) -> list[str]:
    """Folder names, or whole paths where two folders have one name."""
    short = [run.resolve().name for run in runs]
    return short if len(set(short)) == len(short) else [str(run) for run in runs]


def _print(document: dict[str, Any]) -> None:
    from trifid.cli.tables import plain_console, print_table, printable

    console = plain_console()
    console.print(
        f"task {printable(document['task'])}, fold {document['fold']}: {document['n']} objects in "
        f"{document['groups']} groups predicted by every run; 95 % intervals"
    )
    for name, count in document["left_out"].items():
        if count:
            console.print(printable(f"{name}: {count} objects left out, not predicted by all"))
    metrics = _shown(document)
    print_table(console, "Runs", ("run", "inputs", *metrics), _run_rows(document, metrics))
    print_table(console, "Differences", _DIFFERENCE, _difference_rows(document))
    console.print(
        "p adjusted by Holm over the pairs of runs, for each metric. A run is called better only "
        "where the adjusted p is below 0.05 and the interval excludes zero."
    )
    keys = dict.fromkeys(key for line in document["cost"] for key in line)
    print_table(
        console,
        "Cost",
        tuple(keys),
        [[_cell(line.get(key)) for key in keys] for line in document["cost"]],
    )
    for note in document["notes"]:
        console.print(printable(f"Note: {note}."), soft_wrap=True)


def _shown(document: dict[str, Any]) -> tuple[str, ...]:
    """The metrics of a run that fit a line: for numbers the RMSE of every target."""
    if document["kind"] == "classification":
        return _METRICS
    targets = dict.fromkeys(entry["target"] for entry in document["differences"])
    return tuple(f"{target}_rmse" for target in targets)


def _run_rows(document: dict[str, Any], metrics: tuple[str, ...]) -> list[tuple[str, ...]]:
    from trifid.evaluation.text import interval_text

    return [
        (
            run["name"],
            run["subset"],
            *(interval_text(run["metrics"][name]) for name in metrics),
        )
        for run in document["runs"]
    ]


def _difference_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    from trifid.evaluation.text import interval_text, p_text, verdict

    return [
        (
            f"{entry['a']} - {entry['b']}",
            entry["metric"],
            interval_text(entry),
            p_text(entry["p"]),
            p_text(entry["p_adjusted"]),
            entry["test"],
            verdict(entry),
        )
        for entry in document["differences"]
    ]


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else str(value)
