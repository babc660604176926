"""AdamW and its schedule."""

from itertools import pairwise

import pytest
import torch

from trifid.training.optim import learning_rate, optimiser
from trifid.training.recipe import TrainingConfig


def test_the_recipe_decides():
    config = TrainingConfig(learning_rate=3e-4, weight_decay=0.02)
    made = optimiser(torch.nn.Linear(2, 2), config)
    assert made.param_groups[0]["lr"] == 3e-4 and made.param_groups[0]["weight_decay"] == 0.02
    assert {learning_rate(config, step, 10) for step in range(1200)} == {3e-4}


def test_warm_up_then_cosine_to_zero():
    config = TrainingConfig(epochs=10, schedule="cosine", warmup=2, learning_rate=1.0)
    rates = [learning_rate(config, step, 5) for step in range(50)]
    assert rates[:10] == pytest.approx([(k + 1) / 10 for k in range(10)])
    assert rates[10] == 1.0 and rates[30] == pytest.approx(0.5)
    assert all(a > b for a, b in pairwise(rates[10:]))
    assert 0 < rates[-1] < 0.01


def test_without_warm_up_it_starts_at_the_top():
    config = TrainingConfig(epochs=1, schedule="cosine", warmup=0, learning_rate=1.0)
    assert learning_rate(config, 0, 1) == 1.0
