"""A Transformer over patches of a spectrum."""

import torch

from trifid.encoders.transformer_spectrum import TransformerSpectrumConfig
from trifid.schema.batch import Spectrum

CONFIG = TransformerSpectrumConfig(patch=20, width=16, heads=4, hidden=32, tokens_out=4)


def test_tokens_and_absence(check, spectrum):
    assert check(CONFIG.build((400,)), spectrum).shape == (4, 4, 16)


def test_patches_without_data_do_not_matter(spectrum):
    encoder, full = CONFIG.build((400,)).eval(), spectrum(400)
    ivar = full.ivar.clone()
    ivar[:, 100:160] = 0
    wild = full.flux.clone()
    wild[:, 100:160] = 1e3
    one = encoder(Spectrum(full.flux, ivar, full.present))
    torch.testing.assert_close(one, encoder(Spectrum(wild, ivar, full.present)))
    assert not torch.allclose(one, encoder(full))
