"""The cube of HiSS-Cube: its names and shapes, its units, targets averaged over their rows."""

import h5py
import numpy as np
import pytest

from trifid.errors import ConfigError
from trifid.exchange import cube
from trifid.exchange.rebin import Rebin
from trifid.schema import grid
from trifid.store.read import Store


@pytest.fixture(scope="module")
def file(rich, tmp_path_factory):
    path = tmp_path_factory.mktemp("cube") / "c.h5"
    told = []
    assert cube.write_cube(rich, path, told.append) == 8  # each shard's last row repeats its first
    assert sum(told) == 12
    return path


def test_the_grid_of_the_paper():
    assert len(cube.WAVELENGTHS) == 4620
    assert cube.WAVELENGTHS[[0, -1]].tolist() == [3839.7244, 8914.597]
    np.testing.assert_allclose(np.diff(cube.WAVELENGTHS), 1.0987, atol=5e-5)
    # 1 nanomaggy = 3.631e-6 Jy; F_lambda = F_nu c / lambda^2
    exact = 3.631e-6 * 1e-23 * 2.99792458e18 / np.array([3551, 4686, 6166, 7480, 8932]) ** 2
    np.testing.assert_allclose(cube.NANOMAGGY, exact, rtol=1e-3)


def test_a_reader_of_hisscube_finds_its_names(file):
    """As MLProcessorStrategy.get_spectrum_3d_cube and get_target_count read them."""
    with h5py.File(file) as data:
        assert data["dense_cube"].attrs["target_count"] == 8
        images = data["dense_cube/0/ml_image/cutout_3d_cube_zoom_0"]
        spectra = data["dense_cube/0/ml_spectrum/spectral_1d_cube_zoom_0"]
        assert images.shape == (8, 5, 64, 64) and spectra.shape == (8, 4620)
        assert images.dtype == spectra.dtype == np.dtype("<f4")
        assert data["dense_cube/0/ml_image/errors"].shape == images.shape
        assert data["dense_cube/0/ml_spectrum/errors"].shape == spectra.shape
        assert data[spectra.attrs["error_ds"]].name == "/dense_cube/0/ml_spectrum/errors"
        np.testing.assert_array_equal(
            data["dense_cube/0/ml_spectrum/wavelength"][:], cube.WAVELENGTHS
        )
        assert "sdss.org" in data.attrs["acknowledgement"]
        names = data["catalogue/object_id"].asstr()[:].tolist()
        assert len(set(names)) == 8


def test_a_single_row_keeps_flux_and_error(file, rich):
    with h5py.File(file) as data:
        flux = data[cube.SPECTRUM][1].astype(float)
        error = data[f"{cube.SPECTRA}/errors"][1].astype(float)
        image, noise = data[cube.IMAGE][1], data[f"{cube.IMAGES}/errors"][1]
    taken = rich.take(np.array([1]), ["spectrum", "image"])
    spectrum = taken["spectrum"]
    want, want_error = Rebin(grid.wavelengths(), cube.WAVELENGTHS).apply(
        spectrum["flux"], spectrum["ivar"]
    )
    np.testing.assert_allclose(flux, want[0] * 1e-17, rtol=1e-6)
    np.testing.assert_allclose(error, want_error[0] * 1e-17, rtol=1e-6)
    assert np.isnan(flux[-1])  # beyond the data
    assert np.nanmedian(flux) == pytest.approx(1e-16, rel=0.05)
    assert np.isnan(image[:, :28]).all() and np.isnan(image[:, 36:]).all()  # 8 pixels of 64
    np.testing.assert_allclose(
        image[:, 28:36, 28:36], taken["image"]["flux"][0] * cube.NANOMAGGY[:, None, None], rtol=1e-6
    )
    assert np.nanmax(noise[2]) == np.nanmin(noise[2]) > 0


def test_rows_of_a_group_are_averaged_by_their_errors(file, rich):
    with h5py.File(file) as data:
        flux, error = data[cube.SPECTRUM][0], data[f"{cube.SPECTRA}/errors"][0]
    spectrum = rich.take(np.array([0, 2]), ["spectrum"])["spectrum"]
    want, sigma = Rebin(grid.wavelengths(), cube.WAVELENGTHS).apply(
        spectrum["flux"], spectrum["ivar"]
    )
    weight = np.where(np.isfinite(sigma), 1 / sigma**2, 0)
    known = weight.sum(axis=0) > 0
    mean = np.nansum(want * weight, axis=0)[known] / weight.sum(axis=0)[known]
    np.testing.assert_allclose(flux[known], mean * 1e-17, rtol=1e-5)
    np.testing.assert_allclose(error[known], weight.sum(axis=0)[known] ** -0.5 * 1e-17, rtol=1e-5)
    assert np.isnan(flux[~known]).all() and (~known).any()


def test_no_data_is_nan(file):
    with h5py.File(file) as data:
        ids = data["catalogue/object_id"].asstr()[:]
        modalities = data["catalogue/modalities_"].asstr()[:]
        for row, text in enumerate(modalities):
            assert np.isnan(data[cube.SPECTRUM][row]).all() == ("spectrum" not in text), ids[row]
            assert np.isnan(data[cube.IMAGE][row]).all() == ("image" not in text), ids[row]
        assert np.isnan(data[cube.IMAGE][0][0, 28:36, 28:36]).sum() == 0  # the other row has u


def test_the_noise_of_pixels():
    generator = np.random.default_rng(1)
    flux = generator.normal(3, 0.2, (2, 3, 64, 64))
    flux[0, 0], flux[0, 1] = np.nan, 7.0
    noise = cube.pixel_noise(flux)
    assert np.isnan(noise[0, 0]) and noise[0, 1] == 1.0
    np.testing.assert_allclose(noise[1], 0.2, rtol=0.1)


@pytest.mark.parametrize("size", [63, 64, 65, 100])
def test_the_centre_stays_the_centre(size):
    spec = cube.ImageSpec(bands=("r",), height=size, width=size, pixel_scale=0.4)
    flux = np.zeros((1, 1, size, size))
    flux[0, 0, size // 2, size // 2] = 1
    placed = cube._placed(spec, flux)
    assert placed[0, 2, 32, 32] == 1 and np.nansum(placed) == 1
    assert np.isfinite(placed).sum() == min(size, 64) ** 2


def test_other_bands_units_and_stores_are_refused(rich, tmp_path):
    for changed, message in (
        ({"image": rich.schema.modalities["image"].replace(bands=tuple("grizy"))}, "grizy|g, r"),
        ({"image": rich.schema.modalities["image"].replace(unit="count")}, "count"),
        ({"spectrum": rich.schema.modalities["spectrum"].replace(length=100)}, "grid of SDSS"),
        ({}, "neither"),
    ):
        modalities = dict(rich.schema.modalities) | changed if changed else {}
        schema = rich.schema.replace(modalities=modalities)
        store = Store(rich.folder, rich.manifest.replace(schema_=schema, shards=()))
        with pytest.raises(ConfigError, match=message):
            cube.write_cube(store, tmp_path / "c.h5", lambda n: None)
    assert list(tmp_path.iterdir()) == []
