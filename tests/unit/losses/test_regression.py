"""Losses of numbers."""

import pytest
import torch

from trifid.losses.regression import regression_loss

TARGETS = torch.tensor([[0.0, 0.0], [3.0, 1.0]])
KNOWN = torch.tensor([[1.0, 0.0], [1.0, 1.0]])
ZERO = torch.zeros(2, 2)


@pytest.mark.parametrize(
    ("kind", "expected"), [("huber", (3 - 0.5 + 0.5) / 3), ("squared", (4.5 + 0.5) / 3)]
)
def test_values_over_known_cells(kind, expected):
    loss = regression_loss(kind, ZERO, None, TARGETS, KNOWN)
    torch.testing.assert_close(loss, torch.tensor(expected))


def test_gaussian_loss_is_the_likelihood_without_its_constant():
    spread = torch.tensor([[0.3, -1.0], [0.7, 0.1]])
    loss = regression_loss("gaussian_nll", ZERO, spread, TARGETS, torch.ones(2, 2))
    normal = torch.distributions.Normal(ZERO, torch.exp(0.5 * spread))
    constant = 0.5 * torch.log(torch.tensor(2 * torch.pi))
    torch.testing.assert_close(loss, -(normal.log_prob(TARGETS) + constant).mean())


def test_nothing_known_is_no_loss_and_no_gradient_is_infinite():
    spread = torch.full((2, 2), -1e4, requires_grad=True)
    loss = regression_loss("gaussian_nll", ZERO, spread, TARGETS, torch.ones(2, 2))
    loss.backward()
    assert loss.isfinite() and spread.grad is not None and spread.grad.isfinite().all()
    assert regression_loss("huber", ZERO, None, TARGETS, torch.zeros(2, 2)) == 0
