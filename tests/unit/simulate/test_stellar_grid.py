"""The grid of spectra and its cache."""

import numpy as np
import pytest

from trifid.simulate import stellar_grid
from trifid.simulate.stellar_grid import FAMILIES, Family, StarGrid

TINY = {
    "hot": Family((9000.0,), (4.0,), (-1.0,)),
    "DC": Family((5000.0, 8000.0), (8.0,), (-9.0,), planck=True),
}


def test_a_grid_is_computed_once_and_read_again(tmp_path, monkeypatch):
    first = stellar_grid.load_or_build(TINY, tmp_path)
    (path,) = tmp_path.glob("stars-*.safetensors")
    whole = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(stellar_grid, "build", None)
        again = stellar_grid.load_or_build(TINY, tmp_path)
    for name in TINY:
        assert np.array_equal(first.log_flux[name], again.log_flux[name])
    path.write_bytes(whole[:-9] + bytes(9))
    stellar_grid.load_or_build(TINY, tmp_path)
    assert path.read_bytes() == whole  # replaced, and deterministic


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path):
    (tmp_path / "file").write_text("")
    grid = stellar_grid.load_or_build({"DC": TINY["DC"]}, tmp_path / "file")
    assert np.isfinite(grid.log_flux["DC"]).all()


def test_the_grid_of_the_package_is_that_of_the_code():
    found = stellar_grid._read(stellar_grid._PACKAGED, stellar_grid.grid_key(FAMILIES), FAMILIES)
    assert found is not None  # else: compute it anew, see docs/science/stellar_spectra.md
    for name, family in FAMILIES.items():
        assert found[name].shape[:3] == (
            len(family.teff),
            len(family.gravity),
            len(family.metallicity),
        )
        assert np.isfinite(found[name]).all()
    fresh = stellar_grid.build({"hot": Family((8900.0,), (3.5,), (-1.0,))})["hot"][0, 0, 0]
    hot = FAMILIES["hot"]
    place = (hot.teff.index(8900), hot.gravity.index(3.5), hot.metallicity.index(-1.0))
    assert found["hot"][place] == pytest.approx(fresh, abs=2e-3)


def test_interpolation_meets_the_nodes_and_the_middle():
    family = Family((5000.0, 10000.0), (4.0,), (-1.0, 0.0))
    table = np.arange(2 * 1 * 2 * 3, dtype=np.float32).reshape(2, 1, 2, 3) / 10
    grid = StarGrid({"a": family}, {"a": table})
    flux = grid.flux(
        "a",
        np.array([5000.0, np.sqrt(5e7), 20000.0]),
        np.array([4.0, 9.0, 4.0]),
        np.array([-1.0, -0.5, 0.0]),
    )
    assert np.log(flux[0]) == pytest.approx(table[0, 0, 0])
    assert np.log(flux[1]) == pytest.approx(table[:, 0].mean(axis=(0, 1)))
    assert np.log(flux[2]) == pytest.approx(table[1, 0, 1])


def test_the_cache_lies_in_the_users_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert stellar_grid.cache_folder() == tmp_path / "trifid"
