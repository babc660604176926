"""Rows on their way to a store are compared with its schema."""

import numpy as np
import pytest

from trifid.errors import StoreError
from trifid.schema.block import Block
from trifid.schema.modality import ColumnSpec, StoreSchema, TableSpec

SCHEMA = StoreSchema(
    modalities={"table": TableSpec(features=("a", "b"), units=("", ""))},
    columns={"object_id": ColumnSpec(type="string"), "ra": ColumnSpec(type="float64")},
)


def block(**changes):
    columns = {"object_id": ["x", "y", "z"], "ra": [1.0, None, 2.0]} | changes.get("columns", {})
    values = changes.get("values", np.zeros((3, 2), "<f4"))
    fields = {"values": values, "valid": np.ones((3, 2), "u1")} | changes.get("fields", {})
    return Block(columns=columns, inputs={changes.get("modality", "table"): fields})


def test_a_block_that_fits():
    block().check(SCHEMA)
    assert len(block()) == 3
    Block(columns={"object_id": [], "ra": []}).check(SCHEMA)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"columns": {"dec": [0.0] * 3}}, r"unknown \['dec'\]"),
        ({"columns": {"ra": [0.0]}}, "'ra': 1 values for 3 rows"),
        ({"modality": "image"}, "'image' is not in the schema"),
        ({"fields": {"extra": np.zeros(3)}}, r"fields \['extra', 'valid', 'values'\]"),
        ({"values": np.zeros((3, 3), "<f4")}, r"float32 \(3, 3\), expected float32 \(3, 2\)"),
        ({"values": np.zeros((3, 2))}, "float64"),
        ({"values": np.full((3, 2), np.nan, "<f4")}, "NaN or infinity"),
    ],
)
def test_what_does_not_fit_is_named(changes, message):
    with pytest.raises(StoreError, match=message):
        block(**changes).check(SCHEMA)


def test_a_missing_column_is_named():
    with pytest.raises(StoreError, match=r"missing \['ra'\]"):
        Block(columns={"object_id": ["x"]}).check(SCHEMA)
