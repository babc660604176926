"""A cube back into a store: exact columns, images to float32, spectra to their binning."""

import h5py
import numpy as np
import pytest

from trifid.errors import InputError
from trifid.exchange import cube
from trifid.exchange.cube_reading import Cube
from trifid.exchange.parquet import write_store
from trifid.schema import grid
from trifid.store.read import Store


@pytest.fixture(scope="module")
def file(rich, tmp_path_factory):
    path = tmp_path_factory.mktemp("cube") / "c.h5"
    cube.write_cube(rich, path, lambda n: None)
    return path


@pytest.fixture(scope="module")
def back(file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cube") / "store"
    with Cube(file) as found:
        write_store(folder, found.schema, found.provenance, found.blocks(), found.rows)
    return Store.open(folder, full=True)


def rows_of(store, ids):
    held = store.columns("object_id")["object_id"].to_pylist()
    return np.array([held.index(key) for key in ids])


def test_columns_and_tables_come_back(back, rich):
    assert len(back) == 8 and back.manifest.provenance == rich.manifest.provenance
    ids = back.columns("object_id")["object_id"].to_pylist()
    rows = rows_of(rich, ids)
    assert back.columns().to_pydict() == rich.columns().take(rows).to_pydict()
    got, want = back.take(np.arange(8), ["table"])["table"], rich.take(rows, ["table"])["table"]
    for key in want:
        np.testing.assert_array_equal(got[key], want[key])


def test_images_and_spectra_come_back(back, rich):
    ids = back.columns("object_id")["object_id"].to_pylist()
    rows = rows_of(rich, ids)
    for name in ("image", "spectrum"):
        np.testing.assert_array_equal(back.present(name), rich.present(name)[rows])
    single = [k for k, row in enumerate(rows) if row % 3 == 1]  # of one row, not averaged
    got = back.take(np.array(single), ["image", "spectrum"])
    want = rich.take(rows[single], ["image", "spectrum"])
    inner = got["image"]["flux"][:, :, 28:36, 28:36]
    np.testing.assert_allclose(inner, want["image"]["flux"], rtol=3e-7)
    assert not got["image"]["flux"][:, :, :28].any()
    for k, has in enumerate(want["spectrum"]["present"]):
        if not has:
            continue
        known = got["spectrum"]["ivar"][k] > 0
        wavelength = grid.wavelengths()
        inside = (wavelength > 3842) & (wavelength < 8900) & (want["spectrum"]["ivar"][k] > 0)
        assert (known == inside).mean() > 0.98
        # binned twice, noise of neighbours mixes, the mean stays
        both = known & inside
        mean = [s["spectrum"]["flux"][k][both].mean() for s in (got, want)]
        assert mean[0] == pytest.approx(mean[1], rel=2e-3)


def test_a_cube_of_hisscube_itself(file, tmp_path):
    path = tmp_path / "SDSS cube.h5"
    with h5py.File(file) as old, h5py.File(path, "w") as new:
        old.copy("dense_cube", new)
        del new[cube.IMAGE].attrs["pixel_scale"]
    with Cube(path) as found:
        assert found.provenance == {} and found.schema.modalities["image"].pixel_scale == 0.396
        rows = write_store(tmp_path / "s", found.schema, {}, found.blocks(), found.rows)
    store = Store.open(tmp_path / "s", full=True)
    assert rows == len(store) == 8
    columns = store.columns()
    assert columns["object_id"].to_pylist()[0].startswith("file-SDSS_cube-00000")
    assert columns["ra"].null_count == 8
    assert store.present("image").sum() == 4 and store.present("spectrum").sum() == 4


def test_other_files_are_refused(file, tmp_path):
    text = tmp_path / "t.h5"
    text.write_bytes(b"hello")
    with pytest.raises(InputError, match=r"t\.h5 is not a HiSS-Cube cube"):
        Cube(text)
    with h5py.File(tmp_path / "e.h5", "w") as new:
        new["x"] = [1]
    with pytest.raises(InputError, match="not a HiSS-Cube cube"):
        Cube(tmp_path / "e.h5")
    with h5py.File(tmp_path / "s.h5", "w") as new:
        new[cube.SPECTRUM] = np.zeros((2, 10), "f4")
        new[cube.IMAGE] = np.zeros((2, 5, 64, 64), "f4")
    with pytest.raises(InputError, match="expected"):
        Cube(tmp_path / "s.h5")
    with h5py.File(file) as old, h5py.File(tmp_path / "j.h5", "w") as new:
        old.copy("dense_cube", new)
        new["trifid/schema"] = "{"
    with pytest.raises(InputError, match="not a HiSS-Cube cube"):
        Cube(tmp_path / "j.h5")
