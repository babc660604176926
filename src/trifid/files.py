"""Files written whole or not at all, names that stay in their folder, hashes."""

import contextlib
import hashlib
import json
import os
import re
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from trifid.errors import InputError, RunError

_UNSAFE = re.compile(r"[^A-Za-z0-9._+-]+")


def safe_name(text: str, *, limit: int = 100) -> str:
    """A file name made from foreign text: no separators, no dots in front, no control characters.

    Raises:
        InputError: If nothing usable is left.
    """
    name = _UNSAFE.sub("_", text).lstrip("._-")[:limit]
    if not name:
        raise InputError(f"{text!r:.80} gives no usable file name")
    return name


@contextlib.contextmanager
def written_whole(path: Path) -> Generator[Path]:
    """Gives a temporary path beside `path`; on success it is synced and renamed into place.

    On any failure (a full disk, an exception, a kill) `path` keeps what it held before.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as handle:
            os.fsync(handle.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Removes what killed writers of `written_whole` left; only where nobody else writes."""
    for path in folder.glob(".*.tmp"):
        path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Makes renames inside a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(path: Path, value: Any) -> None:
    """Writes a JSON document whole, keys in their order, without NaN."""
    with written_whole(path) as temporary:
        temporary.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object that trifid wrote.

    Raises:
        RunError: If the file is missing or holds anything else.
    """
    try:
        document: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{path} cannot be read: {str(error)[:200]}") from None
    if not isinstance(document, dict):
        raise RunError(f"{path} holds {type(document).__name__}, expected a JSON object")
    return cast(dict[str, Any], document)


def write_text(path: Path, text: str) -> None:
    """Writes a text file whole."""
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def flattened(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys and values of a nested document; lists stay whole."""
    for key, value in document.items():
        if isinstance(value, dict):
            yield from flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as hexadecimal digits."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
