"""Manifests: order, hash, and hostile or foreign documents."""

import json
from pathlib import Path
from typing import Any

import pytest

from trifid.errors import StoreError
from trifid.store import Manifest, ShardEntry, Store
from trifid.store.manifest import read_manifest


def _change(store: Store, **fields: Any) -> None:
    path = store.folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def _entry(file: str, **fields: Any) -> dict[str, Any]:
    entry = {"file": file, "rows": 5, "bytes": 9, "sha256": "0" * 64, "modalities": []}
    return entry | fields


def test_round_trip_and_order(store: Store) -> None:
    manifest = read_manifest(store.folder)
    assert manifest == store.manifest
    assert [shard.file for shard in manifest.shards] == [f"shard-0000{i}.arrow" for i in range(3)]
    assert set(json.loads((store.folder / "manifest.json").read_text())) == {
        "format", "version", "schema", "shards", "provenance",
    }  # fmt: skip


def test_shards_are_sorted_by_number_beyond_five_digits(store: Store) -> None:
    entries = tuple(
        ShardEntry(file=f"shard-{n:05d}.arrow", rows=1, bytes=1, sha256="0" * 64, modalities=())
        for n in (100000, 99999, 3)
    )
    manifest = Manifest(schema_=store.schema, shards=entries, provenance={})
    assert [s.file for s in manifest.shards] == [
        "shard-00003.arrow", "shard-99999.arrow", "shard-100000.arrow",
    ]  # fmt: skip


def test_hash_depends_on_rows_and_schema_only(store: Store) -> None:
    before = store.hash()
    _change(store, provenance={"anything": "else"})
    assert Store.open(store.folder).hash() == before
    shards = [s.model_dump(mode="json") for s in store.manifest.shards]
    _change(store, shards=shards[:2])
    assert Store.open(store.folder).hash() != before


@pytest.mark.parametrize(
    "file",
    [
        "../shard-00000.arrow", "/etc/passwd", "sub/shard-00000.arrow", "shard-00000.arrow\n",
        "shard-0.arrow", "shard-00000.arrow\0.txt", "", "shard-000٣٣.arrow",
    ],
)  # fmt: skip
def test_names_that_are_not_plain_shards_are_refused(store: Store, file: str) -> None:
    _change(store, shards=[_entry(file)])
    with pytest.raises(StoreError, match="file"):
        Store.open(store.folder)


@pytest.mark.parametrize(
    ("shard", "message"),
    [
        (_entry("shard-00000.arrow", rows=0), "rows"),
        (_entry("shard-00000.arrow", bytes=-1), "bytes"),
        (_entry("shard-00000.arrow", sha256="x"), "sha256"),
        (_entry("shard-00000.arrow", modalities=["radio"]), "radio"),
        (_entry("shard-00000.arrow", extra=1), "extra"),
    ],
)
def test_impossible_entries_are_refused(store: Store, shard: dict, message: str) -> None:
    _change(store, shards=[shard])
    with pytest.raises(StoreError, match=message):
        Store.open(store.folder)


def test_a_shard_listed_twice_is_refused(store: Store) -> None:
    entry = store.manifest.shards[0].model_dump(mode="json")
    _change(store, shards=[entry, entry])
    with pytest.raises(StoreError, match="twice"):
        Store.open(store.folder)
    _change(store, shards=[entry, entry | {"file": "shard-000000.arrow"}])
    with pytest.raises(StoreError, match="twice"):
        Store.open(store.folder)


@pytest.mark.parametrize("size", [0, -1, 10**10])
def test_impossible_shapes_are_refused(store: Store, size: int) -> None:
    document = store.manifest.document()["schema"]
    document["modalities"]["image"]["height"] = size
    _change(store, schema=document)
    with pytest.raises(StoreError, match=r"image\.flux has shape"):
        Store.open(store.folder)


def test_foreign_and_damaged_documents_are_refused(store: Store, tmp_path: Path) -> None:
    path = store.folder / "manifest.json"
    for text, message in [
        ("", "not a JSON document"),
        ("[" * 100_000, "not a JSON document"),
        ("[]", "not the manifest"),
        ('{"format": "lance"}', "not the manifest"),
        ('{"format": "trifid-store", "version": 2}', "has version 2, this trifid reads 1"),
        ('{"format": "trifid-store", "version": 1}', "schema"),
    ]:
        path.write_text(text)
        with pytest.raises(StoreError, match=message):
            Store.open(store.folder)
    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(StoreError, match="not a JSON document"):
        Store.open(store.folder)


def test_a_missing_manifest_says_what_is_there(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="not a folder"):
        Store.open(tmp_path / "nowhere")
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(StoreError, match="not a store"):
        Store.open(empty)
    (store.folder / "manifest.json").unlink()
    with pytest.raises(StoreError, match=r"unfinished store.*again to resume"):
        Store.open(store.folder)
