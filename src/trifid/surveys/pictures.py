"""Colour pictures: JPEG or PNG, for people and for networks, without calibration."""

import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from numpy import ndarray
from PIL import Image

from trifid.errors import InputError
from trifid.surveys.sdss_images import one_line

MAX_PIXELS = 2**26
# What Pillow raises on damaged files; SyntaxError is its word for a broken PNG.
_DAMAGED = (OSError, EOFError, ValueError, SyntaxError, zlib.error, struct.error)


def read_picture(path: Path, size: int | None = None) -> UInt8[ndarray, "H W 3"]:
    """Reads a JPEG or PNG picture.

    Args:
        path: The file.
        size: Height and width wanted [pixel]: the central square is resampled to it, so the
            target stays in the centre and the pixel scale changes. None keeps what there is.

    Raises:
        InputError: If it is no such picture, damaged, or has too many pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path, formats=("JPEG", "PNG")) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    raise InputError(
                        f"{path}: {picture.width} x {picture.height} pixels; "
                        f"at most {MAX_PIXELS} are read"
                    )
                if picture.mode not in ("L", "LA", "P", "RGB", "RGBA", "CMYK"):
                    raise InputError(f"{path}: mode {picture.mode}; expected 8-bit grey or colour")
                pixels = picture.convert("RGB")
    except Image.DecompressionBombError as error:
        raise InputError(
            f"{path}: {one_line(error)}; at most {MAX_PIXELS} pixels are read"
        ) from None
    except _DAMAGED as error:
        raise InputError(f"{path}: not a whole JPEG or PNG picture ({one_line(error)})") from None
    if size is not None and pixels.size != (size, size):
        side = min(pixels.size)
        left, top = (pixels.width - side) / 2, (pixels.height - side) / 2
        pixels = pixels.resize(
            (size, size), Image.Resampling.BILINEAR, (left, top, left + side, top + side)
        )
    return np.array(pixels)
