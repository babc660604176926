import numpy as np
import pytest

from trifid.physics.profiles import line_pixels, place_templates, sdss_spread
from trifid.schema import grid


def test_lines_hold_their_flux_wherever_they_fall() -> None:
    place, sigma = np.array([100.0, 100.5, 33.3, 500.0]), np.array([1.0, 0.6, 5.0, 2.0])
    seen = np.zeros((4, 200))
    line, pixel, flux = line_pixels(place, sigma, 200)
    seen[line, pixel] = flux
    assert seen.sum(axis=1)[:3] == pytest.approx(1.0, abs=1e-6)
    assert not seen[3].any()  # outside the window
    assert (seen[:3] @ np.arange(200)) == pytest.approx(place[:3], abs=1e-6)


def test_templates_lie_where_the_redshift_puts_them() -> None:
    curves = np.zeros((1, 3000))
    curves[0, 1500] = 1.0
    z = np.array([0.1, 0.23456])
    placed, reached = place_templates(curves, 3.5, z)
    line = np.log10(10.0 ** (3.5 + 0.15) * (1.0 + z))
    centre = (placed[:, 0] * np.arange(grid.LENGTH)).sum(axis=1) / placed[:, 0].sum(axis=1)
    assert centre == pytest.approx((line - grid.LOG10_START) / grid.LOG10_STEP, abs=1e-6)
    assert reached.sum(axis=1) == pytest.approx(2998, abs=700)
    assert (placed[~np.broadcast_to(reached[:, None], placed.shape)] == 0).all()


def test_spread_is_the_measured_one() -> None:
    assert sdss_spread(np.array([3825.0, 6600.0])) == pytest.approx([1.32, 0.918])
