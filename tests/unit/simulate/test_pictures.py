import numpy as np
import pytest

from trifid.simulate.pictures import lupton_rgb


def test_grey_stays_grey_and_brighter_is_brighter() -> None:
    flux = np.linspace(0.0, 0.3, 16).reshape(1, 1, 4, 4) / np.array([4.9, 5.7, 7.8])[:, None, None]
    picture = lupton_rgb(flux)
    assert picture.shape == (1, 4, 4, 3) and picture.dtype == np.uint8
    assert (np.ptp(picture.astype(int), axis=-1) <= 1).all()
    assert (np.diff(picture[0, :, :, 0].ravel().astype(int)) >= 0).all()


def test_colour_does_not_depend_on_brightness() -> None:
    faint = np.array([0.02, 0.01, 0.005])[None, :, None, None]
    ratios = [
        (picture[..., 0] / picture[..., 2])[0, 0, 0]
        for picture in (lupton_rgb(faint * scale).astype(float) for scale in (5.0, 50.0, 5000.0))
    ]
    assert ratios == pytest.approx([ratios[0]] * 3, rel=0.1)
    assert lupton_rgb(faint * 1e6).max() == 255


def test_negative_pixels_are_black() -> None:
    assert (lupton_rgb(np.full((1, 3, 2, 2), -5.0)) == 0).all()
