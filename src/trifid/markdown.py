"""Markdown from foreign text: names of columns, classes and files cannot become markup."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

_LIMIT = 300
_MARKUP = re.compile(r"([\\`*_{}\[\]()#+!|~$>])")


def plain(text: object) -> str:
    """One line of text in which nothing is markup, link or HTML; at most 300 characters."""
    line = "".join(
        " " if char in "\t\r\n" else char
        for char in str(text)[:_LIMIT]
        if char in "\t\r\n" or unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn")
    )
    line = line.replace("&", "&amp;").replace("<", "&lt;")
    return _MARKUP.sub(r"\\\1", line).replace("://", ":\u2060//")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; every cell is `plain`. Empty where there are no rows."""
    lines = [f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(head)} |", "|---" * len(head) + "|", *lines])


def document(title: str, sections: Iterable[tuple[str, str]]) -> str:
    """A title, then sections of ready Markdown; a section without text is left out."""
    parts = [f"# {plain(title)}", *(f"## {name}\n\n{text}" for name, text in sections if text)]
    return "\n\n".join(parts) + "\n"
