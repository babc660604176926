import numpy as np
import pytest

from trifid.physics import bpt


def _one(x: float, y: float) -> str:
    """The rule, written as one reads it, for one point."""
    if x < 0.05 and y < 0.61 / (x - 0.05) + 1.30:
        return "Star Forming"
    if x < 0.47 and y < 0.61 / (x - 0.47) + 1.19:
        return "Composite"
    return "Seyfert" if y > 1.05 * x + 0.45 else "LINER"


def test_agrees_with_the_rule_point_by_point() -> None:
    x, y = np.meshgrid(np.linspace(-2, 1.5, 71), np.linspace(-2.5, 2, 61))
    expected = [_one(a, b) for a, b in zip(x.ravel(), y.ravel(), strict=True)]
    assert bpt.classify(x, y).ravel().tolist() == expected


@pytest.mark.parametrize("x", [0.05, 0.06, 0.47, 0.48, 3.0])
def test_nothing_beyond_its_pole_is_below(x: float) -> None:
    assert bpt.below_kauffmann03(np.array([x]), np.array([-50.0]))[0] == (x < 0.05)
    assert bpt.below_kewley01(np.array([x]), np.array([-50.0]))[0] == (x < 0.47)


def test_unknown_ratios_are_blank() -> None:
    bad = np.array([np.nan, np.inf, -np.inf, 0.0])
    assert bpt.classify(bad, np.array([0.0, 0.0, 0.0, np.nan])).tolist() == ["BLANK"] * 4


def test_sulphur_plane() -> None:
    x = np.array([-0.5, -0.2, 0.2, 0.4])
    y = np.array([0.0, 0.9, 0.3, -5.0])
    assert bpt.below_kewley06_sii(x, y).tolist() == [True, False, False, False]
    assert bpt.above_kewley06_sii(x[1:3], y[1:3]).tolist() == [True, False]


def test_whan_classes() -> None:
    x = np.array([-0.6, 0.0, 0.0, 0.0, 0.0, np.nan, np.nan, 0.0])
    ew = np.array([20.0, 8.0, 4.0, 1.0, 0.2, 10.0, 0.1, np.nan])
    assert bpt.whan(x, ew).tolist() == [
        "star forming", "strong agn", "weak agn", "retired", "passive", "BLANK", "passive", "BLANK",
    ]  # fmt: skip
