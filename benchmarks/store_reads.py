"""Shuffled reads of rows from disk: trifid's store against a raw memory map and other formats.

Every format holds the same rows of 119 kB (a 5x56x56 float32 image; flux, ivar and mask of 4,700
pixels) and gives batches of 64 as NumPy arrays in the order asked for, from files in the page
cache. The formats take turns, several rounds over; ratios are medians over rounds, so that a busy
machine slows all of them alike. Formats that are not installed are left out.

    python benchmarks/store_reads.py [--rows 4096] [--rounds 5] [--json]
"""

import argparse
import contextlib
import importlib
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from trifid.schema.block import Block
from trifid.schema.modality import IDENTITY_COLUMNS, ImageSpec, SpectrumSpec, StoreSchema
from trifid.store import Store, StoreWriter, write_shard
from trifid.store.shard import column_name

SHARDS, BATCH, SECONDS = 16, 64, 2.0
SCHEMA = StoreSchema(
    modalities={
        "image": ImageSpec(bands=tuple("ugriz"), height=56, width=56, pixel_scale=0.396),
        "spectrum": SpectrumSpec(),
    },
    columns=IDENTITY_COLUMNS,
)
FIELDS = {
    column_name(modality, field): layout
    for modality, spec in SCHEMA.modalities.items()
    for field, layout in spec.fields().items()
}
Rows = dict[str, np.ndarray]
Read = Callable[[np.ndarray], Rows]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.rows < SHARDS * BATCH:
        parser.error(f"--rows {options.rows}: give at least {SHARDS * BATCH}")
    rows = options.rows // (SHARDS * BATCH) * SHARDS * BATCH
    with tempfile.TemporaryDirectory(prefix="trifid-reads-") as folder:
        readers = open_all(Path(folder), make_rows(rows))
        rates = measure(readers, rows, options.rounds)
    report(rates, rows, as_json=options.json)


def make_rows(rows: int) -> Rows:
    random = np.random.default_rng(0)
    return {
        name: (1000 * random.random((rows, *shape), np.float32)).astype(dtype)
        for name, (dtype, shape) in FIELDS.items()
    }


def open_all(folder: Path, data: Rows) -> dict[str, Read]:
    """Writes the rows in every format and gives a reader for each, checked against the rows."""
    readers: dict[str, Read] = {}
    formats = {"memmap": memmap, "trifid": trifid, "lance": lance, "hdf5": hdf5, "parquet": parquet}
    some = np.random.default_rng(1).permutation(len(data["image.flux"]))[:BATCH]
    for name, write in formats.items():
        path = folder / name
        path.mkdir()
        with contextlib.suppress(ModuleNotFoundError):
            readers[name] = write(path, data)
            got = readers[name](some)
            if not all(np.array_equal(got[field], data[field][some]) for field in FIELDS):
                raise SystemExit(f"{name} gave other rows than were written")
    return readers


def memmap(folder: Path, data: Rows) -> Read:
    """The reference: one flat file a field, NumPy's own indexing."""
    maps: Rows = {}
    for name, array in data.items():
        array.tofile(folder / name)
        maps[name] = np.asarray(np.memmap(folder / name, array.dtype, "r", shape=array.shape))
    return lambda rows: {name: array[rows] for name, array in maps.items()}


def trifid(folder: Path, data: Rows) -> Read:
    count = len(data["image.flux"]) // SHARDS
    with StoreWriter(folder, SCHEMA, provenance={}) as writer:
        for shard in range(SHARDS):
            inputs: dict[str, Rows] = {modality: {} for modality in SCHEMA.modalities}
            for name, array in data.items():
                modality, field = name.split(".")
                inputs[modality][field] = array[shard * count : (shard + 1) * count]
            columns: dict[str, Any] = {name: [None] * count for name in SCHEMA.columns}
            columns["object_id"] = columns["group"] = [f"{shard}-{i}" for i in range(count)]
            writer.add(write_shard(folder, shard, Block(columns, inputs), SCHEMA))
        writer.finish([])
    store = Store.open(folder)

    def read(rows: np.ndarray) -> Rows:
        taken = store.take(rows, list(SCHEMA.modalities))
        return {
            column_name(m, f): array for m, fields in taken.items() for f, array in fields.items()
        }

    return read


