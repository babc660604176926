"""trifid fetch: a paper's sample, or a list of spectra, from the archive to a folder for ingest."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from trifid.fetch.run import FetchSummary
    from trifid.fetch.survey import Fetch

_SIMULATED = "simulated"
_TRIAL = 60  # objects of a simulated survey, without --limit
_SHOWN = 5


class _Instrument(StrEnum):
    USUAL = "usual"
    SDSS = "SDSS"
    BOSS = "BOSS"
    ANY = "any"


def fetch(
    task: Annotated[str, typer.Argument(help="Whose sample: galaxy4, sgq3, zsfr or bhb2.")],
    out: Annotated[Path, typer.Option(help="Folder; one that exists is continued.")],
    release: Annotated[str, typer.Option(help="Data release: dr16 to dr19.")] = "dr17",
    limit: Annotated[
        int | None, typer.Option(min=1, help="At most so many objects, scattered over the sky.")
    ] = None,
    objects: Annotated[
        list[Path] | None,
        typer.Option(
            "--list", help="Catalogue of spectra, objids or positions instead of the selection."
        ),
    ] = None,
    radius: Annotated[
        float, typer.Option(help="Arcsec around a position of a list; the nearest is taken.")
    ] = 2.0,
    mirror: Annotated[
        str | None,
        typer.Option(help="Address or folder of the files, or `simulated` for a trial offline."),
    ] = None,
    service: Annotated[
        str | None, typer.Option(help="Base address of the SQL service, if not SkyServer.")
    ] = None,
    images: Annotated[bool, typer.Option(help="Frames in five bands too.")] = True,
    pictures: Annotated[
        bool, typer.Option("--pictures", help="Colour pictures (JPEG) around each object too.")
    ] = False,
    picture_size: Annotated[int, typer.Option(help="Pixels on a side, at most 2048.")] = 512,
    picture_scale: Annotated[float, typer.Option(help="Arcsec a pixel.")] = 0.4,
    hips: Annotated[
        bool, typer.Option("--hips", help="FITS images of hips2fits too; they are interpolated.")
    ] = False,
    hips_size: Annotated[int, typer.Option(help="Pixels on a side, at most 2048.")] = 64,
    hips_scale: Annotated[float, typer.Option(help="Arcsec a pixel.")] = 0.396,
    hips_service: Annotated[
        str | None, typer.Option(help="Address of hips2fits, if not that of CDS.")
    ] = None,
    wise: Annotated[
        bool, typer.Option("--wise", help="Forced WISE fluxes in the catalogue too.")
    ] = False,
    full: Annotated[
        bool, typer.Option("--full", help="Spectra with their single exposures.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="zWarning 0 alone, which loses bright galaxies.")
    ] = False,
    instrument: Annotated[
        _Instrument, typer.Option(help="Spectrographs; usual = those of the paper.")
    ] = _Instrument.USUAL,
    counts: Annotated[bool, typer.Option(help="Ask how many rows each cut leaves.")] = True,
    connections: Annotated[
        int, typer.Option(min=1, max=16, help="Connections to a host at a time.")
    ] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Fetch spectra, frames, pictures and catalogue rows of a sample from the SDSS archive.

    Stopped at any moment, the same command goes on where it was. What cannot be had is listed in
    manifest.parquet with its reason.
    """
    from trifid.config import parse
    from trifid.fetch.cutouts import Cutouts, Grid
    from trifid.fetch.lists import read_lists
    from trifid.fetch.polite import Politeness
    from trifid.fetch.rows import Wanted
    from trifid.fetch.run import Choice
    from trifid.fetch.survey import Fetch, Places
    from trifid.surveys.sdss_paths import HIPS, SKYSERVER, get_release
    from trifid.surveys.sdss_query import QueryOptions
    from trifid.surveys.sdss_selections import get_selection

    options = parse(
        QueryOptions,
        {
            "zwarning": "strict" if strict else "usual",
            "instrument": instrument.value,
            "wise": wise,
        },
    )
    cutouts = Cutouts(
        pictures=Grid(picture_size, picture_scale) if pictures else None,
        hips=Grid(hips_size, hips_scale) if hips else None,
    )
    listed = read_lists(objects or [], radius)
    request = Fetch(
        wanted=Wanted(get_selection(task), get_release(release), options, limit, listed),
        out=out,
        places=Places(
            None if mirror == _SIMULATED else mirror, service or SKYSERVER, hips_service or HIPS
        ),
        choice=Choice(images=images, lite=not full, workers=connections, cutouts=cutouts),
        manners=Politeness(connections=connections),
        count=counts,
    )
    _show(_run(request, simulated=mirror == _SIMULATED), as_json=as_json)


def _say(text: str) -> None:
    import sys

    from trifid.cli.tables import printable

    sys.stderr.write(printable(text) + "\n")


def _run(request: "Fetch", *, simulated: bool) -> "FetchSummary":
    from trifid.fetch.survey import fetch as run

    return _on_simulated_sky(request) if simulated else run(request, _say)


def _on_simulated_sky(request: "Fetch") -> "FetchSummary":
    """Simulates a survey beside the folder, serves it on this machine, and fetches from there."""
    import shutil
    from dataclasses import replace

    from trifid.fetch.survey import Places
    from trifid.fetch.survey import fetch as run
    from trifid.simulate import simulate
    from trifid.simulate.sky_archive import SkyArchive
    from trifid.simulate.sky_server import SkyServer

    out = request.out.resolve()
    sky = out.with_name(f".{out.name}.sky")
    objects = request.wanted.limit or _TRIAL
    if not (sky / "catalogue.fits").is_file() or (sky / "parts").is_dir():
        simulate(request.wanted.selection.task, objects, sky, form="sdss")
    with SkyServer(SkyArchive(sky)) as server:
        _say("the archive is simulated, on this machine")
        manners = request.manners.replace(query_pause=0.0, back_off=0.1)
        places = Places(server.sas, server.url, server.hips)
        here = replace(request, places=places, manners=manners, record_places=False)
        summary = run(here, _say)
    shutil.rmtree(sky)
    return summary


def _show(summary: "FetchSummary", *, as_json: bool) -> None:
    import json

    from trifid.cli.tables import plain_console, printable

    out = summary.out
    if as_json:
        document = {
            "folder": str(out),
            "objects": summary.objects,
            "files": {"fetched": summary.fetched, "kept": summary.kept},
            "reasons": summary.reasons,
            "catalogue": str(out / "catalogue.parquet"),
            "manifest": str(out / "manifest.parquet"),
        }
        typer.echo(json.dumps(document, allow_nan=False))
        return
    console = plain_console()
    told = ", ".join(f"{count} {status}" for status, count in summary.objects.items() if count)
    lines = [f"{out}: objects {told}; files {summary.fetched} fetched, {summary.kept} kept"]
    lines += [f"not there: {n} x {why}" for why, n in list(summary.reasons.items())[:_SHOWN]]
    lines.append(f"trifid ingest {out} --catalog {out / 'catalogue.parquet'} --out STORE")
    for line in lines:
        console.print(printable(line), soft_wrap=True)
