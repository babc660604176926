import dataclasses
import shutil
from pathlib import Path

import numpy as np

from trifid.data.splits import Split
from trifid.report.labels import labels_table, task_of
from trifid.report.run import read_run
from trifid.store import Store


def test_the_split_of_the_run_gives_every_part(tmp_path: Path, whole_run: Path) -> None:
    folder = shutil.copytree(whole_run.parent / "store", tmp_path / "store")
    store = Store.open(folder)
    ids = store.columns("object_id")["object_id"].to_pylist()
    parts = (np.arange(len(ids)) % 20).astype(np.int8)
    split = Split(tuple(ids), tuple(ids), parts, "group", "none", 0)
    split.save(folder / "splits" / "a.parquet")
    dataclasses.replace(split, seed=1).save(folder / "splits" / "b.parquet")
    (folder / "splits" / "c.parquet").write_bytes(b"damaged")
    run = read_run(whole_run)
    run = dataclasses.replace(
        run,
        run=run.run | {"split_hash": split.hash()},
        recipe=run.recipe | {"split": {"train": [0, 1, 2, 3], "test": [4, 7]}},
    )
    table = labels_table(run, store)
    assert table is not None
    assert table.caption == "Labels by part"
    assert table.head == ("Class", "Train", "Test", "All")
    has_table = store.present("table")  # the one input of this recipe
    values = np.array(store.columns("bpt")["bpt"].to_pylist(), object)
    blank = has_table & (values == "BLANK")
    expected = [int((blank & np.isin(parts, chosen)).sum()) for chosen in ([0, 1, 2, 3], [4, 7])]
    normal = next(row for row in table.rows if row[0] == "NORMAL")
    assert normal == ("NORMAL", *map(str, expected), str(sum(expected)))
    assert min(expected) > 0


def test_without_the_split_the_predicted_rows_are_counted(whole_run: Path) -> None:
    run = read_run(whole_run)
    table = labels_table(run, None)
    assert table is not None
    assert table.head == ("Class", "Train", "Valid", "Test", "All")
    assert sum(int(str(row[-1])) for row in table.rows) == 240
    assert labels_table(dataclasses.replace(run, predictions=None), None) is None


def test_a_task_of_another_version_is_none() -> None:
    assert task_of({"task": "galaxy99"}) is None
    assert task_of({}) is None
