import dataclasses

import numpy as np
import pytest

from trifid.simulate import camera, imaging
from trifid.simulate.source import Shape

_LEVEL = np.tile(camera.SKY, (1, 1))


def _shape(count: int = 1, point: float = 0.0, **values: float) -> Shape:
    base = {"disc_radius": 2.2, "bulge_radius": 1.2, "disc_axis": 0.6, "bulge_axis": 0.8,
            "angle": 0.7}  # fmt: skip
    arrays = {name: np.full(count, value) for name, value in (base | values).items()}
    return Shape(**arrays, point=np.full((count, 5), point))


def _scene(count: int = 1, flux: float = 100.0, bulge: float = 0.4, **values: float):
    bands = np.full((count, 5), flux)
    shape = _shape(count, **values)
    share = bulge * (1.0 - shape.point)
    return imaging.scene(shape, bands, share * bands, np.full(count, 0.03))


def _sky(count: int = 1, fwhm: float = 1.3) -> camera.Sky:
    return camera.Sky(np.full((count, 5), fwhm), np.tile(camera.SKY, (count, 1)))


def _galsim_image(profile, size: int = 48) -> np.ndarray:
    galsim = pytest.importorskip("galsim")
    sigma = 1.3 / 2.3548
    seeing = galsim.Gaussian(sigma=sigma, flux=0.9) + galsim.Gaussian(sigma=3 * sigma, flux=0.1)
    seen = galsim.Convolve(profile, seeing) if profile is not None else seeing
    return seen.drawImage(nx=size, ny=size, scale=camera.PIXEL).array


@pytest.mark.parametrize(
    ("index", "radius", "axis", "angle"),
    [(1, 2.2, 0.6, 0.7), (1, 4.0, 0.3, 2.0), (4, 1.2, 0.8, 0.2), (4, 3.0, 0.5, 1.1),
     (1, 0.0, 1.0, 0.0)],
)  # fmt: skip
def test_agrees_with_galsim(index: int, radius: float, axis: float, angle: float) -> None:
    galsim = pytest.importorskip("galsim")
    if radius == 0.0:
        profile = None
    elif index == 1:
        profile = galsim.Exponential(half_light_radius=radius)
    else:
        profile = galsim.DeVaucouleurs(
            half_light_radius=radius, trunc=7.5 * radius, flux_untruncated=True
        ).withFlux(1.0)
    if profile is not None:
        # galsim shears at constant area; the major half-light radius here is the given one
        profile = profile.dilate(np.sqrt(axis))
        profile = profile.shear(q=axis, beta=angle * galsim.radians)
    expected = _galsim_image(profile)
    ours = camera.render(
        camera.Profiles(
            np.zeros(1, dtype=np.int64), np.zeros((1, 2)), np.array([radius / camera.PIXEL]),
            np.array([axis]), np.array([angle]), np.array([index]), np.ones((1, 5)),
        ),
        np.full((1, 5), 1.3),
        48,
    )[0, 2]  # fmt: skip
    assert np.abs(ours - expected).max() < 0.01 * expected.max()


def test_fibre_gives_back_what_it_loses_of_points() -> None:
    fwhm = np.array([1.1, 1.5, 2.0])
    assert imaging.fibre_share(_scene(3, point=1.0), fwhm, 1.0) == pytest.approx(1.0)
    share = imaging.fibre_share(_scene(3), fwhm, 1.0)
    assert (share < 0.5).all() and (share > 0.05).all()
    assert (imaging.fibre_share(_scene(3), fwhm, 1.5) > share).all()


def test_psf_magnitudes_miss_the_outskirts_of_galaxies() -> None:
    rng = np.random.default_rng(0)
    galaxies = imaging.photometric_catalogue(rng, _scene(300), _sky(300))
    stars = imaging.photometric_catalogue(rng, _scene(300, point=1.0), _sky(300))
    miss = galaxies["psfmag_r"] - galaxies["modelmag_r"]
    assert 0.5 < np.median(miss) < 2.0
    assert np.median(stars["psfmag_r"] - stars["modelmag_r"]) == pytest.approx(0.0, abs=0.01)
    assert (galaxies["type"] == imaging.GALAXY).all()
    assert (stars["type"] == imaging.STAR).all()
    assert np.median(stars["modelmag_r"]) == pytest.approx(17.5, abs=0.01)
    assert np.median(stars["fibermag_r"]) == pytest.approx(17.75, abs=0.15)


def test_errors_say_how_magnitudes_scatter() -> None:
    rng = np.random.default_rng(1)
    seen = imaging.photometric_catalogue(rng, _scene(2000, flux=1.0, point=1.0), _sky(2000))
    for band in "ugriz":
        scatter = seen[f"psfmag_{band}"].std()
        assert scatter == pytest.approx(np.median(seen[f"psfmagerr_{band}"]), rel=0.15)
    bright = imaging.photometric_catalogue(rng, _scene(10, point=1.0), _sky(10))
    assert (bright["psfmagerr_r"] < 0.02).all()


def test_a_faint_star_is_sometimes_taken_for_a_galaxy() -> None:
    rng = np.random.default_rng(2)
    faint = imaging.photometric_catalogue(rng, _scene(2000, flux=0.5, point=1.0), _sky(2000))
    assert 0.0 < (faint["type"] == imaging.GALAXY).mean() < 0.3


def test_u_noise_is_that_of_a_real_frame() -> None:
    """Papers' specification F.10: 0.042 nanomaggy at sky 22.03, within 15 %."""
    level = np.array([10.0 ** (0.4 * (22.5 - 22.03))])
    frame = camera.Detectors(np.array([0.0093]), np.array([1.59]), np.array([8.7025]))
    assert camera.pixel_noise(np.zeros(1), level, frame) == pytest.approx(0.042, rel=0.15)


def test_depth_divides_the_noise() -> None:
    blank = np.zeros((2, 5, 32, 32), np.float32)
    once = camera.expose(np.random.default_rng(0), blank, _sky(2))
    deep = camera.expose(np.random.default_rng(0), blank, _sky(2), 2.0)
    assert deep == pytest.approx(once / 2.0)


def test_nucleus_and_host_share_an_image() -> None:
    scene = _scene(1, point=0.5, bulge=0.0)
    assert scene.point[0, 2] == scene.disc[0, 2] == 50.0
    sharp = imaging.photograph(np.random.default_rng(0), scene, _sky(), 33)
    smooth = imaging.photograph(np.random.default_rng(0), _scene(1, bulge=0.0), _sky(), 33)
    assert sharp[0, 2].max() > 1.5 * smooth[0, 2].max()
    assert imaging.half_light_radius(scene)[0] < imaging.half_light_radius(_scene())[0]


def test_shapes_join() -> None:
    both = imaging.join_shapes([_shape(2), _shape(3, point=1.0)])
    assert all(len(getattr(both, item.name)) == 5 for item in dataclasses.fields(Shape))
