"""trifid list: the registered names of a kind."""

from typing import Annotated

import typer

from trifid.errors import ConfigError

KINDS = {"models": "model", "recipes": "recipe", "tasks": "task", "surveys": "survey"}


def list_names(
    kind: Annotated[str, typer.Argument(help="models, recipes, tasks or surveys.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List models, recipes, tasks or surveys."""
    import json

    from trifid import registry
    from trifid.cli.tables import plain_console, print_table

    if kind not in KINDS:
        raise ConfigError(f"no kind {kind!r} to list; known: {', '.join(KINDS)}")
    entries = registry.entries(KINDS[kind])
    if as_json:
        rows = [{"name": e.name, "summary": e.summary, "paper": e.paper} for e in entries]
        typer.echo(json.dumps(rows))
        return
    cells = [(e.name, e.summary, e.paper) for e in entries]
    print_table(plain_console(), kind, ("name", "summary", "paper"), cells)
