"""trifid bench: several recipes under several seeds, to a leaderboard with doubts in every cell."""

from pathlib import Path
from typing import Annotated

import typer


def bench(
    suite: Annotated[str, typer.Argument(help="Name of a suite, or a suite.toml file.")],
    data: Annotated[Path, typer.Option(help="The store to learn from.")],
    out: Annotated[Path, typer.Option(help="The suite's folder.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="Change one field of all recipes; repeatable."),
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds instead of the suite's, as in 42,100.")] = "",
    submission: Annotated[
        list[str] | None,
        typer.Option(help="NAME=FILE.parquet: predictions of another model; repeatable."),
    ] = None,
    resume: Annotated[bool, typer.Option(help="Go on with a suite that was stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Run a suite; every finished run is kept, so a stopped suite goes on with --resume."""
    import json

    from trifid.bench.board import leaderboard_text
    from trifid.bench.suite import read_suite, run_suite
    from trifid.bench.suites import SUITES
    from trifid.errors import ConfigError

    if not suite.endswith(".toml") and suite not in SUITES:
        known = ", ".join(SUITES)
        raise ConfigError(f"no suite {suite!r:.60}; known: {known}, or a .toml file")
    found = read_suite(Path(suite)) if suite.endswith(".toml") else SUITES[suite]
    found = found.replace(set=(*found.set, *(set_ or [])))
    if seeds:
        if not all(part.strip().isdecimal() for part in seeds.split(",")):
            raise ConfigError(f"--seeds {seeds!r:.60}: expected whole numbers, as in 42,100")
        found = found.replace(seeds=tuple(int(part) for part in seeds.split(",")))
    board = run_suite(
        found,
        data,
        out,
        resume=resume,
        submissions=_named(submission or []),
        tell=lambda text: typer.echo(text, err=True),
    )
    if as_json:
        typer.echo(json.dumps(board, allow_nan=False))
    else:
        typer.echo(leaderboard_text(board), nl=False)


def _named(submissions: list[str]) -> dict[str, Path]:
    from trifid.errors import ConfigError

    found: dict[str, Path] = {}
    for text in submissions:
        name, _, path = text.partition("=")
        if not name or not path or name in found:
            raise ConfigError(
                f"--submission {text!r:.80}: expected NAME=FILE.parquet, each name once"
            )
        found[name] = Path(path)
    return found
