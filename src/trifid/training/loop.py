"""The training loop, to be read from top to bottom.

Everything random (the order of rows, dropout, mixup) is a pure function of the seed and the step,
so a run that was killed and resumed ends with the same weights, to the bit in one process.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trifid.data.loader import Loader
from trifid.data.sampler import epoch_order
from trifid.errors import RunError
from trifid.files import write_text
from trifid.models.base import Freezable, Staged
from trifid.progress import Advance, progress
from trifid.schema.batch import Batch
from trifid.training import optim
from trifid.training.checkpoint import load_checkpoint, save_checkpoint, weights
from trifid.training.device import Place
from trifid.training.forward import Answers, Source, Transform, scores
from trifid.training.log import epoch_entry, log_text
from trifid.training.objective import LOWER_IS_BETTER, Objective
from trifid.training.recipe import TrainingConfig
from trifid.training.rows import TaskRows
from trifid.training.token_cache import TokenCache, tokens_may_be_kept
from trifid.transforms.augment import augment, augment_stored
from trifid.transforms.dropout import drop_modalities
from trifid.transforms.mixup import mix, pairs
from trifid.transforms.pipeline import Pipeline

CHECKPOINT_SECONDS = 120.0
Watch = Callable[[list[dict[str, Any]]], bool]  # the log so far -> whether training shall stop


def go_on(history: list[dict[str, Any]]) -> bool:
    """Watches nothing: training goes on."""
    return False


@dataclass
class State:
    """Where training stands; with the tensors, all that a checkpoint needs."""

    epoch: int = 0
    step: int = 0  # within the epoch
    loss_sum: float = 0.0  # of this epoch's steps
    seconds: float = 0.0  # spent in this epoch
    best_score: float = -1e300
    best_epoch: int = -1
    history: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Trained:
    """Weights of the best epoch, its answers for the validation rows, the log."""

    weights: Mapping[str, Tensor]
    valid: Answers
    best_epoch: int
    history: list[dict[str, Any]]


class Trainer:
    """Trains a model, or goes on where a killed run stopped.

    Args:
        model: The network, already initialised.
        pipeline: The fitted transforms.
        loader: Raw batches with targets.
        rows: Which rows train and validate.
        objective: Loss and scores of the task.
        config: The recipe's training part.
        place: Device and processes.
        folder: Where `checkpoints/` and `log.jsonl` go.
        watch: Looks at the log after each epoch; its word ends training early.
    """

    def __init__(
        self,
        model: nn.Module,
        pipeline: Pipeline,
        loader: Loader,
        rows: TaskRows,
        objective: Objective,
        config: TrainingConfig,
        place: Place,
        folder: Path,
        watch: Watch = go_on,
    ) -> None:
        self.model, self.stored = model.to(place.device), (loader, pipeline)
        self.source: Source = loader
        self.pipeline: Transform = pipeline
        self.rows, self.objective, self.config = rows, objective, config
        self.place, self.folder, self.watch = place, folder, watch
        pipeline.to(place.device)
        self.optimiser = optim.optimiser(model, config)
        self.state, self.best = State(), weights(model)
        found = load_checkpoint(folder / "checkpoints", model, self.optimiser)
        if found is not None:
            self.state, self.best = State(**found[0]), found[1]
        self.wrapped = place.wrap(model)
        self.steps_per_epoch = -(-len(rows.train) // config.batch_size)

    def run(self) -> Trained:
        """Trains for all epochs, validates after each, and keeps the best one."""
        state, over = self.state, self._is_over()
        while not over:
            kept = self._tokens_stay()
            self._read_from(tokens=kept)
            left = (self.config.epochs - state.epoch) * self.steps_per_epoch - state.step
            with progress("training", left, unit="steps") as advance:
                while not over and self._tokens_stay() == kept:
                    self.train_epoch(advance)
                    self._validate()
                    state.epoch, state.step = state.epoch + 1, 0
                    state.loss_sum = state.seconds = 0.0
                    self._save()
                    over = self._is_over()
        self._read_from(tokens=False)  # the best weights may hold other encoders
        self.model.load_state_dict(self.best)
        return Trained(self.best, self._answers(), state.best_epoch, state.history)

    def _tokens_stay(self) -> bool:
        """Whether the tokens of a row are the same at every step of the epoch to come."""
        model, epoch, config = self.model, self.state.epoch, self.config
        frozen = isinstance(model, Freezable) and model.frozen(epoch, config.epochs)
        return frozen and tokens_may_be_kept(config, self.place)

    def _read_from(self, *, tokens: bool) -> None:
        """Has what follows read the store, or tokens of its rows, which are made here."""
        model, state, config = self.model, self.state, self.config
        loader, pipeline = self.stored
        self.source, self.pipeline = loader, pipeline
        if not (tokens and isinstance(model, Freezable)):
            return
        started = time.monotonic()
        model.set_epoch(state.epoch, config.epochs)
        model.eval()
        folds = (self.rows.train, self.rows.valid)
        self.source = TokenCache(
            model, pipeline, loader, folds, config.batch_size, self.place, self.folder
        )
        self.pipeline = lambda batch: batch
        state.seconds += time.monotonic() - started

    def train_epoch(self, advance: Advance) -> None:
        """Goes through what is left of the epoch, calling `advance(1)` after each step."""
        state, config, rows = self.state, self.config, self.rows
        if isinstance(self.model, Staged):
            self.model.set_epoch(state.epoch, config.epochs)
        self.model.train()
        started = saved = time.monotonic() - state.seconds
        losses = torch.tensor(state.loss_sum, dtype=torch.float64, device=self.place.device)
        labels = rows.labels[rows.train]
        order = epoch_order(
            rows.train, labels, config.sampling, seed=config.seed, epoch=state.epoch
        )[state.step * config.batch_size :]
        share = (self.place.rank, self.place.world)
        for raw in self.source.batches(order, config.batch_size, share=share):
            losses += self._step(raw)
            state.step += 1
            advance(1)
            now = time.monotonic()
            state.seconds = now - started
            if now - saved > CHECKPOINT_SECONDS and state.step < self.steps_per_epoch:
                state.loss_sum = float(losses)
                self._save()
                saved = now
        state.loss_sum = float(self.place.total(losses)) / self.place.world
        if not math.isfinite(state.loss_sum):
            raise RunError(
                f"{self.folder}: the loss of epoch {state.epoch} is not finite; "
                f"lower training.learning_rate ({config.learning_rate:g})"
            )

    def _step(self, raw: Batch) -> Tensor:
        """One step of the optimiser; gives the loss."""
        step = self.state.epoch * self.steps_per_epoch + self.state.step
        seed = np.random.SeedSequence((self.config.seed, step, self.place.rank))
        torch.manual_seed(int(seed.generate_state(1)[0]))
        for group in self.optimiser.param_groups:
            group["lr"] = optim.learning_rate(self.config, step, self.steps_per_epoch)
        raw = augment_stored(raw.to(self.place.device), self.config.augment)
        batch = self._regularised(self.pipeline(raw))
        with self.place.autocast():
            output = self.wrapped(batch)
        loss = self.objective.loss(output, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def _regularised(self, batch: Batch) -> Batch:
        """Targets as the loss wants them, augmentation, dropout, mixup, as the recipe says."""
        config = self.config
        batch = augment(self.objective.prepared(batch), config.augment)
        batch = drop_modalities(batch, config.modality_dropout)
        if config.mixup == 0:
            return batch
        share = float(torch.distributions.Beta(config.mixup, config.mixup).sample())
        return mix(batch, share, pairs(batch.present))

    def _validate(self) -> None:
        """Judges the epoch on the validation rows; keeps the weights if it is the best so far."""
        state = self.state
        found = self.objective.scores(self._answers(), self.rows.labels[self.rows.valid])
        state.history.append(epoch_entry(found, len(self.rows.train), asdict(state)))
        score = found[self.objective.select]
        score = -score if self.objective.select in LOWER_IS_BETTER else score
        if score > state.best_score:
            state.best_score, state.best_epoch = score, state.epoch
            self.best = weights(self.model)

    def _answers(self) -> Answers:
        """What the model says of the validation rows."""
        model, rows, size = self.model, self.rows.valid, self.config.batch_size
        found = scores(model, self.pipeline, self.source, rows, self.place, batch_size=size)
        return Answers.joined(part.answers for part in found)

    def _is_over(self) -> bool:
        """Whether all epochs are done, no score was better for long, or who watches says so."""
        state, waited = self.state, self.state.epoch - 1 - self.state.best_epoch
        done = state.epoch >= self.config.epochs or 0 < self.config.patience <= waited
        return done or self.watch(state.history)

    def _save(self) -> None:
        """Writes a checkpoint and the log; other processes do not wait, they meet at a step."""
        if not self.place.leads:
            return
        folder, step = self.folder / "checkpoints", self.state.epoch * self.steps_per_epoch
        step += self.state.step
        save_checkpoint(folder, step, self.model, self.optimiser, self.best, vars(self.state))
        write_text(self.folder / "log.jsonl", log_text(self.state.history))
