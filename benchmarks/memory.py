"""Peak memory of training on stores of 2,000 and 20,000 rows: it must not grow with the rows.

Each training is a process of its own that makes a few steps of GCSNet small, validates and writes
its bundle. The store is mapped, so the pages read count as resident for as long as the system has
memory to spare (`mapped`); what the process needs is its anonymous memory (`anonymous`, RssAnon),
watched during the run. The rows are random blocks, their images of 16 pixels: it is the number
that is tested.

    python benchmarks/memory.py [--rows 2000 20000] [--json]
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import numpy as np

from trifid.schema import grid
from trifid.schema.block import Block
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ColumnSpec,
    ImageSpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)
from trifid.store import StoreWriter, write_shard

BLOCK, SIZE, SECONDS = 500, 16, 0.005
CLASSES = ("Star Forming", "Composite", "Seyfert", "BLANK")
FEATURES = ("modelmag_u", "modelmag_g", "modelmag_r", "modelmag_i", "modelmag_z")
FEATURES += ("petror50_r", "ebv_sfd", "redshift", "sn_median", "ebmv", "ew_ha_6562")
SCHEMA = StoreSchema(
    modalities={
        "image": ImageSpec(bands=tuple("ugriz"), height=SIZE, width=SIZE, pixel_scale=0.396),
        "spectrum": SpectrumSpec(),
        "table": TableSpec(features=FEATURES, units=("mag",) * 5 + ("",) * 6),
    },
    columns=IDENTITY_COLUMNS | {"bpt": ColumnSpec(type="string")},
)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=int, nargs="+", default=[2000, 20000])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--one", type=Path, nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return train_one(*options.one)
    peaks = {rows: measure(rows) for rows in options.rows}
    first, last = peaks[options.rows[0]], peaks[options.rows[-1]]
    growth = last["anonymous"] / first["anonymous"] - 1
    if options.json:
        print(json.dumps({"peak_mb": peaks, "anonymous_growth": round(growth, 4)}))
        return None
    print(f"{'rows':>8}{'store':>10}{'anonymous':>12}{'mapped':>10}{'resident':>10}   MB at most")
    for rows, peak in peaks.items():
        print(
            f"{rows:>8,}{peak['store']:>10,.0f}{peak['anonymous']:>12,.0f}"
            f"{peak['mapped']:>10,.0f}{peak['resident']:>10,.0f}"
        )
    print(f"\nanonymous memory grows by {growth:.1%}")
    return None


def measure(rows: int) -> dict[str, float]:
    """Peaks [MB] of a training on so many rows."""
    with tempfile.TemporaryDirectory(prefix="trifid-memory-") as folder:
        store = Path(folder) / "store"
        write_store(store, rows)
        command = [sys.executable, __file__, "--one", str(store), str(Path(folder) / "run")]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        size = sum(path.stat().st_size for path in store.iterdir() if path.is_file()) / 1e6
        return {"store": round(size), **json.loads(done.stdout)}


def write_store(folder: Path, rows: int) -> None:
    random = np.random.default_rng(0)
    with StoreWriter(folder, SCHEMA, provenance={"simulated": "true"}) as writer:
        for shard in range(rows // BLOCK):
            inputs = {
                "image": {"flux": random.random((BLOCK, 5, SIZE, SIZE), np.float32)},
                "spectrum": {
                    "flux": random.random((BLOCK, grid.LENGTH), np.float32),
                    "ivar": np.ones((BLOCK, grid.LENGTH), np.float32),
                    "mask": np.zeros((BLOCK, grid.LENGTH), np.int32),
                },
                "table": {
                    "values": random.random((BLOCK, len(FEATURES)), np.float32),
                    "valid": np.ones((BLOCK, len(FEATURES)), np.uint8),
                },
            }
            columns: dict[str, list[object]] = {name: [None] * BLOCK for name in SCHEMA.columns}
            columns["object_id"] = columns["group"] = [f"{shard}-{i}" for i in range(BLOCK)]
            columns["bpt"] = [CLASSES[i % 4] for i in range(BLOCK)]
            writer.add(write_shard(folder, shard, Block(columns, inputs), SCHEMA))
        writer.finish([])


def train_one(store: Path, out: Path) -> None:
    """Trains one epoch and prints the peaks of this process as JSON."""
    peaks = {"anonymous": 0.0, "mapped": 0.0, "resident": 0.0}
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(SECONDS):
            for name, value in memory().items():
                peaks[name] = max(peaks[name], value)

    from trifid.models.gcsnet import gcsnet_small
    from trifid.recipes.galaxy4 import galaxy4
    from trifid.training.run import train

    recipe = galaxy4().replace(model=gcsnet_small())
    recipe = recipe.edited(["training.epochs=1", "split.by=group"])
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        train(recipe, store, out)
    finally:
        ended.set()
        watcher.join()
    print(json.dumps({name: round(value, 1) for name, value in peaks.items()}))


def memory() -> dict[str, float]:
    """Anonymous, mapped and all resident memory of this process [MB], from Linux's /proc."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    found = dict(line.split(":", 1) for line in lines)
    fields = {"anonymous": "RssAnon", "mapped": "RssFile", "resident": "VmRSS"}
    return {name: int(found[field].split()[0]) / 1e3 for name, field in fields.items()}


if __name__ == "__main__":
    main()
