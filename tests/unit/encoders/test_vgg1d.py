"""VGG-19 in one dimension."""

import pytest
import torch

from trifid.encoders.vgg1d import VGG19, Vgg1dConfig, Vgg1dTrunk

SMALL = ((4, 1), (8, 2))


@pytest.mark.parametrize("batch_norm", [True, False])
def test_tokens_of_absent_rows_are_zero(check, spectrum, batch_norm):
    config = Vgg1dConfig(plan=SMALL, tokens_out=3, batch_norm=batch_norm)
    assert check(config.build((400,)), spectrum).shape == (4, config.tokens, config.width)


def test_it_has_sixteen_convolutions_and_ends_at_512_channels():
    with torch.device("meta"):
        trunk = Vgg1dTrunk(VGG19)
    assert len(trunk.convolutions) == 16
    assert sum(trunk.last_of_stage) == 5
    assert trunk.convolutions[-1].out_channels == 512


def test_a_stack_without_norms_still_passes_a_signal():
    torch.manual_seed(0)
    trunk = Vgg1dTrunk(((16, 4), (16, 4), (16, 8)), batch_norm=False).eval()
    size = trunk(torch.randn(8, 1, 256), None).abs().mean()
    assert 0.1 < size < 10


def test_a_single_pixel_is_not_halved():
    trunk = Vgg1dTrunk(((4, 1), (4, 1), (4, 1))).eval()
    assert trunk(torch.randn(2, 1, 3), None).shape == (2, 4, 1)
