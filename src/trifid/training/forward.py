"""Answers of rows without training: one reading and transforming for all subsets of modalities."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn

from trifid.data.loader import Rows
from trifid.models.base import Estimator
from trifid.schema.batch import Batch, Output
from trifid.training.device import Place

Subset = tuple[str, ...]
Transform = Callable[[Batch], Batch]  # from what is read to what a model sees


class Source(Protocol):
    """Where batches come from: a store, or tokens kept from it."""

    def batches(
        self, rows: Rows, size: int, *, share: tuple[int, int] = (0, 1)
    ) -> Generator[Batch]:
        """The rows in order, `size` at a time; of each batch this process's share."""
        ...


@dataclass(frozen=True)
class Answers:
    """What a model says of B rows.

    Attributes:
        answer: Logits (B, K) of classes, or standardised means (B, D) of numbers.
        log_variance: Of the means (B, D), where the model gives one.
    """

    answer: np.ndarray
    log_variance: np.ndarray | None = None

    @staticmethod
    def of(output: Output) -> "Answers":
        """The answers of an output, in float32 on the CPU."""
        log_variance = output.log_variance
        return Answers(
            _array(output.answer), None if log_variance is None else _array(log_variance)
        )

    @staticmethod
    def joined(parts: Iterable["Answers"]) -> "Answers":
        """The answers of several batches, one after the other."""
        known = list(parts)
        spreads = [part.log_variance for part in known if part.log_variance is not None]
        answer = np.concatenate([part.answer for part in known])
        return Answers(answer, np.concatenate(spreads) if spreads else None)

    @staticmethod
    def nothing() -> "Answers":
        """No answers to no rows."""
        return Answers(np.zeros((0, 0), np.float32))

    def take(self, rows: np.ndarray) -> "Answers":
        """The answers of some rows, by number or mask."""
        spread = None if self.log_variance is None else self.log_variance[rows]
        return Answers(self.answer[rows], spread)


@dataclass(frozen=True)
class Scores:
    """Answers for one batch of rows through one subset of inputs.

    Attributes:
        rows: Store rows (B,).
        subset: The inputs used; all others were made absent.
        answers: Of the B rows.
        present: (B,) whether a row has any input of the subset.
    """

    rows: Rows
    subset: Subset
    answers: Answers
    present: np.ndarray


@torch.inference_mode()
def scores(
    model: nn.Module | Estimator,
    transform: Transform,
    source: Source,
    rows: Rows,
    place: Place,
    *,
    batch_size: int,
    subsets: Sequence[Subset] = (),
) -> Generator[Scores]:
    """Answers for rows in their order, batch by batch and subset by subset; all inputs by default.

    A classical model answers on the CPU, whatever the place.
    """
    if isinstance(model, nn.Module):
        model.eval()
    start = 0
    for raw in source.batches(rows, batch_size):
        batch = transform(raw.to(place.device))
        everything = tuple(batch.inputs)
        part = rows[start : start + len(raw)]
        start += len(raw)
        for subset in subsets or (everything,):
            narrowed = batch if subset == everything else batch.only(subset)
            with place.autocast():
                output = model(narrowed)
            yield Scores(
                rows=part,
                subset=subset,
                answers=Answers.of(output),
                present=narrowed.present.any(dim=1).cpu().numpy(),
            )


def default_subsets(inputs: Sequence[str]) -> list[Subset]:
    """All inputs, each alone, and all but each one."""
    everything = tuple(inputs)
    subsets = [everything]
    subsets += [(name,) for name in everything]
    subsets += [tuple(n for n in everything if n != name) for name in everything]
    return list(dict.fromkeys(subset for subset in subsets if subset))


def _array(value: Tensor) -> np.ndarray:
    return value.float().cpu().numpy()
