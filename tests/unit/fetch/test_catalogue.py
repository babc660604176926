"""The catalogue of a fetch on disk."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.table import Table

from trifid.fetch import catalogue
from trifid.fetch.catalogue import Catalogue, write_catalogue, write_parts
from trifid.simulate.sky_server import as_csv


@pytest.fixture
def rows(helpers, archive, tmp_path):
    """The eight rows of the small survey, without any text in one column."""
    table = helpers.table(helpers.wanted(), lambda sql, _: as_csv(archive.query(sql)), tmp_path)
    place = table.schema.get_field_index("subclass")
    gaps = pa.array([None] * len(table), pa.string())
    table = table.set_column(place, table.schema.field("subclass"), gaps)
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=3)
    return Catalogue(tmp_path / "rows.parquet")


def test_astropy_reads_the_catalogue_with_units(rows, tmp_path):
    write_catalogue(tmp_path / "c.parquet", rows)
    read = Table.read(tmp_path / "c.parquet")
    assert read["petror50_r"].unit == "arcsec" and read["ra"].unit == "deg"
    assert read["specobjid"].tolist() == rows.read("specobjid")["specobjid"].to_pylist()
    assert set(read["subclass"].tolist()) == {""}
    assert pq.read_schema(tmp_path / "c.parquet").metadata[b"task"] == b"galaxy4"


def test_parts_make_the_same_catalogue_as_the_whole(rows, tmp_path, monkeypatch):
    write_catalogue(tmp_path / "whole.parquet", rows)
    whole = pq.read_table(tmp_path / "whole.parquet")
    monkeypatch.setattr(catalogue, "PART", 3)
    write_catalogue(tmp_path / "parts.parquet", rows)
    assert pq.read_table(tmp_path / "parts.parquet").equals(whole, check_metadata=True)
    write_catalogue(tmp_path / "some.parquet", rows, {1, 2, 7})
    assert pq.read_table(tmp_path / "some.parquet").equals(whole.take([1, 2, 7]))
    assert [len(part) for part in Catalogue(tmp_path / "parts.parquet").parts("ra")] == [3, 3, 2]
    write_parts(tmp_path / "ones.parquet", (whole.slice(k, 1) for k in range(8)), whole.schema)
    assert [len(part) for part in Catalogue(tmp_path / "ones.parquet").parts()] == [3, 3, 2]
    assert pq.read_table(tmp_path / "ones.parquet").equals(whole, check_metadata=True)
    assert len(Catalogue(tmp_path / "some.parquet")) == 3


def test_a_catalogue_that_breaks_off_is_none(rows, tmp_path):
    def broken():
        yield rows.read("ra")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        write_parts(tmp_path / "c.parquet", broken(), rows.read("ra").schema)
    assert not list(tmp_path.glob("*c.parquet*"))
