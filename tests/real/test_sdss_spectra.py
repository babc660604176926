"""The direct reader against astropy, bit for bit, on every real spec file."""

import numpy as np
from astropy.io import fits

from trifid.schema import grid
from trifid.surveys import fits_table, sdss


def spec_paths(shared_data):
    paths = sorted(shared_data.glob("*/spec-*.fits"))
    assert len(paths) == 172
    return paths


def test_pixels_equal_astropy_bit_for_bit(shared_data):
    names = ("flux", "ivar", "loglam", "and_mask")
    for path in spec_paths(shared_data):
        data = fits_table.unpack(fits_table.read_file(path))
        table = fits_table.table(data, fits_table.hdus(data)[1])
        with fits.open(path) as opened:
            expected = opened[1].data
            for name in names:
                native = np.asarray(expected[name], expected[name].dtype.newbyteorder("="))
                assert table.column(name).tobytes() == native.tobytes(), (path.name, name)
            read = sdss.read_spectrum(path)
            first = round((float(expected["loglam"][0]) - grid.LOG10_START) / grid.LOG10_STEP)
            here = slice(first, first + len(expected))
            good = expected["ivar"] > 0
            assert (read.flux[here] == np.where(good, expected["flux"], 0)).all()
            assert (read.ivar[here] == np.where(good, expected["ivar"], 0)).all()
            assert (read.mask[here] == expected["and_mask"]).all()
            assert read.columns["pixels_outside"] == 0


def test_every_cell_of_one_row_of_each_layout_equals_astropy(shared_data):
    seen = set()
    for path in spec_paths(shared_data):
        data = fits_table.unpack(fits_table.read_file(path))
        hdu = fits_table.hdus(data)[2]
        if hdu.header in seen:
            continue
        seen.add(hdu.header)
        table = fits_table.table(data, hdu)
        with fits.open(path) as opened:
            rows = opened[2].data
            for name in rows.names:
                expected, got = np.asarray(rows[name]), table.column(name)
                if expected.dtype.kind == "U":
                    assert got.tolist() == np.char.rstrip(expected).tolist(), (path.name, name)
                else:
                    native = expected.astype(expected.dtype.newbyteorder("="))
                    assert got.tobytes() == native.tobytes(), (path.name, name)
    assert len(seen) >= 3


def test_class_redshift_and_ids_equal_astropy(shared_data):
    for path in spec_paths(shared_data)[::4]:  # astropy needs 0.07 s for one row
        read = sdss.read_spectrum(path)
        assert read.identity == sdss.read_identity(path)
        with fits.open(path) as opened:
            row = opened[2].data[0]
            for name, column in (("redshift", "Z"), ("redshift_error", "Z_ERR")):
                assert read.columns[name] == float(row[column])
            for name, column in (("plate", "PLATE"), ("mjd", "MJD"), ("fiber", "FIBERID")):
                assert read.columns[name] == row[column]
            assert read.columns["class"] == row["CLASS"].strip()
            assert read.columns["subclass"] == row["SUBCLASS"].strip()
            assert read.columns["zwarning"] == row["ZWARNING"]
            assert read.columns["specobjid"] == str(row["SPECOBJID"]).strip()
            plate_mjd_fiber = (row["PLATE"], row["MJD"], row["FIBERID"])
            assert sdss.split_specobjid(int(read.columns["specobjid"])) == plate_mjd_fiber
            photometric = "BESTOBJID" if "BESTOBJID" in opened[2].columns.names else "OBJID"
            assert read.columns["bestobjid"] == (str(row[photometric]).strip() or None)
        _, plate, mjd, fiber = path.stem.split("-")
        assert read.identity.object_id == f"sdss-{plate}-{mjd}-{fiber}"


def test_stored_signal_to_noise_is_per_native_pixel(shared_data):
    for path in spec_paths(shared_data):
        read = sdss.read_spectrum(path)
        good = read.ivar > 0
        measured = np.median(read.flux[good] * np.sqrt(read.ivar[good]))
        assert abs(read.columns["sn_median"] - measured) < 0.15 + 0.05 * measured, path.name
