"""A store as one Parquet file and back: the same bytes."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trifid.errors import ConfigError, InputError, StoreError
from trifid.exchange.parquet import merged, read_parquet, write_parquet
from trifid.exchange.wide import Wide, blocks
from trifid.store.read import Store


@pytest.fixture(scope="module")
def file(rich, tmp_path_factory):
    path = tmp_path_factory.mktemp("parquet") / "s.parquet"
    write_parquet(Wide(rich, arrays=True), path, lambda n: None)
    return path


def test_out_and_back_is_the_same_store(file, rich, tmp_path):
    assert read_parquet([file], tmp_path / "back", "parquet") == 12
    back = Store.open(tmp_path / "back", full=True)
    assert back.hash() == rich.hash()  # schema and the bytes of every shard
    assert back.manifest.provenance == rich.manifest.provenance | {"imported_from": "parquet"}


def test_a_row_group_is_a_shard(file, rich):
    metadata = pq.ParquetFile(file).metadata
    assert metadata.num_row_groups == len(rich.manifest.shards)
    kind = pq.read_schema(file)
    assert kind.field("ra").metadata[b"unit"] == b"deg"
    assert b"sdss.org" in kind.metadata[b"acknowledgement"]


def test_a_part_at_a_time(rich, tmp_path, monkeypatch):
    taken = []
    real = Wide.take

    def counting(self, rows):
        taken.append(len(rows))
        return real(self, rows)

    monkeypatch.setattr(Wide, "take", counting)
    told = []
    write_parquet(Wide(rich, arrays=True), tmp_path / "s.parquet", told.append)
    assert taken == told == [3, 3, 3, 3]


def test_a_full_disk_leaves_nothing(rich, tmp_path, monkeypatch):
    def fail(self, rows):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Wide, "take", fail)
    with pytest.raises(OSError, match="No space"):
        write_parquet(Wide(rich, arrays=True), tmp_path / "s.parquet", lambda n: None)
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_kept(rich, file, tmp_path):
    before = file.read_bytes()
    with pytest.raises(ConfigError, match="exists"):
        write_parquet(Wide(rich, arrays=True), file, lambda n: None)
    assert file.read_bytes() == before
    read_parquet([file], tmp_path / "back", "parquet")
    with pytest.raises(StoreError, match="finished store"):
        read_parquet([file], tmp_path / "back", "parquet")


def test_damaged_and_foreign_files_are_refused_by_name(file, tmp_path):
    data = file.read_bytes()
    for name, content in (("cut", data[:-100]), ("none", b""), ("text", b"hello" * 9)):
        path = tmp_path / f"{name}.parquet"
        path.write_bytes(content)
        with pytest.raises(InputError, match=rf"{name}\.parquet is not a readable Parquet"):
            read_parquet([path], tmp_path / "back", "parquet")
    middle = bytearray(data)
    middle[len(data) // 3 : len(data) // 3 + 4000] = bytes(4000)
    path = tmp_path / "hole.parquet"
    path.write_bytes(bytes(middle))
    with pytest.raises((InputError, StoreError)):
        read_parquet([path], tmp_path / "back", "parquet")
    flat = tmp_path / "flat.parquet"
    pq.write_table(pa.table({"object_id": ["a"]}), flat)
    with pytest.raises(InputError, match="trifid ingest"):
        read_parquet([flat], tmp_path / "back", "parquet")
    assert not (tmp_path / "back" / "manifest.json").exists()


def test_small_blocks_are_joined(rich):
    wide = Wide(rich, arrays=True)
    parts = [
        block
        for row in range(12)
        for block in blocks(
            wide.take(pa.array([row]).to_numpy()).combine_chunks().to_batches()[0], rich.schema, "x"
        )
    ]
    assert len(parts) == 12
    joined = list(merged(iter(parts), rich.schema))
    assert [len(block) for block in joined] == [3, 3, 3, 3]
    for block in joined:
        block.check(rich.schema)
