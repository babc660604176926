"""One registry for models, recipes, tasks and surveys.

`@register("model")` sits on a function that returns a configuration, so listing allocates nothing.
`load(kind)` imports the modules of that kind's folder; nothing else does.
"""

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from trifid.errors import ConfigError

_FOLDERS = {
    "model": "trifid.models",
    "recipe": "trifid.recipes",
    "task": "trifid.data.tasks",
    "survey": "trifid.surveys",
}
_entries: dict[str, dict[str, "Entry"]] = {kind: {} for kind in _FOLDERS}
_Builder = TypeVar("_Builder", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entry:
    """A registered name: what it is, where it comes from, and the function that builds it."""

    kind: str
    name: str
    summary: str
    paper: str
    build: Callable[..., Any]


def register(kind: str, *, paper: str = "") -> Callable[[_Builder], _Builder]:
    """Registers a function under its own name; its docstring's first line is the summary.

    Args:
        kind: `model`, `recipe`, `task` or `survey`.
        paper: The paper it implements, with section or equation, if there is one.

    Raises:
        ConfigError: If the name is taken within its kind.
    """

    def decorate(function: _Builder) -> _Builder:
        name = function.__name__
        entries = _entries[kind]
        known = entries.get(name)
        if known is not None and known.build.__module__ != function.__module__:
            raise ConfigError(
                f"{kind} {name!r} is registered twice: in {known.build.__module__} and in "
                f"{function.__module__}; give one of them another name"
            )
        summary = (function.__doc__ or "").strip().split("\n")[0]
        entries[name] = Entry(kind, name, summary, paper, function)
        return function

    return decorate


def load(kind: str) -> None:
    """Imports every module of the kind's folder, so that its names are registered."""
    package = importlib.import_module(_FOLDERS[kind])
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{package.__name__}.{module.name}")


def entries(kind: str) -> list[Entry]:
    """All entries of a kind, sorted by name."""
    load(kind)
    return [_entries[kind][name] for name in sorted(_entries[kind])]


def get(kind: str, name: str) -> Entry:
    """Looks a name up.

    Raises:
        ConfigError: If there is no such name; the message lists near matches.
    """
    load(kind)
    known = _entries[kind]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3) or sorted(known)
        raise ConfigError(f"no {kind} named {name!r}; known: {', '.join(near)}")
    return known[name]


def kinds() -> tuple[str, ...]:
    """The kinds there are."""
    return tuple(_FOLDERS)
