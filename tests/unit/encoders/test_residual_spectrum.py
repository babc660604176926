"""The 1-D residual network."""

import pytest

from trifid.encoders.residual_spectrum import ResidualSpectrumConfig

CONFIG = ResidualSpectrumConfig(channels=(4, 8), width=16, tokens_out=3)


def test_tokens_and_absence(check, spectrum):
    assert check(CONFIG.build((400,)), spectrum).shape == (4, 3, 16)


@pytest.mark.parametrize("length", [1600, 3522, 3600, 3843, 4620])
def test_every_paper_s_length_fits(length, spectrum):
    assert CONFIG.build((length,))(spectrum(length)).shape == (4, 3, 16)
