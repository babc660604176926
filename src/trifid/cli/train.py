"""trifid train: a recipe on a store, to a judged and reported run."""

from pathlib import Path
from typing import Annotated, Any

import typer


def train(
    recipe: Annotated[str, typer.Argument(help="Name of a recipe, or a recipe.toml file.")],
    data: Annotated[Path, typer.Option(help="The store to learn from.")],
    out: Annotated[Path, typer.Option(help="The run folder to write.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one field, e.g. training.epochs=5; repeatable."),
    ] = None,
    folds: Annotated[int, typer.Option(min=0, help="k-fold cross-validation, 2 to 20.")] = 0,
    resume: Annotated[bool, typer.Option(help="Go on with a run that was stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train a recipe; writes bundle, predictions, metrics and report into the run folder."""
    import json

    from trifid.cli.recipes import find_recipe
    from trifid.cli.tables import plain_console, printable
    from trifid.evaluation.leakage.audit import audit_store
    from trifid.evaluation.run import judge
    from trifid.report import report_html
    from trifid.training.device import leads
    from trifid.training.run import train as train_run

    found = find_recipe(recipe).edited(set_ or [])
    runs = train_run(found, data, out, folds=folds, resume=resume)
    if not leads():
        return
    for finding in audit_store(data, found):
        if finding.verdict in ("warn", "fail"):
            said = f"audit {finding.verdict}: {finding.check}: {finding.reason}"
            typer.echo(printable(said), err=True)
    document = judge(runs, out)
    page = report_html(out, data)
    if as_json:
        typer.echo(json.dumps({"run": str(out), **document}, allow_nan=False))
        return
    console = plain_console()
    console.print(printable(_headline(document)))
    for note in document["notes"]:
        console.print(printable(f"Note: {note}."), soft_wrap=True)
    console.print(printable(f"run {out}, report {page}"), soft_wrap=True)


def _headline(document: dict[str, Any]) -> str:
    from trifid.cli.numbers import headline
    from trifid.evaluation.text import interval_text

    if document["kind"] == "regression":
        return headline(document)
    metrics = document["metrics"]
    return (
        f"n = {document['n']}: accuracy {interval_text(metrics['accuracy'])}, "
        f"macro F1 {interval_text(metrics['macro_f1'])}"
    )
