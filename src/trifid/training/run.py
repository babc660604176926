"""A run: one folder with recipe, environment, log, checkpoints and bundle.

    RUN/recipe.toml environment.json run.json log.jsonl cost.json checkpoints/ bundle/
    RUN/fold-0/ ... each as above, for a k-fold run

Inference adds predictions.parquet, evaluation metrics.json, the report report.html.
"""

import fcntl
import platform
import resource
import sys
from collections.abc import Generator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import nn

from trifid.calibration.temperature import fit_temperature
from trifid.data.loader import Loader
from trifid.data.task import Task
from trifid.errors import RunError
from trifid.files import read_json, remove_leftovers, write_json, write_text
from trifid.models.base import Estimator, gives_probabilities
from trifid.store.read import Store
from trifid.training.bundle import CARD, build_model, load_bundle, save_bundle
from trifid.training.device import Place, place
from trifid.training.estimator import fit_estimator
from trifid.training.loop import Trained, Trainer, Watch, go_on
from trifid.training.objective import ClassObjective, NumberObjective, Objective
from trifid.training.recipe import Recipe
from trifid.training.rows import TaskRows, fit_pipeline, ids_hash, make_loader, task_rows
from trifid.training.scale import Scales, calibrated, fit_scales
from trifid.transforms.pipeline import Pipeline
from trifid.version import __version__

PACKAGES = ("numpy", "torch", "pyarrow", "astropy", "scikit-learn", "safetensors", "pydantic")


def train(
    recipe: Recipe,
    store_folder: Path,
    out: Path,
    *,
    folds: int = 0,
    resume: bool = False,
    watch: Watch = go_on,
) -> list[Path]:
    """Trains a recipe on a store; gives the folders of the trained runs, one a fold.

    `watch` sees the log of a network after each epoch and may end its training.

    Raises:
        RunError: If the folder holds another run, or a run of this recipe and `resume` is off.
        StoreError: If the store cannot be used.
        ConfigError: If the recipe does not fit the store.
    """
    store = Store.open(store_folder)
    recipe, _ = recipe.resolved()
    splits = [recipe.split.fold(k, folds) for k in range(folds)] if folds else [recipe.split]
    runs = [out / f"fold-{k}" for k in range(folds)] if folds else [out]
    document = _document(recipe, store, folds)
    with place() as here:
        if here.leads:
            _claim(out, document, resume)
            write_text(out / "recipe.toml", recipe.toml())
            write_json(out / "environment.json", environment(here.device))
        here.wait()
        for run, split in zip(runs, splits, strict=True):
            one, document = recipe.replace(split=split), _document(recipe, store, 0)
            _train_one(one, store, run, here, document, watch)
    return runs


def _train_one(
    recipe: Recipe, store: Store, out: Path, here: Place, document: dict[str, Any], watch: Watch
) -> None:
    if (out / "bundle" / CARD).is_file():
        (out / "run.lock").unlink(missing_ok=True)  # left by a kill after the last byte
        return
    out.mkdir(parents=True, exist_ok=True)
    recipe, task = recipe.resolved()
    with _locked(out, here):
        if here.leads:
            remove_leftovers(out)
            remove_leftovers(out / "bundle")
        rows = task_rows(store, recipe, task)
        loader = make_loader(store, recipe, rows.labels)
        pipeline = Pipeline(recipe.inputs, loader.wanted)
        fit_pipeline(pipeline, loader, rows.train)
        model = build_model(recipe, pipeline, task)
        numbers = rows.labels[rows.train]
        scales = fit_scales(tuple(task.targets), numbers, task.ordered) if task.targets else {}
        if here.leads:
            write_text(out / "recipe.toml", recipe.toml())
            write_json(out / "environment.json", environment(here.device))
            write_json(out / "run.json", document | _split_document(rows, recipe, task))
        trained = _trained(model, pipeline, loader, rows, scales, task, recipe, here, out, watch)
        if not here.leads:
            return
        write_json(out / "cost.json", _cost(model, trained, rows, here))
        save_bundle(
            out / "bundle",
            recipe=recipe,
            task=task,
            pipeline=pipeline,
            modalities=loader.wanted,
            model=model,
            weights=trained.weights,
            temperature=_temperature(model, task, trained, rows),
            scales=calibrated(scales, trained.valid, rows.labels[rows.valid]) if scales else {},
            best_epoch=trained.best_epoch,
            provenance={
                "store_hash": store.hash(),
                "split_hash": rows.split_hash,
                "train_ids_sha256": ids_hash(store, rows.train),
                "simulated": store.manifest.provenance.get("simulated", "false"),
                "trifid": __version__,
                "torch": torch.__version__,
            },
        )
        load_bundle(out / "bundle")  # what was written can be read


