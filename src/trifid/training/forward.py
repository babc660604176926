"""Scores of rows without training: one reading and transforming for all subsets of modalities."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from trifid.data.loader import Loader, Rows
from trifid.training.device import Place
from trifid.transforms.pipeline import Pipeline

Subset = tuple[str, ...]


@dataclass(frozen=True)
class Scores:
    """Scores of one batch of rows through one subset of inputs.

    Attributes:
        rows: Store rows (B,).
        subset: The inputs used; all others were made absent.
        logits: (B, K) float32.
        present: (B,) whether a row has any input of the subset.
    """

    rows: Rows
    subset: Subset
    logits: np.ndarray
    present: np.ndarray


@torch.inference_mode()
def scores(
    model: nn.Module,
    pipeline: Pipeline,
    loader: Loader,
    rows: Rows,
    place: Place,
    *,
    batch_size: int,
    subsets: Sequence[Subset] = (),
) -> Generator[Scores]:
    """Scores of rows in their order, batch by batch and subset by subset; all inputs by default."""
    model.eval()
    everything = tuple(pipeline.inputs)
    start = 0
    for raw in loader.batches(rows, batch_size):
        batch = pipeline(raw.to(place.device))
        part = rows[start : start + len(raw)]
        start += len(raw)
        for subset in subsets or (everything,):
            narrowed = batch if subset == everything else batch.only(subset)
            with place.autocast():
                logits = model(narrowed).logits
            yield Scores(
                rows=part,
                subset=subset,
                logits=logits.float().cpu().numpy(),
                present=narrowed.present.any(dim=1).cpu().numpy(),
            )


def default_subsets(inputs: Sequence[str]) -> list[Subset]:
    """All inputs, each alone, and all but each one."""
    everything = tuple(inputs)
    subsets = [everything]
    subsets += [(name,) for name in everything]
    subsets += [tuple(n for n in everything if n != name) for name in everything]
    return list(dict.fromkeys(subset for subset in subsets if subset))
