"""Runs: what is written, resumed exactly, refused."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from trifid.errors import ConfigError, RunError
from trifid.store.read import Store
from trifid.training.rows import make_loader, task_rows
from trifid.training.run import train


def test_a_run_folder_is_complete(trained_run):
    names = {path.name for path in trained_run.iterdir()}
    assert {"recipe.toml", "environment.json", "run.json", "log.jsonl", "cost.json"} <= names
    assert {"bundle", "checkpoints"} <= names and "run.lock" not in names
    log = [json.loads(line) for line in (trained_run / "log.jsonl").read_text().splitlines()]
    assert [entry["epoch"] for entry in log] == [0, 1]
    assert len(list((trained_run / "checkpoints").iterdir())) == 1
    cost = json.loads((trained_run / "cost.json").read_text())
    assert cost["parameters"] > 0 and cost["rows_per_second"] > 0


def _weights(run):
    return load_file(run / "bundle" / "model.safetensors")


def test_the_same_recipe_gives_the_same_bundle(trained_run, store_folder, small_recipe, tmp_path):
    train(small_recipe, store_folder, tmp_path / "again")
    for name in ("bundle.json", "model.safetensors", "state.safetensors"):
        again = (tmp_path / "again" / "bundle" / name).read_bytes()
        assert again == (trained_run / "bundle" / name).read_bytes()


@pytest.mark.parametrize("stop_at", [1, 5])
def test_a_run_stopped_anywhere_resumes_to_the_same_bytes(
    trained_run, store_folder, small_recipe, stopped, stop_at
):
    """Stopped after a checkpoint within an epoch (step 1) and in the second epoch (step 5)."""
    out = stopped(small_recipe, stop_at)
    train(small_recipe, store_folder, out, resume=True)
    for name in ("bundle.json", "model.safetensors"):
        assert (out / "bundle" / name).read_bytes() == (trained_run / "bundle" / name).read_bytes()


def test_a_folder_in_use_is_refused(trained_run, store_folder, small_recipe, tmp_path):
    with pytest.raises(RunError, match="holds a run: add --resume"):
        train(small_recipe, store_folder, trained_run)
    with pytest.raises(RunError, match="begun with another recipe"):
        train(small_recipe.edited(["training.epochs=3"]), store_folder, trained_run, resume=True)
    (tmp_path / "x.txt").write_text("mine")
    with pytest.raises(RunError, match="not empty and holds no run"):
        train(small_recipe, store_folder, tmp_path)


def test_a_damaged_checkpoint_is_one_clear_error(trained_run, store_folder, small_recipe, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(trained_run, out)
    shutil.rmtree(out / "bundle")
    (checkpoint,) = (out / "checkpoints").iterdir()
    tensors = checkpoint / "tensors.safetensors"
    tensors.write_bytes(tensors.read_bytes()[:1000])
    with pytest.raises(RunError, match="cannot be resumed"):
        train(small_recipe, store_folder, out, resume=True)


def test_folds_of_rows_share_no_group_and_cover_all_labels(store_folder, small_recipe):
    store = Store.open(store_folder)
    recipe, task = small_recipe.resolved()
    rows = task_rows(store, recipe, task)
    folds = [set(rows.train), set(rows.valid), set(rows.test)]
    assert sum(map(len, folds)) == len(store) == len(set().union(*folds))


def test_a_scaler_never_sees_test_rows(store_folder, small_recipe, tmp_path):
    """The poison test: changed test rows leave every fitted number as it was."""
    from trifid.training.rows import fit_pipeline
    from trifid.transforms.pipeline import Pipeline

    store = Store.open(store_folder)
    recipe, task = small_recipe.resolved()
    rows = task_rows(store, recipe, task)
    loader = make_loader(store, recipe, rows.labels)
    clean, poisoned = (Pipeline(recipe.inputs, loader.wanted) for _ in range(2))
    fit_pipeline(clean, loader, rows.train)
    real = store.take

    def poison(numbers, modalities):
        taken = real(numbers, modalities)
        outside = ~np.isin(numbers, rows.train)
        for fields in taken.values():
            for name, array in fields.items():
                if name != "present":
                    array[outside] = 77
        return taken

    store.take = poison
    fit_pipeline(poisoned, loader, rows.train)
    for name, state in clean.states.items():
        for key, value in state.items():
            assert torch.equal(value, poisoned.states[name][key])


def test_a_store_without_labels_or_modality_is_refused(store_folder, small_recipe, tmp_path):
    from trifid.errors import StoreError

    with pytest.raises(StoreError, match="bptclass"):
        train(small_recipe.edited(["labels=mpa"]), store_folder, tmp_path / "a")
    with pytest.raises((StoreError, ConfigError), match="image_rgb"):
        train(
            small_recipe.edited(["inputs.image.modality=image_rgb"]), store_folder, tmp_path / "b"
        )


@pytest.mark.parametrize("text", ["{", "[]", "[" * 100_000])
def test_a_damaged_run_json_is_one_clear_error(store_folder, small_recipe, tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(RunError, match=r"run\.json"):
        train(small_recipe, store_folder, tmp_path, resume=True)


@pytest.mark.parametrize(
    "change", ["inputs.image.resize=1", "inputs.image.crop=2", "model.width=7"]
)
def test_a_model_that_does_not_fit_its_inputs_is_one_clear_error(
    store_folder, small_recipe, tmp_path, change
):
    with pytest.raises(ConfigError, match="model 'gcsnet' does not fit inputs"):
        train(small_recipe.edited([change]), store_folder, tmp_path / "run")


def test_a_loss_that_is_not_finite_stops_the_run(store_folder, small_recipe, tmp_path):
    with pytest.raises(RunError, match=r"not finite; lower training\.learning_rate"):
        train(small_recipe.edited(["training.learning_rate=1e30"]), store_folder, tmp_path / "run")


def test_k_folds_train_k_runs(store_folder, small_recipe, tmp_path):
    recipe = small_recipe.edited(["training.epochs=1"])
    runs = train(recipe, store_folder, tmp_path / "cv", folds=2)
    assert [run.name for run in runs] == ["fold-0", "fold-1"]
    first, second = (_weights(run) for run in runs)
    assert any(not torch.equal(first[name], second[name]) for name in first)


def test_who_watches_may_end_a_training_and_a_resumed_one_ends_there_too(
    small_recipe, store_folder, tmp_path, monkeypatch
):
    from trifid.training import run as module

    recipe = small_recipe.edited(["training.epochs=3"]).replace(
        inputs={"table": small_recipe.inputs["table"]},
        training=small_recipe.training.replace(epochs=3, modality_dropout=0.0),
    )
    seen = []

    def watch(history):
        seen.append(len(history))
        return len(history) == 2

    def killed(*args, **named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "save_bundle", killed)
        with pytest.raises(KeyboardInterrupt):
            train(recipe, store_folder, tmp_path / "run", watch=watch)
    assert seen == [0, 1, 2]
    log = (tmp_path / "run" / "log.jsonl").read_text()
    train(recipe, store_folder, tmp_path / "run", resume=True, watch=watch)
    assert seen == [0, 1, 2, 2] and (tmp_path / "run" / "log.jsonl").read_text() == log
    assert len(log.splitlines()) == 2
