"""The guard against input unlike the training data, judged on another instrument."""

import json
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from typer.testing import CliRunner

from trifid.cli.main import app
from trifid.errors import RunError
from trifid.evaluation import domain
from trifid.evaluation.domain import domain_areas
from trifid.evaluation.run import document_of_store
from trifid.inference.score import store_loader
from trifid.models.gcsnet import gcsnet_small
from trifid.recipes.galaxy4 import galaxy4_table
from trifid.schema.block import Block
from trifid.schema.modality import ColumnSpec
from trifid.store.read import Store
from trifid.store.write import StoreWriter, write_shard
from trifid.training.bundle import load_bundle
from trifid.training.rows import task_rows
from trifid.training.run import train
from trifid.transforms.domain import outside

QUICK = ["training.epochs=1", "training.batch_size=32", "split.by=group", "training.mixup=0"]


@pytest.fixture(scope="module")
def write(tmp_path_factory, make_store):
    """Writes the tables of a small store with an instrument a row; those of BOSS off by 3 mag."""

    def written(name, instruments, *, seed=0):
        folder = tmp_path_factory.mktemp(name)
        rows = np.arange(len(instruments))
        make_store(folder / "whole", rows=len(rows) + 10, seed=seed)
        whole = Store.open(folder / "whole")
        schema = whole.schema.replace(
            modalities={"table": whole.schema.modalities["table"]},
            columns=whole.schema.columns | {"instrument": ColumnSpec(type="string")},
        )
        columns = whole.columns(*whole.schema.columns).take(rows).to_pydict()
        table = whole.take(rows, ["table"])["table"]
        table["values"][np.array(instruments) == "BOSS"] += 3 * table["valid"].max()
        del table["present"]
        block = Block(columns | {"instrument": list(instruments)}, {"table": table})
        with StoreWriter(folder / "sky", schema, provenance={}) as writer:
            writer.add(write_shard(folder / "sky", 0, block, schema))
            writer.finish([])
        return folder / "sky"

    return written


@pytest.fixture(scope="module")
def run(write, tmp_path_factory):
    """A run on 160 rows of SDSS, of which 24 are test rows."""
    out = tmp_path_factory.mktemp("runs") / "run"
    recipe = galaxy4_table().replace(model=gcsnet_small()).edited(QUICK)
    train(recipe, write("own", ["SDSS"] * 160), out)
    return out


@pytest.fixture(scope="module")
def other(write):
    """Of another store 40 rows of each instrument, and 20 of which none is known."""
    return write("other", ["SDSS"] * 40 + ["BOSS"] * 40 + [None] * 20, seed=1)


def _own(run):
    return Store.open(Path(json.loads((run / "run.json").read_text())["store"]))


def test_another_instrument_lies_farther_out_and_the_same_one_does_not(run, other):
    found = {entry["instrument"]: entry for entry in document_of_store(run, other)["domain"]}
    assert set(found) == {"SDSS", "BOSS"}
    boss, sdss = found["BOSS"], found["SDSS"]
    assert (boss["seen"], sdss["seen"]) == (False, True)
    assert boss["n"] == sdss["n"] == 40 and boss["n_test"] == sdss["n_test"] == 24
    assert boss["area"]["value"] > 0.95
    assert sdss["area"]["low"] < 0.5 < sdss["area"]["high"]


def test_the_area_is_that_of_the_distances_behind_the_flag(run, other, monkeypatch):
    bundle, stores = load_bundle(run / "bundle"), (Store.open(other), _own(run))
    rows = (np.arange(40), task_rows(stores[1], bundle.card.recipe, bundle.card.task).test)
    far = [domain.row_distances(bundle, *pair) for pair in zip(stores, rows, strict=True)]
    truth = np.repeat([1, 0], [len(part) for part in far])
    entries = domain_areas(bundle, stores[1], stores[0], resamples=100)
    sdss = next(entry for entry in entries if entry["instrument"] == "SDSS")
    assert sdss["area"]["value"] == pytest.approx(roc_auc_score(truth, np.concatenate(far)))
    (raw,) = store_loader(bundle, stores[0]).batches(np.arange(80), 80)
    value = bundle.pipeline(raw).inputs["table"]
    flags = outside(value, bundle.pipeline.states["table"]).numpy()
    distances = domain.row_distances(bundle, stores[0], np.arange(80))
    assert flags.any() and np.array_equal(flags, distances > 1)
    monkeypatch.setattr(domain, "MOST", 22)
    some = domain_areas(bundle, stores[1], stores[0], resamples=100)
    assert {(entry["n"], entry["n_test"]) for entry in some} == {(22, 22)}


def test_few_rows_and_stores_without_instruments_have_no_area(run, write, store_folder):
    bundle, own = load_bundle(run / "bundle"), _own(run)
    few = Store.open(write("few", ["BOSS"] * 19 + [None] * 21, seed=2))
    assert domain_areas(bundle, own, few) == []
    assert domain_areas(bundle, own, Store.open(store_folder)) == []


def test_evaluate_shows_the_areas_and_slices_of_another_store(run, other):
    shown = CliRunner().invoke(app, ["evaluate", str(run), "--data", str(other)])
    assert shown.exit_code == 0, shown.output
    assert (run / f"predictions-{other.name}.parquet").is_file()
    assert "Unlike the training data" in shown.output and "BOSS" in shown.output
    document = document_of_store(run, other, resamples=100)
    assert {"SDSS", "BOSS"} <= {e["slice"] for e in document["slices"]}
    with pytest.raises(RunError, match="no such folder"):
        document_of_store(run.parent, other)
