import numpy as np
import pytest
from astropy.io import fits

from trifid.errors import InputError
from trifid.surveys import sdss
from trifid.surveys.spectra import Identity


def test_pixels_land_at_their_place_on_the_grid(tmp_path, spec_files):
    hdu = spec_files.coadd(n=150, first=1234)
    got = sdss.read_spectrum(spec_files.write_spec(tmp_path / "s.fits", pixels=hdu))
    here = slice(1234, 1384)
    assert (got.flux[here] == hdu.data["flux"]).all()
    assert (got.ivar[here] == hdu.data["ivar"]).all()
    assert (got.mask[here] == hdu.data["and_mask"]).all()
    for field in (got.flux, got.ivar, got.mask):
        outside = np.delete(field, np.r_[here])
        assert field.shape == (4700,) and not outside.any()
    assert [got.flux.dtype, got.ivar.dtype, got.mask.dtype] == ["f4", "f4", "i4"]


def test_the_row_gives_columns_and_features(tmp_path, spec_files):
    path = spec_files.write_spec(tmp_path / "s.fits")
    got = sdss.read_spectrum(path)
    assert got.identity == sdss.read_identity(path)
    assert got.identity.object_id == "sdss-0266-51630-0215"
    assert got.columns == {
        "plate": 266,
        "mjd": 51630,
        "fiber": 215,
        "run2d": "26",
        "specobjid": "299548501317019648",
        "bestobjid": "1237650795146051733",
        "class": "GALAXY",
        "subclass": "STARFORMING",
        "redshift": pytest.approx(0.0216),
        "redshift_error": pytest.approx(1e-5),
        "zwarning": 0,
        "sn_median": pytest.approx(13.99),
        "instrument": "SDSS",
        "pixels_outside": 0,
    }
    assert set(got.columns) == set(sdss.COLUMNS)
    assert set(got.features) == set(sdss.ROW_FEATURES)
    assert got.features["spectroflux_r"] == 3.0 and got.features["modelmag_r"] is None


def test_upper_case_columns_and_other_table_order_give_the_same(tmp_path, spec_files):
    plain = sdss.read_spectrum(spec_files.write_spec(tmp_path / "a.fits"))
    upper = spec_files.write_spec(
        tmp_path / "b.fits",
        pixels=spec_files.coadd(upper=True),
        rows=[spec_files.coadd(n=5, first=9), spec_files.row(name="SPALL")],
    )
    with fits.open(upper, mode="update") as opened:
        opened[2].name = "B1-00002591"
    got = sdss.read_spectrum(upper)
    assert (got.flux == plain.flux).all() and (got.mask == plain.mask).all()
    assert got.columns == plain.columns


def test_boss_objid_is_the_text_column(tmp_path, spec_files):
    boss = {"BESTOBJID": None, "OBJID": ("19A", "1237661353776840965"), "SPECOBJID": ("K", 2**62)}
    rows = [spec_files.row(plate=7102, mjd=56666, name="SPALL", **boss)]
    got = sdss.read_spectrum(spec_files.write_spec(tmp_path / "s.fits", rows=rows))
    assert got.columns["bestobjid"] == "1237661353776840965"
    assert got.columns["specobjid"] == str(2**62)
    assert got.columns["instrument"] == "BOSS"
    legacy = {"BESTOBJID": None, "OBJID": ("5J", [752, 1, 2, 14, 142])}
    rows = [spec_files.row(**legacy)]
    path = spec_files.write_spec(tmp_path / "t.fits", rows=rows)
    assert sdss.read_identity(path).bestobjid is None


def test_a_file_without_row_is_stored_with_nulls(tmp_path, spec_files):
    path = spec_files.write_spec(
        tmp_path / "s.fits",
        plain=True,
        PLATEID=4238,
        MJD=55455,
        FIBERID=37,
        PLUG_RA=38.2,
        PLUG_DEC=-0.2,
    )
    got = sdss.read_spectrum(path)
    assert got.identity == Identity("sdss-4238-55455-0037", None, 38.2, -0.2)
    assert got.columns["class"] is None and got.columns["redshift"] is None
    good = got.ivar > 0
    expected = np.median(got.flux[good] * np.sqrt(got.ivar[good]))
    assert got.columns["sn_median"] == pytest.approx(expected)
    assert got.columns["instrument"] == "BOSS"


def test_no_data_is_ivar_zero_and_flux_is_never_nan(tmp_path, spec_files):
    hdu = spec_files.coadd(n=100, first=0)
    hdu.data["flux"][[3, 4]] = np.nan, np.inf
    hdu.data["ivar"][[5, 6, 7, 8]] = 0, -1, np.nan, np.inf
    got = sdss.read_spectrum(spec_files.write_spec(tmp_path / "s.fits", pixels=hdu))
    assert not got.flux[3:9].any() and not got.ivar[3:9].any()
    assert (got.ivar[9:100] > 0).all()
    assert np.isfinite(got.flux).all() and np.isfinite(got.ivar).all()
    assert (got.mask[3:9] == hdu.data["and_mask"][3:9]).all()