def _table(data: Rows) -> pa.Table:
    lists = [
        pa.FixedSizeListArray.from_arrays(pa.array(array.reshape(-1)), array[0].size)
        for array in data.values()
    ]
    return pa.table(lists, names=[name.replace(".", "_") for name in data])


def _arrays(table: pa.Table) -> Rows:
    return {
        name: table.column(name.replace(".", "_")).combine_chunks().flatten().to_numpy()
        .reshape(-1, *shape)
        for name, (_, shape) in FIELDS.items()
    }  # fmt: skip


def lance(folder: Path, data: Rows) -> Read:
    module = importlib.import_module("lance")
    table = _table(data)
    count = len(table) // SHARDS
    module.write_dataset(table, str(folder / "rows.lance"), max_rows_per_file=count)
    dataset = module.dataset(str(folder / "rows.lance"))
    return lambda rows: _arrays(dataset.take(rows.tolist()))


def hdf5(folder: Path, data: Rows) -> Read:
    """Contiguous data sets, sorted lists of indices: the fastest way of h5py for such rows."""
    module = importlib.import_module("h5py")
    file = module.File(folder / "rows.h5", "w")
    for name, array in data.items():
        file.create_dataset(name, data=array)

    def read(rows: np.ndarray) -> Rows:
        order = np.argsort(rows)
        back = np.argsort(order)
        return {name: file[name][rows[order]][back] for name in FIELDS}

    return read


def parquet(folder: Path, data: Rows) -> Read:
    """Uncompressed row groups; a row costs its whole group."""
    table = _table(data)
    count = len(table) // SHARDS
    path = folder / "rows.parquet"
    pq.write_table(table, path, row_group_size=count, compression="none", use_dictionary=False)
    file = pq.ParquetFile(path, memory_map=True)

    def read(rows: np.ndarray) -> Rows:
        groups, where = np.unique(rows // count, return_inverse=True)
        parts = [np.flatnonzero(where == i) for i in range(len(groups))]
        tables = [
            file.read_row_group(int(group)).take(pa.array(rows[part] % count))
            for group, part in zip(groups, parts, strict=True)
        ]
        back = np.argsort(np.concatenate(parts))
        return {name: array[back] for name, array in _arrays(pa.concat_tables(tables)).items()}

    return read


def measure(readers: dict[str, Read], rows: int, rounds: int) -> dict[str, list[float]]:
    """Rows per second of each format in each round; a slow one reads for two seconds a round."""
    rates: dict[str, list[float]] = {name: [] for name in readers}
    for turn in range(rounds):
        batches = np.random.default_rng(turn).permutation(rows).reshape(-1, BATCH)
        for name, read in readers.items():
            start, done = time.perf_counter(), 0
            for batch in batches:
                read(batch)
                done += BATCH
                if time.perf_counter() - start > SECONDS:
                    break
            rates[name].append(done / (time.perf_counter() - start))
            if sys.stderr.isatty():
                print(f"round {turn + 1}/{rounds} {name}", file=sys.stderr)
    return rates


def report(rates: dict[str, list[float]], rows: int, *, as_json: bool) -> None:
    size = sum(dtype.itemsize * int(np.prod(shape)) for dtype, shape in FIELDS.values())
    formats = {
        name: {
            "rows_per_second": round(statistics.median(rate)),
            "ratio": round(
                statistics.median(a / b for a, b in zip(rate, rates["memmap"], strict=True)), 4
            ),
        }
        for name, rate in rates.items()
    }
    if as_json:
        print(json.dumps({"rows": rows, "row_bytes": size, "shards": SHARDS, "formats": formats}))
        return
    print(f"{rows} rows of {size} bytes, {SHARDS} shards, shuffled batches of {BATCH}\n")
    print(f"{'format':<10}{'rows/s':>10}{'of memmap':>12}")
    for name, result in formats.items():
        print(f"{name:<10}{result['rows_per_second']:>10,}{result['ratio']:>12.4f}")


if __name__ == "__main__":
    main()
