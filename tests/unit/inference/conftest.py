"""Stores that differ from the small store in one respect, and a bundle loaded once."""

import numpy as np
import pytest

from trifid.schema.block import Block
from trifid.store.read import Store
from trifid.store.write import StoreWriter, write_shard
from trifid.training.bundle import load_bundle


@pytest.fixture(scope="session")
def bundle(trained_run):
    """The bundle of the trained run; do not change it."""
    return load_bundle(trained_run / "bundle")


@pytest.fixture
def rewrite(store_folder, tmp_path):
    """A function that writes some rows of the small store anew, changed."""

    def write(rows, *, drop=(), columns=None, without=(), schema=lambda known: known):
        store = Store.open(store_folder)
        rows = np.asarray(rows)
        changed = schema(store.schema)
        kept = {n: s for n, s in changed.modalities.items() if n not in without}
        named = {n: s for n, s in changed.columns.items() if n not in drop}
        changed = changed.replace(modalities=kept, columns=named)
        values = store.columns(*named).take(rows).to_pydict() | (columns or {})
        taken = store.take(rows, list(kept))
        inputs = {
            name: {key: array for key, array in fields.items() if key != "present"}
            for name, fields in taken.items()
            if fields["present"].all()
        }
        folder = tmp_path / f"store-{len(list(tmp_path.iterdir()))}"
        with StoreWriter(folder, changed, provenance={}) as writer:
            writer.add(write_shard(folder, 0, Block(columns=values, inputs=inputs), changed))
            writer.finish([])
        return folder

    return write
