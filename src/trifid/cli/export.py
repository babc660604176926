"""trifid export: a store or predictions in the formats of the field."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    import pyarrow as pa

    from trifid.exchange.run import Exported

_PREDICTIONS = "predictions.parquet"


def export(
    source: Annotated[
        Path, typer.Argument(help="A store, a run, or predictions or a catalogue as .parquet.")
    ],
    out: Annotated[Path, typer.Option(help="What to write; it must not exist yet.")],
    form: Annotated[
        str,
        typer.Option(
            "--format", help="parquet, fits, vot, csv, hats, mmu or cube; else by the suffix."
        ),
    ] = "",
    data: Annotated[
        Path | None, typer.Option(help="For predictions: the store that has their positions.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write a store or predictions for other tools, with units, descriptions and credit.

    hats: for LSDB. mmu: as in the Multimodal Universe. cube: for HiSS-Cube. fits, vot and csv hold
    no spectra and images. `trifid import` makes a store of them again.
    """
    import json
    from dataclasses import asdict

    from trifid.exchange.run import export_store, export_table
    from trifid.store.manifest import MANIFEST

    is_run = (source / _PREDICTIONS).exists() and not (source / MANIFEST).exists()
    if source.is_dir() and not is_run:
        done = export_store(source, out, form)
    else:
        done = export_table(_table(source, out, form, data), out, form)
    if as_json:
        typer.echo(json.dumps(asdict(done) | {"out": str(out)}, allow_nan=False))
    else:
        _print(done, out)


def _table(source: Path, out: Path, form: str, data: Path | None) -> "pa.Table":
    """The predictions of a run or file, or any other flat Parquet file."""
    import pyarrow.parquet as pq

    from trifid.errors import InputError
    from trifid.evaluation.predictions import read_predictions
    from trifid.exchange.answers import described, with_positions
    from trifid.exchange.credit import data_credit
    from trifid.exchange.parquet import read_kind
    from trifid.exchange.run import format_of
    from trifid.store.read import Store

    path = source / _PREDICTIONS if source.is_dir() else source
    if not path.is_file():
        raise InputError(f"{path} does not exist: give a store, a run or a Parquet file")
    kind = read_kind(path)
    if nested := [field.name for field in kind if field.type.num_fields]:
        raise InputError(
            f"{path}: column {nested[0]!r:.60} is no flat column; "
            "`trifid import` makes a store of a store's Parquet file"
        )
    store = None if data is None else Store.open(data)
    credit = {} if store is None else data_credit(store.manifest.provenance)
    if {b"classes", b"targets"} & set(kind.metadata or {}):
        found = read_predictions(path)
        plain = format_of(out, form) != "parquet"
        table = described(found.table, credit | found.metadata, plain=plain)
    else:
        table = pq.read_table(path)
        given = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        table = table.replace_schema_metadata(credit | given)
    return table if store is None else with_positions(table, store)


def _print(done: "Exported", out: Path) -> None:
    from trifid.cli.tables import plain_console, printable

    said = f"{done.rows} rows to {out} as {done.format}"
    if done.targets is not None:
        said += f", {done.targets} targets"
    if done.left_out:
        said += f"; {done.left_out} left out: they have no position"
    if done.without:
        said += f"; not in this format: {', '.join(done.without)}"
    plain_console().print(printable(said), soft_wrap=True)
