"""Lists of objects as users have them: spectra by plate, MJD and fibre from catalogue files."""

from collections.abc import Sequence
from pathlib import Path

from trifid.errors import InputError
from trifid.surveys.catalogue import read_catalogue


def read_keys(paths: Sequence[Path]) -> tuple[tuple[int, int, int], ...]:
    """Plate, MJD and fibre of every row of some lists, each once, sorted.

    Raises:
        InputError: If a list names no spectrum.
    """
    found: set[tuple[int, int, int]] = set()
    for path in paths:
        catalogue = read_catalogue(path)
        keys = [key for key in catalogue.spectrum_ids if key is not None]
        if not keys:
            raise InputError(
                f"{path}: no row names a spectrum; expected plate, mjd and fiberid, or specobjid"
            )
        for key in keys:
            plate, mjd, fiber = (int(part) for part in key.split("-")[1:])
            found.add((plate, mjd, fiber))
    return tuple(sorted(found))
