"""How much will come, and whether there is room for it."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from trifid.errors import ConfigError
from trifid.fetch.local import Source

TYPICAL = {
    "spectrum": 220_000,
    "full": 2_000_000,
    "frame": 3_500_000,
    "picture": 65_000,
    "image": 23_000,
}
"""Bytes where the archive does not say: spectra measured on BOSS files, the others unverified."""

_ASKED = 3  # files of a kind whose size is asked for
_MARGIN = 1.05
_SPARE = 2**28  # [byte] left free on the disk


@dataclass(frozen=True)
class Volume:
    """What is still to be fetched.

    Attributes:
        files: How many.
        size: Bytes, estimated from a few of them.
        free: Bytes free on the disk.
    """

    files: int
    size: int
    free: int

    def __str__(self) -> str:
        return f"{self.files} files, about {_human(self.size)}; {_human(self.free)} free on disk"


def estimate(
    missing: Callable[[], Iterable[str]], source: Source, out: Path, *, lite: bool
) -> Volume:
    """Estimates the volume of files that are still to be fetched.

    Args:
        missing: Gives their paths, twice.
        source: Asked for the sizes of a few.
        out: Where they go.
        lite: Whether spectra come without single exposures.
    """
    counts = Counter(_kind(path, lite=lite) for path in missing())
    seen, sizes = Counter[str](), dict[str, list[int]]()
    for path in missing():
        kind = _kind(path, lite=lite)
        place, step = seen[kind], max(counts[kind] // _ASKED, 1)
        seen[kind] += 1
        if place % step == 0 and place < _ASKED * step:
            size = source.size(path)
            sizes.setdefault(kind, []).extend([] if size is None else [size])
    total = sum(
        count * (sum(sizes[kind]) / len(sizes[kind]) if sizes[kind] else TYPICAL[kind])
        for kind, count in counts.items()
    )
    return Volume(counts.total(), round(total * _MARGIN), shutil.disk_usage(out).free)


def _kind(path: str, *, lite: bool) -> str:
    if path.startswith(("pictures/", "hips/")):
        return "picture" if path.startswith("pictures/") else "image"
    return "frame" if "/frames/" in path else "spectrum" if lite else "full"


def refuse_if_too_large(volume: Volume, out: Path) -> None:
    """Refuses what the disk cannot hold.

    Raises:
        ConfigError: Saying how much would come and how much is free.
    """
    if volume.size + _SPARE > volume.free:
        raise ConfigError(
            f"{out}: {volume}; fetch less with --limit or --no-images, or give another disk"
        )


def _human(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
