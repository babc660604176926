"""trifid demo: the main job on a simulated sky, from nothing to a report."""

from pathlib import Path
from typing import Annotated, Any

import typer

RECIPES = ("galaxy4_image", "galaxy4_spectrum", "galaxy4_table", "galaxy4")


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the sky and the four runs.")] = Path("demo"),
    objects: Annotated[int, typer.Option(min=200, help="Simulated rows.")] = 2000,
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of each network.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the sky.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Simulate a sky, train GCSNet on image, spectrum, table and all three, and compare them.

    Run again, it goes on where it stopped.
    """
    import json

    from trifid.cli.tables import plain_console, print_table, printable
    from trifid.evaluation.compare import compare
    from trifid.evaluation.cost import run_cost
    from trifid.evaluation.predictions import read_predictions
    from trifid.evaluation.text import interval_text, p_text, verdict

    sky = _sky(out, objects, seed)
    runs: dict[str, dict[str, Any]] = {}
    for name in RECIPES:
        typer.echo(f"training {name} for {epochs} epochs", err=True)
        runs[name] = _run(name, sky, out / name, epochs)
    costs = {name: run_cost(out / name) for name in RECIPES}
    page = _report(out / "galaxy4", sky)
    tables = [(name, read_predictions(out / name / "predictions.parquet")) for name in RECIPES]
    comparison = compare(tables, costs=costs)
    if as_json:
        document = {"store": str(sky), "runs": runs, "comparison": comparison, "report": str(page)}
        typer.echo(json.dumps(document, allow_nan=False))
        return
    console = plain_console()
    n = runs["galaxy4"]["n"]
    rows = [_row(runs[name], costs[name], interval_text) for name in RECIPES]
    title = f"GCSNet on a SIMULATED sky, {n} test objects on plates not trained on, 95 % intervals"
    headings = ("inputs", "accuracy", "macro F1", "parameters", "training", "rows/s")
    print_table(console, title, headings, rows)
    for difference in comparison["differences"]:
        if difference["metric"] == "macro_f1" and "galaxy4" in (difference["a"], difference["b"]):
            console.print(
                printable(
                    f"{difference['a']} - {difference['b']}: macro F1 "
                    f"{interval_text(difference)}, adjusted p {p_text(difference['p_adjusted'])}: "
                    f"{verdict(difference)}"
                )
            )
    for note in comparison["notes"]:
        console.print(printable(f"Note: {note}."), soft_wrap=True)
    console.print(printable(f"report: {page.resolve()}"), soft_wrap=True)


def _sky(out: Path, objects: int, seed: int) -> Path:
    import os

    from trifid.errors import RunError
    from trifid.simulate import simulate
    from trifid.store.read import Store

    sky = out / "sky"
    if not (sky / "manifest.json").is_file():
        typer.echo(f"simulating {objects} galaxies", err=True)
        simulate("galaxy4", objects, sky, seed=seed, workers=os.cpu_count() or 1)
    if (found := len(Store.open(sky))) != objects:
        raise RunError(f"{sky} holds {found} rows, not {objects}: choose another --out")
    return sky


def _run(name: str, sky: Path, out: Path, epochs: int) -> dict[str, Any]:
    from trifid.cli.recipes import find_recipe
    from trifid.evaluation.run import judge
    from trifid.training.run import train

    recipe = find_recipe(name).edited([f"training.epochs={epochs}"])
    return judge(train(recipe, sky, out, resume=True), out)


def _report(run: Path, sky: Path) -> Path:
    from trifid.report import report_html

    return report_html(run, sky)


def _row(document: dict[str, Any], cost: dict[str, Any], text: Any) -> tuple[str, ...]:
    metrics = document["metrics"]
    return (
        document["subset"],
        text(metrics["accuracy"]),
        text(metrics["macro_f1"]),
        f"{cost['parameters']:,}",
        f"{cost['train_seconds']:.0f} s",
        f"{cost['rows_per_second']:.0f}",
    )
