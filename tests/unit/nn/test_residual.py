"""Residual blocks over spectra and images."""

import torch

from trifid.nn.residual import ResidualBlock


def test_shapes_in_one_and_two_dimensions():
    block = ResidualBlock(3, 8, 2, dimensions=1, kernel=5)
    assert block(torch.randn(2, 3, 21), None).shape == (2, 8, 11)
    assert ResidualBlock(3, 8, 2)(torch.randn(2, 3, 9, 9), None).shape == (2, 8, 5, 5)


def test_without_a_change_the_shortcut_is_the_identity():
    block = ResidualBlock(4, 4)
    assert block.shortcut is None
    block.second_norm.weight.data.zero_()
    x = torch.randn(3, 4, 6, 6)
    torch.testing.assert_close(block(x, None), x.relu())


def test_absent_rows_do_not_change_present_ones_in_training():
    block = ResidualBlock(2, 4, 2, dimensions=1)
    x, mask = torch.randn(4, 2, 16), torch.tensor([True, True, False, True])
    other = x.clone()
    other[2] = 1e6
    torch.testing.assert_close(block(x, mask)[mask], block(other, mask)[mask])
