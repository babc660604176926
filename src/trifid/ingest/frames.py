"""The FITS images read last: objects of one field follow each other."""

import functools
from pathlib import Path

from trifid.errors import InputError
from trifid.surveys.sdss_images import Frame, read_frame

_KEPT = 5  # one field in ugriz, 61 MB


def frame(path: Path) -> Frame:
    """A FITS image, from memory if it was among the last read and has not changed.

    Raises:
        InputError: If it cannot be read.
    """
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    return _read(path, state.st_mtime_ns, state.st_size)


@functools.lru_cache(maxsize=_KEPT)
def _read(path: Path, _mtime_ns: int, _size: int) -> Frame:
    return read_frame(path)
