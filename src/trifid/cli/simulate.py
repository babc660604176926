"""`trifid simulate`: writes a store of simulated observations."""

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    task: Annotated[str, typer.Argument(help="The task the sky is for: galaxy4.")],
    out: Annotated[Path, typer.Option(help="Folder of the new store.")],
    objects: Annotated[int, typer.Option(help="Rows, repeat observations included.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes; the bytes do not depend on them.")] = 1,
    size: Annotated[int, typer.Option(help="Pixels on a side of an image.")] = 64,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on stdout.")
    ] = False,
) -> None:
    """Simulate a sky of known truth: image, spectrum and catalogue row of each object."""
    import json

    from rich.console import Console

    from trifid.simulate import simulate as run

    run(task, objects, out, seed=seed, workers=workers, size=size)
    if as_json:
        document = {"store": str(out), "task": task, "rows": objects, "seed": seed}
        typer.echo(json.dumps(document, allow_nan=False))
    else:
        Console(markup=False, highlight=False).print(
            f"{objects} simulated rows of {task} in {out} (seed {seed})", soft_wrap=True
        )
