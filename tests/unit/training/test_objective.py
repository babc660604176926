"""What is minimised for classes and for numbers."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from trifid.errors import ConfigError
from trifid.losses.regression import regression_loss
from trifid.schema.batch import Batch, Output, Table
from trifid.training.forward import Answers
from trifid.training.objective import ClassObjective, NumberObjective
from trifid.training.recipe import TrainingConfig
from trifid.training.scale import fit_scales
from trifid.transforms.mixup import mix

CONFIG = TrainingConfig(label_smoothing=0.0)


def batch(**targets):
    rows = len(next(iter(targets.values())))
    valid = torch.ones(rows, 1, dtype=torch.bool)
    table = Table(torch.zeros(rows, 1), valid, valid[:, 0])
    tensors = {name: torch.as_tensor(values) for name, values in targets.items()}
    return Batch(ids=("",) * rows, inputs={"table": table}, targets=tensors)


def test_branches_and_the_models_own_losses_are_added():
    objective = ClassObjective(("a", "b"), CONFIG.replace(branch_weight=0.5))
    prepared = objective.prepared(batch(label=[0, 1]))
    logits = torch.tensor([[1.0, 0.0], [0.5, 0.0]])
    alone = objective.loss(Output(logits=logits), prepared)
    more = Output(
        logits=logits,
        branches={"image": logits, "table": logits},
        losses={"own": torch.tensor(7.0)},
    )
    torch.testing.assert_close(objective.loss(more, prepared), 2 * alone + 7.0)


def test_a_branch_learns_only_from_rows_that_have_its_input():
    prepared = ClassObjective(("a", "b"), CONFIG).prepared(batch(label=[0, 1]))
    table = replace(prepared.inputs["table"], present=torch.tensor([True, False]))
    prepared = prepared.replace(inputs={"table": table})
    logits = torch.zeros(2, 2, requires_grad=True)
    output = Output(logits=torch.zeros(2, 2), branches={"table": logits})
    ClassObjective(("a", "b"), CONFIG).loss(output, prepared).backward()
    assert logits.grad is not None
    assert (logits.grad[0] != 0).all() and (logits.grad[1] == 0).all()


def numbers():
    values = np.array([[1.0, 10.0], [3.0, np.nan], [5.0, 30.0]])
    scales = fit_scales(("x", "y"), values)
    return scales, batch(x=values[:, 0], y=values[:, 1])


def test_an_unlabelled_number_counts_for_nothing():
    scales, rows = numbers()
    objective = NumberObjective(scales, CONFIG.replace(loss="squared"))
    prepared = objective.prepared(rows)
    mean = prepared.targets["numbers"].clone().requires_grad_()
    loss = objective.loss(
        Output(mean=mean + torch.tensor([[0.0, 0.0], [0.0, 9.0], [2.0, 0.0]])), prepared
    )
    torch.testing.assert_close(loss, torch.tensor(0.5 * 4 / 5))  # five cells are known
    loss.backward()
    assert mean.grad is not None and mean.grad[1, 1] == 0 and mean.grad.isfinite().all()


def test_a_mixture_with_an_unlabelled_number_is_unlabelled():
    scales, rows = numbers()
    objective = NumberObjective(scales, CONFIG)
    mixed = mix(objective.prepared(rows), 0.3, torch.tensor([1, 2, 0]))
    mean = torch.zeros(3, 2, requires_grad=True)
    objective.loss(Output(mean=mean), mixed).backward()
    assert mean.grad is not None
    assert (mean.grad != 0).tolist()[0][1] is False and (mean.grad[:, 1] != 0).sum() <= 1


def test_scales_are_those_of_the_labelled_training_rows():
    scales, rows = numbers()
    assert scales["y"].mean == 20.0 and scales["y"].sd == 10.0
    prepared = NumberObjective(scales, CONFIG).prepared(rows)
    assert prepared.targets["numbers"][:, 1].tolist() == [-1.0, 0.0, 1.0]
    assert fit_scales(("c",), np.ones((4, 1)))["c"].sd == 1.0


def test_the_loss_follows_what_the_model_predicts():
    scales, rows = numbers()
    objective = NumberObjective(scales, CONFIG)
    prepared = objective.prepared(rows)
    zero = torch.zeros(3, 2)
    targets, known = prepared.targets["numbers"], prepared.targets["known"]
    plain = objective.loss(Output(mean=zero), prepared)
    torch.testing.assert_close(plain, regression_loss("huber", zero, None, targets, known))
    wide = objective.loss(Output(mean=zero, log_variance=zero + 1), prepared)
    torch.testing.assert_close(
        wide, regression_loss("gaussian_nll", zero, zero + 1, targets, known)
    )
    with pytest.raises(ConfigError, match="does not train"):
        NumberObjective(scales, CONFIG.replace(loss="huber")).loss(
            Output(mean=zero, log_variance=zero), prepared
        )


def test_scores_are_of_standardised_numbers():
    scales, _ = numbers()
    labels = np.array([[1.0, 10.0], [3.0, np.nan]])
    objective = NumberObjective(scales, CONFIG)
    exact = np.array([[(1 - 3) / scales["x"].sd, -1.0], [0.0, 55.0]], np.float32)
    found = objective.scores(Answers(exact), labels)
    assert found["rmse"] < 1e-6 and found["crps"] < 1e-6 and found["loss"] < 1e-6


@pytest.mark.parametrize("select", ["macro_f1", "accuracy"])
def test_a_score_of_another_task_is_refused(select):
    with pytest.raises(ConfigError, match="loss, rmse, crps"):
        NumberObjective(numbers()[0], CONFIG.replace(select=select))
    with pytest.raises(ConfigError, match="macro_f1, accuracy, loss"):
        ClassObjective(("a", "b"), CONFIG.replace(select="crps"))
