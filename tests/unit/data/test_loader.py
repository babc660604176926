"""Batches from a store."""

import numpy as np
import pytest
import torch

from trifid.data.loader import Loader, wanted_modalities
from trifid.errors import StoreError
from trifid.schema.modality import PictureSpec, SpectrumSpec, TableSpec
from trifid.store.read import Store


@pytest.fixture
def store(store_folder):
    return Store.open(store_folder)


def test_a_batch_has_rows_in_the_asked_order_and_says_what_is_absent(store):
    rows = np.array([75, 3, 40])
    loader = Loader(store, wanted_modalities(store, ["image", "spectrum"]))
    batch = loader.batch(rows)
    ids = store.columns("object_id")["object_id"].to_pylist()
    assert batch.ids == tuple(ids[row] for row in rows)
    assert batch.inputs["image"].present.tolist() == [False, True, True]
    assert batch.inputs["spectrum"].present.all()
    assert (batch.inputs["image"].flux[0] == 0).all()


def test_batches_cover_all_rows_and_pad_nothing(store):
    loader = Loader(store, wanted_modalities(store, ["spectrum"]), targets={"label": np.arange(80)})
    sizes, seen = [], []
    for batch in loader.batches(np.arange(50), 16):
        sizes.append(len(batch))
        seen += batch.targets["label"].tolist()
    assert sizes == [16, 16, 16, 2] and seen == list(range(50))


def test_processes_share_a_batch_without_overlap(store):
    loader = Loader(store, wanted_modalities(store, ["spectrum"]), targets={"label": np.arange(80)})

    def rows_of(rank):
        batches = loader.batches(np.arange(33), 16, share=(rank, 2))
        return [batch.targets["label"].tolist() for batch in batches]

    first, second = rows_of(0), rows_of(1)
    assert sorted(first[0] + second[0]) == list(range(16))
    assert first[2] == second[2] == [32]  # fewer rows than processes: all take them


def test_a_modality_the_store_lacks_is_absent(store):
    batch = Loader(store, {"image_rgb": PictureSpec(height=8, width=8)}).batch(np.arange(4))
    assert not batch.inputs["image_rgb"].present.any()


def test_a_table_comes_in_the_wanted_order(store):
    stored = store.schema.modalities["table"]
    wanted = TableSpec(features=stored.features[3:0:-1], units=stored.units[3:0:-1])
    got = Loader(store, {"table": wanted}).batch(np.arange(5)).inputs["table"]
    whole = Loader(store, {"table": stored}).batch(np.arange(5)).inputs["table"]
    assert torch.equal(got.values, whole.values[:, [3, 2, 1]])


def test_a_foreign_schema_is_refused(store):
    stored = store.schema.modalities["table"]
    with pytest.raises(StoreError, match="no feature 'w1mag'"):
        Loader(store, {"table": TableSpec(features=("w1mag",), units=("mag",))})
    with pytest.raises(StoreError, match="is in 'mag', the model expects 'nmgy'"):
        Loader(store, {"table": TableSpec(features=stored.features[:1], units=("nmgy",))})
    with pytest.raises(StoreError, match="spectrum does not fit"):
        Loader(store, {"spectrum": SpectrumSpec(length=3000)})


def test_an_error_while_reading_ahead_reaches_the_caller(store):
    loader = Loader(store, wanted_modalities(store, ["spectrum"]))
    with pytest.raises(StoreError):
        list(loader.batches(np.array([0, 10**6]), 1))


def test_stopping_early_ends_the_reading_thread(store):
    import threading

    loader = Loader(store, wanted_modalities(store, ["spectrum"]))
    before = threading.active_count()
    for _ in range(3):
        for _batch in loader.batches(np.arange(80), 4):
            break
    assert threading.active_count() == before


def test_a_catalogue_that_states_no_unit_is_taken_as_it_is(store):
    stored = store.schema.modalities["table"]
    wanted = TableSpec(features=stored.features[:1], units=("",))
    assert Loader(store, {"table": wanted}).batch(np.arange(3)).inputs["table"].values.shape == (
        3,
        1,
    )
