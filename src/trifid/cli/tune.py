"""trifid tune: a search for the settings of recipes."""

import json
from pathlib import Path
from typing import Annotated

import typer


def tune(
    recipes: Annotated[list[str], typer.Argument(help="Names of recipes, or recipe.toml files.")],
    data: Annotated[Path, typer.Option(help="The store to learn from; test parts are not read.")],
    out: Annotated[Path, typer.Option(help="The folder of the search.")],
    trials: Annotated[
        int, typer.Option(min=1, help="Trials a recipe; the first is the recipe as given.")
    ] = 20,
    space: Annotated[
        Path | None, typer.Option(help="TOML file of fields and ranges; built in by default.")
    ] = None,
    metric: Annotated[
        str, typer.Option(help="Validation score: macro_f1, accuracy, loss, rmse or crps.")
    ] = "default",
    seed: Annotated[int, typer.Option(min=0, help="Of the search.")] = 0,
    folds: Annotated[
        int, typer.Option(min=0, help="Cross-validate within the train and valid parts.")
    ] = 0,
    prune: Annotated[bool, typer.Option(help="End trials early that are below the median.")] = True,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one field of every recipe first; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with a search that was stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Tune recipes on training and validation rows, each with the same number of trials."""
    from trifid.bench.tune import tune as search
    from trifid.bench.tune_space import read_space
    from trifid.cli.recipes import find_recipe
    from trifid.cli.tables import plain_console, print_table, printable

    document = search(
        [find_recipe(name).edited(set_ or []) for name in recipes],
        data,
        out,
        trials=trials,
        space=read_space(space) if space else None,
        metric=metric,
        seed=seed,
        folds=folds,
        prune=prune,
        resume=resume,
        tell=lambda text: typer.echo(printable(text), err=True),
    )
    if as_json:
        typer.echo(json.dumps(document, allow_nan=False))
        return
    console = plain_console()
    rows = [
        (
            entry["recipe"],
            "-" if entry["as_given"] is None else f"{entry['as_given']:.4f}",
            f"{entry['best']['score']:.4f}",
            ", ".join(entry["best"]["set"]) or "as given",
        )
        for entry in document["recipes"]
    ]
    title = f"{document['metric']} of validation rows, {document['trials']} trials a recipe"
    print_table(console, title, ("recipe", "as given", "best", "settings"), rows)
    console.print(document["note"])
    console.print(printable(f"best recipe: {out / 'best.toml'} ({document['best']})"))
