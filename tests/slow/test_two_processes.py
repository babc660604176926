"""Training under torchrun: two processes share each batch, one of them writes."""

import json
import os
import subprocess
import sys

import pytest
import torch
from safetensors.torch import load_file

from trifid.evaluation.predictions import read_predictions
from trifid.evaluation.run import judge
from trifid.training.bundle import build_model, load_bundle
from trifid.training.run import train
from trifid.transforms.pipeline import Pipeline

# The command itself, with the files it renames into place and its last weights noted by rank. The
# leader saves after every step and the other never would: clocks of processes differ too.
SCRIPT = """
import os
import sys
from pathlib import Path

from trifid.cli.main import main
from trifid.training import checkpoint, loop

notes, rank = Path(sys.argv.pop(1)), os.environ["RANK"]
loop.CHECKPOINT_SECONDS = 0.0 if rank == "0" else 1e9
replace, save = Path.replace, loop.Trainer._save


def noted(self, target):
    with (notes / f"written-{rank}.txt").open("a") as file:
        file.write(f"{target}\\n")
    return replace(self, target)


def weighed(self):
    weights = dict(self.model.named_parameters())
    checkpoint.save_tensors(notes / f"last-{rank}.safetensors", weights)
    save(self)


Path.replace, loop.Trainer._save = noted, weighed
main()
"""


@pytest.fixture(scope="module")
def recipe(small_recipe):
    """Without mixup and dropout, whose draws differ between processes."""
    return small_recipe.edited(
        ["training.mixup=0.0", "training.modality_dropout=0.0", "training.epochs=3"]
    )


@pytest.fixture(scope="module")
def one(recipe, store_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("one") / "run"
    judge(train(recipe, store_folder, out), out)
    return out


@pytest.fixture(scope="module")
def two(recipe, store_folder, tmp_path_factory):
    """The run of two processes, and the folder with their notes."""
    folder = tmp_path_factory.mktemp("two")
    (folder / "recipe.toml").write_text(recipe.toml())
    (folder / "script.py").write_text(SCRIPT)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--nproc-per-node", "2", str(folder / "script.py"), str(folder), "train"]
    command += [str(folder / "recipe.toml"), "--data", str(store_folder)]
    command += ["--out", str(folder / "run"), "--json"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=150)
    assert done.returncode == 0, done.stderr[-2000:]
    return folder, done.stdout


def test_short_files_are_written_by_one_process(two):
    folder, printed = two
    written = [(folder / f"written-{rank}.txt") for rank in (0, 1)]
    of_leader, of_other = ([*p.read_text().splitlines()] if p.exists() else [] for p in written)
    run = str(folder / "run")
    assert not [name for name in of_other if name.startswith(run)]
    for name in ("bundle/bundle.json", "predictions.parquet", "metrics.json", "cost.json"):
        assert of_leader.count(f"{run}/{name}") == 1, name
    assert json.loads(printed)["run"] == run, "one document on standard output"
    assert json.loads((folder / "run/cost.json").read_text())["processes"] == 2


def test_short_no_prediction_is_doubled_or_lost(one, two):
    alone = read_predictions(one / "predictions.parquet")
    both = read_predictions(two[0] / "run" / "predictions.parquet")
    keys = ("object_id", "fold", "subset")
    assert [alone.table[key].to_pylist() for key in keys] == [
        both.table[key].to_pylist() for key in keys
    ]


def test_short_both_processes_hold_the_same_weights_close_to_those_of_one(one, two):
    folder, _ = two
    mine, other = (load_file(folder / f"last-{rank}.safetensors") for rank in (0, 1))
    assert all(torch.equal(mine[name], other[name]) for name in mine)
    alone, start = _last_weights(one), _weights_at_start(one)
    apart = sum(float((mine[name] - alone[name]).square().sum()) for name in mine)
    moved = sum(float((alone[name] - start[name]).square().sum()) for name in mine)
    assert 0 < apart < 0.25 * moved  # BatchNorm sees half a batch in each process


def test_short_losses_are_close_to_those_of_one_process(one, two):
    logs = [
        [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
        for run in (one, two[0] / "run")
    ]
    for expected, line in zip(*logs, strict=True):
        assert line["step"] == expected["step"]
        assert line["valid_loss"] == pytest.approx(expected["valid_loss"], rel=0.03)
        assert line["train_loss"] == pytest.approx(expected["train_loss"], rel=0.03)


def _last_weights(run):
    (checkpoint,) = (run / "checkpoints").iterdir()
    tensors = load_file(checkpoint / "tensors.safetensors")
    return {n.removeprefix("model."): v for n, v in tensors.items() if n.startswith("model.")}


def _weights_at_start(run):
    card = load_bundle(run / "bundle").card
    pipeline = Pipeline(card.recipe.inputs, card.modalities)
    model = build_model(card.recipe, pipeline, card.task)
    return {name: value.detach() for name, value in model.named_parameters()}
