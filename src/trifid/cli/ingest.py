"""trifid ingest: survey files and catalogues into a store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trifid.ingest.run import IngestSummary

_SHOWN = 5


def ingest(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="DIR", help="Folder of survey files, one file, or a HATS catalogue."
        ),
    ],
    out: Annotated[Path, typer.Option(help="The store; one that exists is resumed or extended.")],
    catalog: Annotated[
        list[Path] | None,
        typer.Option(
            help="FITS, CSV, Parquet, VOTable, a folder of Parquet files or a HATS catalogue to "
            "join by its keys; may be given several times."
        ),
    ] = None,
    nearby: Annotated[
        list[Path] | None,
        typer.Option(
            help="Catalogue of another survey (AllWISE, GALEX) to join by position; of a HATS "
            "catalogue only what lies near is read; may be given several times."
        ),
    ] = None,
    radius: Annotated[
        float, typer.Option(help="Arcsec within which --nearby is joined; the nearest is taken.")
    ] = 2.0,
    bands: Annotated[str, typer.Option(help="Bands of FITS images, in this order.")] = "ugriz",
    size: Annotated[
        int, typer.Option(help="Pixels on a side: of cutouts, and of pictures after resampling.")
    ] = 64,
    modality: Annotated[
        list[str] | None,
        typer.Option(
            help="Only image, image_hips, image_rgb, spectrum or table; may be given several times."
        ),
    ] = None,
    spectra: Annotated[
        str,
        typer.Option(
            help="rows: each spectrum a row. modalities: those of other surveys within 1 arcsec "
            "of an SDSS spectrum join its row as spectrum_SURVEY."
        ),
    ] = "rows",
    workers: Annotated[int, typer.Option(help="Processes; the bytes do not depend on them.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Read spectra, images and catalogues of the same objects into a store.

    Stopped at any moment, the same command goes on where it was. On a finished store it adds what
    is new. What cannot be stored is listed with its reason; `trifid info` shows it again.
    """
    import json

    from trifid.ingest.run import ingest as run

    summary = run(
        folder,
        out,
        catalogs=catalog or [],
        nearby=nearby or [],
        radius=radius,
        bands=bands,
        size=size,
        modalities=modality or [],
        spectra=spectra,
        workers=workers,
    )
    if as_json:
        from trifid.cli.info import describe
        from trifid.store.read import Store

        now = {"added": summary.added, "resumed": summary.resumed, "notes": list(summary.notes)}
        typer.echo(json.dumps(describe(Store.open(out)) | now, allow_nan=False))
    else:
        _print(summary)


def _print(summary: "IngestSummary") -> None:
    from collections import Counter

    from trifid.cli.tables import plain_console, printable

    console = plain_console()

    def say(text: str) -> None:
        console.print(printable(text), soft_wrap=True)

    for note in summary.notes:
        say(f"note: {note}")
    if summary.added:
        kept = f", {summary.resumed} shards kept from before" if summary.resumed else ""
        say(f"{summary.store}: {summary.rows} rows, {summary.added} of them new{kept}")
    else:
        say(f"{summary.store}: {summary.rows} rows; nothing new")
    listed = [
        item for item in summary.skipped if f"{item.file}: {item.reason}" not in summary.notes
    ]
    for reason, count in Counter(item.reason for item in listed).most_common(_SHOWN):
        first = next(item for item in listed if item.reason == reason)
        say(f"not stored: {count} x {reason} (first: {first.object_id or first.file})")
    if len({item.reason for item in listed}) > _SHOWN:
        say(f"not stored: {len(listed)} files and rows in all; `trifid info` lists them")
