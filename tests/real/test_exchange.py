"""Real survey files in the field's formats: units, credit, and HiSS-Cube's own algorithm."""

import io
import warnings

import h5py
import numpy as np
import pytest
from astropy.io import fits
from astropy.io.votable import validate
from astropy.table import Table

from trifid.exchange.cube import SPECTRA, SPECTRUM, WAVELENGTHS
from trifid.exchange.run import export_store, import_store
from trifid.ingest.run import ingest
from trifid.store.read import Store


@pytest.fixture(scope="module")
def hisscube(shared_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("real") / "store"
    ingest(shared_data / "hisscube", folder)
    return Store.open(folder)


def test_a_target_of_one_spectrum_is_what_hisscube_makes_of_its_file(
    hisscube, shared_data, tmp_path
):
    """Photometry._get_rebinned_spectrum: spectres of flux and 1 / sqrt(ivar), times 1e-17."""
    spectres = pytest.importorskip("spectres").spectres
    done = export_store(hisscube.folder, tmp_path / "c.h5")
    groups = hisscube.columns("group")["group"].to_pylist()
    assert done.rows == 14 and done.targets == len(set(groups)) < 14
    checked = 0
    with h5py.File(tmp_path / "c.h5") as cube:
        for target, group in enumerate(cube["catalogue/group"].asstr()[:]):
            if groups.count(group) > 1:
                continue
            name = f"spec-{cube['catalogue/object_id'].asstr()[target].removeprefix('sdss-')}.fits"
            with fits.open(shared_data / "hisscube" / name) as opened:
                coadd = opened[1].data
                flux, ivar = coadd["flux"].astype(float), coadd["ivar"].astype(float)
                wavelength = 10.0 ** coadd["loglam"].astype(float)
            with np.errstate(divide="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                want, sigma = spectres(
                    WAVELENGTHS, wavelength, flux, 1 / np.sqrt(ivar), fill=np.nan
                )
            got, error = cube[SPECTRUM][target], cube[f"{SPECTRA}/errors"][target]
            both = np.isfinite(got) & np.isfinite(sigma)
            assert both.mean() > 0.9
            # wavelengths in the file are float32, half of 1e-3 pixel; theirs keeps pixels of ivar 0
            scale = sigma[both] * 1e-17
            assert (np.abs(got[both] - want[both] * 1e-17) < 0.05 * scale).all()
            np.testing.assert_allclose(error[both], scale, rtol=5e-3)
            checked += 1
    assert checked == 3


@pytest.mark.parametrize("name", ["hats", "mmu", "s.parquet"])
def test_real_spectra_come_back_bit_for_bit(hisscube, name, tmp_path):
    export_store(hisscube.folder, tmp_path / name, "parquet" if "." in name else name)
    import_store(tmp_path / name, tmp_path / "back")
    back = Store.open(tmp_path / "back", full=True)
    ids = [s.columns("object_id")["object_id"].to_pylist() for s in (back, hisscube)]
    order = np.array([ids[0].index(key) for key in ids[1]])
    left = back.take(order, ["spectrum"])["spectrum"]
    right = hisscube.take(np.arange(14), ["spectrum"])["spectrum"]
    for key in right:
        np.testing.assert_array_equal(left[key], right[key])


def test_a_catalogue_of_a_plate_keeps_units_and_thanks(shared_data, tmp_path):
    folder = shared_data / "boss_plate7102"
    ingest(
        folder,
        tmp_path / "s",
        catalogs=[folder / "cat_boss_test1.fits.gz"],
        modalities=["table"],
    )
    for name in ("s.vot", "s.fits", "s.csv"):
        export_store(tmp_path / "s", tmp_path / name)
    told = io.StringIO()
    assert validate(tmp_path / "s.vot", output=told), told.getvalue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on nanomaggies
        for name in ("s.vot", "s.fits"):
            table = Table.read(tmp_path / name)
            assert len(table) == 140 and table["ra"].unit == "deg"
            assert "nanomaggies" in str(table["table_psfflux_g"].unit)
    for name in ("s.vot", "s.fits", "s.csv"):
        assert b"sdss.org" in (tmp_path / name).read_bytes()
