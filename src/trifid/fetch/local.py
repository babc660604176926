"""A copy of the archive in a folder, as `SAS_BASE_DIR` names one; and a copy before an archive."""

import shutil
from pathlib import Path
from typing import Protocol

from trifid.errors import ConfigError, InputError
from trifid.fetch import check
from trifid.fetch.remote import Unavailable


class Source(Protocol):
    """Where files come from."""

    def fetch(self, path: str, target: Path) -> None:
        """Brings a file to its place, whole, or raises `Unavailable`."""
        ...

    def size(self, path: str) -> int | None:
        """Bytes of a file, where that is known."""
        ...


class Folder:
    """Files of a local copy.

    Args:
        base: The folder that holds dr17 and the like.

    Raises:
        ConfigError: If there is no such folder.
    """

    def __init__(self, base: Path) -> None:
        if not base.is_dir():
            raise ConfigError(f"{base}: no such folder; expected a copy of the archive")
        self._base = base.resolve()

    def fetch(self, path: str, target: Path) -> None:
        """Copies a file to its place.

        Raises:
            Unavailable: If the copy lacks it or it is damaged.
        """
        source = self._base / path
        if not self.has(path):
            raise Unavailable("the local copy has no such file")
        part = target.with_name(f".{target.name}.part")
        try:
            if source.stat().st_size > check.most_bytes(target.name):
                raise Unavailable(f"{source.stat().st_size} bytes are too many for such a file")
            shutil.copyfile(source, part)
            check.check_form(part, target.name)
            part.replace(target)
        except InputError as error:
            raise Unavailable(f"the local copy is damaged: {error}") from None
        except PermissionError:
            raise Unavailable("the local copy cannot be read") from None
        finally:
            part.unlink(missing_ok=True)

    def has(self, path: str) -> bool:
        """Whether the copy has a file, inside its own folder."""
        source = (self._base / path).resolve()
        return source.is_file() and source.is_relative_to(self._base)

    def size(self, path: str) -> int | None:
        """Bytes of a file."""
        return (self._base / path).stat().st_size if self.has(path) else None


class FolderFirst:
    """A local copy, and an archive for what the copy lacks.

    Args:
        folder: The copy.
        remote: The archive.
    """

    def __init__(self, folder: Folder, remote: Source) -> None:
        self._folder, self._remote = folder, remote

    def fetch(self, path: str, target: Path) -> None:
        """Brings a file from the copy, or else from the archive."""
        if self._folder.has(path):
            try:
                return self._folder.fetch(path, target)
            except Unavailable:
                pass  # a damaged copy is no reason to go without
        return self._remote.fetch(path, target)

    def size(self, path: str) -> int | None:
        """Bytes of a file."""
        return self._folder.size(path) or self._remote.size(path)
