"""Reading: round trips in any order, absence, damage found on opening."""

import json
import os
import pickle
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trifid.errors import StoreError
from trifid.files import sha256_file
from trifid.schema.block import Block, Skipped
from trifid.schema.modality import StoreSchema
from trifid.store import Store, StoreWriter, write_shard


def _expected(blocks: list[Block], schema: StoreSchema, modality: str, field: str) -> np.ndarray:
    dtype, shape = schema.modalities[modality].fields()[field]
    return np.concatenate(
        [
            block.inputs[modality][field]
            if modality in block.inputs
            else np.zeros((len(block), *shape), dtype)
            for block in blocks
        ]
    )


def _check(store: Store, blocks: list[Block], rows: np.ndarray) -> None:
    taken = store.take(rows, list(store.schema.modalities))
    for modality, spec in store.schema.modalities.items():
        present = np.repeat([modality in b.inputs for b in blocks], [len(b) for b in blocks])
        assert np.array_equal(taken[modality]["present"], present[rows])
        assert np.array_equal(store.present(modality), present)
        for field, (dtype, shape) in spec.fields().items():
            got = taken[modality][field]
            assert got.dtype == dtype
            assert got.shape == (len(rows), *shape)
            assert got.flags.writeable
            assert got.flags.c_contiguous
            assert np.array_equal(got, _expected(blocks, store.schema, modality, field)[rows])


def test_take_copies_rows_in_the_order_asked(store: Store, blocks: list[Block]) -> None:
    assert len(store) == 15
    rows = np.array([14, 0, 7, 7, 3, 11])
    _check(store, blocks, rows)
    _check(store, blocks, np.arange(15)[::-1])
    _check(store, blocks, np.array([6, 5], np.uint8))
    _check(store, blocks, np.array([], np.int64))


def test_taken_rows_are_fresh(store: Store) -> None:
    first = store.take(np.array([0]), ["image"])["image"]["flux"]
    kept = first.copy()
    first[:] = -1
    assert np.array_equal(store.take(np.array([0]), ["image"])["image"]["flux"], kept)


def test_taken_rows_outlive_the_store(tmp_path: Path, store: Store, blocks: list[Block]) -> None:
    view = store.take(np.arange(5), ["image"])["image"]["flux"]
    table = store.columns()
    for shard in store.manifest.shards:
        (store.folder / shard.file).unlink()
    del store
    assert np.array_equal(view, blocks[0].inputs["image"]["flux"])
    assert table.num_rows == 15


@pytest.mark.parametrize("rows", [[15], [-1], [0, 99]])
def test_rows_that_do_not_exist_are_refused(store: Store, rows: list[int]) -> None:
    with pytest.raises(StoreError, match=rf"row {rows[-1]} does not exist.*15 rows"):
        store.take(np.array(rows), ["image"])


def test_rows_of_a_wrong_kind_are_refused(store: Store) -> None:
    for rows in (np.array([0.5]), np.ones(15, bool), np.array([[1]])):
        with pytest.raises(StoreError, match="list of integers"):
            store.take(rows, ["image"])


def test_unknown_names_are_answered_with_near_ones(store: Store) -> None:
    with pytest.raises(StoreError, match="no modality 'imag'; it has image"):
        store.take(np.array([0]), ["imag"])
    with pytest.raises(StoreError, match="no modality 'radio'"):
        store.present("radio")
    with pytest.raises(StoreError, match="no column 'redshft'; it has redshift"):
        store.columns("redshft")


def test_columns_keep_nulls_order_and_units(store: Store, blocks: list[Block]) -> None:
    table = store.columns()
    assert set(table.column_names) == set(store.schema.columns)
    assert table.schema.field("dec").metadata[b"unit"] == b"deg"
    for name in table.column_names:
        assert table.column(name).to_pylist() == [v for b in blocks for v in b.columns[name]]
    assert store.columns("redshift", "object_id").column_names == ["redshift", "object_id"]


def test_skipped_is_sorted(store: Store) -> None:
    assert store.skipped().to_pylist() == [
        {"file": "a.fits", "object_id": "x", "reason": "duplicate"},
        {"file": "z.fits", "object_id": "", "reason": "empty file"},
    ]


def test_a_file_name_that_is_not_text_can_be_listed(tmp_path: Path, schema: StoreSchema) -> None:
    with StoreWriter(tmp_path, schema, provenance={}) as writer:
        writer.finish([Skipped(os.fsdecode(b"spec-\xe9.fits"), "empty file")])
    assert Store.open(tmp_path).skipped().column("file").to_pylist() == ["spec-\\xe9.fits"]


def _flux_of(store: Store, row: int) -> float:
    return float(store.take(np.array([row]), ["image"])["image"]["flux"].sum())


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_it_travels_to_other_processes(store: Store, method: str) -> None:
    expected = _flux_of(store, 1)
    again = pickle.loads(pickle.dumps(store))  # noqa: S301
    assert again.hash() == store.hash()
    with ProcessPoolExecutor(1, mp_context=get_context(method)) as pool:
        assert pool.submit(_flux_of, store, 1).result() == expected


