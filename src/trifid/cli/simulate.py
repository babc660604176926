"""`trifid simulate`: writes a simulated sky, as a store or as the files of a survey."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class _Form(StrEnum):
    STORE = "store"
    SDSS = "sdss"


class _Stellar(StrEnum):
    ANALYTIC = "analytic"
    BAGPIPES = "bagpipes"


class _Instrument(StrEnum):
    SDSS = "sdss"
    BOSS = "boss"
    LAMOST = "lamost"
    DESI = "desi"


class _Magnitudes(StrEnum):
    LEGACY = "legacy"
    BOSS = "boss"


def simulate(
    task: Annotated[
        str, typer.Argument(help="The task the sky is for: galaxy4, sgq3, zsfr, bhb2, series3.")
    ],
    out: Annotated[Path, typer.Option(help="Folder of the new store or files.")],
    objects: Annotated[int, typer.Option(help="Rows, repeat observations included.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of all random numbers.")] = 1,
    workers: Annotated[int, typer.Option(help="Processes; the bytes do not depend on them.")] = 1,
    size: Annotated[int, typer.Option(help="Pixels on a side of an image.")] = 64,
    form: Annotated[
        _Form, typer.Option("--as", help="A store, or files as SDSS publishes them.")
    ] = _Form.STORE,
    instrument: Annotated[_Instrument, typer.Option(help="Spectrograph.")] = _Instrument.SDSS,
    magnitudes: Annotated[
        _Magnitudes, typer.Option(help="Targets of sgq3: bright or as faint as those of BOSS.")
    ] = _Magnitudes.LEGACY,
    seeing: Annotated[float, typer.Option(help="Factor on the seeing.")] = 1.0,
    sky: Annotated[float, typer.Option(help="Magnitudes by which the sky is brighter.")] = 0.0,
    depth: Annotated[float, typer.Option(help="Factor on the signal-to-noise.")] = 1.0,
    prior: Annotated[
        list[str] | None, typer.Option(help="Shares of the classes: STAR=0.5,GALAXY=0.5.")
    ] = None,
    missing: Annotated[
        list[str] | None,
        typer.Option(help="Shares of rows without: image=0.2,image+table=0.1."),
    ] = None,
    label_noise: Annotated[
        float, typer.Option(help="Share of rows with the label of another class.")
    ] = 0.0,
    stellar: Annotated[
        _Stellar, typer.Option(help="Starlight of galaxies; bagpipes needs its extra.")
    ] = _Stellar.ANALYTIC,
    rgb: Annotated[bool, typer.Option("--rgb", help="Add colour pictures.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document on stdout.")
    ] = False,
) -> None:
    """Simulate a sky of known truth: image, spectrum and catalogue row of each object."""
    import json

    from rich.console import Console

    from trifid.config import parse
    from trifid.simulate import simulate as run
    from trifid.simulate.options import SkyOptions, read_shares

    options = parse(
        SkyOptions,
        {
            "instrument": instrument.value,
            "magnitudes": magnitudes.value,
            "seeing": seeing,
            "sky": sky,
            "depth": depth,
            "prior": read_shares(prior or [], "--prior"),
            "missing": read_shares(missing or [], "--missing"),
            "label_noise": label_noise,
            "stellar": stellar.value,
            "rgb": rgb,
        },
    )
    run(task, objects, out, seed=seed, workers=workers, size=size, options=options, form=form.value)
    if as_json:
        document = {
            "store": str(out),
            "task": task,
            "rows": objects,
            "seed": seed,
            "as": form.value,
            "options": options.model_dump(mode="json"),
        }
        typer.echo(json.dumps(document, allow_nan=False))
        return
    lines = [f"{objects} simulated rows of {task} in {out} (seed {seed})"]
    if form is _Form.SDSS:
        lines.append(
            f"trifid ingest {out} --catalog {out / 'catalogue.fits'} --size {size} --out STORE"
        )
    console = Console(markup=False, highlight=False)
    for line in lines:
        console.print(line, soft_wrap=True)
