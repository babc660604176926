"""Rows lose modalities in training, but never the last one."""

import torch

from trifid.schema.batch import Batch, Table
from trifid.transforms.dropout import drop_modalities


def batch(rows, patterns):
    there = torch.tensor(patterns).repeat(rows // len(patterns), 1)
    cells, valid = torch.ones(rows, 2), torch.ones(rows, 2, dtype=torch.bool)
    inputs = {str(m): Table(cells, valid, there[:, m]) for m in range(there.shape[1])}
    return Batch(ids=tuple(map(str, range(rows))), inputs=inputs)


def test_nothing_is_dropped_at_zero():
    whole = batch(4, [[True, True]])
    assert drop_modalities(whole, 0.0) is whole


def test_each_modality_is_dropped_as_often_as_asked():
    torch.manual_seed(0)
    got = drop_modalities(batch(100_000, [[True] * 3]), 0.3).present
    # dropped with 0.3, save a third of the 0.3^3 that would have lost all three
    expected = 0.7 + 0.3**3 / 3
    torch.testing.assert_close(got.float().mean(0), torch.full((3,), expected), atol=0.01, rtol=0)


def test_no_row_loses_its_last_modality_and_none_gains_one():
    torch.manual_seed(1)
    patterns = [[True, True, False], [False, False, True], [False] * 3, [True] * 3]
    whole = batch(400, patterns)
    got = drop_modalities(whole, 0.95).present
    assert (got.any(dim=1) == whole.present.any(dim=1)).all()
    assert not (got & ~whole.present).any()


def test_what_is_dropped_is_zero():
    torch.manual_seed(2)
    got = drop_modalities(batch(100, [[True, True]]), 0.5)
    for value in got.inputs.values():
        assert not value.values[~value.present].any() and value.values[value.present].all()
