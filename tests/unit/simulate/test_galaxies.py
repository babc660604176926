import numpy as np
import pytest

from trifid.physics import bpt, lines
from trifid.simulate.galaxies import (
    CLASS_SHARES,
    MEASURABLE,
    bpt_position,
    draw_galaxies,
    weakest_peak,
)


@pytest.fixture(scope="module")
def many():
    return draw_galaxies(np.random.default_rng(3), 3000)


def test_classes_have_the_shares_of_the_paper(many) -> None:
    for name, share in CLASS_SHARES.items():
        found = (many.truth_class == name).mean()
        assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 3000))


def test_lines_lie_in_the_region_of_the_class(many) -> None:
    with_class = many.truth_class != bpt.BLANK
    x, y = bpt_position(many.ratios[with_class])
    assert (bpt.classify(x, y) == many.truth_class[with_class]).all()


def test_atomic_ratios(many) -> None:
    flux = dict(zip(lines.EMISSION, many.ratios.T, strict=True))
    assert flux["oiii_5007"] / flux["oiii_4959"] == pytest.approx(2.98)
    assert flux["nii_6584"] / flux["nii_6548"] == pytest.approx(3.05)
    assert flux["h_gamma"] / flux["h_beta"] == pytest.approx(0.468)
    decrement = flux["h_alpha"] / flux["h_beta"]
    assert decrement.min() >= 2.86 - 1e-9
    assert decrement.max() <= 3.1 + 1e-9


def test_classes_are_measurable_and_normal_galaxies_quiescent(many) -> None:
    blank = many.truth_class == bpt.BLANK
    assert (weakest_peak(many)[~blank] >= MEASURABLE).all()
    assert np.median(many.ew[blank]) < 0.5
    assert np.median(many.ew[many.truth_class == bpt.STAR_FORMING]) > 10


def test_nuisances_do_not_know_the_class(many) -> None:
    blank = many.truth_class == bpt.BLANK
    for name in ("redshift", "snr"):
        values = getattr(many, name)
        sigma = values.std() * np.sqrt(1 / blank.sum() + 1 / (~blank).sum())
        assert abs(values[blank].mean() - values[~blank].mean()) < 4 * sigma


def test_ranges(many) -> None:
    assert many.redshift.min() >= 0.02
    assert many.redshift.max() <= 0.3
    assert many.snr.min() > 10
    assert (many.gas_ebv >= 0).all()


def test_take_keeps_the_order(many) -> None:
    rows = np.array([5, 2, 2])
    assert many.take(rows).ew.tolist() == many.ew[rows].tolist()
    assert len(many.take(rows)) == 3
