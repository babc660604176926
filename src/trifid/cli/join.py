"""trifid join: columns of a table into a copy of a store."""

from pathlib import Path
from typing import Annotated

import typer


def join(
    store: Annotated[Path, typer.Argument(help="Folder of the store.")],
    table: Annotated[
        Path, typer.Argument(help="FITS, CSV, Parquet or VOTable with a column object_id.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new store.")],
    column: Annotated[
        list[str], typer.Option(help="Column to add, NAME or NAME=NAME_IN_STORE; repeatable.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Copy a store with further columns, e.g. redshifts that another run predicted."""
    import json

    from trifid.ingest.join import join as run

    pairs = (text.partition("=") for text in column)
    found = run(store, table, out, {old: new or old for old, _, new in pairs})
    if as_json:
        typer.echo(json.dumps(found))
    else:
        typer.echo(f"{out}: {found['joined']} of {found['rows']} rows have the new columns")
