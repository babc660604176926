"""Files and folders that appear whole under their name, or not at all; nothing is overwritten."""

import errno
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from trifid.errors import ConfigError
from trifid.files import sync_folder, written_whole


@contextmanager
def new_file(path: Path) -> Generator[Path]:
    """Gives a temporary path; on success the file is synced and renamed to `path`.

    Raises:
        ConfigError: If `path` exists, or its folder does not.
        OSError: Naming `path`, if it cannot be written (a full disk); nothing of it is left.
    """
    _check_new(path)
    with _naming(path), written_whole(path) as temporary:
        yield temporary


@contextmanager
def new_folder(path: Path) -> Generator[Path]:
    """Gives a temporary folder; on success all of it is synced and renamed to `path`.

    A killed writer leaves a hidden `.NAME.PID.tmp` beside `path`, which can be removed.

    Raises:
        ConfigError: If `path` exists, or its parent does not.
        OSError: Naming `path`, if it cannot be written (a full disk); nothing of it is left.
    """
    _check_new(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with _naming(path):
        try:
            temporary.mkdir()
            yield temporary
            for file in [file for file in temporary.rglob("*") if file.is_file()]:
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())
            temporary.rename(path)
            sync_folder(path.parent)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def _check_new(path: Path) -> None:
    if path.exists() or path.is_symlink():
        raise ConfigError(f"{path} exists: remove it or give another --out")
    if not path.parent.is_dir():
        raise ConfigError(f"{path}: expected a name in a folder that exists")


@contextmanager
def _naming(path: Path) -> Generator[None]:
    """Writers of Arrow and HDF5 raise errors that name no file."""
    try:
        yield
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error).split("\n")[0]
        raise OSError(error.errno or errno.EIO, reason, str(path)) from None