def _trained(
    model: nn.Module | Estimator,
    pipeline: Pipeline,
    loader: Loader,
    rows: TaskRows,
    scales: Scales,
    task: Task,
    recipe: Recipe,
    here: Place,
    out: Path,
    watch: Watch,
) -> Trained:
    config = recipe.training
    objective: Objective = (
        ClassObjective(task.classes, config) if task.classes else NumberObjective(scales, config)
    )
    if isinstance(model, nn.Module):
        return Trainer(model, pipeline, loader, rows, objective, config, here, out, watch).run()
    return fit_estimator(model, pipeline, loader, rows, objective, config, here, out)


def _temperature(
    model: nn.Module | Estimator, task: Task, trained: Trained, rows: TaskRows
) -> float:
    """Fitted on the validation rows; 1 for numbers and for votes, which are no probabilities."""
    if task.targets or not gives_probabilities(model):
        return 1.0
    return fit_temperature(trained.valid.answer, rows.labels[rows.valid])


def _document(recipe: Recipe, store: Store, folds: int) -> dict[str, Any]:
    return {
        "store": str(store.folder.resolve()),
        "store_hash": store.hash(),
        "simulated": store.manifest.provenance.get("simulated", "false"),
        "recipe": recipe.name,
        "recipe_hash": recipe.hash(),
        "leaky_inputs": list(recipe.leaky_inputs()),
        "seed": recipe.training.seed,
        "version": __version__,
        "folds": folds,
    }


def _split_document(rows: TaskRows, recipe: Recipe, task: Task) -> dict[str, Any]:
    return {
        "split": f"{recipe.split.by}, seed {recipe.split.seed}",
        "split_hash": rows.split_hash,
        "rows": {name: len(members) for name, members in rows.fold_of().items()},
        "rows_without_input": rows.without_input,
        "rows_left_out": rows.left_out(task),
    }


def _claim(out: Path, document: dict[str, Any], resume: bool) -> None:
    """Writes run.json, or checks that the folder holds this very run."""
    path = out / "run.json"
    if not path.exists():
        if out.exists() and any(not item.match(".run.json.*.tmp") for item in out.iterdir()):
            raise RunError(f"{out} is not empty and holds no run: choose another folder")
        out.mkdir(parents=True, exist_ok=True)
        return write_json(path, document)
    if not resume:
        raise RunError(f"{out} holds a run: add --resume to go on, or choose another folder")
    known = read_json(path)
    for key in ("recipe_hash", "store_hash", "folds"):
        if known.get(key) != document[key]:
            raise RunError(
                f"{out} was begun with another {key.replace('_hash', '')}: "
                "give the same recipe, --set, --data and --folds, or choose another folder"
            )
    return None


@contextmanager
def _locked(out: Path, here: Place) -> Generator[None]:
    """One process group a run; a killed process leaves no lock behind."""
    if not here.leads:
        yield
        return
    with (out / "run.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{out} is being trained by another process") from None
        yield
    (out / "run.lock").unlink(missing_ok=True)


def environment(device: torch.device) -> dict[str, Any]:
    """Versions and machine of a run."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor()
    return {
        "trifid": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "device": device.type,
        "device_name": name or platform.machine(),
        "threads": torch.get_num_threads(),
        "packages": {package: metadata.version(package) for package in PACKAGES},
    }


def _cost(
    model: nn.Module | Estimator, trained: Trained, rows: TaskRows, here: Place
) -> dict[str, Any]:
    """Parameters, time, rate and peak memory of a training run."""
    seconds = sum(float(entry["seconds"]) for entry in trained.history)
    seen = len(trained.history) * len(rows.train)
    network = isinstance(model, nn.Module)
    parameters = sum(p.numel() for p in model.parameters()) if network else 0
    if here.device.type == "cuda" and network:
        peak = torch.cuda.max_memory_allocated(here.device)
    else:
        unit = 1 if sys.platform == "darwin" else 1024
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return {
        "parameters": parameters,
        "train_seconds": round(seconds, 2),
        "rows_per_second": round(seen / seconds, 1) if seconds else 0.0,
        "peak_memory_bytes": int(peak),
        "device": here.device.type if network else "cpu",
        "threads": torch.get_num_threads(),
        "processes": here.world,
    }
