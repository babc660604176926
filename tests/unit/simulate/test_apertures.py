import numpy as np
import pytest

from trifid.simulate import apertures, camera


@pytest.mark.parametrize(("index", "radius"), [(1, 0.7), (1, 2.5), (4, 0.7), (4, 2.5)])
def test_psf_flux_is_the_weighted_sum_over_the_image(index: int, radius: float) -> None:
    def image(size: float) -> np.ndarray:
        profile = camera.Profiles(
            np.zeros(1, dtype=np.int64), np.zeros((1, 2)), np.array([size / camera.PIXEL]),
            np.ones(1), np.zeros(1), np.array([index]), np.ones((1, 5)),
        )  # fmt: skip
        return camera.render(profile, np.full((1, 5), 1.5), 129)[0, 2].astype(float)

    point = image(0.0)
    measured = (point * image(radius)).sum() / (point**2).sum()
    told = apertures.psf_share(np.array([radius]), np.array([1.5]), index)[0]
    assert told == pytest.approx(measured, rel=0.03)  # the pixel is left out of one of them


@pytest.mark.parametrize(("index", "radius"), [(1, 0.0), (1, 2.0), (4, 2.0)])
def test_aperture_holds_what_the_image_shows_there(index: int, radius: float) -> None:
    profile = camera.Profiles(
        np.zeros(1, dtype=np.int64), np.zeros((1, 2)), np.array([radius / camera.PIXEL]),
        np.ones(1), np.zeros(1), np.array([index]), np.ones((1, 5)),
    )  # fmt: skip
    image = camera.render(profile, np.full((1, 5), 1.5), 129)[0, 2]
    fine = np.repeat(np.repeat(image, 9, axis=0), 9, axis=1) / 81.0
    place = (np.arange(129 * 9) - (129 * 9 - 1) / 2) / 9 * camera.PIXEL
    seen = fine[np.hypot(*np.meshgrid(place, place)) < 1.5].sum()
    told = apertures.aperture_share(np.array([radius]), np.array([1.5]), 1.5, index)[0]
    assert told == pytest.approx(seen, rel=0.02)
