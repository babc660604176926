"""What a foreign HATS catalogue says about itself, and all of its rows."""

import runpy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trifid.errors import InputError
from trifid.surveys.catalogue import read_catalogue
from trifid.surveys.catalogue_hats import is_hats, open_hats

FILES = runpy.run_path(str(Path(__file__).parents[2] / "hats_files.py"))


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(4)
    return pa.table(
        {
            "objid": 1237650000000000001 + np.arange(40),
            "meanra": rng.uniform(0, 360, 40),
            "meandec": rng.uniform(-90, 90, 40),
            "mag": rng.uniform(15, 20, 40),
            "spectrum": pa.FixedSizeListArray.from_arrays(np.zeros(80), 2),
        }
    )


@pytest.mark.parametrize("form", ["hats", "folders", "collection", "unlisted", "hipscat"])
def test_every_row_is_read(form, table, tmp_path):
    files = FILES["write_hats"](tmp_path / "sky", table, form)
    assert is_hats(tmp_path / "sky")
    hats = open_hats(tmp_path / "sky")
    assert set(zip(hats.orders.tolist(), hats.pixels.tolist(), strict=True)) == set(files)
    assert (hats.path, hats.ra, hats.dec) == (tmp_path / "sky", "meanra", "meandec")
    read = read_catalogue(tmp_path / "sky")
    order = np.argsort(read.objids)
    assert [read.objids[row] for row in order] == [str(v) for v in table["objid"].to_pylist()]
    np.testing.assert_array_equal(read.ra[order], table["meanra"].to_numpy())
    np.testing.assert_array_equal(read.dec[order], table["meandec"].to_numpy())
    np.testing.assert_array_equal(read.values[order, 0], table["mag"].to_numpy().astype("f4"))
    assert list(read.features) == ["mag"] and read.scalars.column_names == []
    assert read.path == tmp_path / "sky" and read.sha256 == hats.sha256
    number = "_hipscat_index" if form == "hipscat" else "_healpix_29"
    assert [note.split(" is left")[0] for note in read.notes] == [
        "sky: column 'spectrum'",
        f"sky: column {number!r}",
    ]


def test_its_hash_knows_its_list_of_files_and_their_sizes(table, tmp_path):
    files = FILES["write_hats"](tmp_path / "sky", table)
    before = open_hats(tmp_path / "sky").sha256
    FILES["write_hats"](tmp_path / "again", table)
    assert open_hats(tmp_path / "again").sha256 == before
    path = next(iter(files.values()))
    whole = path.read_bytes()
    hashes = {before}
    path.write_bytes(whole + b"more")
    hashes.add(open_hats(tmp_path / "sky").sha256)
    path.unlink()
    hashes.add(open_hats(tmp_path / "sky").sha256)
    path.write_bytes(whole)
    about = tmp_path / "sky" / "hats.properties"
    about.write_text(about.read_text() + "hats_release_date=2026\n")
    hashes.add(open_hats(tmp_path / "sky").sha256)
    listed = tmp_path / "sky" / "partition_info.csv"
    listed.write_text("".join(listed.read_text().splitlines(keepends=True)[:-1]))
    hashes.add(open_hats(tmp_path / "sky").sha256)
    assert len(hashes) == 5


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("hats.properties", "hats_col_ra=ra\n", "expected hats_col_ra and hats_col_dec"),
        ("hats.properties", "dataproduct_type=margin\n", "it is a HATS margin, expected a catal"),
        ("hats.properties", "hats_col_ra=a\nhats_col_dec=b\nhats_npix_suffix=/../x\n", "expected"),
        ("hats.properties", b"\xff\xfe", "hats.properties cannot be read"),
        ("partition_info.csv", "Norder,Npix\n0,12\n", "there is no pixel 12 of order 0"),
        ("partition_info.csv", "Norder,Npix\n0\n", "partition_info.csv cannot be read"),
        ("partition_info.csv", "Norder,Npix\n", "it has no partitions"),
        ("partition_info.csv", "x\n1\n", "partition_info.csv cannot be read"),
    ],
)
def test_a_catalogue_that_says_nonsense_is_refused(name, text, why, table, tmp_path):
    FILES["write_hats"](tmp_path / "sky", table.slice(0, 3))
    path = tmp_path / "sky" / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=why) as caught:
        read_catalogue(tmp_path / "sky")
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("where", ["", "nothere", "../sky", "/tmp", "s3://sky"])
def test_a_collection_without_its_catalogue_is_refused(where, table, tmp_path):
    FILES["write_hats"](tmp_path / "sky", table.slice(0, 3), "collection")
    (tmp_path / "sky" / "collection.properties").write_text(f"hats_primary_table_url={where}\n")
    with pytest.raises(InputError, match=r"its hats_primary_table_url .* is no folder"):
        open_hats(tmp_path / "sky")


def test_a_file_whose_columns_differ_is_named(table, tmp_path):
    files = FILES["write_hats"](tmp_path / "sky", table)
    path = list(files.values())[3]
    held = pq.ParquetFile(path).read()
    text = pa.array([["x"]] * len(held))
    for changed, why in (
        (held.drop(["mag"]), "has no column 'mag'"),
        (held.set_column(3, "mag", text), "its columns differ from other parts"),
    ):
        pq.write_table(changed, path)
        with pytest.raises(InputError, match=why) as caught:
            read_catalogue(tmp_path / "sky")
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_other_folders_are_none(tmp_path):
    (tmp_path / "properties").write_text("hips_order=3\n")  # an image survey
    assert not is_hats(tmp_path) and not is_hats(tmp_path / "absent")
    with pytest.raises(InputError, match=r"has no hats\.properties"):
        open_hats(tmp_path / "absent")
