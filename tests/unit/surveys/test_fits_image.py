"""Image HDUs row by row, equal to astropy."""

import io

import numpy as np
import pytest
from astropy.io import fits

from trifid.errors import InputError
from trifid.surveys import fits_image, fits_table


def written(*hdus):
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(stream)
    return stream.getvalue()


@pytest.mark.parametrize("kind", ("u1", "i2", "u2", "i4", "u4", "i8", "f4", "f8"))
def test_numbers_equal_astropy(kind):
    rng = np.random.default_rng(0)
    values = rng.integers(0, 100, (3, 4, 5)).astype(kind)
    if kind[0] == "u" and kind != "u1":
        values[0, 0, 0] = np.iinfo(kind).max
    data = written(fits.ImageHDU(values, name="mine"))
    hdus = fits_table.hdus(data)
    got = fits_image.image(data, hdus[1])
    assert fits_image.image(data, hdus[0]) is None and fits_image.name_of(hdus[1]) == "MINE"
    assert got.shape == (3, 4, 5)
    assert (got.all() == values).all() and (got.row(2) == values[2]).all()
    assert got.row(2).dtype.isnative


def test_scaled_numbers_and_tables():
    hdu = fits.ImageHDU(np.array([[1.5, 2.5]], "f4"))
    hdu.scale("int16", bzero=1.0, bscale=0.5)
    data = written(hdu, fits.BinTableHDU.from_columns([fits.Column("a", "E", array=[1.0])]))
    hdus = fits_table.hdus(data)
    assert fits_image.image(data, hdus[1]).row(0) == pytest.approx([1.5, 2.5])
    assert fits_image.image(data, hdus[2]) is None
    bad = data.replace(b"BSCALE  =                  0.5", b"BSCALE  = 'x'                 ")
    with pytest.raises(InputError, match="BSCALE"):
        fits_image.image(bad, fits_table.hdus(bad)[1])
