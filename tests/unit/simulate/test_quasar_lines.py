import numpy as np
import pytest

from trifid.simulate import quasar_lines


def test_a_broad_line_has_unit_flux() -> None:
    x = np.linspace(-0.4, 0.4, 8001)
    profile = quasar_lines.line_profile(x, np.array(0.01))
    assert np.trapezoid(profile, x) == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("which", [0, 1])
def test_iron_has_unit_mean_over_its_band(which: int) -> None:
    low, high = quasar_lines.IRON_BANDS[which]
    x = np.geomspace(1500.0, 8000.0, 6000)[None].repeat(2, axis=0)
    seen = quasar_lines.iron(x, np.array([600.0, 2500.0]), which)
    inside = (x[0] > low) & (x[0] < high)
    assert seen[0, inside].mean() == pytest.approx(1.0, abs=0.05)
    assert np.std(seen[1, inside]) < np.std(seen[0, inside])
    assert not seen[:, x[0] > 7300].any()


def test_balmer_continuum_ends_at_its_edge() -> None:
    x = np.array([2500.0, 3640.0, 3700.0, 4000.0])
    seen = quasar_lines.balmer_continuum(x)
    assert seen[1] == pytest.approx(1.0, abs=0.05)
    assert seen[3] < 0.01
    assert 0.3 < seen[0] < 1.2


def test_lines_are_those_of_the_composite() -> None:
    table = {line.name: line for line in quasar_lines.BROAD}
    assert table["h_alpha"].ew == pytest.approx(194.5, rel=0.02)
    assert table["ly_alpha"].ew + table["nv_1240"].ew == pytest.approx(92.9, rel=0.1)
    assert table["civ_1549"].baldwin == -0.17
