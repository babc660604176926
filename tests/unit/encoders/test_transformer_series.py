"""A Transformer over light curves."""

import torch

from trifid.encoders.transformer_series import TransformerSeriesConfig
from trifid.schema.batch import Series

CONFIG = TransformerSeriesConfig(width=16, heads=4, hidden=32)


def test_tokens_and_absence(check, series):
    assert check(CONFIG.build((20,)), series).shape == (4, 1, 16)


def test_padding_and_the_order_of_points_leave_no_trace(series):
    encoder, one = CONFIG.build((20,)).eval(), series(padding=5, behind=1e9)
    order = torch.randperm(25)
    other = Series(
        **{n: getattr(one, n)[:, order] for n in ("time", "flux", "error", "band", "valid")},
        present=one.present,
    )
    torch.testing.assert_close(encoder(one), encoder(other), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(encoder(one), encoder(series()), rtol=1e-4, atol=1e-5)
