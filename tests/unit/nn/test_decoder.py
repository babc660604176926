"""Decoders: any size is reached."""

import pytest
import torch

from trifid.nn.decoder import TableDecoder, decoder


@pytest.mark.parametrize("shape", [(400,), (3843,), (12,), (3, 32, 32), (5, 20, 31)])
def test_the_shape_of_a_row_comes_out(shape):
    assert decoder(6, shape, (8, 8, 4))(torch.randn(2, 6)).shape == (2, *shape)


def test_a_catalogue_row_comes_out():
    assert TableDecoder(6, 5, 8)(torch.randn(2, 6)).shape == (2, 5)
