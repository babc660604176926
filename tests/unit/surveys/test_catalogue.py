import gzip

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import MaskedColumn, Table

from trifid.errors import InputError
from trifid.surveys.catalogue import read_catalogue

OBJIDS = [1237650795146051733, 1237650795146051734, 1237650795146051735]


def table():
    return Table(
        {
            "PLATE": np.array([266, 266, 267], "i4"),
            "MJD": np.array([51630, 51630, 51631], "i4"),
            "FIBERID": np.array([1, 2, 3], "i2"),
            "objID": np.array(OBJIDS),
            "RA": [10.0, 20.0, 30.0],
            "DEC": [-1.0, 0.0, 1.0],
            "Name.1": ["a", "b", "c"],
            "code": MaskedColumn(np.array([1, 2, 3], "i8"), mask=[False, True, False]),
            "flag": [True, False, True],
            "mag": MaskedColumn([1.5, np.nan, 3.5], unit="mag", mask=[False, False, True]),
            "flux": np.arange(15, dtype="f4").reshape(3, 5),
        }
    )


def check(catalogue):
    assert catalogue.spectrum_ids == [
        "sdss-0266-51630-0001",
        "sdss-0266-51630-0002",
        "sdss-0267-51631-0003",
    ]
    assert catalogue.objids == [str(objid) for objid in OBJIDS]
    assert catalogue.ra.tolist() == [10, 20, 30] and catalogue.dec.tolist() == [-1, 0, 1]
    scalars = catalogue.scalars.to_pydict()
    assert scalars["name_1"] == ["a", "b", "c"]
    assert scalars["code"] == [1, None, 3]
    assert scalars["flag"] == [True, False, True]
    mag = list(catalogue.features).index("mag")
    assert catalogue.valid[:, mag].tolist() == [1, 0, 0]
    assert catalogue.values[:, mag].tolist() == [1.5, 0, 0]
    assert len(catalogue.sha256) == 64 and catalogue.notes == ()


@pytest.mark.parametrize("name", ["c.fits", "c.fits.gz", "c.vot", "c.parquet", "c.csv"])
def test_every_format_gives_the_same_rows(tmp_path, name):
    path = tmp_path / name
    data = table()
    if name == "c.csv":
        data.remove_column("flux")
        data.write(path, format="ascii.csv")
    elif name == "c.parquet":
        columns = {n: data[n].tolist() for n in data.colnames}
        columns["code"], columns["mag"] = [1, None, 3], [1.5, None, float("nan")]
        pq.write_table(pa.table(columns), path)
    elif name == "c.vot":
        data.write(path, format="votable")
    elif name == "c.fits.gz":
        data.write(tmp_path / "c.fits")
        path.write_bytes(gzip.compress((tmp_path / "c.fits").read_bytes()))
    else:
        data.write(path)
    catalogue = read_catalogue(path)
    check(catalogue)
    if name != "c.csv":
        start = list(catalogue.features).index("flux_u")
        assert list(catalogue.features)[start : start + 5] == [f"flux_{b}" for b in "ugriz"]
        assert catalogue.values[:, start : start + 5].ravel().tolist() == list(range(15))
    if name in ("c.fits", "c.fits.gz", "c.vot"):
        assert catalogue.features["mag"] == "mag"


def csv(tmp_path, text):
    path = tmp_path / "c.csv"
    path.write_text(text)
    return read_catalogue(path)


@pytest.mark.parametrize(
    ("ids", "why"),
    [
        (["1.24e+18", "1.25e+18", "1.26e+18"], "no exact integers, such as '1.24e+18'"),
        (["1237650795146051733.0", "1", "2"], "no exact integers"),
        (["1240000000000000000", "1241000000000000000", "1242000000000000000"], "rounded"),
        (["1237650795146051733"] * 3, "1 ids are repeated over different positions"),
        (["abc", "def", "ghi"], "no exact integers, such as 'abc'"),
    ],
)
def test_ids_that_cannot_be_keys_are_refused_in_one_line(tmp_path, ids, why):
    rows = "".join(f"{i},{10 * n},0,x\n" for n, i in enumerate(ids))
    catalogue = csv(tmp_path, "objid,ra,dec,label\n" + rows)
    assert catalogue.objids == [None] * 3
    assert len(catalogue.notes) == 1 and why in catalogue.notes[0]
    assert "'objid' cannot be a key" in catalogue.notes[0] and "\n" not in catalogue.notes[0]
    assert catalogue.scalars.column_names == ["label"] and not catalogue.features
    rows = "".join(f"{i},x\n" for i in ids)
    if "repeated" not in why:
        with pytest.raises(InputError, match="no column can be a key") as caught:
            csv(tmp_path, "objid,label\n" + rows)
        assert why in str(caught.value)


