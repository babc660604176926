"""AdamW and its schedule."""

import math

import torch
from torch import nn

from trifid.training.recipe import TrainingConfig


def optimiser(model: nn.Module, config: TrainingConfig) -> torch.optim.AdamW:
    """AdamW over all parameters (Loshchilov & Hutter 2019)."""
    return torch.optim.AdamW(
        model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
    )


def learning_rate(config: TrainingConfig, step: int, steps_per_epoch: int) -> float:
    """The learning rate of a step: constant, or warm-up and cosine to zero."""
    if config.schedule == "constant":
        return config.learning_rate
    warmup, total = config.warmup * steps_per_epoch, config.epochs * steps_per_epoch
    if step < warmup:
        return config.learning_rate * (step + 1) / warmup
    progress = (step - warmup) / max(total - warmup, 1)
    return config.learning_rate * 0.5 * (1.0 + math.cos(math.pi * progress))
