import numpy as np
import pytest

from trifid.physics import extinction


def test_milky_way_is_r_v_in_v_and_unity_in_b_minus_v() -> None:
    visual, blue = extinction.milky_way(np.array([1e4 / 1.82, 4400.0]))
    assert visual == pytest.approx(3.1)
    assert blue - visual == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("edge", [1e4 / 1.1, 1e4 / 3.3])
def test_milky_way_joins_its_pieces(edge: float) -> None:
    left, right = extinction.milky_way(np.array([edge - 0.5, edge + 0.5]))
    assert left == pytest.approx(right, rel=0.02)


def test_calzetti_is_r_v_in_v_and_joins() -> None:
    assert extinction.calzetti00(np.array([5500.0])) == pytest.approx([4.05], abs=0.05)
    left, right = extinction.calzetti00(np.array([6299.9, 6300.1]))
    assert left == pytest.approx(right, rel=0.02)


def test_balmer_color_excess_inverts_the_curve() -> None:
    excess = np.array([0.0, 0.2, 0.7])
    beta, alpha = extinction.calzetti00(np.array([4862.68, 6564.61]))
    decrement = 2.86 * 10 ** (0.4 * excess * (beta - alpha))
    assert extinction.balmer_color_excess(decrement, 2.86) == pytest.approx(excess)
