"""The `trifid` command: one verb a module, errors as one line."""

import os
import sys
import traceback
from collections.abc import Callable
from typing import Annotated, Any

import typer

from trifid.cli.audit import audit
from trifid.cli.bench import bench
from trifid.cli.compare import compare
from trifid.cli.demo import demo
from trifid.cli.evaluate import evaluate
from trifid.cli.export import export
from trifid.cli.fetch import fetch
from trifid.cli.import_ import import_path
from trifid.cli.info import info
from trifid.cli.ingest import ingest
from trifid.cli.join import join
from trifid.cli.list import list_names
from trifid.cli.predict import predict
from trifid.cli.report import report
from trifid.cli.repro import repro
from trifid.cli.show import show
from trifid.cli.simulate import simulate
from trifid.cli.tables import printable
from trifid.cli.train import train
from trifid.cli.tune import tune
from trifid.errors import TrifidError
from trifid.version import __version__

_INTERRUPTED = 130

app = typer.Typer(
    name="trifid",
    help="Images, spectra and catalogue rows of the same sky objects, fused into trusted classes.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
VERBS: dict[str, Callable[..., Any]] = {
    "demo": demo,
    "simulate": simulate,
    "fetch": fetch,
    "ingest": ingest,
    "info": info,
    "join": join,
    "train": train,
    "tune": tune,
    "evaluate": evaluate,
    "compare": compare,
    "predict": predict,
    "report": report,
    "repro": repro,
    "export": export,
    "import": import_path,
    "bench": bench,
    "audit": audit,
    "list": list_names,
    "show": show,
}
for verb, function in VERBS.items():
    app.command(name=verb)(function)


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and stop.")] = False,
) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def main() -> None:
    """Runs the command line: exit 0 done, 2 the user's mistake in one line, 1 our bug."""
    try:
        code = app(prog_name="trifid", standalone_mode=False)
    except TrifidError as error:
        code = _say(str(error), 2)
    except KeyboardInterrupt:
        code = _INTERRUPTED
    except BrokenPipeError:  # the reader of our output has gone; nothing more can be said to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:  # a full disk, a folder without permission, a file in the way
        code = _say(f"{error.filename or 'the system'}: {error.strerror or error}", 2)
    except Exception as error:  # noqa: BLE001  the last stop
        code = _say(*_last_words(error))
    if code == _INTERRUPTED:
        _say("stopped; run the same command again to go on where it can")
    sys.exit(code or 0)


def _last_words(error: Exception) -> tuple[str, int]:
    """What to say of any other error: a wrong command line, else a bug, shown with its place."""
    if hasattr(error, "format_message"):  # so click and typer mark a wrong command line
        context = getattr(error, "ctx", None)
        verb = context.command_path if context else "trifid"
        return f"{error.format_message().rstrip('.')}; see {verb} --help", 2  # type: ignore[attr-defined]
    traceback.print_exception(error)
    return "this is a bug in trifid; please report the lines above", 1


def _say(text: str, code: int = 0) -> int:
    sys.stderr.write(f"trifid: {printable(text)}\n")
    return code
