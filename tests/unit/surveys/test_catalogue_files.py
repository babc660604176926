"""Folders of Parquet files as one catalogue; single files are read in test_catalogue."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trifid.errors import InputError
from trifid.surveys.catalogue import read_catalogue

FIRST = {"object_id": ["a", "b"], "ra": [1.0, 2.0], "dec": [3.0, 4.0], "n": [1, 2]}
SECOND = {"n": [2.5, None], "object_id": ["c", "d"], "dec": [7.0, 8.0], "ra": [5.0, 6.0]}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "parts"
    (folder / "year=2").mkdir(parents=True)
    (folder / "_temporary").mkdir()
    pq.write_table(pa.table(FIRST), folder / "one.parquet")
    pq.write_table(pa.table(SECOND), folder / "year=2" / "two.parquet")
    for name in (".hidden.parquet", "_temporary/three.parquet", "_SUCCESS"):
        (folder / name).write_bytes(b"no")
    return folder


def test_parts_are_one_catalogue(folder):
    read = read_catalogue(folder)
    assert read.names == ["a", "b", "c", "d"]
    assert read.ra.tolist() == [1.0, 2.0, 5.0, 6.0]
    assert read.values[:, 0].tolist() == [1.0, 2.0, 2.5, 0.0]
    assert read.valid[:, 0].tolist() == [1, 1, 1, 0] and list(read.features) == ["n"]
    (folder / "one.parquet").rename(folder / "a.parquet")
    assert read_catalogue(folder).sha256 != read.sha256
    (folder / "a.parquet").rename(folder / "one.parquet")
    assert read_catalogue(folder).sha256 == read.sha256


def test_a_part_that_does_not_fit_is_named(folder):
    path = folder / "year=2" / "two.parquet"
    whole = path.read_bytes()
    other = pa.table(SECOND)
    for change, why in (
        (lambda: pq.write_table(other.drop(["n"]), path), "column 'n' is not in all parts"),
        (lambda: pq.write_table(other.add_column(0, "m", [[1, 2]]), path), "'m' is not in all"),
        (
            lambda: pq.write_table(other.set_column(0, "n", [["x", "y"]]), path),
            "its columns differ from other parts",
        ),
        (lambda: path.write_bytes(whole[:-20]), "not a readable parquet catalogue"),
    ):
        change()
        with pytest.raises(InputError, match=why) as caught:
            read_catalogue(folder)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_folder_of_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"expected a HATS catalogue or a folder of \.parquet"):
        read_catalogue(tmp_path)
    pq.write_table(pa.table(FIRST).slice(0, 0), tmp_path / "empty.parquet")
    with pytest.raises(InputError, match="the catalogue has no rows"):
        read_catalogue(tmp_path)
