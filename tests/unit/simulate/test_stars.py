"""Mixes of stars."""

import numpy as np
import pytest

from trifid.physics import photometry
from trifid.simulate.starlight import rest_bands
from trifid.simulate.stars import KINDS, MIXES, draw_blue_stars, draw_stars
from trifid.simulate.stellar_grid import FAMILIES


def colors(stars):
    magnitudes = photometry.magnitude(rest_bands(stars))
    return magnitudes[:, :-1] - magnitudes[:, 1:]


def test_every_kind_has_a_grid_and_its_temperatures_lie_in_it():
    for kind in KINDS:
        nodes = FAMILIES[kind.family].teff
        assert nodes[0] <= kind.teff[0] < kind.teff[1] <= nodes[-1]
    for shares in MIXES.values():
        assert set(shares) == {kind.name for kind in KINDS}


@pytest.mark.parametrize("mix", list(MIXES))
def test_a_draw_repeats_and_follows_its_shares(mix):
    first, second = (draw_stars(np.random.default_rng(5), 4000, mix) for _ in range(2))
    assert np.array_equal(first.teff, second.teff)
    share = MIXES[mix]["F halo"] / sum(MIXES[mix].values())
    assert np.mean(first.truth_type == "F halo") == pytest.approx(share, abs=0.03)
    assert np.all((first.magnitude > 14) & (first.magnitude < 22.3))
    assert np.std(first.redshift) < 1e-3


def test_colors_follow_temperature():
    """Medians of g - r: G 0.5, F 0.3, A below 0; M dwarfs have 1.4 in the sky, 0.2 less here."""
    stars = draw_stars(np.random.default_rng(2), 1500, "legacy")
    red = colors(stars)[:, 1]
    wanted = {"A": (-0.25, 0.05), "F": (0.2, 0.45), "G": (0.42, 0.65), "K": (0.6, 1.15)}
    wanted |= {"M early": (1.05, 1.55), "M late": (1.1, 1.75)}
    for name, (low, high) in wanted.items():
        assert low < np.median(red[stars.truth_type == name]) < high, name


def test_m_dwarfs_are_red_in_r_minus_i():
    stars = draw_stars(np.random.default_rng(2), 1500, "legacy")
    late = stars.truth_type == "M late"
    assert 1.2 < np.median(colors(stars)[late, 2]) < 2.2


def test_blue_stars_fill_the_color_box_and_jump_by_gravity():
    """At one g - r the larger Balmer jump of giants makes u - g larger by about 0.1."""
    stars = draw_blue_stars(np.random.default_rng(4), 800)
    assert len(stars) == 800
    blue, red = colors(stars)[:, 0], colors(stars)[:, 1]
    assert np.all((blue > 0.8) & (blue < 1.6) & (red > -0.5) & (red < 0.2))
    assert set(stars.truth_type) == {"BHB", "BS", "MS"}
    excess = []
    for middle in (-0.2, -0.15, -0.1, -0.05):
        near = np.abs(red - middle) < 0.03
        giants, dwarfs = near & (stars.truth_type == "BHB"), near & (stars.truth_type == "BS")
        excess.append(np.median(blue[giants]) - np.median(blue[dwarfs]))
    assert 0.05 < np.mean(excess) < 0.2
