"""Classical models: fitted once on all training rows, judged once on the validation rows.

There are no epochs to resume: a run that was killed before its bundle was written starts over.
"""

import time
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import torch

from trifid.data.loader import Loader
from trifid.files import write_text
from trifid.models.base import Estimator
from trifid.progress import progress
from trifid.schema.batch import Batch
from trifid.training.device import Place
from trifid.training.forward import Answers, scores
from trifid.training.log import epoch_entry, log_text
from trifid.training.loop import Trained
from trifid.training.objective import Objective
from trifid.training.recipe import TrainingConfig
from trifid.training.rows import TaskRows
from trifid.transforms.pipeline import Pipeline


def fit_estimator(
    model: Estimator,
    pipeline: Pipeline,
    loader: Loader,
    rows: TaskRows,
    objective: Objective,
    config: TrainingConfig,
    place: Place,
    folder: Path,
) -> Trained:
    """Fits a classical model on transformed training rows, without mixup or dropout.

    It works on the CPU and in one process; others under `torchrun` only wait.
    """
    here, started = replace(place, device=torch.device("cpu")), time.monotonic()
    if place.leads:
        model.fit(_batches(pipeline, loader, rows, objective, config))
    seconds = time.monotonic() - started
    if not place.leads:
        return Trained({}, Answers.nothing(), 0, [])
    found = scores(model, pipeline, loader, rows.valid, here, batch_size=config.batch_size)
    answers = Answers.joined(part.answers for part in found)
    judged = objective.scores(answers, rows.labels[rows.valid])
    state = {"epoch": 0, "step": 1, "loss_sum": None, "seconds": seconds}
    history = [epoch_entry(judged, len(rows.train), state)]
    write_text(folder / "log.jsonl", log_text(history))
    return Trained({}, answers, 0, history)


def _batches(
    pipeline: Pipeline,
    loader: Loader,
    rows: TaskRows,
    objective: Objective,
    config: TrainingConfig,
) -> Generator[Batch]:
    """All training rows in their order, each once."""
    steps = -(-len(rows.train) // config.batch_size)
    with progress("reading", steps, unit="steps") as advance:
        for raw in loader.batches(rows.train, config.batch_size):
            yield objective.labelled(pipeline(raw))
            advance(1)
