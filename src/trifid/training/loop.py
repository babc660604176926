"""The training loop, to be read from top to bottom.

Everything random (the order of rows, dropout, mixup) is a pure function of the seed and the step,
so a run that was killed and resumed ends with the same weights, to the bit in one process.
"""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from trifid.calibration.temperature import fit_temperature
from trifid.data.loader import Loader
from trifid.data.sampler import epoch_order
from trifid.errors import RunError
from trifid.files import write_text
from trifid.losses.classification import binary_cross_entropy, cross_entropy, soft_targets
from trifid.progress import Advance, progress
from trifid.schema.batch import Batch, Output
from trifid.training import optim
from trifid.training.checkpoint import load_checkpoint, save_checkpoint, weights
from trifid.training.device import Place
from trifid.training.forward import scores
from trifid.training.log import epoch_entry, log_text
from trifid.training.recipe import TrainingConfig
from trifid.training.rows import TaskRows
from trifid.transforms.dropout import drop_modalities
from trifid.transforms.mixup import mix, pairs
from trifid.transforms.pipeline import Pipeline

CHECKPOINT_SECONDS = 120.0


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
    """Weights of the best epoch, the temperature fitted on validation, the log."""

    weights: Mapping[str, Tensor]
    temperature: float
    best_epoch: int
    history: list[dict[str, Any]]


class Trainer:
    """Trains a model, or goes on where a killed run stopped.

    Args:
        model: The network, already initialised.
        pipeline: The fitted transforms.
        loader: Raw batches with targets.
        rows: Which rows train and validate.
        classes: In the order of the logits.
        config: The recipe's training part.
        place: Device and processes.
        folder: Where `checkpoints/` and `log.jsonl` go.
    """

    def __init__(
        self,
        model: nn.Module,
        pipeline: Pipeline,
        loader: Loader,
        rows: TaskRows,
        classes: tuple[str, ...],
        config: TrainingConfig,
        place: Place,
        folder: Path,
    ) -> None:
        self.model, self.pipeline, self.loader = model.to(place.device), pipeline, loader
        self.rows, self.classes, self.config = rows, classes, config
        self.place, self.folder = place, folder
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
        state, config = self.state, self.config
        left = (config.epochs - state.epoch) * self.steps_per_epoch - state.step
        with progress("training", left, unit="steps") as advance:
            while state.epoch < config.epochs:
                self._train_epoch(advance)
                self._validate()
                state.epoch, state.step = state.epoch + 1, 0
                state.loss_sum = state.seconds = 0.0
                self._save()
        self.model.load_state_dict(self.best)
        temperature = fit_temperature(self._scores(), self.rows.labels[self.rows.valid])
        return Trained(self.best, temperature, state.best_epoch, state.history)

    def _train_epoch(self, advance: Advance) -> None:
        state, config, rows = self.state, self.config, self.rows
        self.model.train()
        started = saved = time.monotonic() - state.seconds
        losses = torch.tensor(state.loss_sum, dtype=torch.float64, device=self.place.device)
        labels = rows.labels[rows.train]
        order = epoch_order(
            rows.train, labels, config.sampling, seed=config.seed, epoch=state.epoch
        )[state.step * config.batch_size :]
        share = (self.place.rank, self.place.world)
        for raw in self.loader.batches(order, config.batch_size, share=share):
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
        batch = self._regularised(self.pipeline(raw.to(self.place.device)))
        with self.place.autocast():
            output = self.wrapped(batch)
        loss = self._loss(output, batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        return loss.detach()

    def _regularised(self, batch: Batch) -> Batch:
        """Soft targets, modality dropout and mixup, each as the recipe says."""
        config = self.config
        labels = batch.targets["label"]
        targets = {
            "class": soft_targets(labels, len(self.classes), config.label_smoothing),
            "member": soft_targets(labels, len(self.classes), 0.0),
        }
        batch = drop_modalities(batch.replace(targets=targets), config.modality_dropout)
        if config.mixup == 0:
            return batch
        share = float(torch.distributions.Beta(config.mixup, config.mixup).sample())
        return mix(batch, share, pairs(batch.present))

    def _loss(self, output: Output, batch: Batch) -> Tensor:
        loss = cross_entropy(output.logits, batch.targets["class"], batch.weight)
        for name, logits in output.auxiliary.items():
            member = batch.targets["member"][:, self.classes.index(name)]
            auxiliary = binary_cross_entropy(logits, member, batch.weight)
            loss = loss + self.config.auxiliary_weight * auxiliary
        return loss

    def _validate(self) -> None:
        """Judges the epoch on the validation rows; keeps the weights if it is the best so far."""
        state, config = self.state, self.config
        entry = epoch_entry(self._scores(), self.rows, config, asdict(state))
        state.history.append(entry)
        score = float(entry[f"valid_{config.select}"])
        score = -score if config.select == "loss" else score
        if score > state.best_score:
            state.best_score, state.best_epoch = score, state.epoch
            self.best = weights(self.model)

    def _scores(self) -> np.ndarray:
        """Logits (N, K) of the validation rows."""
        found = scores(
            self.model,
            self.pipeline,
            self.loader,
            self.rows.valid,
            self.place,
            batch_size=self.config.batch_size,
        )
        return np.concatenate([part.logits for part in found])

    def _save(self) -> None:
        """Writes a checkpoint and the log; other processes do not wait, they meet at a step."""
        if not self.place.leads:
            return
        folder, step = self.folder / "checkpoints", self.state.epoch * self.steps_per_epoch
        step += self.state.step
        save_checkpoint(folder, step, self.model, self.optimiser, self.best, vars(self.state))
        write_text(self.folder / "log.jsonl", log_text(self.state.history))
