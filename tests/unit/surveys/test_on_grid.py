"""Native pixels onto the grid: what is shifted, what resampled, what two arms make together."""

import numpy as np
import pytest

from trifid.errors import InputError
from trifid.schema import grid
from trifid.surveys import on_grid

WAVE = grid.wavelengths()


def test_pixels_on_the_grid_are_shifted_unchanged():
    rng = np.random.default_rng(0)
    flux, ivar = rng.normal(0, 1, 300).astype("f4"), rng.uniform(1, 2, 300).astype("f4")
    mask = rng.integers(0, 2**25, 300).astype("i4")
    got = on_grid.resample(WAVE[700:1000].astype("f4"), flux, ivar, mask)
    for placed, native in zip(got, (flux, ivar, mask), strict=False):
        assert (placed[700:1000] == native).all() and not np.delete(placed, np.r_[700:1000]).any()
    assert got[3] == 0


def test_linear_pixels_conserve_flux_and_propagate_errors():
    centres = np.arange(5000.0, 6000.0, 0.8)
    flux = 2.0 + np.sin(centres / 40)
    got, ivar, _, outside = on_grid.resample(
        centres, flux, np.full(len(centres), 4.0), np.zeros(len(centres), "i4")
    )
    there = ivar > 0
    assert outside == 0 and WAVE[there][0] < 5001 and WAVE[there][-1] > 5997
    assert got[there] == pytest.approx(2.0 + np.sin(WAVE[there] / 40), abs=5e-3)
    assert (got[there] - np.sin(WAVE[there] / 40)).mean() == pytest.approx(2.0, abs=1e-4)
    step = WAVE[there] * np.log(10) * 1e-4 / 0.8  # native pixels of a grid pixel
    assert (ivar[there] >= 4.0 * step * 0.999).all()  # cut pixels count by their square
    assert (ivar[there] <= 4.0 * (step + 1)).all()


def test_masks_are_the_or_of_the_pixels_below():
    centres = np.arange(8000.0, 8100.0, 0.8)  # two to three to a grid pixel of 1.85 A
    mask = np.zeros(len(centres), "i4")
    mask[50], mask[51] = 1, 2
    ones = np.ones(len(centres))
    *_, got, _ = on_grid.resample(centres, ones, ones, mask)
    marked = np.flatnonzero(got)
    reach = WAVE[marked] * np.log(10) * 1e-4 / 2 + 0.4
    assert (np.minimum(abs(WAVE[marked] - 8040.0), abs(WAVE[marked] - 8040.8)) <= reach).all()
    assert np.bitwise_or.reduce(got) == 3 and 1 <= len(marked) <= 3
    assert not got[WAVE < 7999].any() and not got[WAVE > 8101].any()


def test_pixels_beyond_the_grid_are_counted():
    centres = np.arange(3400.0, 3700.0, 0.8)
    ones = np.ones(len(centres))
    *_, outside = on_grid.resample(centres, ones, ones, ones.astype("i4"))
    assert outside == (centres < WAVE[0] * 10**-0.5e-4).sum()


@pytest.mark.parametrize("bad", ([], [0.0, 1.0], [5000.0, np.nan], [5000.0, 4999.0]))
def test_wavelengths_that_cannot_be_are_refused(bad):
    values = np.ones(len(bad))
    with pytest.raises(InputError):
        on_grid.resample(np.array(bad), values, values, values.astype("i4"))


def test_arms_join_by_inverse_variance():
    def arm(flux, ivar, mask):
        out = [np.zeros(grid.LENGTH, dtype) for dtype in ("f4", "f4", "i4")]
        for values, given in zip(out, (flux, ivar, mask), strict=True):
            values[:4] = given
        return out[0], out[1], out[2]

    first = arm([1.0, 1.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0], [5, 4, 1, 0])
    second = arm([0.0, 4.0, 4.0, 0.0], [0.0, 2.0, 2.0, 0.0], [2, 6, 2, 0])
    flux, ivar, mask = on_grid.join([first, second])
    assert flux[:4].tolist() == [1.0, 3.0, 4.0, 0.0]
    assert ivar[:4].tolist() == [1.0, 3.0, 2.0, 0.0]
    assert mask[:4].tolist() == [5, 4, 2, 0]  # of those with data, what all have
    assert [flux.dtype, ivar.dtype, mask.dtype] == ["f4", "f4", "i4"]


def test_bits_are_translated_by_number_and_others_dropped():
    mask = np.array([0, 1, 2, 4, 2**31, 5], np.uint32)
    assert on_grid.translate(mask, {0: 19, 2: 1}).tolist() == [0, 2**19, 0, 2, 0, 2**19 + 2]
