"""Tables on the terminal whose cells may hold anything a file can: shown, never interpreted."""

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_FILE_WIDTH = 160  # columns, where the output is not a terminal


def plain_console() -> "Console":
    """A console on standard output that reads no markup, emoji codes or highlights in data."""
    from rich.console import Console

    width = None if sys.stdout.isatty() else _FILE_WIDTH
    return Console(markup=False, emoji=False, highlight=False, width=width)


def print_table(
    console: "Console", title: str, headings: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Prints a table, control characters replaced."""
    from rich.table import Table

    table = Table(*(printable(text) for text in headings), title=title, title_justify="left")
    for row in rows:
        table.add_row(*(printable(cell) for cell in row))
    console.print(table)


def printable(text: str) -> str:
    """Text with every character that could steer a terminal replaced by a question mark."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
