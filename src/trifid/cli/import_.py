"""trifid import: what `trifid export` or a neighbour wrote, as a store."""

from pathlib import Path
from typing import Annotated

import typer


def import_path(
    path: Annotated[
        Path,
        typer.Argument(help="Parquet file, HATS or Multimodal Universe folder, HiSS-Cube cube."),
    ],
    out: Annotated[Path, typer.Option(help="The store.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Make a store of spectra and images in another format; flat tables go to `trifid ingest`."""
    import json
    from dataclasses import asdict

    from trifid.cli.tables import plain_console, printable
    from trifid.exchange.run import import_store

    done = import_store(path, out)
    if as_json:
        typer.echo(json.dumps(asdict(done) | {"out": str(out)}, allow_nan=False))
        return
    ignored = f"; not stored: {', '.join(done.ignored)}" if done.ignored else ""
    said = f"{out}: {done.rows} rows from {done.format}{ignored}"
    plain_console().print(printable(said), soft_wrap=True)
