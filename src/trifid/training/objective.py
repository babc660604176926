"""What a run minimises, and the scores by which it judges an epoch."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor

from trifid.errors import ConfigError
from trifid.losses.classification import binary_cross_entropy, cross_entropy, soft_targets
from trifid.losses.regression import LOG_VARIANCE, RegressionLoss, regression_loss
from trifid.metrics.calibration import log_loss
from trifid.metrics.classification import confusion_counts, confusion_metrics
from trifid.metrics.regression import row_crps
from trifid.schema.batch import Batch, Output
from trifid.training.forward import Answers
from trifid.training.recipe import TrainingConfig
from trifid.training.scale import Scales, standardised

LOWER_IS_BETTER = frozenset({"loss", "rmse", "crps"})


class Objective(Protocol):
    """The part of training that differs between classes and numbers."""

    select: str

    def labelled(self, batch: Batch) -> Batch:
        """The batch with the targets that a classical model learns from."""
        ...

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

    def labelled(self, batch: Batch) -> Batch:
        """The batch as it is: `label` (B,)."""
        return batch

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

        def of(logits: Tensor, weight: Tensor) -> Tensor:
            return cross_entropy(logits, batch.targets["class"], weight)

        loss = of(output.answer, batch.weight) + side_losses(output, batch, of, self.config)
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


class NumberObjective:
    """Huber, squared or Gaussian loss of standardised numbers; unlabelled cells count for nothing.

    Args:
        scales: Of the targets, in the order of the means.
        config: The recipe's training part.
    """

    def __init__(self, scales: Scales, config: TrainingConfig) -> None:
        self.scales, self.config = scales, config
        self.select = _select(config, "loss", ("loss", "rmse", "crps"))

    def labelled(self, batch: Batch) -> Batch:
        """Each target standardised (B,), NaN = unlabelled."""
        return standardised(self.scales, batch)

    def prepared(self, batch: Batch) -> Batch:
        """Standardised targets `numbers` (B, D), 0 where unlabelled, and `known` (B, D)."""
        named = standardised(self.scales, batch).targets
        numbers = torch.stack([named[name] for name in self.scales], dim=1)
        known = numbers.isfinite()
        targets = {"numbers": numbers.nan_to_num(0.0), "known": known.float()}
        return batch.replace(targets=targets)

    def loss(self, output: Output, batch: Batch) -> Tensor:
        """The loss of the answer and of each branch.

        Raises:
            ConfigError: If the model predicts a spread that the loss does not train.
        """
        numbers = batch.targets["numbers"]
        known = batch.targets["known"] > 1.0 - 1e-6  # a mixture needs both of its rows
        weight = known * batch.weight[:, None]
        kind = self._kind(output.log_variance is not None)
        if output.log_variance is not None and kind != "gaussian_nll":
            raise ConfigError(
                f"the model predicts a spread, which training.loss = {kind!r} does not train: "
                "use gaussian_nll or default"
            )

        def of(mean: Tensor, weight: Tensor) -> Tensor:
            branch = "squared" if kind == "gaussian_nll" else kind
            return regression_loss(branch, mean, None, numbers, known * weight[:, None])

        loss = regression_loss(kind, output.answer, output.log_variance, numbers, weight)
        return loss + side_losses(output, batch, of, self.config)

    def scores(self, answers: Answers, labels: np.ndarray) -> dict[str, float]:
        """The loss, RMSE and CRPS of standardised numbers, over all labelled cells."""
        means = np.array([scale.mean for scale in self.scales.values()])
        numbers = (labels - means) / np.array([scale.sd for scale in self.scales.values()])
        known = np.isfinite(numbers)
        truth, mean = numbers[known], answers.answer.astype(np.float64)[known]
        sd = np.zeros_like(mean)
        spread = answers.log_variance
        if spread is not None:
            limited = spread.astype(np.float64).clip(-LOG_VARIANCE, LOG_VARIANCE)
            sd = np.exp(0.5 * limited)[known]
        loss = regression_loss(
            self._kind(spread is not None),
            torch.from_numpy(answers.answer),
            None if spread is None else torch.from_numpy(spread),
            torch.from_numpy(np.where(known, numbers, 0.0)).float(),
            torch.from_numpy(known).float(),
        )
        return {
            "loss": float(loss),
            "rmse": float(np.sqrt(np.mean((mean - truth) ** 2))),
            "crps": float(row_crps(truth, mean, sd).mean()),
        }

    def _kind(self, spread: bool) -> RegressionLoss:
        if self.config.loss != "default":
            return self.config.loss
        return "gaussian_nll" if spread else "huber"


def _select(config: TrainingConfig, default: str, known: tuple[str, ...]) -> str:
    if config.select not in ("default", *known):
        raise ConfigError(
            f"training.select = {config.select!r} is no score of this task; use one of "
            f"{', '.join(known)}"
        )
    return default if config.select == "default" else config.select


def side_losses(
    output: Output,
    batch: Batch,
    of: Callable[[Tensor, Tensor], Tensor],
    config: TrainingConfig,
) -> Tensor | float:
    """The branches' losses times their weight, and the terms the model adds itself.

    A branch that bears an input's name learns from the rows that have this input.

    Args:
        output: The model's.
        batch: What it saw.
        of: From an answer and the weights of the rows (B,) to its loss.
        config: The recipe's training part.
    """

    def weight(name: str) -> Tensor:
        has = name in batch.inputs
        return batch.weight * batch.inputs[name].present if has else batch.weight

    branches: Any = sum(of(answer, weight(name)) for name, answer in output.branches.items())
    return config.branch_weight * branches + sum(output.losses.values())
