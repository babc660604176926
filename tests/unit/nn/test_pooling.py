"""Pooling over tokens of which some are absent."""

import torch
from torch.nn.functional import adaptive_avg_pool1d

from trifid.nn.pooling import masked_mean, masked_softmax, pool_tokens


def test_with_all_tokens_it_is_adaptive_average_pooling():
    tokens = torch.randn(3, 48, 5)
    everything = torch.ones(3, 48, dtype=torch.bool)
    expected = adaptive_avg_pool1d(tokens.transpose(1, 2), 16).transpose(1, 2)
    torch.testing.assert_close(pool_tokens(tokens, everything, 16), expected)


def test_a_window_is_the_mean_of_its_present_tokens():
    tokens = torch.arange(12.0).view(1, 6, 2)
    present = torch.tensor([[True, False, True, True, False, False]])
    got = pool_tokens(tokens, present, 3)
    torch.testing.assert_close(got[0], torch.tensor([[0.0, 1.0], [5.0, 6.0], [0.0, 0.0]]))


def test_absent_tokens_get_no_gradient():
    tokens = torch.randn(2, 6, 2, requires_grad=True)
    present = torch.tensor([[True] * 3 + [False] * 3, [False] * 6])
    pool_tokens(tokens, present, 2).sum().backward()
    assert tokens.grad is not None and tokens.grad.isfinite().all()
    assert not tokens.grad[~present].any() and tokens.grad[present].all()


def test_mean_and_softmax_run_over_present_ones_only():
    present = torch.tensor([[True, False, True], [False, False, False]])
    x = torch.tensor([[[1.0], [100.0], [3.0]], [[5.0], [5.0], [5.0]]])
    torch.testing.assert_close(masked_mean(x, present), torch.tensor([[2.0], [0.0]]))
    weights = masked_softmax(torch.tensor([[0.0, 9.0, 0.0], [1.0, 2.0, 3.0]]), present)
    torch.testing.assert_close(weights, torch.tensor([[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]]))
