"""Features from columns, and their scale."""

import numpy as np
import pytest
import torch

from trifid.errors import ConfigError
from trifid.transforms import table as tables


def test_expressions_are_sums_and_differences():
    matrix = tables.expression_matrix(["a - b", "c", "a - b - c + d"], ["a", "b", "c", "d"])
    assert matrix.tolist() == [[1, -1, 0, 0], [0, 0, 1, 0], [1, -1, -1, 1]]


def test_a_name_with_a_hyphen_is_a_name():
    assert tables.expression_matrix(["x-y"], ["x-y"]).tolist() == [[1]]


def test_an_unknown_feature_is_named():
    with pytest.raises(ConfigError, match=r"needs .psfmag_q.; the store has a, b"):
        tables.expression_matrix(["a - psfmag_q"], ["a", "b"])


def test_a_combination_is_valid_if_all_its_terms_are():
    matrix = tables.expression_matrix(["a - b", "c"], ["a", "b", "c"])
    values = torch.tensor([[20.0, 19.0, 1.0], [20.0, 0.0, 2.0]])
    valid = torch.tensor([[True, True, True], [True, False, True]])
    combined, usable = tables.combine(values, valid, matrix)
    assert combined[0].tolist() == [1.0, 1.0]
    assert usable.tolist() == [[True, True], [False, True]]


def test_robust_statistics_use_valid_cells_only():
    generator = np.random.default_rng(0)
    values = generator.normal(size=(101, 2)).astype(np.float32)
    valid = np.ones_like(values, dtype=bool)
    values[::3, 0], valid[::3, 0] = 1e9, False
    median, spread = tables.robust_statistics(values, valid)
    cells = values[valid[:, 0], 0]
    assert median[0] == pytest.approx(np.median(cells))
    assert spread[0] == pytest.approx(np.subtract(*np.quantile(cells, [0.75, 0.25])))


def test_a_constant_or_empty_feature_does_not_divide_by_zero():
    values = np.ones((4, 2), np.float32)
    valid = np.stack([np.ones(4, bool), np.zeros(4, bool)], axis=1)
    median, spread = tables.robust_statistics(values, valid)
    assert median.tolist() == [1, 0] and spread.tolist() == [1, 1]


def test_invalid_cells_become_the_training_median():
    got = tables.robust_scale(
        torch.tensor([[5.0, torch.nan]]),
        torch.tensor([[True, False]]),
        torch.tensor([3.0, 0.0]),
        torch.tensor([2.0, 1.0]),
    )
    assert got.tolist() == [[1.0, 0.0]]
