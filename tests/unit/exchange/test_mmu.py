"""The layout of the Multimodal Universe: read as its own scripts read it, and back."""

import json
import sys

import h5py
import numpy as np
import pytest
from astropy import units as u
from astropy_healpix import HEALPix

from trifid.errors import ConfigError, InputError
from trifid.exchange.mmu import mmu_files, read_about, read_blocks, write_mmu
from trifid.exchange.parquet import write_store
from trifid.store.read import Store

ALL = "image+image_rgb+series+spectrum+table"


@pytest.fixture(scope="module")
def folder(rich, tmp_path_factory):
    out = tmp_path_factory.mktemp("mmu") / "sky"
    assert write_mmu(rich, out, lambda n: None) == 1  # one row has no position
    return out


def test_files_lie_by_modalities_and_place(folder):
    files = mmu_files(folder)
    names = {path.relative_to(folder).parts[0] for path in files}
    assert names == {ALL, "spectrum", "image+table", "catalogue"}
    sky = HEALPix(nside=16, order="nested")
    rows = 0
    for path in files:
        assert path.name == "001-of-001.hdf5"
        pixel = int(path.parent.name.removeprefix("healpix="))
        with h5py.File(path) as data:
            found = sky.lonlat_to_healpix(data["ra"][:] * u.deg, data["dec"][:] * u.deg)
            assert (found == pixel).all() and (data["healpix"][:] == pixel).all()
            assert "sdss.org" in data.attrs["acknowledgement"]
            rows += len(data["object_id"])
    assert rows == 11


def test_a_reader_of_the_field_finds_its_names(folder, rich):
    """As scripts/sdss/sdss.py and scripts/hsc/hsc.py of the Multimodal Universe read a row."""
    ids = rich.columns("object_id")["object_id"].to_pylist()
    for path in (folder / ALL).glob("healpix=*/*.hdf5"):
        with h5py.File(path) as data:
            order = np.argsort(data["object_id"][:])
            for key in data["object_id"][:]:
                i = order[np.searchsorted(data["object_id"][:][order], key)]
                row = np.array([ids.index(key.decode())])
                ours = rich.take(row, ["spectrum", "image", "table"])
                for name in ("flux", "ivar"):
                    np.testing.assert_array_equal(
                        data[f"spectrum_{name}"][i], ours["spectrum"][name][0]
                    )
                wavelength = data["spectrum_lambda"][i]
                assert wavelength.dtype == np.float32 and len(wavelength) == 4700
                np.testing.assert_allclose(np.log10(wavelength[0]), 3.55, rtol=1e-7)
                assert np.isnan(data["spectrum_lsf_sigma"][i]).all()
                bad = data["spectrum_mask"][i]
                assert bad.dtype == bool and bad[ours["spectrum"]["ivar"][0] == 0].all()
                bands = [data["image_band"][i][j].decode() for j in range(5)]
                assert bands == list("ugriz")
                np.testing.assert_array_equal(data["image_flux"][i], ours["image"]["flux"][0])
                assert data["image_scale"][i].tolist() == [np.float32(0.396)] * 5
                assert np.isnan(data["image_psf_fwhm"][i]).all()
                assert data["image_mask"][i].shape == data["image_ivar"][i].shape == (5, 8, 8)
                value = data["table_modelmag_r"][i].astype("float32")
                known = ours["table"]["valid"][0, 0]
                assert value == ours["table"]["values"][0, 0] if known else np.isnan(value)


def test_out_and_back_has_the_same_rows(folder, rich, same_rows, tmp_path):
    schema, provenance = read_about(folder)
    assert schema == rich.schema and provenance == rich.manifest.provenance
    parts = (block for path in mmu_files(folder) for block in read_blocks(path, schema))
    assert write_store(tmp_path / "back", schema, provenance, parts, 11) == 11
    back = Store.open(tmp_path / "back", full=True)
    same_rows(back, rich, ids=back.columns("object_id")["object_id"].to_pylist())


def test_names_of_columns_stay_inside_the_file(folder):
    path = next(folder.glob("spectrum/healpix=*/*.hdf5"))
    with h5py.File(path) as data:
        assert "a_b" in data and "a" not in data
        assert all(isinstance(data[name], h5py.Dataset) for name in data)
        assert data["spectrum_flux_"].shape == data["object_id"].shape  # the column of that name


def test_what_cannot_be_written_or_read_is_said(folder, rich, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="exists"):
        write_mmu(rich, folder, lambda n: None)
    with pytest.raises(InputError, match="no healpix="):
        mmu_files(tmp_path)
    with pytest.raises(InputError, match=r"trifid\.json cannot be read"):
        read_about(tmp_path)
    for text in ("[]", "{}", json.dumps({"schema": {"modalities": {}, "columns": {}}})):
        (tmp_path / "trifid.json").write_text(text)
        with pytest.raises(InputError, match=r"trifid\.json cannot be read"):
            read_about(tmp_path)
    schema, _ = read_about(folder)
    for name, content in (("text.hdf5", b"hello"), ("cut.hdf5", mmu_files(folder)[0].read_bytes())):
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(InputError, match=rf"{name} cannot be read back"):
            list(read_blocks(tmp_path / name, schema))
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ConfigError, match=r"pip install 'trifid\[hdf5\]'"):
        write_mmu(rich, tmp_path / "x", lambda n: None)
    assert not (tmp_path / "x").exists()