def test_an_empty_store_is_a_store(tmp_path: Path, schema: StoreSchema) -> None:
    with StoreWriter(tmp_path, schema, provenance={}) as writer:
        writer.finish([])
    store = Store.open(tmp_path, full=True)
    assert len(store) == 0
    assert store.columns("ra").num_rows == 0
    assert store.present("image").shape == (0,)
    assert store.take(np.array([], int), ["image"])["image"]["flux"].shape == (0, 2, 4, 3)


_TEXT = st.text(max_size=8)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_rows_come_back(data: st.DataObject, schema: StoreSchema, make_block: Callable) -> None:
    blocks = []
    for shard in range(data.draw(st.integers(1, 4))):
        rows = data.draw(st.integers(1, 5))
        names = data.draw(st.sets(st.sampled_from(sorted(schema.modalities))))

        def nullable(values: st.SearchStrategy, rows: int = rows) -> list:
            return data.draw(st.lists(st.none() | values, min_size=rows, max_size=rows))

        columns = {
            "class": nullable(_TEXT),
            "plate": nullable(st.integers(-(2**63), 2**63 - 1)),
            "redshift": nullable(st.floats(allow_nan=False, allow_infinity=False)),
            "image_edge": nullable(st.booleans()),
            "source_path": nullable(st.lists(_TEXT, max_size=2)),
        }
        blocks.append(make_block(rows, sorted(names), first=100 * shard, **columns))
    total = sum(len(block) for block in blocks)
    order = data.draw(st.lists(st.integers(0, total - 1), max_size=12))
    with tempfile.TemporaryDirectory() as folder:
        with StoreWriter(Path(folder), schema, provenance={}) as writer:
            for number, block in enumerate(blocks):
                writer.add(write_shard(Path(folder), number, block, schema))
            writer.finish([])
        store = Store.open(Path(folder), full=True)
        _check(store, blocks, np.array(order, int))
        table = store.columns()
        for name in schema.columns:
            assert table.column(name).to_pylist() == [v for b in blocks for v in b.columns[name]]


def test_a_truncated_or_missing_shard_is_found_on_opening(store: Store) -> None:
    path = store.folder / "shard-00001.arrow"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(StoreError, match=rf"shard-00001.arrow has {len(content) - 1} bytes"):
        Store.open(store.folder)
    path.unlink()
    with pytest.raises(StoreError, match=r"shard-00001\.arrow is missing"):
        Store.open(store.folder)


def test_a_changed_shard_is_found_by_a_full_check(store: Store) -> None:
    path = store.folder / "shard-00002.arrow"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    Store.open(store.folder)
    with pytest.raises(StoreError, match=r"shard-00002\.arrow was changed"):
        Store.open(store.folder, full=True)


def _forge(store: Store, shard: int, change: Callable[[bytes], bytes]) -> None:
    """Changes a shard and makes the manifest agree, as an attacker would."""
    path = store.folder / f"shard-0000{shard}.arrow"
    path.write_bytes(change(path.read_bytes()))
    manifest = store.folder / "manifest.json"
    document = json.loads(manifest.read_text())
    document["shards"][shard]["sha256"] = sha256_file(path)
    document["shards"][shard]["bytes"] = path.stat().st_size
    manifest.write_text(json.dumps(document))


def test_a_full_check_finds_numbers_that_are_not_finite(store: Store, blocks: list[Block]) -> None:
    value = blocks[0].inputs["image"]["flux"][3, 1, 2, 2].tobytes()
    _forge(store, 0, lambda content: content.replace(value, np.float32(np.nan).tobytes()))
    with pytest.raises(StoreError, match=r"'image\.flux' holds NaN"):
        Store.open(store.folder, full=True)


def test_a_full_check_finds_text_that_is_not_text(store: Store) -> None:
    _forge(store, 0, lambda content: content.replace(b"GALAXY", b"\xff\xfeLAXY"))
    with pytest.raises(StoreError, match="damaged"):
        Store.open(store.folder, full=True)


def test_a_full_check_finds_repeated_ids(store: Store) -> None:
    _forge(store, 1, lambda content: content.replace(b"sdss-266-51602-6", b"sdss-266-51602-5"))
    with pytest.raises(StoreError, match="1 object_id occur more than once, first 'sdss-266-5160"):
        Store.open(store.folder, full=True)


def test_a_shard_that_belies_the_manifest_is_refused(store: Store) -> None:
    manifest = store.folder / "manifest.json"
    document = json.loads(manifest.read_text())
    document["shards"][0]["rows"] = 500
    manifest.write_text(json.dumps(document))
    with pytest.raises(StoreError, match="5 rows, the manifest"):
        Store.open(store.folder).take(np.array([400]), ["image"])
    document["shards"][0] |= {"rows": 5, "modalities": ["image"]}
    manifest.write_text(json.dumps(document))
    with pytest.raises(StoreError, match="unknown columns"):
        Store.open(store.folder).take(np.array([0]), ["image"])
