"""What a store knows about each modality: kind, shape, units, bands, frame.

A modality is a named set of fixed-shape fields per row; `fields` gives their dtypes and shapes,
and everything that stores or reads rows follows from that.

    kind       fields (shape per row)
    image      flux (C, H, W) float32 [nanomaggy]
    picture    pixels (H, W, 3) uint8
    spectrum   flux (L,) float32 [1e-17 erg/s/cm2/angstrom], ivar (L,) float32, mask (L,) int32
    table      values (F,) float32, valid (F,) uint8
    series     time (T,) float64 [day], flux (T,) float32, error (T,) float32,
               band (T,) int16, valid (T,) uint8
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from trifid.config import Config
from trifid.schema import grid

Shape = tuple[int, ...]
Fields = dict[str, tuple[np.dtype, Shape]]

_F4, _F8, _U1 = np.dtype("<f4"), np.dtype("<f8"), np.dtype("u1")
_I2, _I4 = np.dtype("<i2"), np.dtype("<i4")


class ImageSpec(Config):
    """Calibrated flux in several bands on one pixel grid, centred on the target."""

    kind: Literal["image"] = "image"
    bands: tuple[str, ...]
    height: int
    width: int
    pixel_scale: float
    unit: str = "nanomaggy"

    def fields(self) -> Fields:
        """Dtype and shape per row of each field."""
        return {"flux": (_F4, (len(self.bands), self.height, self.width))}


class PictureSpec(Config):
    """A colour picture without calibration (JPEG or PNG)."""

    kind: Literal["picture"] = "picture"
    height: int
    width: int
    pixel_scale: float | None = None

    def fields(self) -> Fields:
        """Dtype and shape per row of each field."""
        return {"pixels": (_U1, (self.height, self.width, 3))}


class SpectrumSpec(Config):
    """A spectrum on a log-wavelength grid; ivar 0 = no data; mask = the survey's bits."""

    kind: Literal["spectrum"] = "spectrum"
    log10_start: float = grid.LOG10_START
    log10_step: float = grid.LOG10_STEP
    length: int = grid.LENGTH
    unit: str = "1e-17 erg / (s cm2 angstrom)"
    frame: str = "vacuum, observer"
    mask_bits: str = "SPPIXMASK"

    def fields(self) -> Fields:
        """Dtype and shape per row of each field."""
        shape = (self.length,)
        return {"flux": (_F4, shape), "ivar": (_F4, shape), "mask": (_I4, shape)}


class TableSpec(Config):
    """Numeric catalogue columns of a row, with validity per cell."""

    kind: Literal["table"] = "table"
    features: tuple[str, ...]
    units: tuple[str, ...]

    def fields(self) -> Fields:
        """Dtype and shape per row of each field."""
        shape = (len(self.features),)
        return {"values": (_F4, shape), "valid": (_U1, shape)}


class SeriesSpec(Config):
    """A light curve, padded to a common length; valid marks real points."""

    kind: Literal["series"] = "series"
    bands: tuple[str, ...]
    length: int
    unit: str = "nanomaggy"

    def fields(self) -> Fields:
        """Dtype and shape per row of each field."""
        shape = (self.length,)
        return {
            "time": (_F8, shape),
            "flux": (_F4, shape),
            "error": (_F4, shape),
            "band": (_I2, shape),
            "valid": (_U1, shape),
        }


ModalitySpec = Annotated[
    ImageSpec | PictureSpec | SpectrumSpec | TableSpec | SeriesSpec, Field(discriminator="kind")
]
ColumnType = Literal["string", "int64", "float64", "bool", "list<string>"]


class ColumnSpec(Config):
    """A scalar column of the store: identity, position, label, catalogue value, flag or source."""

    type: ColumnType
    unit: str = ""
    description: str = ""


IDENTITY_COLUMNS: dict[str, ColumnSpec] = {
    "object_id": ColumnSpec(type="string", description="key of the row"),
    "group": ColumnSpec(type="string", description="the sky object the row belongs to"),
    "ra": ColumnSpec(type="float64", unit="deg", description="right ascension, ICRS"),
    "dec": ColumnSpec(type="float64", unit="deg", description="declination, ICRS"),
    "source_path": ColumnSpec(type="list<string>", description="files the row was read from"),
    "source_sha256": ColumnSpec(type="list<string>", description="SHA-256 of those files"),
}


class StoreSchema(Config):
    """The modalities and scalar columns of a store. Every store has the identity columns."""

    modalities: dict[str, ModalitySpec]
    columns: dict[str, ColumnSpec]
