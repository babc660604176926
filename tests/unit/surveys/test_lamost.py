"""LAMOST files: both layouts, masks, headers with and without a fit, what is none."""

import gzip

import numpy as np
import pytest
from astropy.io import fits

from trifid.errors import InputError
from trifid.surveys import lamost, sdss
from trifid.surveys.spectra import OtherFileError

READER = lamost.LamostSpectra()


def test_names_are_told_from_those_of_sdss():
    for name in (
        "spec-55859-F5902_sp01-001.fits",
        "spec-56972-HD06N51V01_sp07-008.FITS.gz",
    ):
        assert READER.recognises(name) and not sdss.SdssSpectra().recognises(name)
    for name in ("spec-0266-51602-0013.fits", "spec-copy.fits"):
        assert sdss.SdssSpectra().recognises(name) and not READER.recognises(name)


def test_header_gives_columns_and_features(tmp_path, survey_files):
    got = READER.read(survey_files.lamost(tmp_path), None)
    fit = {"class": "STAR", "subclass": "F5", "redshift": -0.0001, "redshift_error": 1e-5}
    assert fit.items() <= got.columns.items()
    assert got.columns["resolving_power"] == 1800 and got.columns["survey"] == "lamost"
    assert got.features["snr_g"] == 12.5 and got.features["snr_z"] is None
    assert (
        READER.contents(tmp_path / "spec-55859-F5902_sp01-001.fits").identities[0].signal_to_noise
        == 20.0
    )


def test_a_failed_fit_has_no_redshift(tmp_path, survey_files):
    got = READER.read(survey_files.lamost_table(tmp_path), None)
    assert got.columns["redshift"] is None and got.columns["subclass"] is None
    assert got.columns["class"] == "STAR"


def test_pixels_on_the_grid_are_shifted_and_others_resampled(tmp_path, survey_files):
    shifted = READER.read(survey_files.lamost(tmp_path / "a"), None)
    assert (shifted.ivar[182 : 182 + 3909] == survey_files.NOISE**-2).all()
    off = READER.read(survey_files.lamost(tmp_path / "b", start=3.56825), None)
    there = off.ivar > 0
    assert there.sum() == 3908 and off.ivar[there].mean() > survey_files.NOISE**-2  # two averaged


def test_mask_bits_keep_their_meaning(tmp_path, survey_files):
    path = survey_files.lamost(tmp_path)
    with fits.open(path, mode="update") as opened:
        opened[0].data[3, :4] = [2**2, 2**3, 2**0, 2**5 + 2**1]
    mask = READER.read(path, None).mask
    assert mask[182:186].tolist() == [2**22, 2**23, 0, 2**24]


def test_rows_of_pixels_and_gzip_give_the_same(tmp_path, survey_files):
    path = survey_files.lamost_table(tmp_path)
    vectors = READER.read(path, None)
    packed = tmp_path / f"{path.name}.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert (READER.read(packed, None).flux == vectors.flux).all()
    with fits.open(path) as opened:
        cells = {n: ("E", opened[1].data[n][0]) for n in opened[1].columns.names}
        header = {key: opened[0].header[key] for key in ("OBSID", "RA", "DEC")}
        long = survey_files.write(
            tmp_path / "long.fits", survey_files.table("COADD", cells), **header
        )
    assert (READER.read(long, None).flux == vectors.flux).all()


def test_other_files_are_told(tmp_path, survey_files):
    path = tmp_path / "spec-1-a_sp01-001.fits"
    fits.PrimaryHDU(np.ones((3, 10), "f4")).writeto(path)
    with pytest.raises(OtherFileError, match="not a LAMOST"):
        READER.contents(path)
    path = survey_files.lamost(tmp_path)
    with fits.open(path, mode="update") as opened:
        del opened[0].header["OBSID"]
    with pytest.raises(OtherFileError, match="no OBSID"):
        READER.contents(path)
    path = survey_files.lamost(tmp_path)
    with fits.open(path, mode="update") as opened:
        opened[0].data[2] = 0  # the pilot survey kept the spectrum without continuum there
    with pytest.raises(InputError, match=r"spec-55859-F5902_sp01-001\.fits: wavelengths"):
        READER.read(path, None)
