"""Every file of a fetch and what became of it, in a small database in its folder.

A catalogue of a million objects has several million files, too many to remember; here they lie on
disk until the manifest holds them. Syncing each file as it comes would take a third of the time.
Instead its hash is written here, and when a fetch goes on after a stop or a power cut, a file is
kept only if its bytes have that hash; what the disk had not yet taken is fetched again.
"""

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

from trifid.errors import RunError

_NAME = ".files.sqlite"
_TABLE = """
CREATE TABLE IF NOT EXISTS files (
    number INTEGER PRIMARY KEY, path TEXT UNIQUE, address TEXT NOT NULL,
    sha256 TEXT NOT NULL DEFAULT '', here INTEGER NOT NULL DEFAULT 0,
    reason TEXT NOT NULL DEFAULT ''
)"""
_SETTINGS = ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=NORMAL")


class Ledger:
    """The files of a fetch; one process at a time, its threads in turns.

    Args:
        out: The folder of the fetch. A database that is damaged begins anew.

    Raises:
        RunError: Here and in all methods, if the database cannot be read or written.
    """

    def __init__(self, out: Path) -> None:
        self._path, self._lock = out / _NAME, threading.Lock()
        try:
            self._files = self._opened()
        except sqlite3.DatabaseError:
            self._remove()
            self._files = self._opened()
        self._run("UPDATE files SET here = 0, reason = ''")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    def __len__(self) -> int:
        return self._run("SELECT COUNT(*) FROM files")[0][0]

    def expect(self, files: Iterable[tuple[str, str]]) -> None:
        """Takes up files: path, and the address of those that a service makes, else nothing.

        A path that is known stays as it is, but for an address it lacked.
        """
        sql = (
            "INSERT INTO files (path, address) VALUES (?, ?) ON CONFLICT (path) "
            "DO UPDATE SET address = excluded.address WHERE address = ''"
        )
        self._many(sql, files)

    def note(self, hashes: Iterable[tuple[str, str]]) -> None:
        """Takes over SHA-256 of files from an earlier fetch, by path; what is known stays."""
        sql = "UPDATE files SET sha256 = ? WHERE path = ? AND sha256 = ''"
        self._many(sql, ((digest, path) for path, digest in hashes))

    def keep(self, path: str) -> None:
        """A file lies in its place with the bytes that were noted."""
        self._run("UPDATE files SET here = 1 WHERE path = ?", path)

    def arrived(self, path: str, sha256: str) -> None:
        """A file has been brought."""
        self._run("UPDATE files SET here = 1, sha256 = ? WHERE path = ?", sha256, path)

    def failed(self, path: str, reason: str) -> None:
        """A file cannot be had."""
        self._run("UPDATE files SET reason = ? WHERE path = ?", reason, path)

    def noted(self) -> Iterator[tuple[str, str]]:
        """Path and noted SHA-256 of every file, in the order they were taken up."""
        sql = "SELECT number, path, sha256 FROM files WHERE number > ? ORDER BY number LIMIT 1000"
        for _, path, digest in self._pages(sql):
            yield path, digest

    def missing(self) -> Iterator[str]:
        """Paths of the files that are not here, in that order; more may arrive meanwhile."""
        sql = (
            "SELECT number, path FROM files "
            "WHERE number > ? AND here = 0 ORDER BY number LIMIT 1000"
        )
        for _, path in self._pages(sql):
            yield path

    def address(self, path: str) -> str:
        """Where a service makes a file; empty if none does."""
        found = self._run("SELECT address FROM files WHERE path = ?", path)
        return found[0][0] if found else ""

    def hashes(self, paths: Sequence[str]) -> dict[str, str]:
        """SHA-256 of those that are here, by path."""
        sql = (
            "SELECT path, sha256 FROM files "
            "WHERE here = 1 AND path IN (SELECT value FROM json_each(?))"
        )
        return dict(self._run(sql, json.dumps(paths)))

    def reasons(self, paths: Sequence[str]) -> dict[str, str]:
        """Why files cannot be had, by path, of those of which it is known."""
        sql = (
            "SELECT path, reason FROM files "
            "WHERE reason != '' AND path IN (SELECT value FROM json_each(?))"
        )
        return dict(self._run(sql, json.dumps(paths)))

    def here(self) -> int:
        """How many files are here."""
        return self._run("SELECT COUNT(*) FROM files WHERE here = 1")[0][0]

    def why(self) -> dict[str, int]:
        """Reasons why files cannot be had, with how many."""
        counted = "SELECT reason, COUNT(*) FROM files WHERE reason != '' GROUP BY reason"
        return dict(self._run(counted))

    def forget(self) -> None:
        """Removes all of it: the manifest has it."""
        self._files.close()
        self._remove()

    def _opened(self) -> sqlite3.Connection:
        files = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            for setting in _SETTINGS:
                files.execute(f"PRAGMA {setting}")
            files.execute(_TABLE)
            files.execute("SELECT number, path, address, sha256, here, reason FROM files LIMIT 1")
        except sqlite3.DatabaseError:
            files.close()
            raise
        return files

    def _remove(self) -> None:
        for end in ("", "-wal", "-shm", "-journal"):
            self._path.with_name(_NAME + end).unlink(missing_ok=True)

    def _run(self, sql: str, *values: object) -> list[Any]:
        try:
            with self._lock:
                return self._files.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise RunError(f"{self._path}: {error}") from None

    def _many(self, sql: str, values: Iterable[Sequence[object]]) -> None:
        try:
            with self._lock, self._files:
                self._files.execute("BEGIN")
                self._files.executemany(sql, values)
        except sqlite3.Error as error:
            raise RunError(f"{self._path}: {error}") from None

    def _pages(self, sql: str) -> Iterator[Any]:
        """Rows after each other, a page at a time; the first column is their number."""
        last = 0
        while rows := self._run(sql, last):
            yield from rows
            last = rows[-1][0]
