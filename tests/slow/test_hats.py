"""LSDB opens and cross-matches what `trifid export --format hats` writes (extra `hats`), and what
LSDB writes is read.
"""

import importlib.util

import numpy as np
import pytest

from trifid.exchange.run import export_store
from trifid.store.read import Store
from trifid.surveys.catalogue import read_catalogue
from trifid.surveys.catalogue_hats import open_hats
from trifid.surveys.catalogue_nearest import nearest_objects

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("lsdb") is None,
        reason="lsdb is not installed: pip install -c constraints.txt 'trifid[hats]'",
    ),
    pytest.mark.filterwarnings("ignore"),  # its own notes on margins and names
]
ARCSEC = 1 / 3600


@pytest.fixture(scope="module")
def store(make_store, tmp_path_factory):
    """80 rows all over the sky; ten of them have a spectrum only."""
    return Store.open(make_store(tmp_path_factory.mktemp("hats") / "store"))


@pytest.fixture(scope="module")
def catalogue(store, tmp_path_factory):
    import lsdb

    out = tmp_path_factory.mktemp("hats") / "sky"
    assert export_store(store.folder, out, "hats").left_out == 0
    return lsdb.open_catalog(out)


def test_lsdb_opens_it_with_every_row_and_array(catalogue, store):
    assert len(catalogue) == len(store) == 80
    about = catalogue.hc_structure.catalog_info
    assert (about.ra_column, about.dec_column, about.total_rows) == ("ra", "dec", 80)
    assert about.catalog_name == "sky" and "Simulated by trifid" in about.obs_ack
    rows = catalogue.compute()
    ids = store.columns("object_id")["object_id"].to_pylist()
    assert sorted(rows["object_id"]) == sorted(ids)
    order = np.array([ids.index(key) for key in rows["object_id"]])
    flux = np.stack([np.asarray(cell, np.float32) for cell in rows["spectrum_flux"]])
    np.testing.assert_array_equal(flux, store.take(order, ["spectrum"])["spectrum"]["flux"])
    image = store.take(order, ["image"])["image"]
    held = np.array([cell is not None for cell in rows["image_flux"]]) & ~rows["image_flux"].isna()
    np.testing.assert_array_equal(held, image["present"])


def test_lsdb_cross_matches_it(catalogue, store):
    import lsdb
    import pandas as pd

    columns = store.columns("object_id", "ra", "dec").to_pydict()
    generator = np.random.default_rng(1)
    far = np.arange(80) % 4 == 0  # these are somewhere else
    shift = np.where(far, 30.0, generator.uniform(-0.5, 0.5, 80))
    others = pd.DataFrame(
        {
            "name": columns["object_id"],
            "ra": columns["ra"],
            "dec": np.array(columns["dec"]) + shift * ARCSEC,
        }
    )
    right = lsdb.from_dataframe(others, margin_threshold=5)
    found = catalogue[["object_id", "ra", "dec"]].crossmatch(
        right, radius_arcsec=1.0, suffixes=("_sky", "_other"), suffix_method="all_columns"
    )
    rows = found.compute()
    assert len(rows) == int((~far).sum())
    assert (rows["object_id_sky"] == rows["name_other"]).all()
    expected = dict(zip(columns["object_id"], np.abs(shift), strict=True))
    separation = [expected[key] for key in rows["object_id_sky"]]
    np.testing.assert_allclose(rows["_dist_arcsec"].astype(float), separation, atol=1e-4)


def test_lsdb_finds_a_place(catalogue, store):
    columns = store.columns("object_id", "ra", "dec").to_pydict()
    cone = catalogue.cone_search(ra=columns["ra"][7], dec=columns["dec"][7], radius_arcsec=2.0)
    assert cone.compute()["object_id"].tolist() == [columns["object_id"][7]]


@pytest.mark.parametrize(
    "options",
    [{}, {"as_collection": False}, {"as_collection": False, "npix_suffix": "/"}],
    ids=["collection", "files", "folders"],
)
def test_what_lsdb_writes_is_read(options, tmp_path):
    import lsdb
    import pandas as pd

    generator = np.random.default_rng(2)
    ra = generator.uniform(0, 360, 3000)
    dec = np.degrees(np.arcsin(generator.uniform(-1, 1, 3000)))
    others = pd.DataFrame({"source_id": np.arange(3000) + 2**60, "ra_mean": ra, "dec_mean": dec})
    others["mag"] = generator.uniform(15, 20, 3000).astype(np.float32)
    written = lsdb.from_dataframe(
        others, ra_column="ra_mean", dec_column="dec_mean", lowest_order=2, margin_threshold=10
    )
    written.write_catalog(tmp_path / "others", catalog_name="others", **options)
    near, columns, left_out = nearest_objects(
        open_hats(tmp_path / "others"), ra[::5], dec[::5] + 0.5 * ARCSEC, 2.0
    )
    assert [column.name for column in columns] == ["ra", "dec", "source_id", "mag"]
    assert len(left_out) == 1 and "_healpix_29" in left_out[0]
    np.testing.assert_array_equal(near.count, 1)
    np.testing.assert_allclose(near.separation, 0.5, atol=1e-6)
    np.testing.assert_array_equal(columns[2].values[near.index] - 2**60, np.arange(0, 3000, 5))
    np.testing.assert_array_equal(columns[3].values[near.index], others["mag"].to_numpy()[::5])
    assert len(read_catalogue(tmp_path / "others")) == 3000
