"""A BiGRU over chunks of a spectrum."""

import torch

from trifid.encoders.recurrent_spectrum import RecurrentSpectrumConfig
from trifid.schema.batch import Spectrum

CONFIG = RecurrentSpectrumConfig(chunk=20, hidden=8, width=16)


def test_tokens_and_absence(check, spectrum):
    assert check(CONFIG.build((400,)), spectrum).shape == (4, 1, 16)


def test_chunks_without_data_are_as_if_they_were_not_there(spectrum):
    encoder, full = CONFIG.build((400,)), spectrum(400)
    ivar = full.ivar.clone()
    ivar[:, 100:160] = 0
    keep = torch.cat([torch.arange(100), torch.arange(160, 400)])
    short = Spectrum(full.flux[:, keep], full.ivar[:, keep], full.present)
    gaps = Spectrum(full.flux, ivar, full.present)
    torch.testing.assert_close(encoder(gaps), encoder(short))
