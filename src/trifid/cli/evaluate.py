"""trifid evaluate: the numbers of a run, with n and 95 % intervals."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from trifid.errors import RunError

_PER_CLASS = ("precision", "recall", "f1", "auc")
_PER_SUBSET = ("accuracy", "macro_f1", "macro_auc")


def evaluate(
    run: Annotated[Path, typer.Argument(help="Run folder written by trifid train.")],
    data: Annotated[
        Path | None, typer.Option(help="Judge the run's model on this store instead.")
    ] = None,
    fold: Annotated[
        str, typer.Option(help="Fold to judge; test of a k-fold run pools all folds.")
    ] = "test",
    resamples: Annotated[int, typer.Option(min=100, help="Bootstrap resamples.")] = 2000,
    stress: Annotated[
        bool,
        typer.Option(
            "--stress",
            help="Also judge the test rows with each input permuted, and with redshifts off.",
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Judge a run's predictions: metrics with intervals, classes, confusion, modalities."""
    from trifid.evaluation.run import document_of, document_of_store

    if stress and data is not None:
        raise RunError("--stress takes the run's own test rows: leave out --data")
    if data is None:
        document = document_of(run, fold=fold, resamples=resamples)
        if stress:
            from trifid.evaluation.stress import stress as stressed

            document["stress"] = stressed(run, resamples=resamples)
    else:
        document = document_of_store(run, data, fold=fold, resamples=resamples)
    if as_json:
        typer.echo(json.dumps(document, allow_nan=False))
        return
    _print(document, run)


def _print(document: dict[str, Any], run: Path) -> None:
    from trifid.cli.numbers import print_numbers
    from trifid.cli.tables import plain_console, printable

    console = plain_console()
    console.print(
        printable(
            f"{run}: task {document['task']}, fold {document['fold']}, inputs {document['subset']}"
        )
    )
    console.print(
        f"n = {document['n']} objects in {document['groups']} groups, "
        f"{document['unlabelled']} unlabelled left out; 95 % intervals"
    )
    if document["kind"] == "regression":
        print_numbers(document)
    else:
        _print_classes(document)
    _print_utilisation(document["utilisation"])
    _print_domain(document.get("domain", []))
    if "stress" in document:
        _print_stress(document["stress"])
    for note in document["notes"]:
        console.print(printable(f"Note: {note}."))


def _print_utilisation(rates: dict[str, dict[str, Any]]) -> None:
    from trifid.cli.tables import plain_console, print_table
    from trifid.evaluation.text import interval_text

    rows = [
        (name, str(entry["n"]), metric, interval_text(entry))
        for metric, inputs in rates.items()
        for name, entry in inputs.items()
    ]
    if rows:
        head = ("input", "n", "metric", "share lost without it (interval)")
        print_table(plain_console(), "Utilisation", head, rows)


def _print_domain(areas: list[dict[str, Any]]) -> None:
    from trifid.cli.tables import plain_console, print_table
    from trifid.evaluation.text import interval_text

    rows = [
        (
            entry["instrument"],
            "yes" if entry["seen"] else "no",
            str(entry["n"]),
            str(entry["n_test"]),
            interval_text(entry["area"]),
        )
        for entry in areas
    ]
    if rows:
        head = ("instrument", "in training", "n", "test rows", "ROC area (interval)")
        print_table(plain_console(), "Unlike the training data", head, rows)


def _print_stress(board: dict[str, Any]) -> None:
    from trifid.cli.tables import plain_console, print_table
    from trifid.evaluation.text import interval_text, p_text

    shown = _PER_SUBSET[:2] if board["kind"] == "classification" else list(board["best"])
    rows = [
        (entry["a"], entry["metric"], interval_text(entry), p_text(entry["p_adjusted"]))
        for entry in board["differences"]
        if entry["metric"] in shown
    ]
    head = ("made wrong", "metric", "change (interval)", "adjusted p")
    print_table(plain_console(), "Stress, test rows, against as it is", head, rows)
    if curves := board.get("random_weights"):
        head = ("windows of", "n", "rank correlation with the untrained network (interval)")
        rows = [(name, str(entry["n"]), interval_text(entry)) for name, entry in curves.items()]
        print_table(plain_console(), "Random weights", head, rows)


def _print_classes(document: dict[str, Any]) -> None:
    from trifid.cli.numbers import print_worst_slices
    from trifid.cli.tables import plain_console, print_table
    from trifid.cli.trust import trust_rows

    console = plain_console()
    print_table(console, "Metrics", ("metric", "value (interval)"), _metric_rows(document))
    print_table(console, "Classes", ("class", "n", *_PER_CLASS), _class_rows(document))
    classes = document["confusion"]["classes"]
    counts = zip(classes, document["confusion"]["counts"], strict=True)
    print_table(
        console,
        "Confusion (rows: label, columns: predicted)",
        ("", *classes),
        ((name, *map(str, row)) for name, row in counts),
    )
    print_table(console, "Inputs", ("inputs", "n", *_PER_SUBSET), _subset_rows(document))
    if document["trust"]:
        print_table(
            console, "Trust", ("fitted on valid, judged here", "value"), trust_rows(document)
        )
    print_worst_slices(document)


def _metric_rows(document: dict[str, Any]) -> list[tuple[str, str]]:
    from trifid.evaluation.text import interval_text

    entries = {**document["metrics"], "ece": document["calibration"]["ece"]}
    return [(name, interval_text(entry)) for name, entry in entries.items()]


def _class_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    from trifid.evaluation.text import interval_text

    return [
        (name, str(entry["support"]), *(interval_text(entry[column]) for column in _PER_CLASS))
        for name, entry in document["per_class"].items()
    ]


def _subset_rows(document: dict[str, Any]) -> list[tuple[str, ...]]:
    from trifid.evaluation.text import interval_text

    return [
        (
            subset,
            str(document["subset_n"][subset]),
            *(interval_text(metrics[column]) for column in _PER_SUBSET),
        )
        for subset, metrics in document["subsets"].items()
    ]
