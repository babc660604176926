"""Frames, stamps and pictures: read as they are, refused with the file's name where damaged."""

import bz2
import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from trifid.errors import InputError
from trifid.surveys import sdss_images
from trifid.surveys.sdss_images import identify_image, read_frame, read_image_header

FRAME = "frame-r-004948-3-0199.fits"


def header(**changes) -> fits.Header:
    """A minimal celestial header; a change to None removes the keyword."""
    values = {"CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0}
    values |= {"CRPIX1": 10.0, "CRPIX2": 20.0, "CD1_1": 0.0, "CD1_2": 1.1e-4}
    values |= {"CD2_1": 1.1e-4, "CD2_2": 0.0, "BUNIT": "nanomaggy", "FILTER": "r"}
    values = {key: value for key, value in (values | changes).items() if value is not None}
    return fits.Header(list(values.items()))


def image_bytes(pixels: np.ndarray | None = None, **changes) -> bytes:
    """A FITS file with one image and, like a real frame, another HDU behind it."""
    pixels = np.arange(30 * 40, dtype=np.float32).reshape(30, 40) if pixels is None else pixels
    primary = fits.PrimaryHDU(pixels)
    primary.header.update(header(**changes))
    return primary.header.tostring().encode() + _padded(pixels) + b"XTENSION" + bytes(2872)


def _padded(pixels: np.ndarray) -> bytes:
    data = pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
    return data + bytes(-len(data) % 2880)


def saved(folder: Path, name: str = FRAME, **changes) -> Path:
    path = folder / name
    path.write_bytes(image_bytes(**changes))
    return path


def test_a_frame_has_flux_band_position_and_origin(tmp_path):
    frame = read_frame(saved(tmp_path))
    assert frame.flux.dtype == np.dtype("=f4")
    assert (frame.flux == np.arange(1200).reshape(30, 40)).all()
    assert (frame.band, frame.run, frame.camcol, frame.field) == ("r", 4948, 3, 199)
    assert frame.bad_pixels == 0
    assert frame.wcs.wcs_pix2world(9, 19, 0) == pytest.approx([150, 2])


@pytest.mark.parametrize(("pack", "suffix"), [(bz2.compress, ".bz2"), (gzip.compress, ".gz")])
def test_compressed_frames_read_the_same(tmp_path, pack, suffix):
    plain = saved(tmp_path)
    packed = tmp_path / (FRAME + suffix)
    packed.write_bytes(pack(plain.read_bytes()))
    assert (read_frame(packed).flux == read_frame(plain).flux).all()
    assert read_frame(packed).field == 199


def test_numbers_that_are_none_become_zero_and_are_counted(tmp_path):
    pixels = np.ones((30, 40))
    pixels[3, 4], pixels[5, 6], pixels[7, 8], pixels[9, 9] = np.nan, np.inf, -np.inf, 1e300
    frame = read_frame(saved(tmp_path, pixels=pixels))
    assert frame.bad_pixels == 4
    assert frame.flux.sum() == 1200 - 4
    assert frame.flux[3, 4] == 0


def test_scaled_integers_and_blank(tmp_path):
    pixels = np.arange(1200, dtype=np.int16).reshape(30, 40)
    path = saved(tmp_path, pixels=pixels, BSCALE=0.5, BZERO=10.0, BLANK=7)
    frame = read_frame(path)
    assert frame.flux[1, 1] == 41 * 0.5 + 10
    assert frame.flux[0, 7] == 0
    assert frame.bad_pixels == 1


def test_the_band_in_the_name_wins_over_the_header(tmp_path):
    """Mosaics of several bands often carry one band's header."""
    assert read_frame(saved(tmp_path, "mosaic_i.fits", FILTER="g")).band == "i"
    assert read_frame(saved(tmp_path, "mosaic.fits", FILTER="g")).band == "g"
    assert read_frame(saved(tmp_path, "a.fits", FILTER=None, BAND="z", RUN=94)).run == 94
    with pytest.raises(InputError, match=r"b\.fits: no band in the name or in FILTER"):
        read_frame(saved(tmp_path, "b.fits", FILTER=None))


def test_the_header_alone_tells_shape_band_and_a_file_cut_short(tmp_path):
    path = saved(tmp_path)
    header = read_image_header(path)
    assert header.shape == (30, 40)
    assert (header.band, header.run) == ("r", 4948)
    assert header.size == 4800
    path.write_bytes(path.read_bytes()[: 2880 + 4799])
    with pytest.raises(InputError, match="announces 4800 bytes of pixels, the file has 4799"):
        read_image_header(path)


def test_stray_bytes_in_a_comment_do_no_harm_and_in_a_value_are_not_repeated(tmp_path):
    path = saved(tmp_path, OBSERVER="J. Doe")
    data = path.read_bytes()
    path.write_bytes(data.replace(b"J. Doe", b"J\xe9\x1bDoe"))
    assert read_frame(path).flux.shape == (30, 40)
    path.write_bytes(data.replace(b"nanomaggy", b"\x1b[31mred\xe9"))
    with pytest.raises(InputError, match="BUNIT") as caught:
        read_frame(path)
    assert str(caught.value).isprintable()


def test_center_and_contains(tmp_path):
    frame = read_frame(saved(tmp_path))
    assert frame.wcs.wcs_world2pix(*frame.center(), 0) == pytest.approx([19.5, 14.5])
    ra, dec = frame.wcs.wcs_pix2world([0, -0.4, -0.6, 39.4, 39.6, 5], [0, 3, 3, 29.4, 5, 29.6], 0)
    assert frame.contains(ra, dec).tolist() == [True, True, False, True, False, False]
    assert not frame.contains(np.array([330.0]), np.array([-2.0])).any()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("frame-u-004948-3-0199.fits.bz2", ("frame", "u", "004948-3-0199")),
        ("frame-z-004948-3-0199.fits", ("frame", "z", "004948-3-0199")),
        ("stamp-r-164.4311-39.0359.fits", ("stamp", "r", "164.4311-39.0359")),
        ("stamp-g-5.0073-0.0739_2kpsf.fits", ("stamp", "g", "5.0073-0.0739")),
        ("1237648721217716541.jpeg", ("picture", None, "1237648721217716541")),
        ("cutout_1237648721217716541_irg.PNG", ("picture", None, "1237648721217716541")),
        ("m51.jpg", ("picture", None, "m51")),
        ("123456789012345678901234.jpg", ("picture", None, "123456789012345678901234")),
        ("labels.csv", None),
        ("absent.fits", None),
        ("spec-0266-51630-0215.fits", None),
    ],
)
def test_names_say_what_a_file_is(tmp_path, name, expected):
    found = identify_image(tmp_path / name)
    assert (found and (found.kind, found.band, found.key)) == expected


