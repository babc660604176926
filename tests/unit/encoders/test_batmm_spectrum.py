"""BATMM's spectrum encoder."""

import pytest
import torch

from trifid.encoders.batmm_spectrum import BatmmSpectrumConfig, SegmentAttention
from trifid.errors import ConfigError

CONFIG = BatmmSpectrumConfig(attention_width=8, plan=((4, 1), (8, 1)))


@pytest.mark.parametrize("segments", [1, 7])
def test_tokens_of_absent_rows_are_zero(check, spectrum, segments):
    encoder = CONFIG.replace(segments=segments).build((400,))
    assert check(encoder, spectrum).shape == (4, CONFIG.tokens, CONFIG.width)


def test_segments_drop_the_pixels_that_fill_none(spectrum):
    encoder = CONFIG.build((3522,)).eval()
    full = spectrum(3522)
    tokens = encoder(full)
    full.flux[:, -1] = 1e6
    assert encoder.segment == 503
    assert torch.equal(tokens, encoder(full))


def test_segment_attention_by_hand():
    """Two segments; queries and keys are the pixels themselves."""
    attention = SegmentAttention(CONFIG.replace(attention_width=2, residual=False), segment=2)
    with torch.no_grad():
        attention.query.weight.copy_(torch.eye(2))
        attention.key.weight.copy_(torch.eye(2))
    segments = torch.tensor([[[1.0, 0.0], [0.0, 2.0]]])
    weights = attention.weights(segments)[0]
    scores = torch.tensor([[1.0, 0.0], [0.0, 4.0]]) / 2**0.5
    torch.testing.assert_close(weights, scores.softmax(dim=1))
    torch.testing.assert_close(attention(segments)[0], weights @ segments[0])
    with_residual = SegmentAttention(CONFIG.replace(attention_width=2), segment=2)
    with_residual.load_state_dict(attention.state_dict())
    torch.testing.assert_close(with_residual(segments), attention(segments) + segments)


@pytest.mark.parametrize("segments", [1, 7])
def test_weights_of_segments_sum_to_one(spectrum, segments):
    encoder = CONFIG.replace(segments=segments).build((400,))
    weights = encoder.segment_weights(spectrum())
    assert weights.shape == (4, segments)
    torch.testing.assert_close(weights.sum(dim=1), torch.ones(4))


def test_more_segments_than_pixels_are_refused():
    with pytest.raises(ConfigError, match="7 segments of 3 pixels"):
        CONFIG.build((3,))
