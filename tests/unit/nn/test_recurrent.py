"""The bidirectional GRU: lengths and masks."""

import torch
from torch import nn

from trifid.nn.recurrent import BiGRU


def test_equals_torch_on_complete_sequences():
    torch.manual_seed(0)
    ours, theirs = BiGRU(3, 8), nn.GRU(3, 4, batch_first=True, bidirectional=True)
    for name, value in ours.forwards.state_dict().items():
        theirs.state_dict()[name].copy_(value)
    for name, value in ours.backwards.state_dict().items():
        theirs.state_dict()[f"{name}_reverse"].copy_(value)
    x = torch.randn(2, 7, 3)
    states, ends = ours(x, torch.ones(2, 7, dtype=torch.bool))
    expected, last = theirs(x)
    torch.testing.assert_close(states, expected)
    torch.testing.assert_close(ends, torch.cat([last[0], last[1]], dim=1))


def test_gaps_and_padding_leave_no_trace():
    torch.manual_seed(0)
    model, x = BiGRU(3, 8), torch.randn(1, 9, 3)
    valid = torch.tensor([[False, True, True, False, True, False, True, False, False]])
    states, ends = model(torch.where(valid[..., None], x, 1e6), valid)
    short, short_ends = model(x[valid][None], torch.ones(1, 4, dtype=torch.bool))
    torch.testing.assert_close(states[valid], short[0])
    torch.testing.assert_close(ends, short_ends)
    assert (states[~valid] == 0).all()


def test_a_row_without_any_step_is_zero():
    states, ends = BiGRU(3, 8)(torch.randn(2, 5, 3), torch.zeros(2, 5, dtype=torch.bool))
    assert not states.any() and not ends.any()
