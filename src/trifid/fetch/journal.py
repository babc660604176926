"""Files that have arrived and their hashes, noted one by one until the manifest holds them.

Syncing each file as it comes would take a third of the time. Instead a line is appended here for
each; when a fetch goes on after a stop or a power cut, a file is kept only if its bytes have the
hash of its line, so that what the disk had not yet taken is fetched again.
"""

import re
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

_NAME = ".arrived"
_LINE = re.compile(r"([0-9a-f]{64}) (\S+)")


def noted(out: Path) -> dict[str, str]:
    """SHA-256 of each file that was noted, by path; a line that was cut is none."""
    path = out / _NAME
    lines = (
        path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    )
    found = (_LINE.fullmatch(line) for line in lines)
    return {match[2]: match[1] for match in found if match}


@contextmanager
def noting(out: Path) -> Generator[Callable[[str, str], None]]:
    """Gives a function that notes a path and its hash; several threads may call it."""
    lock = threading.Lock()
    with (out / _NAME).open("a", encoding="utf-8", buffering=1) as handle:
        handle.write("\n")  # ends a line that was cut

        def note(path: str, digest: str) -> None:
            with lock:
                handle.write(f"{digest} {path}\n")

        yield note


def forget(out: Path) -> None:
    """Removes the notes: the manifest has them."""
    (out / _NAME).unlink(missing_ok=True)