def test_other_fits_names_are_judged_by_their_header(tmp_path):
    found = identify_image(saved(tmp_path, "m51_i_deep.fits"))
    assert found is not None
    assert (found.kind, found.band, found.key) == ("frame", "i", "m51_deep")
    found = identify_image(saved(tmp_path, "m51.fits"))
    assert found is not None
    assert (found.band, found.key) == ("r", "m51")
    fits.BinTableHDU.from_columns([fits.Column("a", "J", array=[1])]).writeto(tmp_path / "t.fits")
    assert identify_image(tmp_path / "t.fits") is None
    assert identify_image(saved(tmp_path, "psf.fits", CTYPE1="LINEAR")) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"BUNIT": "adu"}, "BUNIT 'adu'; expected nanomaggy"),
        ({"CTYPE1": "GLON-TAN", "CTYPE2": "GLAT-TAN"}, "expected RA---TAN"),
        ({"CTYPE1": "DEC--TAN", "CTYPE2": "RA---TAN"}, "expected RA---TAN"),
        ({"CTYPE1": None, "CTYPE2": None}, "expected RA---TAN"),
        ({"CD1_2": 0.0}, "singular"),
        ({"CD1_1": None, "CD1_2": None, "CD2_1": None, "CD2_2": None}, "no size"),
        ({"EQUINOX": 1950.0}, "equinox 1950.0; expected"),
        ({"RADESYS": "FK4"}, "FK4"),
        ({"CRVAL1": "east"}, "'CRVAL1': 'east'.*expected numbers"),
        ({"CRPIX2": None}, "'CRPIX2': None.*expected numbers"),
        ({"BSCALE": "much"}, "header cannot be used"),
    ],
)
def test_headers_that_cannot_be_used_are_refused(tmp_path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        read_frame(saved(tmp_path, **change))
    assert FRAME in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"NAXIS1  =                   40", b"NAXIS1  =              4000000", "NAXIS1 4000000"),
        (
            b"NAXIS1  =                   40",
            b"NAXIS1  =                  400",
            "announces 48000 by",
        ),
        (b"NAXIS1  =                   40", b"NAXIS1  =                  -40", "NAXIS1 -40"),
        (b"NAXIS1  =                   40", b"NAXIS1  =                  4.5", "NAXIS1 4.5"),
        (b"NAXIS1  =                   40", b"NAXIS1  =                    T", "NAXIS1 True"),
        (b"NAXIS1  =                   40", b"NAXIS7  =                   40", "NAXIS1 0"),
        (b"NAXIS   =                    2", b"NAXIS   =                    0", "has 0 axes"),
        (b"NAXIS   =                    2", b"NAXIS   =                  two", "NAXIS"),
        (b"BITPIX  =                  -32", b"BITPIX  =                   33", "BITPIX 33"),
        (b"SIMPLE", b"SIMPEL", "not a FITS file"),
        (b"END   ", b"DNE   ", "no END"),
    ],
)
def test_sizes_that_lie_are_refused_before_memory_is_taken(tmp_path, old, new, message):
    data = image_bytes()
    assert data.count(old) == 1
    path = tmp_path / FRAME
    path.write_bytes(data.replace(old, new))
    tracemalloc.start()
    with pytest.raises(InputError, match=message) as caught:
        read_frame(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert str(path) in str(caught.value)
    assert peak < 2**23


@pytest.mark.parametrize("suffix", ["", ".bz2", ".gz"])
def test_files_cut_anywhere_are_refused(tmp_path, suffix):
    pack = {"": bytes, ".bz2": bz2.compress, ".gz": gzip.compress}[suffix]
    pixels = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)
    data = pack(image_bytes(pixels=pixels)[: 2880 + 4800])
    path = tmp_path / (FRAME + suffix)
    for length in [0, 1, 40, 1000, *range(len(data) // 2, len(data) - 12, 97)]:
        path.write_bytes(data[:length])
        with pytest.raises(InputError, match=FRAME):
            read_frame(path)
    path.write_bytes(data)
    assert (read_frame(path).flux == pixels).all()


def test_damaged_compression_and_folders_are_refused(tmp_path):
    packed = bytearray(bz2.compress(image_bytes()))
    packed[60:90] = bytes(30)
    path = tmp_path / (FRAME + ".bz2")
    path.write_bytes(packed)
    with pytest.raises(InputError, match="cannot be read to the end"):
        read_frame(path)
    path.write_bytes(b"not compressed at all")
    with pytest.raises(InputError, match="cannot be read to the end"):
        read_frame(path)
    with pytest.raises(InputError, match="cannot be read to the end"):
        read_frame(tmp_path)


def test_a_compression_bomb_is_unpacked_no_further_than_its_header_says(tmp_path):
    path = tmp_path / (FRAME + ".bz2")
    path.write_bytes(bz2.compress(image_bytes() + bytes(100_000_000)))
    endless = tmp_path / "endless.fits.bz2"
    endless.write_bytes(bz2.compress(b"SIMPLE  =                    T".ljust(100_000_000)))
    tracemalloc.start()
    assert read_frame(path).flux.shape == (30, 40)
    with pytest.raises(InputError, match="no END in 10"):
        read_frame(endless)
    assert identify_image(endless) is None
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10_000_000


def test_the_limit_is_that_of_the_module(tmp_path, monkeypatch):
    monkeypatch.setattr(sdss_images, "MAX_PIXELS", 1000)
    with pytest.raises(InputError, match="at most 1000 pixels"):
        read_frame(saved(tmp_path))


def test_a_pixel_near_the_converters_limit_is_saturated(tmp_path):
    calibrated = read_frame(saved(tmp_path, NMGY=0.005, SOFTBIAS=1000))
    assert calibrated.saturation == pytest.approx(0.9 * (65535 - 1000) * 0.005)
    assert read_frame(saved(tmp_path, NMGY=None)).saturation is None
    assert read_frame(saved(tmp_path, NMGY=-1.0)).saturation is None
