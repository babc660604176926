"""Inputs for the encoders' tests."""

import pytest
import torch

from trifid.schema.batch import Image, Series, Spectrum

PRESENT = torch.tensor([True, False, True, True])


def _spectrum(length=400, *, behind=0.0, seed=0):
    torch.manual_seed(seed)
    flux = torch.where(PRESENT[:, None], torch.randn(4, length), behind)
    return Spectrum(flux, torch.ones(4, length), PRESENT)


def _image(size=32, *, behind=0.0, seed=0):
    torch.manual_seed(seed)
    flux = torch.where(PRESENT[:, None, None, None], torch.randn(4, 3, size, size), behind)
    return Image(flux, PRESENT)


def _series(length=20, *, behind=0.0, padding=0, seed=0):
    """Light curves whose points beyond `length` are invalid and hold `behind`."""
    torch.manual_seed(seed)
    time = torch.rand(4, length, dtype=torch.float64).sort(dim=1).values
    flux, error = torch.randn(4, length), torch.rand(4, length)
    band, valid = torch.randint(0, 5, (4, length)), torch.rand(4, length) > 0.3
    pad = (0, padding)
    return Series(
        time=torch.nn.functional.pad(time, pad, value=behind),
        flux=torch.nn.functional.pad(flux, pad, value=behind),
        error=torch.nn.functional.pad(error, pad, value=behind),
        band=torch.nn.functional.pad(band, pad, value=99),
        valid=torch.nn.functional.pad(valid, pad, value=False),
        present=PRESENT,
    )


def _check(encoder, make):
    """What holds for every encoder: shape, absence, finite gradients."""
    for training in (True, False):
        encoder.train(training)
        torch.manual_seed(1)
        tokens = encoder(make())
        torch.manual_seed(1)
        other = encoder(make(behind=1e6))
        assert torch.equal(tokens, other) and not tokens[~PRESENT].any()
        tokens.square().sum().backward()
        for parameter in encoder.parameters():
            assert parameter.grad is None or parameter.grad.isfinite().all()
    return tokens


@pytest.fixture
def check():
    """A function (encoder, maker of inputs) that checks absence and gives the tokens."""
    return _check


@pytest.fixture
def spectrum():
    """A function that makes spectra (4, L), the second absent."""
    return _spectrum


@pytest.fixture
def image():
    """A function that makes images (4, 3, S, S), the second absent."""
    return _image


@pytest.fixture
def series():
    """A function that makes light curves (4, T), the second absent."""
    return _series
