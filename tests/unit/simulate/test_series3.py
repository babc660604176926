"""Toy light curves: what each kind is, and a store that depends on seed and number of rows only."""

import numpy as np
import pytest

from trifid.errors import ConfigError
from trifid.simulate import simulate
from trifid.simulate.options import SkyOptions
from trifid.simulate.series3 import DAYS, KINDS, POINTS, light_curves
from trifid.store import Store


@pytest.fixture(scope="module")
def drawn():
    return light_curves(np.random.default_rng(1), 600)


def test_points_are_in_order_and_what_is_not_valid_is_zero(drawn):
    fields, _ = drawn
    valid = fields["valid"].astype(bool)
    counts = valid.sum(axis=1)
    assert 20 <= counts.min() < 40 and 180 < counts.max() <= POINTS
    for name, values in fields.items():
        assert np.isfinite(values).all() and not values[~valid].any(), name
    inside = valid[:, 1:]
    assert (np.diff(fields["time"], axis=1)[inside] >= 0).all() and fields["time"].max() <= DAYS
    assert (fields["error"][valid] >= 0.2).all()


def test_constant_ones_scatter_by_their_errors_and_the_others_by_more(drawn):
    fields, kind = drawn
    here = fields["valid"].astype(bool) & (fields["band"] == 0)
    weight = here / np.where(here, fields["error"], 1.0) ** 2
    mean = (weight * fields["flux"]).sum(1, keepdims=True) / weight.sum(1, keepdims=True)
    reduced = (weight * (fields["flux"] - mean) ** 2).sum(1) / (here.sum(1) - 1)
    constant, periodic, transient = (reduced[kind == k] for k in range(3))
    assert abs(np.median(constant) - 1) < 0.1
    assert np.median(periodic) > 3 and np.median(transient) > 3


def test_a_transient_is_flat_before_its_onset(drawn):
    fields, kind = drawn
    valid = fields["valid"].astype(bool)
    early = valid & (fields["time"] < 0.1 * DAYS) & (kind == 2)[:, None]
    for band in (0, 1):
        rows = (early & (fields["band"] == band)).sum(1) > 3
        assert rows.any()
        chosen = early[rows] & (fields["band"][rows] == band)
        for flux, here in zip(fields["flux"][rows], chosen, strict=True):
            assert flux[here].std() < 0.06 * flux[here].mean() + 0.5


def test_a_store_of_more_rows_begins_with_the_same_ones(tmp_path):
    simulate("series3", 30, tmp_path / "a", seed=4)
    simulate("series3", 40, tmp_path / "b", seed=4)
    few, many = Store.open(tmp_path / "a", full=True), Store.open(tmp_path / "b")
    names = few.columns("object_id", "variability")
    assert many.columns("object_id", "variability").slice(0, 30).equals(names)
    assert set(names["variability"].to_pylist()) == set(KINDS)
    rows = np.arange(30)
    for field, values in few.take(rows, ("series",))["series"].items():
        assert np.array_equal(values, many.take(rows, ("series",))["series"][field])
    assert few.manifest.provenance["simulated"] == "true"
    with pytest.raises(ConfigError, match="series3 is no sky"):
        simulate("series3", 30, tmp_path / "c", options=SkyOptions(depth=2.0))
