import bz2
import gzip
import io

import numpy as np
import pytest
from astropy.io import fits

from trifid.errors import InputError
from trifid.surveys import fits_table

N = 7


def columns():
    rng = np.random.default_rng(1)
    return [
        fits.Column("byte", "B", array=rng.integers(0, 255, N).astype("u1")),
        fits.Column("Signed", "B", bzero=-128, array=rng.integers(-128, 127, N).astype("i1")),
        fits.Column("SHORT", "I", array=rng.integers(-999, 999, N), null=-5),
        fits.Column("ushort", "I", bzero=2**15, array=rng.integers(0, 2**16, N).astype("u2")),
        fits.Column("long", "J", array=rng.integers(-(2**31), 2**31, N)),
        fits.Column("ulong", "J", bzero=2**31, array=rng.integers(0, 2**32, N).astype("u4")),
        fits.Column("id", "K", array=rng.integers(-(2**63), 2**63 - 1, N)),
        fits.Column("uid", "K", bzero=2**63, array=rng.integers(0, 2**63, N).astype("u8") * 2 + 1),
        fits.Column("real", "E", array=rng.normal(size=N).astype("f4"), unit="nanomaggy"),
        fits.Column("double", "D", array=rng.normal(size=N)),
        fits.Column("scaled", "I", array=np.arange(N)),
        fits.Column("text", "8A", array=np.array([f" a'{i}  " for i in range(N)])),
        fits.Column("flag", "L", array=rng.integers(0, 2, N).astype(bool)),
        fits.Column("vector", "5E", array=rng.normal(size=(N, 5)).astype("f4")),
        fits.Column("matrix", "6J", dim="(3,2)", array=np.arange(N * 6).reshape(N, 2, 3)),
        fits.Column("empty", "0E", array=np.zeros((N, 0))),
    ]


@pytest.fixture(scope="module")
def file_bytes():
    buffer = io.BytesIO()
    table = fits.BinTableHDU.from_columns(columns(), name="mine")
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(buffer)
    data = buffer.getvalue()
    start, size = (hdu := fits_table.hdus(data)[1]).start, len(hdu.header)
    header = fits.Header.fromstring(hdu.header.decode())  # scales added behind astropy's back
    header["TSCAL11"], header["TZERO11"] = 0.5, 10.0
    text = header.tostring().encode()
    assert len(text) == size
    return data[: start - size] + text + data[start:]


def test_every_column_equals_astropy(file_bytes):
    hdus = fits_table.hdus(file_bytes)
    assert [hdu.is_table for hdu in hdus] == [False, True]
    table = fits_table.table(file_bytes, hdus[1])
    assert table.layout.name == "MINE" and len(table) == N
    with fits.open(io.BytesIO(file_bytes)) as opened:
        data = opened[1].data
        for name in data.names:
            expected = np.asarray(data[name])
            if expected.dtype.kind == "U":
                expected = np.char.rstrip(expected)
            got = table.column(name.swapcase())
            assert got.shape == expected.shape, name
            assert got.tolist() == expected.tolist(), name
            if expected.dtype.kind != "U" and name != "Signed":  # astropy makes that one float
                assert got.dtype == expected.dtype.newbyteorder("="), name
            first = table.cell(name)
            assert first == expected[0].tolist(), name
    assert table.layout.columns["real"].unit == "nanomaggy"
    assert table.cell("no such column") is None


def test_null_marks_come_from_tnull(file_bytes):
    patched = file_bytes
    table = fits_table.table(patched, fits_table.hdus(patched)[1])
    raw = table.column("short")
    assert (table.nulls("short") == (raw == -5)).all()
    assert not table.nulls("long").any()


def test_missing_column_names_those_there(file_bytes):
    table = fits_table.table(file_bytes, fits_table.hdus(file_bytes)[1])
    with pytest.raises(InputError, match="no column 'loglam'; it has byte"):
        table.column("loglam")


def test_variable_length_and_bit_columns_are_left_to_astropy():
    ragged = np.empty(2, object)
    ragged[:] = [np.arange(2.0), np.arange(3.0)]
    for column in (
        fits.Column("v", "PE()", array=ragged),
        fits.Column("x", "8X", array=np.zeros((2, 8), bool)),
    ):
        buffer = io.BytesIO()
        fits.BinTableHDU.from_columns([column]).writeto(buffer)
        data = buffer.getvalue()
        with pytest.raises(fits_table.UnusualTable):
            fits_table.table(data, fits_table.hdus(data)[1])


def test_every_truncation_is_refused(file_bytes):
    whole = len(fits_table.hdus(file_bytes))
    for length in range(1, len(file_bytes), 997):
        cut = file_bytes[:length]
        try:
            found = fits_table.hdus(cut)
        except InputError:
            continue
        end = found[-1].start + found[-1].size
        assert len(found) < whole or end <= length  # an end between two HDUs, or lost padding


def test_sizes_that_lie_are_refused_before_allocation(file_bytes):
    for card, value in ((b"NAXIS2  =", 10**15), (b"NAXIS1  =", 10**12), (b"NAXIS2  =", -3)):
        at = file_bytes.index(card)
        lie = card + f"{value:21d}".encode()
        with pytest.raises(InputError, match="claims"):
            fits_table.hdus(file_bytes[:at] + lie + file_bytes[at + len(lie) :])
    at = file_bytes.index(b"NAXIS1  =")
    lie = b"NAXIS1  =" + b"%21d" % 3
    smaller = file_bytes[:at] + lie + file_bytes[at + len(lie) :]
    with pytest.raises(InputError):
        fits_table.table(smaller, fits_table.hdus(smaller)[1])


@pytest.mark.parametrize(
    "data", [b"\x89PNG\r\n", b"not a fits file" * 400, b"SIMPLE  =" + b"\0" * 99]
)
def test_other_files_are_refused(data):
    with pytest.raises(InputError):
        fits_table.hdus(data)


def test_garbage_after_the_last_hdu_is_refused_and_padding_is_not(file_bytes):
    assert len(fits_table.hdus(file_bytes + b"\0" * 2880)) == 2
    with pytest.raises(InputError, match="expected a FITS extension"):
        fits_table.hdus(file_bytes + b"garbage")


def test_compressed_files_are_read_and_damaged_ones_refused(tmp_path, file_bytes):
    path = tmp_path / "t.fits"
    for packed in (gzip.compress(file_bytes), bz2.compress(file_bytes)):
        path.write_bytes(packed)
        assert fits_table.unpack(fits_table.read_file(path)) == file_bytes
        path.write_bytes(packed[:-20])
        with pytest.raises(InputError, match="cannot be decompressed"):
            fits_table.unpack(fits_table.read_file(path))
    path.write_bytes(b"")
    with pytest.raises(InputError, match="empty"):
        fits_table.unpack(fits_table.read_file(path))


def test_a_decompression_bomb_is_stopped(tmp_path, monkeypatch):
    path = tmp_path / "bomb.fits.gz"
    path.write_bytes(gzip.compress(b"SIMPLE" + b"\0" * 10**7))
    monkeypatch.setattr(fits_table, "_MAX_BYTES", 10**6)
    with pytest.raises(InputError, match="more than 1 GiB"):
        fits_table.unpack(fits_table.read_file(path))
