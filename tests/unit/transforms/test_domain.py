"""The coarse guard against data unlike the training data."""

import pytest
import torch

from trifid.schema.batch import Image, Picture, Series, Spectrum, Table
from trifid.transforms.domain import MARGIN, distance, fit_domain, outside, summary


def image(flux):
    return Image(flux=flux, present=torch.ones(len(flux), dtype=torch.bool))


@pytest.fixture
def training():
    torch.manual_seed(0)
    return image(torch.randn(200, 3, 8, 8))


def test_summary_is_mean_spread_and_share_of_data():
    flux = torch.tensor([[1.0, 3.0, 0.0, 0.0]])
    ivar = torch.tensor([[1.0, 1.0, 0.0, 0.0]])
    there = torch.tensor([True])
    mean, spread, share = summary(Spectrum(flux=flux, ivar=ivar, present=there))[0].tolist()
    assert mean == pytest.approx(1.0)
    assert spread == pytest.approx(torch.log10(flux.std(correction=0) + 1e-6).item())
    assert share == 0.5


def test_every_kind_of_input_has_a_summary():
    there = torch.tensor([True, False])
    rows = torch.rand(2, 5)
    inputs = (
        image(torch.rand(2, 3, 4, 4)),
        Picture(pixels=torch.zeros(2, 4, 4, 3, dtype=torch.uint8), present=there),
        Spectrum(flux=rows, ivar=rows, present=there),
        Table(values=rows, valid=rows > 0.5, present=there),
        Series(time=rows, flux=rows, error=rows, band=rows, valid=rows > 0.5, present=there),
    )
    for value in inputs:
        assert summary(value).shape == (2, 3) and summary(value).isfinite().all()


def test_training_rows_are_inside(training):
    assert not outside(training, fit_domain(training)).any()


def test_the_range_is_widened_by_half_of_it(training):
    state = fit_domain(training)
    summaries = summary(training)
    low, high = summaries.amin(dim=0), summaries.amax(dim=0)
    torch.testing.assert_close(state["domain_low"], low - MARGIN * (high - low) - 1e-3)
    torch.testing.assert_close(state["domain_high"], high + MARGIN * (high - low) + 1e-3)


@pytest.mark.parametrize(
    "odd",
    [
        lambda x: x * 1000,
        lambda x: x * 0,
        lambda x: x + 5,
        lambda x: x * 0 + 7,
        lambda x: torch.full_like(x, float("nan")),
    ],
    ids=["other units", "empty", "offset", "saturated", "NaN"],
)
def test_other_units_and_empty_data_are_outside(training, odd):
    state = fit_domain(training)
    torch.manual_seed(1)
    fresh = torch.randn(4, 3, 8, 8)
    fresh[1] = odd(fresh[1])
    assert outside(image(fresh), state).tolist() == [False, True, False, False]


def test_absent_rows_are_neither_seen_nor_flagged(training):
    flux = torch.cat([training.flux, torch.full((1, 3, 8, 8), 1e6)])
    there = torch.ones(201, dtype=torch.bool)
    there[-1] = False
    value = Image(flux=flux, present=there)
    state = fit_domain(value)
    for key, expected in fit_domain(training).items():
        torch.testing.assert_close(state[key], expected)
    assert not outside(value, state).any()


def test_no_training_row_at_all_and_no_state():
    nothing = image(torch.randn(3, 1, 4, 4)).absent()
    assert fit_domain(nothing)["domain_low"].isfinite().all()
    assert not outside(image(torch.randn(3, 1, 4, 4)), {}).any()


def test_the_distance_is_zero_in_the_middle_of_the_range_and_one_at_its_end():
    state = {
        "domain_low": torch.tensor([0.0, -1e3, -1e3]),
        "domain_high": torch.tensor([4.0, 1e3, 1e3]),
    }
    means = torch.tensor([2.0, 4.0, 0.0, 8.0, float("nan"), 100.0])
    value = image(means[:, None, None, None].expand(-1, 1, 2, 2).clone())
    value.present[-1] = False
    found = distance(value, state)
    assert found.tolist() == pytest.approx([0.006, 1.0, 1.0, 3.0, float("inf"), 0.0], abs=1e-3)
    assert outside(value, state).tolist() == [False, False, False, True, True, False]
