"""What counts as a whole file of its kind."""

import base64
import bz2
import hashlib
import io
import random

import numpy as np
import pytest
from astropy.io import fits
from PIL import Image

from trifid.errors import InputError
from trifid.fetch import check

CARDS = ("SIMPLE  =                    T", "BITPIX  =                    8",
         "NAXIS   =                    0", "END")  # fmt: skip
EMPTY = "".join(card.ljust(80) for card in CARDS).encode().ljust(2880)
LONG = (
    EMPTY.replace(
        CARDS[2].ljust(80).encode() + b"END".ljust(80),
        CARDS[2].replace("0", "1").ljust(80).encode()
        + b"NAXIS1  =                 9999".ljust(80)
        + b"END".ljust(80),
    )
    .rstrip()
    .ljust(2880)
)
FITS = EMPTY + b"\0" * 2880


def picture(size=(8, 8)):
    """A JPEG of many colours."""
    held = io.BytesIO()
    Image.frombytes("RGB", size, random.Random(1).randbytes(3 * size[0] * size[1])).save(
        held, "JPEG"
    )
    return held.getvalue()


JPEG = picture()


def checked(tmp_path, data, name):
    path = tmp_path / "part"
    path.write_bytes(data)
    check.check_form(path, name)


def test_whole_files_pass(tmp_path):
    checked(tmp_path, FITS, "image.fits")
    checked(tmp_path, EMPTY, "image.fits")
    checked(tmp_path, JPEG, "1.jpeg")
    rng = random.Random(1)
    for size in (0, 1, 7, 2880, 40_000):  # the end of a bzip2 file falls on any bit
        checked(tmp_path, bz2.compress(FITS + rng.randbytes(size)), "frame-u-1.fits.bz2")


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"", "a.fits", "empty"),
        (b"<!DOCTYPE html>\n<html>", "a.fits", "web page"),
        (b"  <HTML><body>", "a.fits.bz2", "web page"),
        (FITS[:-100], "a.fits", "no whole FITS file: 5660 bytes"),
        (b"SIMPLE" * 480, "a.fits", "no whole FITS file"),
        (EMPTY.replace(b"END", b"   "), "a.fits", "cut off inside the header"),
        (LONG, "a.fits", "HDU 0 claims 9999 bytes of data"),
        (EMPTY, "spec-0266-51602-0013.fits", "has 1 parts; expected 3 or more"),
        (bz2.compress(FITS)[:-3], "a.fits.bz2", "cut short"),
        (bz2.compress(b"nothing" * 99), "a.fits.bz2", "no FITS file"),
        (FITS, "a.fits.bz2", "no bzip2 file"),
        (b"\xff\xd8 and no end", "a.jpeg", "no whole JPEG"),
        (JPEG[:-2], "a.jpeg", "no whole JPEG"),
        (JPEG[: len(JPEG) // 2] + b"\xff\xd9", "a.jpeg", "picture is damaged"),
        (b"\xff\xd8" + b"1" * 50 + b"\xff\xd9", "a.jpeg", "picture is damaged"),
        (picture((2049, 2)), "a.jpeg", r"\(2049, 2\) pixels; at most 2048"),
    ],
)
def test_others_are_refused_with_the_reason(tmp_path, data, name, message):
    with pytest.raises(InputError, match=message):
        checked(tmp_path, data, name)


def test_a_cutout_has_the_pixels_that_were_asked_for(tmp_path):
    path = tmp_path / "1.jpeg"
    path.write_bytes(picture((8, 6)))
    with pytest.raises(InputError, match=r"picture of \(8, 6\) pixels; asked for 8 x 8"):
        check.check_picture(path, 8)
    path.write_bytes(JPEG)
    check.check_picture(path, 8)
    image = tmp_path / "hips-r-1.fits"
    fits.PrimaryHDU(np.zeros((16, 16), "f4")).writeto(image)
    check.check_image(image, 16)
    for size in (8, 160):
        with pytest.raises(InputError, match=f"asked for {size} x {size}"):
            check.check_image(image, size)


def test_a_hash_is_read_from_either_header():
    digest = hashlib.sha256(b"x")
    text = base64.b64encode(digest.digest()).decode()
    assert check.digest_of({"repr-digest": f"sha-256=:{text}:"}) == digest.hexdigest()
    assert check.digest_of({"digest": f"md5=abc, SHA-256={text}"}) == digest.hexdigest()
    for wrong in ("", "sha-256=:abc:", "sha-512=:" + text + ":"):
        assert check.digest_of({"repr-digest": wrong}) is None


def test_a_hash_is_compared_where_it_is_known(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x")
    assert check.sha256_matches(path, None)
    assert check.sha256_matches(path, check.sha256_of(b"x"))
    assert not check.sha256_matches(path, check.sha256_of(b"y"))


def test_files_have_a_largest_size():
    assert check.most_bytes("spec.fits") == 2**28
    assert check.most_bytes("frame.fits.bz2") == 2**27
    assert check.most_bytes("anything.else") == 2**26
