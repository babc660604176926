"""What a run minimises, and the scores by which it judges an epoch."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from scipy.special import softmax
from torch import Tensor

from trifid.errors import ConfigError
from trifid.losses.classification import binary_cross_entropy, cross_entropy, soft_targets
from trifid.metrics.calibration import log_loss
from trifid.metrics.classification import confusion_counts, confusion_metrics
from trifid.schema.batch import Batch, Output
from trifid.training.forward import Answers
from trifid.training.recipe import TrainingConfig

LOWER_IS_BETTER = frozenset({"loss", "rmse", "crps"})


class Objective(Protocol):
    """The part of training that differs between classes and numbers."""

    select: str

    def prepared(self, batch: Batch) -> Batch:
        """The batch with float targets that mixup may mix and `loss` reads."""
        ...

    def loss(self, output: Output, batch: Batch) -> Tensor:
        """The loss of a prepared batch, all terms together."""
        ...

    def scores(self, answers: Answers, labels: np.ndarray) -> dict[str, float]:
        """Scores of validation rows by name; `loss` is one of them."""
        ...


class ClassObjective:
    """Cross-entropy on soft targets; epochs are judged by macro F1, accuracy or log loss.

    Args:
        classes: In the order of the logits.
        config: The recipe's training part.
    """

    def __init__(self, classes: tuple[str, ...], config: TrainingConfig) -> None:
        self.classes, self.config = classes, config
        self.select = _select(config, "macro_f1", ("macro_f1", "accuracy", "loss"))

    def prepared(self, batch: Batch) -> Batch:
        """Labels as soft targets: `class` smoothed as the recipe says, `member` not."""
        labels, count = batch.targets["label"], len(self.classes)
        targets = {
            "class": soft_targets(labels, count, self.config.label_smoothing),
            "member": soft_targets(labels, count, 0.0),
        }
        return batch.replace(targets=targets)

    def loss(self, output: Output, batch: Batch) -> Tensor:
        """Cross-entropy of the answer and of each branch; binary for auxiliary heads."""

        def of(logits: Tensor) -> Tensor:
            return cross_entropy(logits, batch.targets["class"], batch.weight)

        loss = of(output.answer) + side_losses(output, of, self.config)
        for name, logits in output.auxiliary.items():
            member = batch.targets["member"][:, self.classes.index(name)]
            auxiliary = binary_cross_entropy(logits, member, batch.weight)
            loss = loss + self.config.auxiliary_weight * auxiliary
        return loss

    def scores(self, answers: Answers, labels: np.ndarray) -> dict[str, float]:
        """Log loss [nat], accuracy and macro F1."""
        logits = answers.answer.astype(np.float64)
        counts = confusion_counts(labels, logits.argmax(axis=1), logits.shape[1])
        metrics = confusion_metrics(counts)
        return {
            "loss": log_loss(labels, softmax(logits, axis=1)),
            "accuracy": float(metrics["accuracy"]),
            "macro_f1": float(metrics["macro_f1"]),
        }


def _select(config: TrainingConfig, default: str, known: tuple[str, ...]) -> str:
    if config.select not in ("default", *known):
        raise ConfigError(
            f"training.select = {config.select!r} is no score of this task; use one of "
            f"{', '.join(known)}"
        )
    return default if config.select == "default" else config.select


def side_losses(
    output: Output, of: Callable[[Tensor], Tensor], config: TrainingConfig
) -> Tensor | float:
    """The branches' losses times their weight, and the terms the model adds itself."""
    branches: Any = sum(of(answer) for answer in output.branches.values())
    return config.branch_weight * branches + sum(output.losses.values())
