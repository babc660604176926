"""Writing: one writer, kills and resumes, full disks, extension."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path

import numpy as np
import pytest

from trifid.errors import StoreError
from trifid.schema.block import Block, Skipped
from trifid.schema.modality import IDENTITY_COLUMNS, ColumnSpec, SpectrumSpec, StoreSchema
from trifid.store import Store, StoreWriter, write_shard

_SCRIPT = """
import sys
import numpy as np
from pathlib import Path
from trifid.schema.block import Block
from trifid.schema.modality import IDENTITY_COLUMNS, SpectrumSpec, StoreSchema
from trifid.store import StoreWriter, write_shard

folder, count = Path(sys.argv[1]), int(sys.argv[2])
schema = StoreSchema(modalities={"spectrum": SpectrumSpec()}, columns=IDENTITY_COLUMNS)
with StoreWriter(folder, schema, provenance={}) as writer:
    done = writer.shards_on_disk()
    print("locked", len(done), flush=True)
    for number in range(count):
        columns = {name: [None] * 40 for name in IDENTITY_COLUMNS}
        columns["object_id"] = columns["group"] = [f"file-{number}-{i}" for i in range(40)]
        values = np.random.default_rng(number).random((40, 4700), np.float32)
        fields = {"flux": values, "ivar": values, "mask": values.astype("<i4")}
        entry = done.get(number) or write_shard(
            folder, number, Block(columns, {"spectrum": fields}), schema
        )
        writer.add(entry)
        print("shard", flush=True)
    writer.finish([])
"""


def _start(folder: Path, count: int) -> subprocess.Popen:
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, str(folder), str(count)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith(b"locked")
    return process


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_kills_at_random_moments_leave_a_store_that_resumes_to_the_same_bytes(
    tmp_path: Path,
) -> None:
    undisturbed, killed = tmp_path / "undisturbed", tmp_path / "killed"
    assert _start(undisturbed, 25).communicate()[1] == b""
    moments = random.Random(5)
    for shards in (1, 8, 16):  # written or kept when the kill comes
        process = _start(killed, 25)
        with pytest.raises(StoreError, match=r"written by another process|finished store"):
            StoreWriter(killed, _spectra(), provenance={})
        assert process.stdout is not None
        for _ in range(shards):
            process.stdout.readline()
        time.sleep(moments.uniform(0.0, 0.01))
        process.kill()
        process.communicate()
        if (killed / "manifest.json").exists():
            break  # a slow reader: the writer was done before the kill
        with pytest.raises(StoreError, match="unfinished"):
            Store.open(killed)
    else:
        assert _start(killed, 25).communicate()[1] == b""
    (killed / "store.lock").unlink(missing_ok=True)  # of a kill after the last byte
    assert _content(killed) == _content(undisturbed)
    assert len(Store.open(killed, full=True)) == 1000


def _spectra() -> StoreSchema:
    return StoreSchema(modalities={"spectrum": SpectrumSpec()}, columns=IDENTITY_COLUMNS)


def test_resume_keeps_complete_shards_and_removes_the_rest(
    tmp_path: Path, schema: StoreSchema, blocks: list[Block], make_block: Callable[..., Block]
) -> None:
    folder = tmp_path / "s"
    with StoreWriter(folder, schema, provenance={}) as writer:
        entries = [write_shard(folder, i, block, schema) for i, block in enumerate(blocks)]
        writer.add(entries[0])
    (folder / ".shard-00003.arrow.77.tmp").write_bytes(b"half")
    (folder / "shard-00004.arrow").write_bytes((folder / entries[0].file).read_bytes()[:-40])
    (folder / "shard-notes.arrow").write_bytes(b"not ours")
    other = schema.replace(columns=schema.columns | {"extra": ColumnSpec(type="bool")})
    write_shard(folder, 5, make_block(2, (), extra=[True, None]), other)
    with StoreWriter(folder, schema, provenance={}) as writer:
        assert writer.shards_on_disk() == dict(enumerate(entries))
        assert {path.name for path in folder.iterdir()} == {
            "store.lock", "shard-notes.arrow", *(entry.file for entry in entries),
        }  # fmt: skip
        for entry in entries[:2]:
            writer.add(entry)
        writer.finish([])
    assert len(Store.open(folder, full=True)) == 10
    assert not (folder / "shard-00002.arrow").exists()


def test_an_error_inside_frees_the_lock_and_leaves_the_store_unfinished(
    tmp_path: Path, schema: StoreSchema
) -> None:
    with pytest.raises(KeyboardInterrupt), StoreWriter(tmp_path, schema, provenance={}):
        raise KeyboardInterrupt
    with pytest.raises(StoreError, match="unfinished"):
        Store.open(tmp_path)
    with StoreWriter(tmp_path, schema, provenance={}) as writer:
        writer.finish([])
    assert len(Store.open(tmp_path)) == 0


def test_a_second_writer_in_the_same_process_is_refused(
    tmp_path: Path, schema: StoreSchema
) -> None:
    with (
        StoreWriter(tmp_path, schema, provenance={}),
        pytest.raises(StoreError, match=r"written by another process.*store\.lock"),
    ):
        StoreWriter(tmp_path, schema, provenance={})


_FORKING = """
import os, sys, time
from pathlib import Path
from trifid.schema.modality import IDENTITY_COLUMNS, StoreSchema
from trifid.store import StoreWriter

schema = StoreSchema(modalities={}, columns=IDENTITY_COLUMNS)
with StoreWriter(Path(sys.argv[1]), schema, provenance={}):
    worker = os.fork()
    if worker == 0:
        print("forked", os.getpid(), flush=True)
        time.sleep(60)
        os._exit(0)
    time.sleep(60)
