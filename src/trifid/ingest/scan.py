"""Finding the files of a folder, and saying what each one is."""

import functools
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from astropy.wcs import WCS

from trifid import registry
from trifid.errors import InputError
from trifid.schema.block import Skipped
from trifid.surveys.base import Survey
from trifid.surveys.catalogue_files import is_catalogue
from trifid.surveys.sdss_images import ImageFile, identify_image, read_image_header
from trifid.surveys.spectra import Contents, Identity, OtherFileError
from trifid.transforms.warp import world_to_pixel

Kind = Literal["spectrum", "frame", "stamp", "hips", "picture"]

_OURS = re.compile(r"(shard-\d+\.arrow|manifest\.json|skipped\.parquet|store\.lock)$")


@dataclass(frozen=True, slots=True)
class Found:
    """A file of the folder: where it lies (relative, with /) and what tells it changed."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True)
class Footprint:
    """The sky a FITS image covers: its WCS, height and width [pixel]."""

    wcs: WCS
    shape: tuple[int, int]

    def depth(self, ra: np.ndarray, dec: np.ndarray) -> np.ndarray:
        """How far [pixel] positions [deg] lie from the nearest edge; negative outside."""
        height, width = self.shape
        x, y = world_to_pixel(self.wcs, ra, dec)
        depth = np.minimum(np.minimum(x, width - 1 - x), np.minimum(y, height - 1 - y)) + 0.5
        return np.where(np.isfinite(depth), depth, -np.inf)


@dataclass(frozen=True, slots=True)
class Probe:
    """One thing a file holds, from its name and headers.

    Attributes:
        path: Relative to the folder.
        kind: What it is.
        identity: Whose spectrum it is.
        survey: Name of the survey that took it.
        key: What images of one piece of sky share; the objid or name of a picture.
        band: Band of a FITS image.
        footprint: The sky of a FITS image.
    """

    path: str
    kind: Kind
    identity: Identity | None = None
    survey: str = ""
    key: str = ""
    band: str = ""
    footprint: Footprint | None = None


def scan(
    folder: Path, *, ignore: Collection[Path] = (), only: str | None = None
) -> tuple[list[Found], list[Skipped]]:
    """Lists the plain files under a folder, sorted; links are not followed.

    Args:
        folder: Where to look, with all folders below.
        ignore: Files and folders to pass over, such as the catalogues and the store itself.
        only: The one file name to take.

    Raises:
        InputError: If the folder cannot be read.
    """
    found: list[Found] = []
    skipped: list[Skipped] = []
    ignored = {str(path.resolve()) for path in ignore}

    def visit(place: str, prefix: str) -> None:
        try:
            entries = sorted(os.scandir(place), key=lambda entry: entry.name)
        except OSError as error:
            if not prefix:
                raise InputError(f"{folder} cannot be read: {error.strerror}") from None
            skipped.append(Skipped(prefix, f"the folder cannot be read: {error.strerror}"))
            return
        for entry in entries:
            name = prefix + os.fsencode(entry.name).decode("utf-8", "replace")
            if entry.path in ignored or (only is not None and entry.name != only):
                continue
            if entry.is_symlink():
                skipped.append(Skipped(name, "a link: links are not followed"))
            elif entry.is_dir(follow_symlinks=False):
                visit(entry.path, f"{name}/")
            elif not entry.is_file():
                skipped.append(Skipped(name, "not a plain file"))
            elif "\ufffd" in name:
                skipped.append(Skipped(name, "its name is not UTF-8: rename it"))
            else:
                state = entry.stat()
                found.append(Found(name, state.st_size, state.st_mtime_ns))

    visit(str(folder.resolve()), "")
    return found, skipped


@functools.cache
def surveys() -> dict[str, Survey]:
    """The registered surveys, by name."""
    return {entry.name: entry.build() for entry in registry.entries("survey")}


def probe(folder: Path, path: str) -> list[Probe | Skipped]:
    """Says what a file holds without reading its pixels, or why it cannot be used."""
    try:
        return _probe(folder / path, path)
    except InputError as error:
        return [Skipped(path, reason(folder / path, error))]


def reason(path: Path, error: InputError) -> str:
    """The error's line without the path in front, which is listed beside it."""
    return str(error).removeprefix(f"{path}: ").removeprefix(f"{path} ")


def _probe(path: Path, name: str) -> list[Probe | Skipped]:
    if _OURS.search(path.name):
        return [Skipped(name, "part of a trifid store, not a survey file")]
    for survey, about in surveys().items():
        if about.spectra.recognises(path.name):
            return _spectra(name, survey, about.spectra.contents(path))
    image = identify_image(path)
    if image is not None:
        return [_probe_image(image, name)]
    if not is_catalogue(path):
        return [Skipped(name, "not a kind of file trifid reads (spectrum, image or catalogue)")]
    if not path.name.lower().endswith((".fits", ".fit", ".fits.gz", ".fit.gz")):
        return [Skipped(name, "a catalogue: give it with --catalog to join it")]
    for survey, about in surveys().items():
        try:
            return _spectra(name, survey, about.spectra.contents(path))
        except OtherFileError:
            continue
    why = "FITS, but neither a spectrum nor an image trifid reads; "
    return [Skipped(name, f"{why}if it is a catalogue, give it with --catalog")]


def _spectra(name: str, survey: str, contents: Contents) -> list[Probe | Skipped]:
    found = [Probe(name, "spectrum", who, survey) for who in contents.identities]
    return [*found, *(Skipped(name, why, who) for who, why in contents.left_out)]


def _probe_image(image: ImageFile, name: str) -> Probe:
    if image.kind == "picture":
        return Probe(name, "picture", key=image.key)
    header = read_image_header(image.path)
    footprint = Footprint(header.wcs, header.shape)
    return Probe(name, image.kind, key=image.key, band=header.band, footprint=footprint)
