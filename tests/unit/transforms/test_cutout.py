"""Cutouts: centred, aligned, flux kept, and honest about edges and registration."""

import numpy as np
import pytest
from astropy.wcs import WCS

from trifid.errors import InputError
from trifid.transforms.cutout import MISREGISTERED, blended, cutout, registration_lags

SCALE = 0.396  # [arcsec]


def make_wcs(
    ra=150.0, dec=2.0, *, scale=SCALE, rotation=0.0, flip=False, at=(128.0, 128.0), kind="TAN"
) -> WCS:
    """A WCS with the position at pixel `at` (from 0); north up, east left before rotation."""
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{kind}", f"DEC--{kind}"]
    wcs.wcs.crval = [ra, dec]
    wcs.wcs.crpix = [at[0] + 1, at[1] + 1]
    c, s = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    parity = np.diag([1.0 if flip else -1.0, 1.0])
    wcs.wcs.cd = np.array([[c, -s], [s, c]]) @ parity * scale / 3600
    wcs.wcs.set()
    return wcs


def star(shape, x, y, *, flux=100.0, sigma=1.6) -> np.ndarray:
    """A Gaussian star at pixel (x, y), its sum `flux`."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    image = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    return (flux / (2 * np.pi * sigma**2) * image).astype(np.float32)


def sky(wcs: WCS, x: float, y: float) -> tuple[float, float]:
    ra, dec = wcs.all_pix2world(x, y, 0)
    return float(ra), float(dec)


def centroid(image: np.ndarray) -> tuple[float, float]:
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]]
    total = image.sum()
    return float((columns * image).sum() / total), float((rows * image).sum() / total)


@pytest.mark.parametrize("size", [41, 64])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"rotation": 37.0},
        {"rotation": 200.0, "flip": True},
        {"flip": True},
        {"scale": 0.25},
        {"scale": 0.7, "rotation": -80.0},
        {"dec": 89.95},
        {"dec": -75.0, "rotation": 91.0},
        {"ra": 0.0005},
    ],
)
def test_a_star_at_the_target_lies_in_the_exact_centre(options, size):
    wcs = make_wcs(**options)
    x, y = 101.3, 140.8
    ra, dec = sky(wcs, x, y)
    found = cutout(
        [(star((256, 256), x, y), wcs)], ra, dec, size=size, pixel_scale=SCALE, reference=0
    )
    assert not found.edge
    assert centroid(found.flux[0]) == pytest.approx([(size - 1) / 2] * 2, abs=0.02)


def test_orientation_is_that_of_the_reference_band():
    wcs = make_wcs(rotation=30.0, flip=True)
    other = make_wcs(rotation=-100.0)
    ra, dec = sky(wcs, 120.0, 120.0)
    neighbour = sky(wcs, 127.0, 117.0)  # seven pixels right of the target, three below it
    x, y = other.wcs_world2pix(*neighbour, 0)
    planes = [(star((256, 256), 127.0, 117.0), wcs), (star((256, 256), x, y), other)]
    found = cutout(planes, ra, dec, size=65, pixel_scale=SCALE, reference=0)
    for band in found.flux:
        assert centroid(band) == pytest.approx([32 + 7, 32 - 3], abs=0.02)
    turned = cutout(planes, ra, dec, size=65, pixel_scale=SCALE, reference=1)
    assert centroid(turned.flux[0]) != pytest.approx([32 + 7, 32 - 3], abs=3)


def test_bands_with_their_own_offsets_are_aligned():
    planes, (ra, dec) = [], sky(make_wcs(), 120.0, 130.0)
    for offset, rotation, scale in ((0.0, 0.0, 0.396), (9.4, 1.5, 0.396), (-14.7, -3.0, 0.41)):
        wcs = make_wcs(at=(128 + offset, 128 - offset), rotation=rotation, scale=scale)
        x, y = wcs.wcs_world2pix(ra, dec, 0)
        planes.append((star((256, 256), x, y), wcs))
    found = cutout(planes, ra, dec, size=64, pixel_scale=SCALE, reference=1)
    assert [centroid(band) for band in found.flux] == [pytest.approx((31.5, 31.5), abs=0.02)] * 3
    assert not found.misregistered
    assert found.residual < 0.05


@pytest.mark.parametrize("scale", [0.1, 0.2, 0.396, 0.6, 1.1])
def test_total_flux_is_kept_when_the_scale_changes(scale):
    wcs = make_wcs(at=(300.0, 300.0))
    image = star((600, 600), 300.0, 300.0, sigma=2.5)
    size = int(60 / scale)
    found = cutout([(image, wcs)], 150.0, 2.0, size=size, pixel_scale=scale, reference=0)
    assert found.flux.sum() == pytest.approx(100.0, rel=1e-3 if scale < 1 else 1e-2)


def test_a_coarse_cutout_averages_all_pixels_it_covers():
    noise = np.random.default_rng(3).normal(size=(512, 512)).astype(np.float32)
    wcs = make_wcs(at=(255.5, 255.5))
    found = cutout([(noise, wcs)], 150.0, 2.0, size=60, pixel_scale=8 * SCALE, reference=0)
    # the sum of 64 independent pixels scatters by 8; single samples times 64 would by about 43
    assert found.flux.std() == pytest.approx(8.0, rel=0.1)


def test_pixels_outside_the_frame_are_zero_and_flagged():
    wcs = make_wcs()
    image = np.ones((256, 256), np.float32)
    ra, dec = sky(wcs, 10.0, 128.0)
    found = cutout([(image, wcs)], ra, dec, size=65, pixel_scale=SCALE, reference=0)
    assert found.edge
    assert (found.flux[0][:, :21] == 0).all()  # x from -22 to -2
    assert found.flux[0][:, 22:] == pytest.approx(1, rel=1e-5)
    inside = cutout([(image, wcs)], *sky(wcs, 33.0, 128.0), size=65, pixel_scale=SCALE, reference=0)
    assert not inside.edge
    assert (inside.flux > 0).all()


def test_a_target_far_off_the_frame_gives_an_empty_cutout():
    wcs = make_wcs()
    found = cutout(
        [(np.ones((256, 256), np.float32), wcs)],
        *sky(wcs, 5000.0, 128.0),
        size=64,
        pixel_scale=SCALE,
        reference=0,
    )
    assert found.edge
    assert not found.flux.any()


def test_a_band_from_the_other_side_of_the_sky_is_empty_not_an_error():
    near, far = make_wcs(), make_wcs(ra=330.0, dec=-2.0)
    image = np.ones((256, 256), np.float32)
    found = cutout(
        [(image, near), (image, far)], 150.0, 2.0, size=64, pixel_scale=SCALE, reference=0
    )
    assert found.edge
    assert found.flux[0].all()
    assert not found.flux[1].any()
    with pytest.raises(InputError, match="no pixel in the reference band"):
        cutout([(image, near), (image, far)], 150.0, 2.0, size=64, pixel_scale=SCALE, reference=1)


def test_a_missing_band_is_zero_and_flagged_even_if_it_is_the_reference():
    wcs = make_wcs()
    planes = [None, (star((256, 256), 128.0, 128.0), wcs), None]
    found = cutout(planes, 150.0, 2.0, size=64, pixel_scale=SCALE, reference=0)
    assert found.missing_band
    assert found.residual is None
    assert not found.flux[0].any()
    assert not found.flux[2].any()
    assert centroid(found.flux[1]) == pytest.approx((31.5, 31.5), abs=0.02)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ra": np.nan}, "is no position"),
        ({"dec": 91.0}, "is no position"),
        ({"dec": np.nan}, "is no position"),
        ({"size": 0}, "expected a size of 1"),
        ({"size": 10**6}, "expected a size of 1"),
        ({"pixel_scale": 0.0}, "expected a size of 1"),
        ({"pixel_scale": np.nan}, "expected a size of 1"),
        ({"planes": [None, None]}, "0 of 2 bands are given"),
        ({"reference": 3}, "reference 3; expected"),
        ({"planes": [(np.zeros((1, 9), np.float32), make_wcs())]}, r"shape \(1, 9\)"),
    ],
)
def test_unusable_arguments_are_refused(change, message):
    arguments = {
        "planes": [(np.zeros((64, 64), np.float32), make_wcs())],
        **{"ra": 150.0, "dec": 2.0, "size": 32, "pixel_scale": SCALE, "reference": 0},
    }
    with pytest.raises(InputError, match=message):
        cutout(**(arguments | change))


def noisy_pair(*, shift: float, brightness: float, seed: int):
    """A star field in two bands; the second band's WCS is wrong by `shift` pixels."""
    rng = np.random.default_rng(seed)
    places = rng.uniform(100, 156, (4, 2))
    images = [
        sum(
            star((256, 256), x, y, flux=brightness * f)
            for (x, y), f in zip(places, each, strict=True)
        )
        + rng.normal(0, 1, (256, 256)).astype(np.float32)
        for each in rng.uniform(0.5, 2.0, (2, 4))
    ]
    return [(images[0], make_wcs()), (images[1], make_wcs(at=(128.0 + shift, 128.0)))]


