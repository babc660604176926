"""From a trained run to its predictions and metrics."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trifid.calibration.temperature import scaled_softmax
from trifid.data.loader import Rows
from trifid.errors import RunError
from trifid.evaluation.evaluate import evaluate
from trifid.evaluation.predictions import PredictionsWriter, pool_folds, read_predictions
from trifid.files import read_json, write_json
from trifid.inference.score import store_loader
from trifid.progress import progress
from trifid.store.read import Store
from trifid.training.bundle import Bundle, load_bundle
from trifid.training.device import Place, alone
from trifid.training.forward import default_subsets, scores
from trifid.training.rows import task_rows

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
            _predict_run(run, alone())
            write_json(run / METRICS, evaluate(read_predictions(run / PREDICTIONS)))
    if list(runs) != [out]:
        pool_folds([run / PREDICTIONS for run in runs], out / PREDICTIONS)
        write_json(out / METRICS, evaluate(read_predictions(out / PREDICTIONS)))
    return read_json(out / METRICS)


def predict_store(bundle_folder: Path, store_folder: Path, out: Path) -> Path:
    """Predictions of every row of a store, as fold `test`, with labels where the store has them.

    Raises:
        BundleError, StoreError: If one of them cannot be used, or they do not fit.
    """
    bundle, store = load_bundle(bundle_folder), Store.open(store_folder)
    card = bundle.card
    column = card.task.label_map(card.recipe.labels).column
    labels = np.full(len(store), -1, np.int64)
    if column in store.schema.columns:
        columns = {column: store.columns(column)[column]}
        labels = card.task.read_labels(columns, card.recipe.labels)
    rows = np.arange(len(store), dtype=np.int64)
    _write(bundle, store, {"test": rows}, labels, out, alone(), run=bundle_folder.parent.name)
    return out


def _predict_run(run: Path, here: Place) -> None:
    bundle = load_bundle(run / "bundle")
    document = read_json(run / "run.json")
    store = Store.open(Path(document["store"]))
    if store.hash() != document["store_hash"]:
        raise RunError(f"{run}: the store {store.folder} has changed since training")
    rows = task_rows(store, bundle.card.recipe, bundle.card.task)
    folds = {"valid": rows.valid, "test": rows.test}
    _write(bundle, store, folds, rows.labels, run / PREDICTIONS, here, run=run.name)


def _write(
    bundle: Bundle,
    store: Store,
    folds: dict[str, Rows],
    labels: Rows,
    out: Path,
    here: Place,
    *,
    run: str,
) -> None:
    card = bundle.card
    columns = store.columns("object_id", "group")
    ids, groups = columns["object_id"].to_numpy(), columns["group"].to_numpy()
    names = np.array([*bundle.classes, None], dtype=object)
    bundle.model.to(here.device)
    bundle.pipeline.to(here.device)
    subsets = default_subsets(tuple(bundle.pipeline.inputs))
    metadata = {
        "task": card.task.name,
        "model": card.recipe.name,
        "recipe_hash": card.recipe.hash(),
        "bundle_hash": bundle.hash,
        "store_hash": store.hash(),
        "simulated": store.manifest.provenance.get("simulated", "false"),
    }
    total = sum(len(rows) for rows in folds.values())
    with (
        progress("predicting", total) as advance,
        PredictionsWriter(out, classes=bundle.classes, metadata=metadata) as writer,
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
                kept, logits = part.rows[part.present], part.answers.answer[part.present]
                writer.add(
                    {
                        "object_id": ids[kept],
                        "group": groups[kept],
                        "fold": fold,
                        "subset": "+".join(sorted(part.subset)),
                        "label": names[labels[kept]],
                        "probabilities": scaled_softmax(logits, card.temperature),
                        "seed": card.recipe.training.seed,
                        "run": run,
                    }
                )
