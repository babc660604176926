"""The wide table of a store: names, metadata, absence, and the way back."""

import json

import numpy as np
import pyarrow as pa
import pytest

from trifid.errors import InputError
from trifid.exchange.wide import Place, Wide, blocks, pattern_name, places, stored_schema


@pytest.fixture(scope="module")
def wide(rich):
    return Wide(rich, arrays=True)


def test_names_never_clash(rich):
    found = places(rich.schema, arrays=True)
    assert found["spectrum_flux_"] == Place("spectrum", "flux")  # a column has the plain name
    assert found["table_odd/na me"] == Place("table", "odd/na me")
    assert not set(found) & set(rich.schema.columns)
    assert pattern_name(rich.schema) == "modalities_"
    assert list(places(rich.schema, arrays=False)) == [
        *("table_modelmag_r", "table_flux", "table_odd/na me")
    ]


def test_every_field_says_what_it_is(wide):
    about = {field.name: field.metadata for field in wide.kind}
    assert about["ra"][b"unit"] == b"deg" and about["ra"][b"ucd"] == b"pos.eq.ra;meta.main"
    assert about["table_modelmag_r"][b"unit"] == b"mag"
    assert about["table_modelmag_r"][b"ucd"] == b"phot.mag;em.opt.R"
    assert b"1e-17 erg" in about["spectrum_flux_"][b"unit"]
    assert b"3.55 + 0.0001 k, vacuum" in about["spectrum_flux_"][b"description"]
    assert json.loads(about["image_flux"][b"shape"]) == [5, 8, 8]
    assert all(b"description" in metadata for metadata in about.values())
    assert b"sdss.org" in wide.kind.metadata[b"acknowledgement"]
    assert wide.kind.metadata[b"surveys"] == b"sdss"


def test_rows_come_in_the_order_asked_for(wide, rich):
    rows = np.array([11, 0, 4, 0, 7])
    table = wide.take(rows)
    ids = rich.columns("object_id")["object_id"].to_pylist()
    assert table["object_id"].to_pylist() == [ids[row] for row in rows]
    assert table["modalities_"].to_pylist() == [
        "",
        "image+image_rgb+series+spectrum+table",
        "spectrum",
        "image+image_rgb+series+spectrum+table",
        "image+table",
    ]
    held = [value is not None for value in table["spectrum_flux_"].to_pylist()]
    assert held == [False, True, True, True, False]
    expected = rich.take(rows, ["spectrum"])["spectrum"]["flux"][1]
    assert table["spectrum_flux_"][1].as_py() == expected.tolist()
    assert wide.take(np.array([], np.int64)).num_rows == 0


def test_cells_that_are_not_valid_are_null(wide):
    table = wide.take(np.arange(6))
    assert table["table_flux"].is_null().to_pylist() == [False, True, True, True, True, True]


def test_and_back(wide, rich):
    table = wide.take(np.arange(12)).combine_chunks().to_batches()[0]
    schema, provenance = stored_schema(table.schema, "x")
    assert schema == rich.schema and provenance == rich.manifest.provenance
    found = list(blocks(table, schema, "x"))
    assert [len(block) for block in found] == [3, 3, 3, 3]
    first = found[0].inputs
    expected = rich.take(np.arange(3), ["table", "image"])
    np.testing.assert_array_equal(first["table"]["valid"], expected["table"]["valid"])
    np.testing.assert_array_equal(first["image"]["flux"], expected["image"]["flux"])
    for block in found:
        block.check(schema)


def test_what_is_no_such_table_is_refused(wide):
    kind = wide.kind
    with pytest.raises(InputError, match="not written by `trifid export`"):
        stored_schema(kind.remove_metadata(), "x.parquet")
    for text in (b"{", b"[]", b'{"modalities": {}, "columns": {}}', b"[" * 100_000):
        wrong = kind.with_metadata({b"trifid_schema": text})
        with pytest.raises(InputError, match=r"x\.parquet: its schema cannot be read"):
            stored_schema(wrong, "x.parquet")
    place = kind.get_field_index("image_flux")
    short = kind.field(place).with_type(pa.list_(pa.float32(), 7))
    with pytest.raises(InputError, match="column 'image_flux' is fixed_size_list"):
        stored_schema(kind.set(place, short), "x")
    with pytest.raises(InputError, match="'image_flux' is nothing"):
        stored_schema(kind.remove(place), "x")
    with pytest.raises(InputError, match="no column 'modalities_'"):
        stored_schema(kind.remove(kind.get_field_index("modalities_")), "x")


def test_rows_that_lie_about_their_modalities_are_refused(wide, rich):
    batch = wide.take(np.arange(6)).combine_chunks().to_batches()[0]
    place = batch.schema.get_field_index("modalities_")
    for text, message in (("image", "has no image_flux"), ("x", "unknown here")):
        lying = batch.set_column(place, batch.schema.field(place), pa.array([text] * 6))
        with pytest.raises(InputError, match=message):
            list(blocks(lying, rich.schema, "x"))