@pytest.mark.parametrize("seed", range(5))
def test_a_wrong_wcs_of_one_band_is_found(seed):
    right = noisy_pair(shift=0.0, brightness=300.0, seed=seed)
    wrong = noisy_pair(shift=4.0, brightness=300.0, seed=seed)
    good = cutout(right, 150.0, 2.0, size=64, pixel_scale=SCALE, reference=0)
    bad = cutout(wrong, 150.0, 2.0, size=64, pixel_scale=SCALE, reference=0)
    assert not good.misregistered
    assert good.residual < 0.3
    assert bad.misregistered
    assert bad.residual == pytest.approx(4 * SCALE, abs=0.3)
    assert bad.residual > MISREGISTERED


@pytest.mark.parametrize("brightness", [0.0, 10.0])
def test_bands_too_faint_to_tell_say_nothing(brightness):
    for seed in range(20):
        planes = noisy_pair(shift=0.0, brightness=brightness, seed=seed)
        found = cutout(planes, 150.0, 2.0, size=64, pixel_scale=SCALE, reference=0)
        assert found.residual is None
        assert not found.misregistered


@pytest.mark.parametrize("size", [1, 2, 4, 5, 300])
def test_registration_of_empty_and_tiny_images(size):
    assert registration_lags(np.zeros((2, size, size), np.float32), 0) == [None, None]


