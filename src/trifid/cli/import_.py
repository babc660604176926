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

    from trifid.cli.tables import plain_console, printable
    from trifid.exchange.run import import_store

    rows = import_store(path, out)
    if as_json:
        typer.echo(json.dumps({"rows": rows, "out": str(out)}, allow_nan=False))
        return
    plain_console().print(printable(f"{out}: {rows} rows"), soft_wrap=True)
