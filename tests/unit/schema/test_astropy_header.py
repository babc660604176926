import warnings

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units
from astropy.table import Table

from trifid.schema.astropy_header import with_astropy_header


def field(name, kind, **about):
    return pa.field(name, kind, metadata=about)


def test_astropy_gives_units_and_descriptions_back(tmp_path):
    schema = pa.schema(
        [
            field("ra", pa.float64(), unit="deg", description="right ascension"),
            field("flux", pa.float32(), unit="1e-17 erg / (s cm2)", description="H alpha"),
            field("plate", pa.int64(), unit="", description="plate"),
            field("clean", pa.bool_()),
            field("name", pa.string(), description="long and short"),
        ],
        metadata={"task": "galaxy4"},
    )
    values = [[1.5, np.nan], [2.0, 3.0], [266, 267], [True, False], ["a", "a longer name"]]
    arrays = [pa.array(v, f.type) for v, f in zip(values, schema, strict=True)]
    written = with_astropy_header(pa.table(arrays, schema=schema))
    pq.write_table(written, tmp_path / "t.parquet")
    read = Table.read(tmp_path / "t.parquet")
    assert read["ra"].unit == units.deg and read["ra"].description == "right ascension"
    assert read["flux"].unit == units.Unit("1e-17 erg / (s cm2)") and read["flux"].dtype == "f4"
    assert read["plate"].unit is None and read["plate"].tolist() == [266, 267]
    assert read["clean"].tolist() == [True, False]
    assert read["name"].tolist() == ["a", "a longer name"]
    assert pq.read_table(tmp_path / "t.parquet").schema.metadata[b"task"] == b"galaxy4"


@pytest.mark.parametrize("unit", ["log10(Msun/yr)", "1e-17 erg/s/cm2", "counts of sheep"])
def test_a_unit_that_astropy_does_not_like_does_no_harm(tmp_path, unit):
    schema = pa.schema([field("m", pa.float64(), unit=unit)])
    table = with_astropy_header(pa.table([pa.array([1.0])], schema=schema))
    pq.write_table(table, tmp_path / "t.parquet")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert Table.read(tmp_path / "t.parquet")["m"].tolist() == [1.0]
