"""What every survey's reader of spectra gives to ingest, and the columns surveys share.

A reader recognises files by name, says from headers and tables whose spectra a file holds, and
reads one of them onto trifid's grid. A new survey is one file with a reader and one registered
function; nothing in ingest changes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np

from trifid.errors import InputError
from trifid.schema.modality import ColumnSpec
from trifid.surveys import fits_table


class OtherFileError(InputError):
    """A file that is whole but not one of this survey's spectra."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose spectrum it is, and where in its file.

    Attributes:
        object_id: The key of its row.
        bestobjid: SDSS photometric objid, where the file knows one.
        ra, dec: Position [deg], where the file knows it.
        simulated: The file says it is simulated.
        index: Its place in a file of many spectra; None in a file of one.
        signal_to_noise: The survey's own, of any band: it only ranks spectra of one survey.
    """

    object_id: str
    bestobjid: str | None = None
    ra: float | None = None
    dec: float | None = None
    simulated: bool = False
    index: int | None = None
    signal_to_noise: float = 0.0


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Attributes:
        identities: Of its spectra.
        left_out: Spectra that are no object, such as the sky: object_id and reason.
    """

    identities: Sequence[Identity] = ()
    left_out: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Spectrum:
    """A spectrum on the trifid grid.

    Attributes:
        identity: Whose it is.
        flux: (4700,) float32; 0 where ivar is 0.
        ivar: (4700,) float32; 0 = no data.
        mask: (4700,) int32 SPPIXMASK.
        columns: Values of the survey's columns; None where the file does not say.
        features: Values of the survey's features; None where the file does not say.
        sources: Names and SHA-256 of the files it was read from, all in one folder.
    """

    identity: Identity
    flux: np.ndarray
    ivar: np.ndarray
    mask: np.ndarray
    columns: dict[str, Any]
    features: dict[str, float | None]
    sources: Mapping[str, str] = field(default_factory=dict[str, str])


@runtime_checkable
class SpectrumReader(Protocol):
    """Reads the spectra of one survey."""

    def recognises(self, name: str) -> bool:
        """Whether a file of this name is the survey's."""
        ...

    def contents(self, path: Path) -> Contents:
        """Says whose spectra a file holds, without reading their pixels.

        Raises:
            OtherFileError: If it is a whole file of another sort.
            InputError: Naming the file, if it cannot be used.
        """
        ...

    def read(self, path: Path, index: int | None) -> Spectrum:
        """Reads one spectrum onto the grid; `index` is that of its identity.

        Raises:
            InputError: Naming the file, if it cannot be used or the spectrum has no valid pixel.
        """
        ...


FIT_COLUMNS: dict[str, ColumnSpec] = {
    "class": ColumnSpec(type="string", description="class by the survey's template fit"),
    "subclass": ColumnSpec(type="string", description="subclass by the survey's template fit"),
    "redshift": ColumnSpec(type="float64", description="redshift by the survey's template fit"),
    "redshift_error": ColumnSpec(type="float64", description="its error; negative = failed fit"),
    "zwarning": ColumnSpec(type="int64", description="ZWARNING bits of the template fit"),
    "sn_median": ColumnSpec(type="float64", description="median S/N per native pixel"),
    "instrument": ColumnSpec(type="string", description="SDSS or BOSS spectrographs"),
    "pixels_outside": ColumnSpec(type="int64", description="pixels with data beyond the grid"),
}
"""The columns spectra of every survey have."""

SURVEY_COLUMNS: dict[str, ColumnSpec] = {
    "survey": ColumnSpec(type="string", description="survey that took the spectrum"),
    "resolving_power": ColumnSpec(
        type="float64", description="lambda/FWHM, median over the pixels; null where not told"
    ),
}
"""The columns of a store with spectra of another survey than SDSS."""


def number(value: Any) -> float | None:
    """A finite number as float, else None."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return float(value)


def position(ra: Any, dec: Any) -> tuple[float | None, float | None]:
    """Right ascension and declination [deg], or None twice where they cannot be such."""
    ra, dec = number(ra), number(dec)
    if ra is None or dec is None or not (0 <= ra <= 360 and -90 <= dec <= 90):
        return None, None
    return ra, dec


def clean(value: Any, *, empty: str | None = None) -> str | None:
    """A text without padding and control characters; None where there is none."""
    if value is None:
        return None
    return "".join(c for c in str(value) if c.isprintable()).strip() or empty


def says_simulated(header: bytes) -> bool:
    """Whether a primary header says SIMULATE = T."""
    return b"SIMULATE=" in header and bool(fits_table.parse_cards(header).get("SIMULATE"))
