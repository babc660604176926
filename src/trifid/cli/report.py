"""trifid report: one HTML page for a run."""

from pathlib import Path
from typing import Annotated

import typer


def report(
    run: Annotated[Path, typer.Argument(help="Run folder written by trifid train.")],
    data: Annotated[
        Path | None, typer.Option(help="Store of the objects, if it is not where it was.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Write RUN/report.html, one file with numbers, figures and a gallery; print its path."""
    import json

    from trifid.report.page import report_html

    page = report_html(run, data)
    typer.echo(json.dumps({"report": str(page)}) if as_json else page)
