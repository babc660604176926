"""Shards: bytes, Arrow types and metadata, values that cannot be stored."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from trifid.errors import StoreError
from trifid.schema.block import Block
from trifid.schema.modality import IDENTITY_COLUMNS, ColumnSpec, StoreSchema
from trifid.store.shard import arrow_schema, map_shard, write_shard


def test_bytes_depend_on_block_and_schema_alone(
    tmp_path: Path, schema: StoreSchema, blocks: list[Block]
) -> None:
    reordered = StoreSchema(
        modalities=dict(reversed(schema.modalities.items())),
        columns=dict(reversed(schema.columns.items())),
    )
    block = blocks[2]
    shuffled = Block(
        dict(reversed(block.columns.items())),
        {name: dict(reversed(fields.items())) for name, fields in reversed(block.inputs.items())},
    )
    (tmp_path / "other").mkdir()
    first = write_shard(tmp_path, 0, block, schema)
    second = write_shard(tmp_path / "other", 0, shuffled, reordered)
    assert first == second
    content = (tmp_path / first.file).read_bytes()
    assert content == (tmp_path / "other" / second.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == first.sha256
    assert len(content) == first.bytes


def test_every_arrow_tool_can_read_it(
    tmp_path: Path, schema: StoreSchema, blocks: list[Block]
) -> None:
    entry = write_shard(tmp_path, 7, blocks[0], schema)
    assert entry.file == "shard-00007.arrow"
    assert entry.modalities == ("image", "spectrum")
    with pa.memory_map(str(tmp_path / entry.file)) as source:
        reader = pa.ipc.open_file(source)
        assert reader.num_record_batches == 1
        table = reader.read_all()
        flux = table.schema.field("image.flux")
        assert flux.type == pa.list_(pa.field("item", pa.float32(), nullable=False), 24)
        assert json.loads(flux.metadata[b"shape"]) == [2, 4, 3]
        assert table.schema.field("ra").metadata[b"unit"] == b"deg"
        assert not any(name.startswith("table.") for name in table.column_names)
        assert StoreSchema.model_validate_json(table.schema.metadata[b"trifid"]) == schema
        assert table.column("redshift").null_count == 3
        assert np.array_equal(
            np.array(table.column("spectrum.flux").to_pylist(), np.float32),
            blocks[0].inputs["spectrum"]["flux"],
        )


def test_nan_is_null_and_infinity_is_refused(
    tmp_path: Path, schema: StoreSchema, make_block: Callable[..., Block]
) -> None:
    block = make_block(3, (), ra=np.array([1.0, np.nan, 3.0]))
    entry = write_shard(tmp_path, 0, block, schema)
    assert map_shard(tmp_path / entry.file, schema).column("ra").to_pylist() == [1.0, None, 3.0]
    with pytest.raises(StoreError, match="'dec' holds infinity"):
        write_shard(tmp_path, 1, make_block(2, (), dec=[1.0, -np.inf]), schema)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"plate": [1.5, 2]}, "'plate' is not int64"),
        ({"plate": [2**63, 2]}, "'plate' is not int64"),
        ({"class": [3, "x"]}, "'class' is not string"),
        ({"class": ["\udce9", "x"]}, "'class' is not string"),
        ({"group": ["a", None]}, "'group' has 1 nulls"),
        ({"object_id": ["a", None]}, "'object_id' has 1 nulls"),
        ({"source_path": ["a", "b"]}, "'source_path' is not list"),
        ({"ra": [1.0]}, "'ra': 1 values for 2 rows"),
        ({"dark": [1, 2]}, "unknown.*dark"),
    ],
)
def test_columns_that_do_not_fit_leave_no_file(
    tmp_path: Path, schema: StoreSchema, make_block: Any, columns: dict, message: str
) -> None:
    with pytest.raises(StoreError, match=message):
        write_shard(tmp_path, 0, make_block(2, (), **columns), schema)
    assert list(tmp_path.iterdir()) == []


def test_fields_that_do_not_fit_leave_no_file(
    tmp_path: Path, schema: StoreSchema, make_block: Callable[..., Block]
) -> None:
    block = make_block(2, ("table",))
    block.inputs["table"]["values"][1, 0] = np.nan
    with pytest.raises(StoreError, match=r"table\.values holds NaN"):
        write_shard(tmp_path, 0, block, schema)
    with pytest.raises(StoreError, match="at least one row"):
        write_shard(tmp_path, 0, make_block(0, ()), schema)
    assert list(tmp_path.iterdir()) == []


def test_a_view_in_any_memory_order_is_stored_by_value(
    tmp_path: Path, schema: StoreSchema, make_block: Callable[..., Block]
) -> None:
    block = make_block(4, ("image",))
    turned = np.asfortranarray(block.inputs["image"]["flux"])
    write_shard(tmp_path, 0, block, schema)
    write_shard(tmp_path, 1, Block(block.columns, {"image": {"flux": turned}}), schema)
    files = [(tmp_path / f"shard-0000{i}.arrow").read_bytes() for i in (0, 1)]
    assert files[0] == files[1]


def test_schemas_without_identity_or_with_clashing_names_are_refused(schema: StoreSchema) -> None:
    columns = {name: spec for name, spec in schema.columns.items() if name != "group"}
    with pytest.raises(StoreError, match="'group'"):
        arrow_schema(StoreSchema(modalities={}, columns=columns), ())
    clash = IDENTITY_COLUMNS | {"image.flux": ColumnSpec(type="int64")}
    with pytest.raises(StoreError, match="scalar column too"):
        arrow_schema(StoreSchema(modalities=schema.modalities, columns=clash), ["image"])


def test_files_that_are_not_shards_are_refused(
    tmp_path: Path, schema: StoreSchema, blocks: list[Block]
) -> None:
    path = tmp_path / "shard-00000.arrow"
    for content in (b"", b"ARROW1\0\0", b"SIMPLE  =                    T" * 99):
        path.write_bytes(content)
        with pytest.raises(StoreError, match="not a readable shard"):
            map_shard(path, schema)
    write_shard(tmp_path, 0, blocks[0], schema)
    with pytest.raises(StoreError, match=r"'table\.values' is missing"):
        map_shard(path, schema, ["image", "spectrum", "table"])
    with pytest.raises(StoreError, match="unknown columns"):
        map_shard(path, schema, ["image"])
    batch = pa.record_batch({"a": [1]})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, batch.schema) as writer:
        writer.write_batch(batch)
        writer.write_batch(batch)
    with pytest.raises(StoreError, match="2 record batches"):
        map_shard(path, schema)
