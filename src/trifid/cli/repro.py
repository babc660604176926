"""trifid repro: train a run again and say what came out different."""

from pathlib import Path
from typing import Annotated, Any

import typer


def repro(
    run: Annotated[Path, typer.Argument(help="Finished run folder.")],
    out: Annotated[Path, typer.Option(help="Folder of the new run.")],
    data: Annotated[Path | None, typer.Option(help="The store, if it is not where it was.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Train the recipe of a run again on its store; compare weights, predictions and numbers."""
    import json

    from trifid.cli.tables import plain_console, printable
    from trifid.evaluation.repro import reproduce

    found = reproduce(run, out, data)
    if as_json:
        typer.echo(json.dumps(found, allow_nan=False))
        return
    console = plain_console()
    for line in _lines(found):
        console.print(printable(line), soft_wrap=True)


def _lines(found: dict[str, Any]) -> list[str]:
    same = all(found["bundles"].values())
    lines = ["weights equal to the bit" if same else "weights differ"]
    changed = "" if found["changed"] is None else f", {found['changed']} classes changed"
    largest = f"largest difference {found['largest_difference']:.3g}"
    lines.append(f"{found['rows']} predictions: {largest}{changed}")
    lines += [
        f"{name}: {entry['then']} then, {entry['now']} now"
        for name, entry in found["metrics"].items()
        if entry["then"] != entry["now"]
    ]
    if not found["same_store"]:
        lines.append("the store is not what it was")
    lines += [
        f"environment {key}: {entry['then']} then, {entry['now']} now"
        for key, entry in found["environment"].items()
    ]
    return lines
