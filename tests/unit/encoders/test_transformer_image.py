"""A Transformer over patches of an image."""

import pytest

from trifid.encoders.transformer_image import TransformerImageConfig
from trifid.errors import ConfigError

CONFIG = TransformerImageConfig(width=16, heads=4, hidden=32, tokens_out=4)


def test_tokens_and_absence(check, image):
    assert check(CONFIG.build((3, 32, 32)), image).shape == (4, 4, 16)


def test_an_image_smaller_than_a_patch_is_refused():
    with pytest.raises(ConfigError, match="patches of 8 pixels do not fit into images of 6 x 6"):
        CONFIG.build((3, 6, 6))
