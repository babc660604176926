import numpy as np
import pytest

from trifid.evaluation.bpt_plane import catalogued, distance, lines, measured
from trifid.evaluation.slices import store_columns
from trifid.physics import bpt
from trifid.schema.block import Block
from trifid.schema.modality import IDENTITY_COLUMNS, StoreSchema, TableSpec
from trifid.store import Store, StoreWriter, write_shard

NAMES = ("flux_nii_6583", "flux_ha_6562", "flux_oiii_5006", "flux_hb_4861")


@pytest.fixture
def store(tmp_path):
    """Three objects with line fluxes; one lacks a flux, one has a negative one."""
    features = TableSpec(features=NAMES, units=("", "", "", ""))
    schema = StoreSchema(modalities={"table": features}, columns=IDENTITY_COLUMNS)
    values = np.array([[1, 10, 100, 10], [1, 10, 1, 10], [1, 10, -1, 10]], np.float32)
    valid = np.array([[1, 1, 1, 1], [1, 1, 1, 0], [1, 1, 1, 1]], np.uint8)
    names = ["a", "b", "c"]
    columns = {"object_id": names, "group": names, "ra": [1.0] * 3, "dec": [2.0] * 3,
               "source_path": [["x"]] * 3, "source_sha256": [["0"]] * 3}  # fmt: skip
    with StoreWriter(tmp_path / "store", schema, provenance={}) as writer:
        block = Block(columns, {"table": {"values": values, "valid": valid}})
        writer.add(write_shard(tmp_path / "store", 0, block, schema))
        writer.finish([])
    return Store.open(tmp_path / "store")


def test_ratios_of_a_catalogue_and_the_slice_they_make(store):
    x, y = catalogued(store, np.array([1, 0, 2]))
    assert x == pytest.approx([-1.0] * 3) and y == pytest.approx([np.nan, 1.0, np.nan], nan_ok=True)
    found = store_columns(store, np.array(["a", "b"]))["distance to the nearest BPT line [dex]"]
    assert found == pytest.approx(distance(np.array([-1.0, np.nan]), np.array([1.0, np.nan])),
                                  nan_ok=True)  # fmt: skip
    assert measured(store, np.arange(3)) is None


def test_lines_lie_where_classes_change(tmp_path):
    for name, points in lines().items():
        inside = points[(np.abs(points) < 1.2).all(axis=1)]
        step = np.array([0.02, -0.02])  # across every line
        one, other = (bpt.classify(*(inside + sign * step).T) for sign in (1, -1))
        assert (one != other).mean() > 0.97, name


def test_distance_is_that_of_the_nearest_line():
    x, y = np.array([-1.0, 0.3, np.nan]), np.array([-0.5, 0.3 * 1.05 + 0.45, 0.0])
    found = distance(x, y)
    assert found[1] == pytest.approx(0.0, abs=0.01) and np.isnan(found[2])
    curve = np.linspace(-3, 0.04, 200_001)
    brute = np.hypot(curve + 1.0, 0.61 / (curve - 0.05) + 1.30 + 0.5).min()
    assert found[0] == pytest.approx(brute, abs=1e-3)