def test_the_lag_is_measured_to_a_fraction_of_a_pixel():
    rng = np.random.default_rng(9)
    flux = np.stack([star((64, 64), x, 30.0) for x in (31.0, 34.3, 31.0)])
    flux[2] = 0
    flux += rng.normal(0, 0.1, flux.shape).astype(np.float32)
    lags = registration_lags(flux, 0)
    assert lags[0] is None
    assert lags[1] == pytest.approx(3.3, abs=0.15)
    assert lags[2] is None


def test_different_sources_in_two_bands_are_no_shift():
    """A blue star and a red one: the bands share neither, but the target they do."""
    rng = np.random.default_rng(10)
    target = star((64, 64), 31.0, 31.0, flux=30.0)
    blue = target + star((64, 64), 14.0, 40.0, flux=90.0)
    red = target + star((64, 64), 40.0, 18.0, flux=90.0)
    flux = np.stack([blue, red]) + rng.normal(0, 0.1, (2, 64, 64)).astype(np.float32)
    assert registration_lags(flux, 0)[1] == pytest.approx(0.0, abs=0.3)


@pytest.mark.parametrize(
    ("away", "flux", "expected"),
    [
        ((8.0, 3.0), 60.0, True),  # 3.4 arcsec, a little fainter
        ((0.0, -9.0), 300.0, True),  # brighter than the target
        ((8.0, 3.0), 10.0, False),  # 2.5 magnitudes fainter
        ((20.0, 3.0), 100.0, False),  # 8 arcsec: its own object
        ((0.0, 0.0), 0.0, False),
    ],
)
def test_a_second_source_close_to_the_target_blends(away, flux, expected):
    noise = np.random.default_rng(3).normal(0, 0.02, (64, 64)).astype(np.float32)
    image = star((64, 64), 31.5, 31.5) + noise
    image += star((64, 64), 31.5 + away[0], 31.5 + away[1], flux=flux)
    assert blended(image, SCALE) is expected


def test_noise_and_smooth_galaxies_do_not_blend():
    random = np.random.default_rng(4)
    galaxy = star((64, 64), 31.5, 31.5, flux=500.0, sigma=7.0)
    noises = random.normal(0, 0.05, (200, 64, 64)).astype(np.float32)
    assert sum(blended(galaxy + noise, SCALE) for noise in noises) == 0
    assert sum(blended(noise, SCALE) for noise in noises) <= 2
    assert not blended(np.zeros((8, 8), np.float32), SCALE)