def test_pixels_beyond_the_grid_are_dropped_and_counted(tmp_path, spec_files):
    low = spec_files.write_spec(tmp_path / "a.fits", pixels=spec_files.coadd(n=100, first=-30))
    high = spec_files.write_spec(tmp_path / "b.fits", pixels=spec_files.coadd(n=100, first=4690))
    got = sdss.read_spectrum(low)
    assert got.columns["pixels_outside"] == 30 and (got.ivar > 0).sum() == 70
    assert sdss.read_spectrum(high).columns["pixels_outside"] == 90


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ivar": np.zeros(200)}, "no valid pixel"),
        ({"flux": np.full(200, np.nan)}, "no valid pixel"),
        ({"loglam": 3.55 + 1.3e-4 * np.arange(200)}, "pixel from the grid"),
        ({"loglam": 3.55003 + 1e-4 * np.arange(200)}, "pixel from the grid"),
        ({"loglam": np.full(200, np.nan)}, "loglam holds NaN"),
        ({"loglam": None}, "no COADD table with flux and loglam; tables here: COADD, SPECOBJ"),
        ({"ivar": None}, "no column 'ivar'"),
        ({"and_mask": None}, "no column 'and_mask'"),
    ],
)
def test_unusable_pixels_are_refused_by_name(tmp_path, spec_files, change, message):
    hdu = spec_files.coadd(**change)
    path = spec_files.write_spec(tmp_path / "spec-1-2-3.fits", pixels=hdu)
    with pytest.raises(InputError, match=message) as caught:
        sdss.read_spectrum(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_truncation_at_every_hdu_is_refused_or_a_whole_shorter_file(tmp_path, spec_files):
    rows = [spec_files.row(), spec_files.coadd(n=30, first=3)]
    whole = spec_files.write_spec(tmp_path / "w.fits", rows=rows, PLATEID=1, MJD=2, FIBERID=3)
    data = whole.read_bytes()
    with fits.open(whole) as opened:
        places = [place for hdu in opened for place in hdu.fileinfo().values() if place in (None,)]
        places = [hdu.fileinfo()[key] for hdu in opened for key in ("hdrLoc", "datLoc")]
        ends = {hdu.fileinfo()["datLoc"] + hdu.fileinfo()["datSpan"] for hdu in opened}
    cut = tmp_path / "cut.fits"
    for place in places:
        for length in (place, place + 1, place + 100, place + 2880):
            cut.write_bytes(data[:length])
            if length in ends and length > places[3]:  # a whole file of fewer HDUs
                assert sdss.read_spectrum(cut).identity == sdss.read_identity(cut)
                continue
            if length >= len(data):
                continue
            for read in (sdss.read_identity, sdss.read_spectrum):
                with pytest.raises(InputError, match=r"cut\.fits"):
                    read(cut)


def test_gzip_and_unusual_tables_give_the_same(tmp_path, spec_files):
    import gzip

    path = spec_files.write_spec(tmp_path / "a.fits")
    plain = sdss.read_spectrum(path)
    packed = tmp_path / "a.fits.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    assert (sdss.read_spectrum(packed).flux == plain.flux).all()
    assert sdss.read_identity(packed) == plain.identity
    ragged = np.empty(200, object)
    ragged[:] = [np.arange(2.0)] * 200
    hdu = spec_files.coadd()
    extra = fits.BinTableHDU.from_columns(
        [*hdu.columns, fits.Column("ragged", "PE()", array=ragged)], name="COADD"
    )
    unusual = sdss.read_spectrum(spec_files.write_spec(tmp_path / "u.fits", pixels=extra))
    assert (unusual.flux == plain.flux).all() and (unusual.mask == plain.mask).all()
    assert unusual.columns == plain.columns and unusual.features == plain.features


def test_not_fits_empty_and_missing_files_are_named(tmp_path):
    for name, data in (("e.fits", b""), ("h.fits", b"<html>not found</html>")):
        (tmp_path / name).write_bytes(data)
        for read in (sdss.read_identity, sdss.read_spectrum):
            with pytest.raises(InputError, match=name):
                read(tmp_path / name)
    with pytest.raises(InputError, match="gone"):
        sdss.read_identity(tmp_path / "gone.fits")


def test_specobjid_splits_into_its_parts():
    assert sdss.split_specobjid(299548501317019648) == (266, 51630, 215)
    assert sdss.split_specobjid(7996163790222323712) == (7102, 56666, 82)
    assert sdss.split_specobjid(1237650795146051733) is None  # an objid
    assert sdss.split_specobjid(75094094317879296) is None  # a DR7 specobjid


def test_hostile_text_in_the_row_loses_its_control_characters(tmp_path, spec_files):
    rows = [spec_files.row(CLASS=("20A", "GAL\x1b[31mAXY\x07"), SUBCLASS=("30A", "=cmd()<b>"))]
    got = sdss.read_spectrum(spec_files.write_spec(tmp_path / "s.fits", rows=rows))
    assert got.columns["class"] == "GAL[31mAXY"
    assert got.columns["subclass"] == "=cmd()<b>"
