"""DESI coadds: keys, redshifts beside them, arms, masks, resolution, what cannot be."""

import numpy as np
import pytest
from astropy.io import fits

from trifid.errors import InputError
from trifid.schema import grid
from trifid.surveys import desi
from trifid.surveys.spectra import OtherFileError

READER = desi.DesiSpectra()


def ids(path):
    return [who.object_id for who in READER.contents(path).identities]


def test_redshifts_come_from_the_redrock_file_by_targetid(tmp_path, survey_files):
    first = survey_files.TARGETID
    path = survey_files.desi(tmp_path, rows=3)
    survey_files.redrock(tmp_path, (first + 2, 1.5, "QSO"), (first, 0.2, "GALAXY"))
    read = [READER.read(path, index) for index in range(3)]
    assert [got.columns["redshift"] for got in read] == [0.2, None, 1.5]
    assert [got.columns["class"] for got in read] == ["GALAXY", None, "QSO"]
    assert read[0].columns["zwarning"] == 4 and read[0].columns["subclass"] == "M"
    assert read[0].features["redshift"] == 0.2 and read[0].features["flux_g"] == 1.5
    assert read[2].features["flux_g"] == 3.5 and read[0].features["flux_w1"] is None
    assert set(read[0].sources) == {path.name, "redrock-sv3-dark-26065.fits"}
    beside = tmp_path / "redrock-sv3-dark-26065.fits"
    assert READER.recognises(beside.name) and READER.contents(beside).identities == ()
    with pytest.raises(OtherFileError, match="no coadd file"):
        READER.contents(survey_files.redrock(tmp_path / "b", (1, 0.0, "STAR")))
    beside.write_bytes(b"not FITS")
    survey_files.desi(tmp_path, rows=4)  # another file: what is kept open is not used
    with pytest.raises(InputError, match=r"redrock-sv3-dark-26065.fits beside it"):
        READER.read(path, 0)


def test_keys_carry_what_tells_files_apart(tmp_path, survey_files):
    target = survey_files.TARGETID
    healpix = survey_files.desi(tmp_path)
    assert ids(healpix) == [f"desi-{target}-sv3-dark"]
    header = {"SPGRP": "cumulative", "SPGRPVAL": 20210505, "NIGHT": 20210505, "TILEID": 100}
    tile = survey_files.desi(tmp_path, name="coadd-0-100-thru20210505.fits", header=header)
    assert ids(tile) == [f"desi-{target}-tile100-20210505"]
    plain = survey_files.desi(tmp_path, name="coadd-1.fits", header={"NOTE": 1})
    assert ids(plain) == [f"desi-{target}"]


def test_fibres_on_the_sky_are_no_objects(tmp_path, survey_files):
    path = survey_files.desi(tmp_path, rows=2, OBJTYPE=("3A", ["SKY", "TGT"]))
    found = READER.contents(path)
    assert [who.index for who in found.identities] == [1]
    ((left, why),) = found.left_out
    assert left == f"desi-{survey_files.TARGETID}-sv3-dark" and "sky" in why
    assert found.identities[0].signal_to_noise == 4.0


def test_overlapping_arms_gain_and_masks_are_translated(tmp_path, survey_files):
    mask = np.zeros((1, 2751), "u4")
    mask[0, 1000] = 2**0 | 2**2 | 2**5  # SOMEBADPIX, COSMIC, BRIGHTSKY at 4400 A
    ivar = np.full((1, 2751), 4.0, "f4")
    ivar[0, 1000] = 0
    got = READER.read(survey_files.desi(tmp_path, B_MASK=mask, B_IVAR=ivar), 0)
    wave = grid.wavelengths()
    both = (wave > 5763) & (wave < 5797)
    alone = (wave > 5700) & (wave < 5755)
    assert np.median(got.ivar[both]) == pytest.approx(2 * np.median(got.ivar[alone]), rel=0.05)
    marked = np.flatnonzero(got.mask)
    assert set(got.mask[marked].tolist()) == {2**19 | 2**23}
    assert abs(wave[marked] - 4400.0).max() < 1.2 and not got.ivar[marked].all()


def test_resolving_power_is_that_of_the_matrix(tmp_path, survey_files):
    for spread in (0.8, 1.2):
        got = READER.read(survey_files.desi(tmp_path / str(spread), spread=spread), 0)
        every = np.concatenate([start + 0.8 * np.arange(n) for start, n in desi_arms(survey_files)])
        expected = np.median(every) / (2.3548 * spread * 0.8)
        assert got.columns["resolving_power"] == pytest.approx(expected, rel=0.02)


def desi_arms(survey_files):
    return survey_files.ARMS.values()


def test_files_that_contradict_themselves_are_refused(tmp_path, survey_files):
    short = survey_files.desi(tmp_path, name="coadd-a.fits", R_IVAR=np.ones((1, 7), "f4"))
    with pytest.raises(InputError, match=r"coadd-a\.fits: R_IVAR has shape \(1, 7\)"):
        READER.contents(short)
    more = survey_files.desi(tmp_path, name="coadd-b.fits", B_FLUX=np.ones((2, 2751), "f4"))
    with pytest.raises(InputError, match=r"B_FLUX has shape \(2, 2751\)"):
        READER.contents(more)
    ids = ("D", np.array([1e17]))  # through floats
    with pytest.raises(InputError, match="TARGETID is float64; expected integers"):
        READER.contents(survey_files.desi(tmp_path, name="coadd-d.fits", TARGETID=ids))
    with pytest.raises(InputError, match="FIBERMAP has 0 targets"):
        READER.contents(survey_files.desi(tmp_path, name="coadd-e.fits", rows=0))
    with pytest.raises(InputError, match="no row 1"):
        READER.read(survey_files.desi(tmp_path), 1)
    other = tmp_path / "coadd-c.fits"
    fits.PrimaryHDU(np.ones((3, 3))).writeto(other)
    with pytest.raises(OtherFileError, match="not a DESI coadd"):
        READER.contents(other)
    with pytest.raises(InputError, match=r"gone\.fits: cannot be read"):
        READER.contents(tmp_path / "gone.fits")


def test_a_compressed_coadd_gives_the_same(tmp_path, survey_files):
    import gzip

    path = survey_files.desi(tmp_path)
    packed = tmp_path / "coadd-sv3-dark-26065.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes(), 1))
    plain, same = READER.read(path, 0), READER.read(packed, 0)
    assert (plain.flux == same.flux).all() and plain.columns == same.columns
    assert plain.sources != same.sources
