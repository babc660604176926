"""Cutouts of simulated images as the image services would make them: JPEG pictures, FITS images.

Simulated images hold one object each, with north up and east to the left. What is asked for around
a position is interpolated between their pixels (bilinear), as values per pixel of the image; the
sky beyond them is black in a picture and NaN in a FITS image.
"""

import io

import numpy as np
from astropy.io import fits
from jaxtyping import Float
from numpy import ndarray
from PIL import Image
from scipy.ndimage import map_coordinates

from trifid.simulate.pictures import lupton_rgb

_QUALITY = 90  # of JPEG


def resampled(
    flux: Float[ndarray, "H W"],
    shift: tuple[float, float],
    shape: tuple[int, int],
    ratio: float,
) -> Float[ndarray, "h w"]:
    """An image on another grid of pixels, the axes of both in the same directions.

    Args:
        flux: The image.
        shift: From its centre to that of the grid, along x and y [pixel of the image].
        shape: Height and width of the grid.
        ratio: Size of a pixel of the grid over that of the image.
    """
    along = [
        (np.arange(new) - (new - 1) / 2) * ratio + (old - 1) / 2 + offset
        for new, old, offset in zip(shape, flux.shape, shift[::-1], strict=True)
    ]
    places = np.meshgrid(*along, indexing="ij")
    return map_coordinates(flux, places, order=1, mode="constant", cval=np.nan, output=np.float32)


def jpeg(red_green_blue: Float[ndarray, "3 h w"]) -> bytes:
    """A colour picture of three images [nanomaggy per pixel]."""
    pixels = lupton_rgb(np.nan_to_num(red_green_blue)[None])[0]
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, format="JPEG", quality=_QUALITY)
    return packed.getvalue()


def fits_image(flux: Float[ndarray, "h w"], ra: float, dec: float, scale: float) -> bytes:
    """A FITS file of an image whose centre lies at a position [deg], `scale` [arcsec/pixel]."""
    header = fits.Header()
    for axis, kind, place in ((1, "RA---TAN", ra), (2, "DEC--TAN", dec)):
        header[f"CTYPE{axis}"], header[f"CUNIT{axis}"] = kind, "deg"
        header[f"CRVAL{axis}"] = place
        header[f"CRPIX{axis}"] = (flux.shape[2 - axis] + 1) / 2
    header["CDELT1"], header["CDELT2"] = -scale / 3600.0, scale / 3600.0
    header["RADESYS"] = "ICRS"
    header["HISTORY"] = "simulated, as hips2fits gives it: interpolated"
    packed = io.BytesIO()
    fits.PrimaryHDU(flux.astype(np.float32), header).writeto(packed, output_verify="exception")
    return packed.getvalue()
