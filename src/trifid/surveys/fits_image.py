"""Images inside FITS files of many objects, read row by row straight from the file's bytes.

What a coadd file of DESI holds: plain images of numbers, some of them unsigned by BZERO. Sizes
were compared with the file by `fits_table.hdus`.

Format: FITS standard 4.0, sections 4.4.1 (sizes) and 4.4.2.5 (scaling).
"""

from dataclasses import dataclass

import numpy as np

from trifid.errors import InputError
from trifid.surveys.fits_table import Buffer, Hdu, parse_cards

_NUMBERS = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}


@dataclass(frozen=True)
class FitsImage:
    """An image HDU: its numbers as stored, and how they become values.

    Attributes:
        stored: Big-endian view of the file's bytes, last axis fastest.
        scale, zero: A value is stored x scale + zero.
    """

    stored: np.ndarray
    scale: float
    zero: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Lengths of its axes, as in numpy."""
        return self.stored.shape

    def row(self, index: int) -> np.ndarray:
        """One entry of the first axis, in native byte order."""
        return self._values(self.stored[index])

    def all(self) -> np.ndarray:
        """The whole, in native byte order."""
        return self._values(self.stored)

    def _values(self, stored: np.ndarray) -> np.ndarray:
        native = stored.astype(stored.dtype.newbyteorder("="))
        if self.scale == 1 and self.zero == 0:
            return native
        if native.dtype.kind in "iu" and float(self.scale).is_integer():
            return native.astype(np.int64) * int(self.scale) + int(self.zero)
        return native * self.scale + self.zero


def image(data: Buffer, hdu: Hdu) -> FitsImage | None:
    """The image of a primary or IMAGE HDU; None where it is empty or something else.

    Raises:
        InputError: If its scaling is no number.
    """
    first = hdu.header[:30]
    if not (first.startswith((b"SIMPLE", b"XTENSION= 'IMAGE"))) or hdu.size == 0:
        return None
    cards = parse_cards(hdu.header)
    axes = [cards[f"NAXIS{axis}"] for axis in range(cards["NAXIS"], 0, -1)]
    scale, zero = cards.get("BSCALE", 1), cards.get("BZERO", 0)
    if not isinstance(scale, int | float) or not isinstance(zero, int | float):
        raise InputError(f"BSCALE {scale!r:.40} and BZERO {zero!r:.40}, expected numbers")
    dtype = np.dtype(_NUMBERS[cards["BITPIX"]])
    return FitsImage(np.ndarray(axes, dtype, data, hdu.start), scale, zero)


def name_of(hdu: Hdu) -> str:
    """EXTNAME of an HDU in upper case; empty where it has none."""
    return str(parse_cards(hdu.header).get("EXTNAME", "")).strip().upper()
