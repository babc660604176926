"""Self-attention over tokens of which some are absent."""

import torch
from torch import nn

from trifid.nn.attention import CrossAttention, SelfAttention
from trifid.nn.pooling import pool_tokens


def _pair(width=16, heads=4):
    torch.manual_seed(0)
    ours = SelfAttention(width, heads)
    theirs = nn.MultiheadAttention(width, heads, batch_first=True)
    theirs.in_proj_weight.data.copy_(ours.project_in.weight)
    theirs.in_proj_bias.data.copy_(ours.project_in.bias)
    theirs.out_proj.load_state_dict(ours.project_out.state_dict())
    return ours, theirs


def test_equals_torch_multihead_attention():
    ours, theirs = _pair()
    x = torch.randn(3, 7, 16)
    present = torch.ones(3, 7, dtype=torch.bool)
    present[1, 2:5] = False
    expected, weights = theirs(x, x, x, key_padding_mask=~present, average_attn_weights=False)
    torch.testing.assert_close(ours(x, present), expected)
    torch.testing.assert_close(ours.weights(x, present), weights)


def test_weights_sum_to_one_and_skip_absent_tokens():
    ours, _ = _pair()
    x, present = (
        torch.randn(2, 5, 16),
        torch.tensor([[True, True, False, False, True], [False] * 5]),
    )
    weights = ours.weights(x, present)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 4, 5))
    assert (weights[0, :, :, 2:4] == 0).all()


def test_absent_tokens_do_not_change_present_ones():
    ours, _ = _pair()
    x, present = torch.randn(1, 6, 16), torch.tensor([[True, True, True, True, False, False]])
    other = x.clone()
    other[:, 4:] = 1e6
    torch.testing.assert_close(ours(x, present)[:, :4], ours(other, present)[:, :4])


def test_a_row_without_tokens_stays_finite():
    ours, _ = _pair()
    assert ours(torch.zeros(2, 3, 16), torch.zeros(2, 3, dtype=torch.bool)).isfinite().all()


def test_pooling_equals_torch_when_all_are_present():
    x = torch.randn(2, 48, 8)
    got = pool_tokens(x, torch.ones(2, 48, dtype=torch.bool), 16)
    expected = nn.functional.adaptive_avg_pool1d(x.transpose(1, 2), 16).transpose(1, 2)
    torch.testing.assert_close(got, expected)


def test_pooling_averages_present_tokens_of_each_window():
    x = torch.tensor([[[1.0], [100.0], [3.0], [7.0], [9.0], [9.0]]])
    present = torch.tensor([[True, False, True, False, False, False]])
    torch.testing.assert_close(pool_tokens(x, present, 2), torch.tensor([[[2.0], [0.0]]]))


def test_cross_attention_equals_torch_and_takes_nothing_from_nothing():
    torch.manual_seed(0)
    ours, theirs = CrossAttention(16, 4), nn.MultiheadAttention(16, 4, batch_first=True)
    theirs.in_proj_weight.data.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
    theirs.in_proj_bias.data.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
    theirs.out_proj.load_state_dict(ours.project_out.state_dict())
    x, others = torch.randn(2, 3, 16), torch.randn(2, 5, 16)
    present = torch.tensor([[True, True, False, True, False], [False] * 5])
    expected, weights = theirs(
        x[:1], others[:1], others[:1], key_padding_mask=~present[:1], average_attn_weights=False
    )
    torch.testing.assert_close(ours(x, others, present)[:1], expected)
    torch.testing.assert_close(ours.weights(x, others, present)[:1], weights)
    assert not ours(x, others, present)[1].any()
