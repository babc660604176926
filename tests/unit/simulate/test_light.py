import dataclasses

import numpy as np
import pytest

from trifid.physics import bpt, lines
from trifid.schema import grid
from trifid.simulate import light
from trifid.simulate.galaxies import draw_galaxies


@pytest.fixture(scope="module")
def galaxies():
    return draw_galaxies(np.random.default_rng(11), 60)


def test_emission_has_the_equivalent_width(galaxies) -> None:
    seen = light.shine(galaxies)
    x = grid.wavelengths()
    width = x * np.log(10) * grid.LOG10_STEP
    for row in range(20):
        alpha = 6564.61 * (1 + galaxies.redshift[row])
        beta = 4862.68 * (1 + galaxies.redshift[row])
        flux = [
            (seen.emission[row] * width)[np.abs(x - place) < 40.0].sum() for place in (alpha, beta)
        ]
        nitrogen = galaxies.ratios[row, [7 + 1, 7 + 3]].sum()  # both [N II] lines lie within
        near = np.abs(x - alpha)
        level = seen.continuum[row][(near > 62) & (near < 90)].mean()
        ew = flux[0] / (1.0 + nitrogen) / level / (1 + galaxies.redshift[row])
        assert ew == pytest.approx(galaxies.ew[row], rel=0.05, abs=0.02)


def test_one_object_makes_bands_and_spectrum(galaxies) -> None:
    seen = light.shine(galaxies)
    x = grid.wavelengths()
    spectrum = seen.continuum + seen.emission
    blue = spectrum[:, np.abs(x - 4686) < 650].mean(axis=1)
    red = spectrum[:, np.abs(x - 6166) < 650].mean(axis=1)
    color = -2.5 * np.log10(seen.bands[:, 1] / seen.bands[:, 2])
    fibre = -2.5 * np.log10(blue / red)
    assert np.corrcoef(color, fibre)[0, 1] > 0.99
    assert (seen.bulge_bands < seen.bands).all()


def test_dust_reddens(galaxies) -> None:
    dusty = dataclasses.replace(galaxies, galactic_ebv=galaxies.galactic_ebv + 0.3)
    ratio = light.shine(dusty).bands / light.shine(galaxies).bands
    extinction = -2.5 * np.log10(ratio.mean(axis=0)) / 0.3
    assert extinction == pytest.approx([4.239, 3.303, 2.285, 1.698, 1.263], rel=0.08)


def test_old_galaxies_are_redder() -> None:
    many = draw_galaxies(np.random.default_rng(2), 300)
    bands = light.shine(many).bands
    color = -2.5 * np.log10(bands[:, 0] / bands[:, 2])
    quiescent = many.truth_class == bpt.BLANK
    assert color[quiescent].mean() > color[~quiescent].mean() + 0.5


def test_aperture_and_half_light(galaxies) -> None:
    share = light.fibre_share(galaxies)
    assert ((share > 0.02) & (share < 0.95)).all()
    plain = dataclasses.replace(galaxies, bulge=np.zeros(60))
    assert light.half_light_radius(plain) == pytest.approx(plain.disc_radius, rel=1e-6)


def test_line_names_match_the_columns_of_ratios(galaxies) -> None:
    names = list(lines.EMISSION)
    assert names[8] == "nii_6548"
    assert names[10] == "nii_6584"
    assert galaxies.ratios.shape == (60, len(names))
