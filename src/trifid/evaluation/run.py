"""From a trained run to its predictions and metrics."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from trifid.calibration.temperature import scaled_softmax
from trifid.data.loader import Rows
from trifid.data.task import Labels
from trifid.errors import RunError, StoreError
from trifid.evaluation.conformal import no_columns
from trifid.evaluation.domain import domain_areas
from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.predictions import (
    Predictions,
    PredictionsWriter,
    pool_folds,
    read_predictions,
)
from trifid.evaluation.slices import number_slices, slices, store_columns
from trifid.exchange.credit import data_credit, model_citation
from trifid.files import read_json, safe_name, write_json
from trifid.inference.score import on_device, store_loader
from trifid.models.base import gives_probabilities
from trifid.progress import progress
from trifid.store.read import Store
from trifid.training.bundle import Bundle, BundleCard, load_bundle
from trifid.training.device import Place, alone
from trifid.training.forward import Answers, Subset, default_subsets, scores
from trifid.training.model_card import write_model_card
from trifid.training.rows import known_labels, task_rows
from trifid.training.scale import restored

BATCH_SIZE = 256
PREDICTIONS, METRICS = "predictions.parquet", "metrics.json"


def judge(runs: Sequence[Path], out: Path) -> dict[str, Any]:
    """Predicts and judges trained runs; several are the folds of the run `out`.

    Each run gets `predictions.parquet` (valid and test rows, through every default subset of its
    inputs) and `metrics.json`; so does `out`, from all folds together.

    Raises:
        RunError: If the run's store is not what it was.
    """
    for run in runs:
        if not (run / METRICS).is_file():
            card = _predict_run(run, alone())
            document = document_of(run)
            write_model_card(run / "bundle", card, document)
            write_json(run / METRICS, document)
    if list(runs) != [out]:
        pool_folds([run / PREDICTIONS for run in runs], out / PREDICTIONS)
        write_json(out / METRICS, document_of(out))
    return read_json(out / METRICS)


def document_of(run: Path, *, fold: str = "test", resamples: int = 2000) -> dict[str, Any]:
    """The numbers of a run's predictions, by slice too where its store is still what it was.

    Raises:
        RunError: If the predictions cannot be read or judged.
    """
    predictions = read_predictions(run / PREDICTIONS)
    return _document(predictions, _store_of(run), fold=fold, resamples=resamples)


def document_of_store(
    run: Path, data: Path, *, fold: str = "test", resamples: int = 2000
) -> dict[str, Any]:
    """The numbers of a run's model on another store, all of whose rows it predicts.

    `domain` says of each instrument whether its input looks unlike the training data (see
    `trifid.evaluation.domain.domain_areas`), where the run's store is still what it was.

    Raises:
        RunError: If the run has no bundle, or nothing can be judged.
        BundleError, StoreError: If bundle or store cannot be used, or they do not fit.
    """
    folder = run / "bundle"
    if not folder.is_dir():
        raise RunError(
            f"{folder}: no such folder; a model for new data is in a finished run without folds, "
            "or in one of the folds (RUN/fold-0)"
        )
    path = run / f"predictions-{safe_name(data.resolve().name)}.parquet"
    predictions = read_predictions(predict_store(folder, data, path))
    store, own = Store.open(data), _store_of(run)
    document = _document(predictions, store, fold=fold, resamples=resamples)
    if own is not None:
        areas = domain_areas(load_bundle(folder), own, store, resamples=resamples)
        document["domain"] = areas
    return document


def _document(
    predictions: Predictions, store: Store | None, *, fold: str, resamples: int
) -> dict[str, Any]:
    known = no_columns if store is None else partial(store_columns, store)
    document = evaluate(predictions, fold=fold, resamples=resamples, columns=known)
    chosen = predictions.select(fold=fold, subset=document["subset"])
    if predictions.targets:
        columns = {} if store is None else store_columns(store, chosen.object_ids)
        return document | {"slices": number_slices(predictions, columns, fold=fold)}
    columns = {} if store is None else store_columns(store, chosen.labelled().object_ids)
    return document | {"slices": slices(predictions, columns, fold=fold)}


def _store_of(run: Path) -> Store | None:
    """The store a run was trained on, None where it is gone or another one."""
    if not (run / "run.json").is_file():
        return None
    known = read_json(run / "run.json")
    try:
        store = Store.open(Path(known["store"]))
    except (StoreError, KeyError, OSError):
        return None
    return store if store.hash() == known.get("store_hash") else None


def predict_store(bundle_folder: Path, store_folder: Path, out: Path) -> Path:
    """Predictions of every row of a store, as fold `test`, with labels where the store has them.

    Raises:
        BundleError, StoreError: If one of them cannot be used, or they do not fit.
    """
    bundle, store = load_bundle(bundle_folder), Store.open(store_folder)
    labels = known_labels(store, bundle.card.recipe, bundle.card.task)
    rows = np.arange(len(store), dtype=np.int64)
    name = bundle_folder.parent.name
    write_predictions(bundle, store, {"test": rows}, labels, out, alone(), run=name)
    return out


def _predict_run(run: Path, here: Place) -> BundleCard:
    bundle = load_bundle(run / "bundle")
    document = read_json(run / "run.json")
    store = Store.open(Path(document["store"]))
    if store.hash() != document["store_hash"]:
        raise RunError(f"{run}: the store {store.folder} has changed since training")
    rows = task_rows(store, bundle.card.recipe, bundle.card.task)
    folds = {"valid": rows.valid, "test": rows.test}
    write_predictions(bundle, store, folds, rows.labels, run / PREDICTIONS, here, run=run.name)
    return bundle.card


def write_predictions(
    bundle: Bundle,
    store: Store,
    folds: dict[str, Rows],
    labels: Labels,
    out: Path,
    here: Place,
    *,
    run: str,
    subsets: Sequence[Subset] = (),
) -> None:
    """Writes what a bundle answers for rows of a store, with their labels.

    Args:
        bundle: The model.
        store: Where the rows are.
        folds: Name to rows.
        labels: Of every row of the store.
        out: The predictions table.
        here: Where to compute.
        run: Name of the run.
        subsets: Of the inputs, each predicted alone; the default ones if empty.
    """
    card = bundle.card
    columns = store.columns("object_id", "group")
    ids, groups = columns["object_id"].to_numpy(), columns["group"].to_numpy()
    here = on_device(bundle, here)
    subsets = list(subsets) or default_subsets(tuple(bundle.pipeline.inputs))
    metadata = _metadata(bundle) | {
        "store_hash": store.hash(),
        **data_credit(store.manifest.provenance),
    }
    form = {"classes": bundle.classes, "targets": bundle.targets}
    total = sum(len(rows) for rows in folds.values())
    with (
        progress("predicting", total) as advance,
        PredictionsWriter(out, **form, metadata=metadata) as writer,
    ):
        for fold, rows in folds.items():
            for part in scores(
                bundle.model,
                bundle.pipeline,
                store_loader(bundle, store),
                rows,
                here,
                batch_size=BATCH_SIZE,
                subsets=subsets,
            ):
                advance(len(part.rows) if part.subset == subsets[0] else 0)
                kept = part.rows[part.present]
                writer.add(
                    {
                        "object_id": ids[kept],
                        "group": groups[kept],
                        "fold": fold,
                        "subset": "+".join(sorted(part.subset)),
                        "seed": card.recipe.training.seed,
                        "run": run,
                        **_answered(bundle, part.answers.take(part.present), labels[kept]),
                    }
                )


def _answered(bundle: Bundle, answers: Answers, labels: np.ndarray) -> dict[str, Any]:
    """The columns of labels and answers."""
    if bundle.targets:
        means, sds = restored(bundle.card.scales, answers)
        return {"labels": labels, "means": means, "sds": sds}
    names = np.array([*bundle.classes, None], dtype=object)
    probabilities = scaled_softmax(answers.answer, bundle.card.temperature)
    return {"label": names[labels], "probabilities": probabilities}


def _metadata(bundle: Bundle) -> dict[str, Any]:
    card = bundle.card
    known: dict[str, Any] = {
        "task": card.task.name,
        "model": card.recipe.name,
        "recipe_hash": card.recipe.hash(),
        "bundle_hash": bundle.hash,
        "citation": model_citation(card.recipe.model),
    }
    if not bundle.targets:
        known["probabilistic"] = gives_probabilities(bundle.model)
        if isinstance(bundle.model, nn.Module) and card.recipe.training.sampling == "balanced":
            known["trained_shares"] = dict.fromkeys(bundle.classes, 1.0 / len(bundle.classes))
        return known
    about = {
        name: {"unit": target.unit, "kind": target.kind, "outliers": list(target.outliers)}
        for name, target in card.task.targets.items()
    }
    means = {name: scale.mean for name, scale in card.scales.items()}
    return known | {"about": about, "ordered": list(card.task.ordered), "train_mean": means}
