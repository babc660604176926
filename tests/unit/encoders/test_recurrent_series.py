"""A BiGRU over light curves."""

import torch

from trifid.encoders.recurrent_series import RecurrentSeriesConfig, time_since_last

CONFIG = RecurrentSeriesConfig(hidden=8, width=16)


def test_tokens_and_absence(check, series):
    assert check(CONFIG.build((20,)), series).shape == (4, 1, 16)


def test_padding_of_any_length_leaves_no_trace(series):
    encoder = CONFIG.build((20,))
    longer = encoder(series(padding=13, behind=1e9))
    torch.testing.assert_close(encoder(series()), longer)


def test_time_since_the_last_valid_point():
    time = torch.tensor([[1.0, 2.0, 4.0, 8.0]], dtype=torch.float64)
    valid = torch.tensor([[True, False, True, True]])
    assert time_since_last(time, valid).tolist() == [[0.0, 0.0, 3.0, 4.0]]
