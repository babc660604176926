"""Colour pictures: pixels kept, other modes made RGB, damage and bombs refused."""

import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from PIL import Image

from trifid.errors import InputError
from trifid.surveys.pictures import read_picture


def colours(height=60, width=80) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows * 3, columns * 2, rows + columns], axis=-1).astype(np.uint8)


def test_pictures_keep_their_pixels(tmp_path):
    Image.fromarray(colours()).save(tmp_path / "a.png")
    assert (read_picture(tmp_path / "a.png") == colours()).all()
    Image.fromarray(colours()).save(tmp_path / "a.jpg", quality=98)
    found = read_picture(tmp_path / "a.jpg", None)
    assert found.shape == (60, 80, 3)
    assert np.abs(found.astype(int) - colours()).mean() < 3


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA"])
def test_other_colour_modes_become_rgb(tmp_path, mode):
    Image.fromarray(colours()).convert(mode).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png")
    assert found.shape == (60, 80, 3)
    assert found.dtype == np.uint8


def test_a_resampled_picture_keeps_its_centre(tmp_path):
    pixels = np.zeros((90, 121, 3), np.uint8)
    pixels[43:47, 58:63] = 255
    Image.fromarray(pixels).save(tmp_path / "a.png")
    found = read_picture(tmp_path / "a.png", 30)[..., 0].astype(float)
    rows, columns = np.mgrid[:30, :30]
    assert (rows * found).sum() / found.sum() == pytest.approx(14.5, abs=0.05)
    assert (columns * found).sum() / found.sum() == pytest.approx(14.5, abs=0.05)


def png_of(width: int, height: int) -> bytes:
    """A PNG whose header claims a size, with next to no data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    start = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", start) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("size", "message"),
    [((60000, 60000), "pixels are read"), ((9000, 9000), "are read"), ((40, 40), "a.png")],
)
def test_pictures_that_claim_too_much_are_refused(tmp_path, size, message):
    path = tmp_path / "a.png"
    path.write_bytes(png_of(*size))
    tracemalloc.start()
    with pytest.raises(InputError, match=message):
        read_picture(path)
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_damaged_pictures_are_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(colours()).save(path)
    data = path.read_bytes()
    for length in (0, 3, 20, len(data) // 3, len(data) // 2, len(data) - 30):
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=f"a.{suffix}: not a whole JPEG or PNG"):
            read_picture(path)
    path.write_text("<svg/>")
    with pytest.raises(InputError, match="not a whole JPEG or PNG"):
        read_picture(path)
    with pytest.raises(InputError, match="not a whole JPEG or PNG"):
        read_picture(tmp_path / "absent.jpg")


def test_sixteen_bit_pictures_are_refused_not_clipped(tmp_path):
    Image.fromarray(np.full((8, 8), 40000, np.uint16)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match="expected 8-bit"):
        read_picture(tmp_path / "a.png")
