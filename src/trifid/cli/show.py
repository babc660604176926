"""trifid show: what a model, recipe, task or survey is made of."""

from typing import Annotated, Any

import typer

from trifid.errors import ConfigError


def show(
    name: Annotated[str, typer.Argument(help="NAME, or KIND/NAME where several kinds have it.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Show the parts, shapes and parameters of a model, or the fields of anything else."""
    import json

    from trifid.cli.tables import plain_console, print_table, printable
    from trifid.models.card import model_card

    kind, entry = _find(name)
    console = plain_console()
    if kind != "model":
        built = entry.build()
        if as_json:
            typer.echo(built.model_dump_json())
        elif kind == "recipe":
            typer.echo(built.toml() + _layers(built.model, "# "))
        else:
            typer.echo(built.model_dump_json(indent=1))
        return
    card = model_card(entry.build())
    if as_json:
        typer.echo(json.dumps(card))
        return
    console.print(printable(f"{entry.name}: {entry.summary} {entry.paper}"))
    rows = [(p["name"], p["kind"], p["output"], f"{p['parameters']:,}") for p in card["parts"]]
    print_table(console, "Parts", ("part", "kind", "output", "parameters"), rows)
    console.print(f"inputs {card['inputs']}, outputs {card['outputs']}")
    console.print(f"{card['parameters']:,} parameters")
    typer.echo(_layers(entry.build(), ""), nl=False)


def _layers(config: Any, mark: str) -> str:
    """Lines on the layers of a backbone that are frozen and that learn, stage by stage."""
    from trifid.models.imagenet import stage_layers

    counts = stage_layers(config)
    return "".join(
        f"{mark}backbone, stage {number} of {len(counts)}: {total} layers with weights, "
        f"{frozen} frozen, {learning} learning\n"
        for number, (total, frozen, learning) in enumerate(counts, 1)
    )


def _find(name: str) -> tuple[str, Any]:
    from trifid import registry

    kind, _, rest = name.rpartition("/")
    if kind:
        if kind not in registry.kinds():
            raise ConfigError(f"no kind {kind!r}; known: {', '.join(registry.kinds())}")
        return kind, registry.get(kind, rest)
    found = [(k, e) for k in registry.kinds() for e in registry.entries(k) if e.name == name]
    if len(found) == 1:
        return found[0]
    if found:
        options = ", ".join(f"{k}/{name}" for k, _ in found)
        raise ConfigError(f"{name!r} is several things; say which: {options}")
    return "model", registry.get("model", name)
