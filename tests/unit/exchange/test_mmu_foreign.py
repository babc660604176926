"""Files as the scripts of the Multimodal Universe write them, made here, as a store."""

import h5py
import numpy as np
import pytest

from trifid.errors import InputError
from trifid.exchange.mmu_foreign import ForeignFiles
from trifid.exchange.run import import_store
from trifid.schema import grid
from trifid.store.read import Store


def sdss_file(path, ids, first=300, length=3000):
    """As scripts/sdss/build_parent_sample.py: native pixels, float32 wavelengths, edge pads."""
    path.parent.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(len(ids))
    rows, pixels = len(ids), length + 40
    wavelength = np.full((rows, pixels), -1.0, np.float32)
    wavelength[:, :length] = grid.wavelengths()[first : first + length]
    flux = generator.normal(5, 1, (rows, pixels)).astype(np.float32)
    ivar = np.ones((rows, pixels), np.float32)
    ivar[:, length:], ivar[:, 10] = 0, 0
    mask = np.zeros((rows, pixels), bool)
    mask[:, 20] = True
    with h5py.File(path, "w") as file:
        file["object_id"] = np.array(ids)
        file["ra"], file["dec"] = np.linspace(1, 2, rows), np.linspace(3, 4, rows)
        file["healpix"] = np.full(rows, 5)
        file["spectrum_flux"], file["spectrum_ivar"] = flux, ivar
        file["spectrum_lambda"], file["spectrum_mask"] = wavelength, mask
        file["spectrum_lsf_sigma"] = np.ones_like(flux)
        file["Z"] = np.linspace(0.1, 0.2, rows).astype(np.float32)
        file["ZWARNING"] = np.arange(rows)
        file["CLASS"] = np.array([b"GALAXY", b"QSO"] * rows)[:rows]
        file["SPECTROFLUX"] = np.ones((rows, 5))
        file["SPECOBJID"] = np.arange(rows).astype(np.uint64) + 2**63
    return flux, ivar


@pytest.fixture
def folder(tmp_path):
    sdss_file(tmp_path / "sdss" / "healpix=5" / "001-of-001.hdf5", [b"11", b"12"])
    sdss_file(tmp_path / "sdss" / "healpix=6" / "001-of-001.hdf5", [b"13", b"14", b"15"])
    return tmp_path / "sdss"


def test_spectra_on_the_grid_are_shifted(folder, tmp_path):
    done = import_store(folder, tmp_path / "store")
    assert (done.rows, done.format, done.ignored) == (5, "mmu", ("SPECTROFLUX",))
    store = Store.open(tmp_path / "store", full=True)
    columns = store.columns().to_pydict()
    assert columns["object_id"] == ["11", "12", "13", "14", "15"] == columns["group"]
    assert columns["ra"][:2] == [1.0, 2.0] and columns["CLASS"][:2] == ["GALAXY", "QSO"]
    assert columns["ZWARNING"] == [0, 1, 0, 1, 2] and columns["SPECOBJID"][1] == str(2**63 + 1)
    assert store.schema.modalities["table"].features == ("Z",)
    with h5py.File(folder / "healpix=5" / "001-of-001.hdf5") as file:
        flux, ivar = file["spectrum_flux"][:, :3000], file["spectrum_ivar"][:, :3000]
    spectrum = store.take(np.arange(2), ["spectrum"])["spectrum"]
    np.testing.assert_array_equal(spectrum["ivar"][:, 300:3300], ivar)
    np.testing.assert_array_equal(
        spectrum["flux"][:, 300:3300], np.where(ivar > 0, flux, np.float32(0))
    )
    assert spectrum["mask"][:, 320].tolist() == [1, 1] and spectrum["mask"].sum() == 2
    assert not spectrum["ivar"][:, :300].any() and not spectrum["ivar"][:, 3300:].any()


def test_spectra_off_the_grid_keep_their_flux(tmp_path):
    path = tmp_path / "desi" / "healpix=1" / "001-of-001.hdf5"
    path.parent.mkdir(parents=True)
    wavelength = np.arange(4000.0, 6000.0, 0.8)
    line = 10 + 100 * np.exp(-0.5 * ((wavelength - 5000) / 5) ** 2)
    with h5py.File(path, "w") as file:
        file["object_id"] = np.arange(2)
        file["spectrum_flux"] = np.stack([line, np.full_like(line, np.nan)]).astype("f4")
        file["spectrum_ivar"] = np.ones((2, len(line)), "f4")
        file["spectrum_lambda"] = np.tile(wavelength, (2, 1))
    import_store(tmp_path / "desi", tmp_path / "store")
    store = Store.open(tmp_path / "store", full=True)
    held = store.present("spectrum")
    assert held.sum() == 1 and store.columns("ra")["ra"].null_count == 2
    flux = store.take(np.flatnonzero(held), ["spectrum"])["spectrum"]["flux"][0]
    width = grid.wavelengths() * np.log(10) * 1e-4
    inside = (grid.wavelengths() > 4900) & (grid.wavelengths() < 5100)
    assert ((flux - 10) * width)[inside].sum() == pytest.approx(100 * 5 * 2.5066, rel=1e-3)


@pytest.mark.parametrize("name", ["image_flux", "image_array"])
def test_images_keep_bands_scale_and_unit(name, tmp_path):
    path = tmp_path / "hsc" / "healpix=1" / "001-of-001.hdf5"
    path.parent.mkdir(parents=True)
    flux = np.random.default_rng(0).normal(0, 1, (2, 2, 8, 8)).astype("f4")
    with h5py.File(path, "w") as file:
        file["object_id"] = ["a", "b"]
        file["ra"], file["dec"] = [1.0, np.nan], [2.0, np.nan]
        file[name] = flux
        file["image_band"] = np.array([[b"hsc-g", b"hsc-r"]] * 2)
        file["image_scale"] = np.full((2, 2), 0.168, "f4")
    import_store(tmp_path / "hsc", tmp_path / "store")
    store = Store.open(tmp_path / "store", full=True)
    spec = store.schema.modalities["image"]
    assert spec.bands == ("hsc-g", "hsc-r") and spec.pixel_scale == 0.168
    assert spec.unit == "unknown"  # the layout does not say: no model takes it for nanomaggies
    np.testing.assert_array_equal(store.take(np.arange(2), ["image"])["image"]["flux"], flux)
    assert store.columns("ra")["ra"].to_pylist() == [1.0, None]


def test_damaged_and_other_files_are_named(folder, tmp_path):
    other = tmp_path / "other.hdf5"
    with h5py.File(other, "w") as file:
        file["object_id"] = [1, 2]
    with pytest.raises(InputError, match="holds no spectra, images or numbers"):
        ForeignFiles([other])
    with h5py.File(other, "w") as file:
        file["x"] = [1, 2]
    with pytest.raises(InputError, match="not of the Multimodal Universe"):
        ForeignFiles([other])
    good = next(folder.glob("*/*.hdf5"))
    with pytest.raises(InputError, match=r"other\.hdf5 cannot be read"):
        list(ForeignFiles([good, other]).blocks())
