"""Numbers others have published, against ours."""

import numpy as np
import pytest

from trifid.physics import air, bpt, extinction, lines, photometry
from trifid.schema import grid
from trifid.simulate import camera, galaxy4, spectrograph


@pytest.mark.parametrize(
    ("in_air", "in_vacuum"),
    [  # NIST atomic spectra database: Halpha, Hbeta, [O III], Ca II
        (6562.80, 6564.61),
        (4861.33, 4862.68),
        (5006.84, 5008.24),
        (8542.09, 8544.44),
    ],
)
def test_air_to_vacuum_pairs(in_air: float, in_vacuum: float) -> None:
    assert air.air_to_vacuum(np.array([in_air])) == pytest.approx([in_vacuum], abs=0.015)


def test_halpha_is_in_vacuum() -> None:
    assert lines.EMISSION["h_alpha"].wavelength == 6564.61
    assert lines.EMISSION["oiii_5007"].wavelength == 5008.24


def test_bpt_reference_points() -> None:
    x, y = np.array([-0.6, -0.2, 0.0, 0.1]), np.array([-0.5, 0.0, 0.9, 0.2])
    assert bpt.classify(x, y).tolist() == ["Star Forming", "Composite", "Seyfert", "LINER"]


def test_extinction_coefficients_by_release() -> None:
    assert extinction.coefficients(12)[2] == 2.751
    assert extinction.coefficients(13)[2] == 2.285
    old, new = (np.array(extinction.coefficients(r)) for r in (7, 17))
    assert old[1] / old[2] == pytest.approx(1.379, abs=5e-4)
    assert new[1] / new[2] == pytest.approx(1.446, abs=5e-4)


def test_milky_way_curve_gives_the_survey_coefficients() -> None:
    # raw SFD coefficients are this curve (R_V = 3.1) over the real bands
    centres = np.array([band.wavelength for band in photometry.SDSS_BANDS])
    expected = np.array(extinction.SFD_COEFFICIENTS)
    assert extinction.milky_way(centres) == pytest.approx(expected, rel=0.06)


def test_pixel_is_69_kilometres_per_second() -> None:
    assert pytest.approx(69.03, abs=0.01) == spectrograph.PIXEL_VELOCITY


def test_resolution_is_1844_over_the_line_spread() -> None:
    fwhm_to_sigma = 2.0 * np.sqrt(2.0 * np.log(2.0))
    for wavelength, resolution in ((3825, 1400), (5125, 1946), (6600, 2008), (8800, 2512)):
        spread = spectrograph.line_spread(np.array([float(wavelength)]))
        ours = 1.0 / (fwhm_to_sigma * spread * np.log(10.0) * grid.LOG10_STEP)
        assert ours == pytest.approx([resolution], rel=0.01)


def test_pixel_noise_of_the_camera() -> None:
    noise = camera.pixel_noise(np.zeros(5), camera.SKY)
    assert noise == pytest.approx([0.049, 0.017, 0.027, 0.045, 0.17], rel=0.02)


def test_u_frame_noise_of_a_real_frame() -> None:
    """Run 4948, camcol 3: 0.042 nanomaggy at a sky of 22.03 mag/arcsec^2."""
    column = camera.Detectors(np.array([0.0093]), np.array([1.59]), np.array([8.7025]))
    level = photometry.nanomaggy(np.array([22.03]))
    noise = camera.pixel_noise(np.zeros(1), level, column)
    assert noise == pytest.approx([0.042], rel=0.15)


@pytest.mark.parametrize(
    ("plate", "mjd", "fiber", "key"),
    [
        (266, 51602, 1, 299489676975171584),
        (266, 51602, 162, 299533932318189568),
        (411, 51817, 119, 462777602667472896),
    ],
)
def test_specobjid_of_real_spectra(plate: int, mjd: int, fiber: int, key: int) -> None:
    assert galaxy4.spectroscopic_id(plate, mjd, fiber, 26) == key
