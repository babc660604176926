"""Tokens of frozen encoders: made once, then read in place of rows that are encoded ever again."""

import tempfile
from collections.abc import Generator, Sequence
from math import prod
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import torch
from torch import Tensor

from trifid.data.loader import Loader, Rows
from trifid.errors import RunError
from trifid.models.base import Freezable
from trifid.progress import progress
from trifid.schema.batch import Batch, Input, Tokens
from trifid.training.device import Place
from trifid.training.recipe import TrainingConfig
from trifid.transforms.augment import AugmentConfig
from trifid.transforms.pipeline import Pipeline


def tokens_may_be_kept(config: TrainingConfig, place: Place) -> bool:
    """Whether frozen encoders see a row alike at every step, in this one process.

    Augmentation and mixup change what they see. Modality dropout does not: it takes tokens away as
    a whole. Several processes encode anew, for each would need all tokens: it is given other rows
    in every epoch.
    """
    return place.world == 1 and config.mixup == 0 and config.augment == AugmentConfig()


class TokenCache:
    """Tokens of rows, float32, in a file without a name that ends with the process.

    Rows are encoded in their order and always in the same batches, so that a killed run which makes
    them again goes on with the same bits.

    Args:
        model: The network, in evaluation mode.
        pipeline: The fitted transforms.
        loader: Raw batches with targets.
        folds: Rows to encode; each begins a batch of its own.
        size: Rows per batch.
        place: The device.
        folder: Whose disk holds the file.

    Raises:
        RunError: If the disk is full.
    """

    def __init__(
        self,
        model: Freezable,
        pipeline: Pipeline,
        loader: Loader,
        folds: Sequence[Rows],
        size: int,
        place: Place,
        folder: Path,
    ) -> None:
        rows = np.concatenate(folds)
        self._lines = np.zeros(rows.max() + 1, np.int64)  # from row to line of the file
        self._lines[rows] = np.arange(len(rows))
        self._rest = Loader(loader.store, {}, targets=loader.targets)
        self._shapes: dict[str, tuple[int, ...]] = {}
        present: list[np.ndarray] = []
        with tempfile.TemporaryFile(dir=folder) as file, progress("tokens", len(rows)) as advance:
            for fold in folds:
                for raw in loader.batches(fold, size):
                    batch = pipeline(raw.to(place.device))
                    present.append(batch.present.cpu().numpy())
                    self._write(file, _tokens(model, batch, place), folder)
                    advance(len(batch))
            width = sum(prod(shape) for shape in self._shapes.values())
            self._values = np.memmap(file, np.float32, "r", shape=(len(rows), width))
        self._present = np.concatenate(present)  # (N, M)

    def batches(
        self, rows: Rows, size: int, *, share: tuple[int, int] = (0, 1)
    ) -> Generator[Batch]:
        """The rows in order, `size` at a time, with tokens for inputs; as `Loader.batches`."""
        rank, world = share
        for start in range(0, len(rows), size):
            cut = rows[start : start + size]
            yield self._batch(cut[rank::world] if len(cut) >= world else cut)

    def _batch(self, rows: Rows) -> Batch:
        lines = self._lines[rows]
        values = torch.from_numpy(self._values[lines])  # (B, all T * E)
        present = torch.from_numpy(self._present[lines])  # (B, M)
        parts = values.split([prod(shape) for shape in self._shapes.values()], dim=1)
        inputs = {
            name: Tokens(part.reshape(-1, *shape), there)
            for (name, shape), part, there in zip(
                self._shapes.items(), parts, present.T, strict=True
            )
        }
        return self._rest.batch(rows).replace(inputs=cast(dict[str, Input], inputs))

    def _write(self, file: BinaryIO, tokens: dict[str, Tensor], folder: Path) -> None:
        self._shapes = {name: tuple(value.shape[1:]) for name, value in tokens.items()}
        joined = torch.cat([value.flatten(1) for value in tokens.values()], dim=1)
        try:
            file.write(joined.float().cpu().numpy().tobytes())
            file.flush()
        except OSError as error:
            raise RunError(f"{folder}: tokens cannot be kept: {error.strerror or error}") from None


@torch.inference_mode()
def _tokens(model: Freezable, batch: Batch, place: Place) -> dict[str, Tensor]:
    """The tokens of each input, in the order of the inputs."""
    with place.autocast():
        found = model.tokens(batch)
    return {name: found[name] for name in batch.inputs}
