"""Columns in HDF5: nulls, text, hostile names."""

import resource

import h5py
import numpy as np
import pyarrow as pa
import pytest

from trifid.exchange import hdf5

VALUES = {
    "string": (pa.string(), ["a", "", None, "é🌌 =1+1", "line\nbreak"]),
    "int64": (pa.int64(), [2**62 + 1, 0, None, -5, 7]),
    "float64": (pa.float64(), [1.5, None, -0.0, 1e-300, 3.0]),
    "bool": (pa.bool_(), [True, None, False, True, None]),
    "list<string>": (pa.list_(pa.string()), [["a"], [], None, ["x", "y/z"], [""]]),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_column_comes_back_in_parts(kind, tmp_path):
    arrow, values = VALUES[kind]
    field = pa.field("x", arrow, metadata={"unit": "deg", "description": "about\0 it"})
    with h5py.File(tmp_path / "f.h5", "w") as file:
        hdf5.create_column(file, "x", field, 5)
        for span in (slice(0, 2), slice(2, 5)):
            hdf5.fill_column(file, "x", pa.chunked_array([values[span]], arrow), span)
        assert file["x"].attrs["unit"] == "deg" and file["x"].attrs["description"] == "about it"
    with h5py.File(tmp_path / "f.h5") as file:
        got = hdf5.read_column(file, "x", kind, slice(0, 3))
        got += hdf5.read_column(file, "x", kind, slice(3, 5))
    assert got == values


def test_a_column_without_nulls_has_no_mask(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        hdf5.create_column(file, "id", pa.field("id", pa.int64(), nullable=False), 2)
        hdf5.fill_column(file, "id", pa.chunked_array([[1, 2]]), slice(0, 2))
        assert list(file) == ["id"]


def test_names_cannot_leave_their_place_or_clash():
    names = ["a/b", "a_b", "..", ".", "", "healpix", "x", "x.null", "\0"]
    found = hdf5.dataset_names(names, ["healpix"])
    assert list(found) == names
    stored = list(found.values())
    assert len(set(stored)) == len(stored)
    assert all("/" not in name and "\0" not in name for name in stored)
    assert not {".", "..", "", "healpix"} & set(stored)
    assert f"{found['x']}.null" not in stored


def test_features_that_are_not_numbers_are_not_valid(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file["a"] = np.array([1.5, np.nan], "f4")
        file["b"] = np.array([np.inf, 2.0], "f8")
        got = hdf5.read_features(file, ["a", "b"], slice(0, 2))
    assert got["values"].tolist() == [[1.5, 0.0], [0.0, 2.0]]
    assert got["valid"].tolist() == [[1, 0], [0, 1]]
    assert got["values"].dtype == np.float32 and got["valid"].dtype == np.uint8


def test_long_descriptions_fit(tmp_path):
    with h5py.File(tmp_path / "f.h5", "w") as file:
        hdf5.describe(file, {"a": "é" * 100_000, "b": ""})
        assert list(file.attrs) == ["a"] and file.attrs["a"] == "é" * 30_000


@pytest.fixture
def room():
    """A function that limits the size of files, as a full disk does; undone at the end."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 100, 3000, 40_000])
def test_a_full_disk_is_an_error_and_no_crash(size, room, tmp_path):
    """HDF5 itself dies when the process ends if it could not write; see the class `_Sink`."""
    values = np.arange(20_000.0)
    room(size)
    with (
        pytest.raises(OSError, match="File too large"),
        hdf5.new_file(tmp_path / "f.h5") as (file, check),
    ):
        file["a/b"] = values
        file["text"] = np.array(["x" * 50] * 500, object)
        file.flush()
        np.testing.assert_array_equal(file["a/b"][:], values)  # HDF5 reads what it wrote
        assert file["text"].asstr()[499] == "x" * 50
        check()
        raise ValueError("not reached")


def test_a_file_that_can_be_written_is_whole(tmp_path):
    with hdf5.new_file(tmp_path / "f.h5") as (file, check):
        file["a"] = [1, 2]
        check()
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["a"][:].tolist() == [1, 2]
    with pytest.raises(FileExistsError), hdf5.new_file(tmp_path / "f.h5"):
        pass
