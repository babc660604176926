"""Calibrated probabilities from a bundle, for raw batches of any source."""

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch

from trifid.calibration.temperature import scaled_softmax
from trifid.data.loader import Loader, Rows
from trifid.schema.batch import Batch
from trifid.store.read import Store
from trifid.training.bundle import Bundle
from trifid.training.rows import context_columns
from trifid.transforms.domain import outside

BATCH_SIZE = 256


@dataclass(frozen=True)
class Scored:
    """Scores of B rows.

    Attributes:
        probabilities: (B, K), each row sums to 1; equal ones where nothing was present.
        present: (B, M) in the order of the pipeline's inputs.
        outside: (B, M) whether an input looks unlike the training data.
    """

    probabilities: np.ndarray
    present: np.ndarray
    outside: np.ndarray


@torch.inference_mode()
def score_batch(bundle: Bundle, raw: Batch) -> Scored:
    """Probabilities of a raw batch (keyed by modality)."""
    batch = bundle.pipeline(raw)
    logits = bundle.model(batch).logits.double().numpy()
    states = bundle.pipeline.states
    odd = [outside(value, states[name]) for name, value in batch.inputs.items()]
    return Scored(
        probabilities=scaled_softmax(logits, bundle.card.temperature),
        present=batch.present.numpy(),
        outside=torch.stack(odd, dim=1).numpy(),
    )


def store_loader(bundle: Bundle, store: Store) -> Loader:
    """A loader of what the bundle reads; what the store lacks is given as absent."""
    return Loader(store, bundle.card.modalities, context=context_columns(store, bundle.card.recipe))


def score_store(bundle: Bundle, store: Store, rows: Rows) -> Generator[tuple[Rows, Scored]]:
    """Scores of rows of a store, batch by batch, in bounded memory."""
    start = 0
    for raw in store_loader(bundle, store).batches(rows, BATCH_SIZE):
        yield rows[start : start + len(raw)], score_batch(bundle, raw)
        start += len(raw)