"""


def test_a_worker_that_outlives_a_killed_writer_does_not_keep_the_lock(
    tmp_path: Path, schema: StoreSchema
) -> None:
    command = [sys.executable, "-c", _FORKING, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        worker = int(writer.stdout.readline().split()[1])
        try:
            with pytest.raises(StoreError, match="another process"):
                StoreWriter(tmp_path, schema, provenance={})
            writer.kill()
            writer.wait()
            os.kill(worker, 0)
            with StoreWriter(tmp_path, schema, provenance={}):
                pass
        finally:
            os.kill(worker, signal.SIGKILL)
            writer.kill()


def test_a_finished_store_is_not_written_over(
    store: Store, schema: StoreSchema, blocks: list[Block]
) -> None:
    before = _content(store.folder)
    with pytest.raises(StoreError, match="finished store of 15 rows"):
        StoreWriter(store.folder, schema, provenance={})
    assert {k: v for k, v in _content(store.folder).items() if k != "store.lock"} == before
    assert len(Store.open(store.folder, full=True)) == 15


def test_extension_adds_rows_and_keeps_the_old(
    store: Store, schema: StoreSchema, make_block: Callable[..., Block]
) -> None:
    old = _content(store.folder)
    with StoreWriter(store.folder, schema, provenance={"more": "yes"}, extend=True) as writer:
        assert writer.next_number == 3
        assert writer.shards_on_disk() == {}
        writer.add(write_shard(store.folder, 3, make_block(2, ("table",), first=50), schema))
        writer.finish([Skipped("new.fits", "empty file")])
    longer = Store.open(store.folder, full=True)
    assert len(longer) == 17
    assert longer.manifest.provenance == {"survey": "sdss", "more": "yes"}
    assert longer.skipped().num_rows == 3
    for shard in store.manifest.shards:
        assert (store.folder / shard.file).read_bytes() == old[shard.file]


def test_extension_with_another_schema_names_the_difference(
    store: Store, schema: StoreSchema
) -> None:
    wider = schema.replace(columns=schema.columns | {"mass": ColumnSpec(type="float64")})
    fewer = schema.replace(modalities={"image": schema.modalities["image"]})
    longer = schema.replace(modalities=schema.modalities | {"spectrum": SpectrumSpec(length=8)})
    for other, message in [
        (wider, r"add the columns \['mass'\]"),
        (fewer, r"lack the modalities \['spectrum', 'table'\]"),
        (longer, "'spectrum' differs: length was 7, now 8"),
    ]:
        with pytest.raises(StoreError, match=message):
            StoreWriter(store.folder, other, provenance={}, extend=True)


def test_the_same_id_twice_is_refused_at_the_end(
    tmp_path: Path, schema: StoreSchema, make_block: Callable[..., Block]
) -> None:
    with StoreWriter(tmp_path, schema, provenance={}) as writer:
        for number in (0, 1):
            writer.add(write_shard(tmp_path, number, make_block(2, ("table",)), schema))
        with pytest.raises(StoreError, match="2 object_id occur more than once"):
            writer.finish([])
    assert not (tmp_path / "manifest.json").exists()


def test_adding_a_shard_twice_or_one_that_is_not_there_is_refused(
    tmp_path: Path, schema: StoreSchema, blocks: list[Block]
) -> None:
    with StoreWriter(tmp_path, schema, provenance={}) as writer:
        entry = write_shard(tmp_path, 0, blocks[0], schema)
        writer.add(entry)
        with pytest.raises(StoreError, match="already part"):
            writer.add(entry)
        with pytest.raises(StoreError, match="does not exist"):
            writer.add(entry.replace(file="shard-00009.arrow"))


def test_places_that_cannot_be_written_are_named(tmp_path: Path, schema: StoreSchema) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"file/store\.lock cannot be written"):
        StoreWriter(tmp_path / "file", schema, provenance={})


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount program here")
    if mounted.returncode:
        pytest.skip(f"a small tmpfs cannot be mounted here: {mounted.stderr.decode()[:80]}")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_named_and_leaves_nothing_half_written(
    small_disk: Path, schema: StoreSchema, blocks: list[Block], make_block: Callable[..., Block]
) -> None:
    large = make_block(3000, ("image",), first=100)
    folder = small_disk / "s"
    with StoreWriter(folder, schema, provenance={}) as writer:
        writer.add(write_shard(folder, 0, blocks[0], schema))
        before = _content(folder)
        with pytest.raises(StoreError, match=r"shard-00001\.arrow cannot be written \(No space"):
            write_shard(folder, 1, large, schema)
        assert _content(folder) == before
        filler = small_disk / "filler"
        with pytest.raises(OSError, match="No space"), filler.open("wb", buffering=0) as handle:
            while True:
                handle.write(b"x" * 4096)
        with pytest.raises(StoreError, match=r"cannot be written \(No space"):
            writer.finish([])
        after = _content(folder)
        after.pop("skipped.parquet", None)  # small enough for what some kernels keep free
        assert after == before
    filler.unlink()
    with StoreWriter(folder, schema, provenance={}) as writer:
        for entry in writer.shards_on_disk().values():
            writer.add(entry)
        writer.finish([])
    assert len(Store.open(folder, full=True)) == 5


def test_an_interrupt_while_writing_leaves_no_temporary_file(
    tmp_path: Path, schema: StoreSchema, blocks: list[Block], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt  # a real signal may reach another thread, and then comes later

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_shard(tmp_path, 0, blocks[0], schema)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_outside_the_folder(tmp_path: Path, store: Store) -> None:
    assert [path.name for path in tmp_path.iterdir()] == ["sky"]
    assert np.sum([s.rows for s in store.manifest.shards]) == 15
