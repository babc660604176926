import numpy as np
import pytest

from trifid.simulate import camera


def _profile(**values) -> camera.Profiles:
    base = {
        "row": np.zeros(1, dtype=np.int64),
        "offset": np.zeros((1, 2)),
        "radius": np.array([5.0]),
        "axis": np.array([1.0]),
        "angle": np.array([0.0]),
        "index": np.array([1]),
        "flux": np.full((1, 5), 100.0),
    }
    return camera.Profiles(**(base | values))


_SEEING = np.full((1, 5), 1.3)


@pytest.mark.parametrize("index", [1, 4])
def test_agrees_with_a_brute_force_rendering(index: int) -> None:
    """Direct evaluation on a grid 11 times finer, convolved by direct summation."""
    from scipy.signal import fftconvolve

    fine, size = 11, 64
    step = 1.0 / fine
    place = (np.arange(size * fine) + 0.5) * step - 0.5 - (size - 1) / 2.0
    x, y = np.meshgrid(place, place)
    major, minor = x * 0.8 + y * 0.6, (y * 0.8 - x * 0.6) / 0.5
    radius = np.hypot(major, minor) / 3.0
    b = {1: 1.67834699, 4: 7.66924944}[index]
    light = np.exp(-b * radius ** (1.0 / index))
    if index == 4:
        light *= np.clip(8.0 - radius, 0.0, 1.0)
    light /= light.sum()
    sigma = 1.3 / 0.396 / 2.3548
    edge = np.arange(-15 * fine, 15 * fine + 1) * step
    square = edge[:, None] ** 2 + edge**2
    kernel = 0.9 / sigma**2 * np.exp(-0.5 * square / sigma**2)
    kernel += 0.1 / (3 * sigma) ** 2 * np.exp(-0.5 * square / (3 * sigma) ** 2)
    smooth = fftconvolve(light, kernel / kernel.sum(), mode="same")
    expected = smooth.reshape(size, fine, size, fine).sum(axis=(1, 3))
    angle = np.arctan2(0.6, 0.8)
    ours = camera.render(
        _profile(
            radius=np.array([3.0]), axis=np.array([0.5]), angle=np.array([angle]),
            index=np.array([index]), flux=np.ones((1, 5)),
        ),
        _SEEING,
        size,
    )  # fmt: skip
    assert np.abs(ours[0, 2] - expected).max() < 0.01 * expected.max()


@pytest.mark.parametrize("index", [1, 4])
def test_half_of_the_light_lies_within_the_radius(index: int) -> None:
    image = camera.render(_profile(index=np.array([index])), np.full((1, 5), 0.05), 128)[0, 2]
    place = np.arange(128) - 63.5
    inside = image[np.hypot(*np.meshgrid(place, place)) < 5.0].sum()
    assert inside / 100.0 == pytest.approx(0.5, abs=0.04)


def test_point_has_the_seeing_the_place_and_the_flux() -> None:
    image = camera.render(
        _profile(radius=np.zeros(1), offset=np.array([[3.25, -2.5]])), _SEEING, 64
    )[0, 1]
    place = np.arange(64) - 31.5
    assert image.sum() == pytest.approx(100.0, rel=0.01)
    assert (image.sum(axis=0) @ place) / image.sum() == pytest.approx(3.25, abs=0.05)
    assert (image.sum(axis=1) @ place) / image.sum() == pytest.approx(-2.5, abs=0.05)
    assert image.min() > -1e-3 * image.max()


def test_seeing_is_best_in_z() -> None:
    sky = camera.draw_sky(np.random.default_rng(0), 500)
    assert (np.diff(sky.fwhm, axis=1) < 0).all()
    assert np.median(sky.fwhm[:, 2]) == pytest.approx(1.3, abs=0.03)


def test_noise_is_what_was_asked() -> None:
    rng = np.random.default_rng(0)
    sky = camera.Sky(np.full((40, 5), 1.3), np.tile(camera.SKY, (40, 1)))
    empty = camera.expose(rng, np.zeros((40, 5, 32, 32), dtype=np.float32), sky)
    assert empty.std(axis=(0, 2, 3)) == pytest.approx(
        camera.pixel_noise(np.zeros(5), camera.SKY), rel=0.02
    )
    bright = camera.pixel_noise(np.full(5, 10.0), camera.SKY)
    assert (bright > camera.pixel_noise(np.zeros(5), camera.SKY)).all()
