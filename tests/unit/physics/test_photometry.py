import numpy as np
import pytest

from trifid.physics import photometry


def test_magnitude_of_a_nanomaggy() -> None:
    assert photometry.magnitude(np.array([1.0, 100.0])) == pytest.approx([22.5, 17.5])
    assert np.isnan(photometry.magnitude(np.array([0.0, -1.0]))).all()
    assert photometry.nanomaggy(np.array([22.5, 17.5])) == pytest.approx([1.0, 100.0])


def test_asinh_magnitudes_agree_when_bright_and_exist_when_negative() -> None:
    flux = np.array([-0.5, 0.0, 1e3])
    ours = photometry.asinh_magnitude(flux, 1.2e-10)
    assert ours[2] == pytest.approx(photometry.magnitude(flux)[2], abs=1e-4)
    assert ours[1] == pytest.approx(24.80, abs=0.005)  # r of zero flux, SDSS asinh table
    assert photometry.asinh_nanomaggy(ours, 1.2e-10) == pytest.approx(flux, abs=1e-9)


@pytest.mark.parametrize("band", photometry.SDSS_BANDS, ids=lambda band: band.name)
def test_response_has_the_width_and_centre(band: photometry.Band) -> None:
    x = np.linspace(2500.0, 11000.0, 40001)
    curve = photometry.response(band, x)
    assert np.ptp(x[curve > 0.5]) == pytest.approx(band.width, rel=1e-3)
    assert np.average(x, weights=curve) == pytest.approx(band.wavelength, rel=1e-3)


def test_flat_f_nu_gives_the_same_flux_in_all_bands() -> None:
    x = np.geomspace(2800.0, 10500.0, 8000)
    f_nu = 20.0 * photometry.NANOMAGGY
    flux = 1e17 * f_nu * photometry.SPEED_OF_LIGHT / x**2
    assert photometry.band_weights(x) @ flux == pytest.approx(np.full(5, 20.0), rel=1e-6)
