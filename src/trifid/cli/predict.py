"""trifid predict: a catalogue of classes or numbers for every row of a store."""

from pathlib import Path
from typing import Annotated

import typer


def predict(
    run: Annotated[Path, typer.Argument(help="Run folder or bundle.")],
    data: Annotated[Path, typer.Option(help="The store to predict.")],
    out: Annotated[Path, typer.Option(help="Catalogue: .parquet, .fits, .vot or .csv.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Predict every row of a store; labels are never read."""
    import json

    from trifid.cli.tables import plain_console, printable
    from trifid.inference.catalogue import predict_catalogue

    document = predict_catalogue(run, data, out)
    if as_json:
        typer.echo(json.dumps(document, allow_nan=False))
        return
    plain_console().print(
        printable(
            f"{document['rows']} rows to {out}: {document['without_input']} without usable input, "
            f"{document['out_of_domain']} unlike the training data"
        ),
        soft_wrap=True,
    )
