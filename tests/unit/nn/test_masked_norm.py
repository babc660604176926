"""Batch normalisation over present rows."""

import torch
from torch import nn

from trifid.nn.masked_norm import MaskedBatchNorm, mask_of


def test_with_every_row_present_it_is_torch_batch_norm_to_the_bit():
    torch.manual_seed(0)
    ours, theirs = MaskedBatchNorm(5), nn.BatchNorm1d(5)
    for _ in range(3):
        x = torch.randn(8, 5, 7) * 3 + 1
        assert torch.equal(ours(x, None), theirs(x))
    assert torch.equal(ours.running_mean, theirs.running_mean)
    assert torch.equal(ours.running_var, theirs.running_var)
    ours.eval(), theirs.eval()
    assert torch.equal(ours(x, None), theirs(x))


def test_statistics_come_from_present_rows_only():
    torch.manual_seed(1)
    ours, theirs = MaskedBatchNorm(4), nn.BatchNorm2d(4)
    x = torch.randn(6, 4, 3, 3)
    mask = torch.tensor([True, False, True, True, False, True])
    x[~mask] = 1e6
    got = ours(x, mask)[mask]
    torch.testing.assert_close(got, theirs(x[mask]), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)


def test_fewer_than_two_present_rows_use_and_keep_the_running_statistics():
    norm = MaskedBatchNorm(2)
    norm.running_mean.fill_(3.0)
    x = torch.full((4, 2, 5), 3.0)
    for mask in (torch.zeros(4, dtype=torch.bool), torch.tensor([True, False, False, False])):
        assert torch.allclose(norm(x, mask), torch.zeros_like(x), atol=1e-6)
    assert torch.equal(norm.running_mean, torch.full((2,), 3.0))


def test_mask_is_only_needed_in_training_with_absent_rows():
    some = torch.tensor([True, False])
    assert mask_of(some, training=True) is some
    assert mask_of(some, training=False) is None
    assert mask_of(torch.ones(2, dtype=torch.bool), training=True) is None


def test_in_evaluation_a_mask_changes_nothing():
    torch.manual_seed(2)
    norm = MaskedBatchNorm(3).eval()
    norm.running_mean.fill_(1.0)
    x, mask = torch.randn(6, 3), torch.tensor([True, False, True, True, False, True])
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    assert torch.equal(norm(x, mask), norm(x, None))
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())