def test_float_ids_of_a_binary_file_are_refused(tmp_path):
    path = tmp_path / "c.parquet"
    pq.write_table(
        pa.table({"bestobjid": [1.2e18, 1.3e18], "ra": [1.0, 2.0], "dec": [1.0, 2]}), path
    )
    assert "float64 values, which cannot hold" in read_catalogue(path).notes[0]


def test_specobjid_is_split_and_beyond_int64_survives(tmp_path):
    text = "specobjid,label\n7996163790222323712,a\n11260000000000000000,b\n,c\n"
    catalogue = csv(tmp_path, text)
    assert catalogue.spectrum_ids[0] == "sdss-7102-56666-0082"
    assert catalogue.spectrum_ids[2] is None
    assert catalogue.scalars.to_pydict()["specobjid"][:2] == [
        "7996163790222323712",
        "11260000000000000000",
    ]


def test_plates_written_as_whole_floats_are_keys_and_others_not(tmp_path):
    catalogue = csv(tmp_path, "plate,mjd,fiberid\n266.0,51630.0,1.0\n,51630,2\n")
    assert catalogue.spectrum_ids == ["sdss-0266-51630-0001", None]
    with pytest.raises(InputError, match="whole numbers are expected"):
        csv(tmp_path, "plate,mjd,fiberid\n266.5,51630.0,1.0\n")


def test_the_same_object_observed_twice_is_no_clash(tmp_path):
    catalogue = csv(tmp_path, "objid,ra,dec\n12345,10,0\n12345,10.0001,0\n")
    assert catalogue.objids == ["12345", "12345"]


def test_positions_out_of_range_or_missing_are_unknown(tmp_path):
    catalogue = csv(tmp_path, "objid,ra,dec\n1234,400,0\n1235,10,\n1236,10,-90\n")
    assert np.isnan(catalogue.ra).tolist() == [True, True, False]
    assert np.isnan(catalogue.dec).tolist() == [True, True, False]


def test_skyserver_comment_repeated_names_and_control_characters(tmp_path):
    text = '#Table1\nobjid,A b,a_b,"x\x1b[1m"\n123,"multi\nline \x07text",2,=1+1\n'
    catalogue = csv(tmp_path, text)
    assert catalogue.scalars.to_pydict() == {
        "a_b": ["multi line text"],
        "a_b_2": [2],
        "x_1m": ["=1+1"],
    }


def test_infinite_and_huge_numbers_are_not_valid(tmp_path):
    path = tmp_path / "c.parquet"
    values = [np.inf, 1e300, 1.0]
    pq.write_table(pa.table({"object_id": ["a", "b", "c"], "v": values}), path)
    catalogue = read_catalogue(path)
    assert catalogue.names == ["a", "b", "c"]
    assert catalogue.valid[:, 0].tolist() == [0, 0, 1]
    assert np.isfinite(catalogue.values).all()


def test_what_cannot_be_stored_is_noted(tmp_path):
    path = tmp_path / "c.fits"
    Table({"objid": OBJIDS, "v": np.zeros((3, 4)), "w": np.zeros((3, 2), int)}).write(path)
    notes = read_catalogue(path).notes
    assert len(notes) == 2 and all("is left out" in note for note in notes)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("c.csv", b"", "empty"),
        ("c.csv", b"objid\n", "no rows"),
        ("c.csv", b"objid,x\n1,2,3\n", "not a readable csv"),
        ("c.parquet", b"PAR1 nonsense", "not a readable parquet"),
        ("c.vot", b"<html></html>", "cannot read it as votable"),
        ("c.fits", b"SIMPLE  = nonsense", "cut off"),
        ("c.txt", b"1 2 3", "expected a catalogue as .fits"),
        ("c.csv", b"a,b\n1,2\n", "no column can be a key; expected plate"),
    ],
)
def test_unreadable_catalogues_are_named(tmp_path, name, data, message):
    path = tmp_path / name
    path.write_bytes(data)
    with pytest.raises(InputError, match=message) as caught:
        read_catalogue(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["c.fits", "c.csv"])
def test_floats_asked_for_are_columns_and_no_features(tmp_path, name):
    data = table()
    data.remove_column("flux")
    data.write(tmp_path / name, format="ascii.csv" if name == "c.csv" else None)
    catalogue = read_catalogue(tmp_path / name, columns=("mag", "code", "absent"))
    assert "mag" not in catalogue.features
    column = catalogue.scalars["mag"]
    assert column.type == pa.float64() and column.to_pylist() == [1.5, None, None]
    if name == "c.fits":
        assert catalogue.scalars.schema.field("mag").metadata == {b"unit": b"mag"}
    assert catalogue.scalars["code"].type == pa.int64()


def test_a_file_that_is_not_there_is_named(tmp_path):
    for name in ("nowhere.csv", "nowhere.parquet"):
        with pytest.raises(InputError, match=rf"{name}: cannot be read: No such file"):
            read_catalogue(tmp_path / name)
