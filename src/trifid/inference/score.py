"""Calibrated probabilities from a bundle, for raw batches of any source."""

from collections.abc import Generator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import nn

from trifid.calibration.temperature import scaled_softmax
from trifid.data.loader import Loader, Rows
from trifid.schema.batch import Batch
from trifid.store.read import Store
from trifid.training.bundle import Bundle
from trifid.training.device import Place
from trifid.training.forward import Answers
from trifid.training.rows import context_columns
from trifid.training.scale import restored
from trifid.transforms.domain import outside

BATCH_SIZE = 256


@dataclass(frozen=True)
class Scored:
    """Scores of B rows.

    Attributes:
        probabilities: (B, K), each row sums to 1; equal ones where nothing was present. No
            columns where the bundle predicts numbers.
        means: (B, D) numbers in the units of the targets; no columns for classes.
        sds: (B, D) their calibrated standard deviations, None where the model predicts none.
        present: (B, M) in the order of the pipeline's inputs.
        outside: (B, M) whether an input looks unlike the training data.
    """

    probabilities: np.ndarray
    means: np.ndarray
    sds: np.ndarray | None
    present: np.ndarray
    outside: np.ndarray


@torch.inference_mode()
def score_batch(bundle: Bundle, raw: Batch) -> Scored:
    """Probabilities or numbers of a raw batch (keyed by modality)."""
    batch = bundle.pipeline(raw)
    answers, nothing = Answers.of(bundle.model(batch)), np.zeros((len(batch), 0))
    probabilities, means, sds = nothing, nothing, None
    if bundle.targets:
        means, sds = restored(bundle.card.scales, answers)
    else:
        probabilities = scaled_softmax(answers.answer, bundle.card.temperature)
    states = bundle.pipeline.states
    odd = [outside(value, states[name]) for name, value in batch.inputs.items()]
    return Scored(
        probabilities=probabilities,
        means=means,
        sds=sds,
        present=batch.present.numpy(),
        outside=torch.stack(odd, dim=1).numpy(),
    )


def on_device(bundle: Bundle, place: Place) -> Place:
    """Moves a bundle to a place; gives the place where it works: a classical model's is the CPU."""
    if not isinstance(bundle.model, nn.Module):
        return replace(place, device=torch.device("cpu"))
    bundle.model.to(place.device)
    bundle.pipeline.to(place.device)
    return place


def store_loader(bundle: Bundle, store: Store) -> Loader:
    """A loader of what the bundle reads; what the store lacks is given as absent."""
    return Loader(store, bundle.card.modalities, context=context_columns(store, bundle.card.recipe))


def score_store(bundle: Bundle, store: Store, rows: Rows) -> Generator[tuple[Rows, Scored]]:
    """Scores of rows of a store, batch by batch, in bounded memory."""
    start = 0
    for raw in store_loader(bundle, store).batches(rows, BATCH_SIZE):
        yield rows[start : start + len(raw)], score_batch(bundle, raw)
        start += len(raw)
