"""Which rows a recipe uses: flags it leaves out, whatever the class."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trifid.errors import ConfigError
from trifid.ingest.join import join
from trifid.store.read import Store
from trifid.training.rows import task_rows


@pytest.fixture(scope="module")
def flagged(store_folder, tmp_path_factory):
    """The small store with flags: every fifth row is an edge, two rows are not known."""
    folder = tmp_path_factory.mktemp("flagged")
    ids = Store.open(store_folder).columns("object_id")["object_id"]
    rows = np.arange(len(ids))
    edge = [None if row in (1, 2) else row % 5 == 0 for row in rows.tolist()]
    clean = (rows % 7 > 0).astype(np.int64)
    table = pa.table({"object_id": ids, "image_edge": edge, "clean": clean, "mag": rows * 0.1})
    pq.write_table(table, folder / "flags.parquet")
    names = {name: name for name in ("image_edge", "clean", "mag")}
    join(store_folder, folder / "flags.parquet", folder / "store", names)
    return Store.open(folder / "store")


def test_flagged_rows_are_in_no_fold_whatever_their_class(flagged, small_recipe):
    recipe, task = small_recipe.resolved()
    every = task_rows(flagged, recipe, task)
    cut = task_rows(flagged, recipe.replace(leave_out=("image_edge", "not clean")), task)
    rows = np.arange(len(flagged))
    kept = (rows % 5 > 0) & (rows % 7 > 0)
    for fold, members in every.fold_of().items():
        assert cut.fold_of()[fold].tolist() == [row for row in members.tolist() if kept[row]]
    counts = cut.left_out(task)
    for flag, has in (("image_edge", rows % 5 == 0), ("not clean", rows % 7 == 0)):
        expected = [int((has & (cut.labels == k)).sum()) for k in range(4)]
        assert list(counts[flag].values()) == expected and sum(expected) > 5
    assert every.left_out(task) == {}


def test_a_flag_the_store_lacks_is_refused(flagged, small_recipe):
    recipe, task = small_recipe.resolved()
    for name in ("blended", "mag"):
        with pytest.raises(ConfigError, match=f"no column '{name}' of flags; it has image_edge"):
            task_rows(flagged, recipe.replace(leave_out=(name,)), task)
