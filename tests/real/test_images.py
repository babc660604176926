"""Real frames, stamps, a mosaic and pictures: read whole, cut out as reproject does."""

import numpy as np
import pytest
from astropy.io import fits
from reproject import reproject_interp

from trifid.surveys.pictures import read_picture
from trifid.surveys.sdss_images import identify_image, read_frame
from trifid.transforms.cutout import cutout
from trifid.transforms.warp import native_pixel_scale, target_grid, warp

STAR, GALAXY = "164.4311-39.0359", "5.0073-0.0739"


def area_ratio(wcs, pixel_scale):
    return (pixel_scale / native_pixel_scale(wcs)) ** 2


@pytest.fixture(scope="module")
def frame(shared_data):
    return read_frame(shared_data / "frames" / "frame-u-004948-3-0199.fits.bz2")


@pytest.fixture(scope="module")
def mosaic(shared_data):
    return [
        read_frame(shared_data / "gri_mosaic" / f"reprojected_sdss_{band}.fits.bz2")
        for band in "gri"
    ]


def stamps(shared_data, name):
    return [read_frame(shared_data / "ugriz_stamps" / f"stamp-{b}-{name}.fits") for b in "ugriz"]


def test_the_frame_is_read_as_astropy_reads_it(shared_data, frame):
    with fits.open(shared_data / "frames" / "frame-u-004948-3-0199.fits.bz2") as file:
        assert (file[0].data == frame.flux).all()
    assert (frame.band, frame.run, frame.camcol, frame.field) == ("u", 4948, 3, 199)
    assert native_pixel_scale(frame.wcs) == pytest.approx(0.396, abs=5e-4)
    assert frame.bad_pixels == 0


@pytest.mark.parametrize("position", [(1000.2, 700.7), (300.0, 1200.4), (20.0, 15.0)])
@pytest.mark.parametrize("pixel_scale", [0.396, 0.3])
def test_cutouts_of_the_frame_equal_reproject(frame, position, pixel_scale):
    ra, dec = (float(value) for value in frame.wcs.wcs_pix2world(*position, 0))
    grid = target_grid(frame.wcs, ra, dec, size=100, pixel_scale=pixel_scale)
    flux, edge = warp(frame.flux, frame.wcs, grid)
    expected, _ = reproject_interp((frame.flux, frame.wcs), grid.wcs(), shape_out=(100, 100))
    expected *= area_ratio(frame.wcs, pixel_scale)
    noise = np.nanstd(frame.flux[:100, :100])
    assert edge == (position[0] < 50)
    assert ((flux == 0) == np.isnan(expected)).mean() > 0.9999
    assert np.nanmax(np.abs(flux - expected)) < 1e-3 * noise


def test_bands_of_the_mosaic_come_from_the_names_and_are_aligned(mosaic):
    assert [image.band for image in mosaic] == ["g", "r", "i"]  # every header says g
    planes = [(image.flux, image.wcs) for image in mosaic]
    for position in ((200, 200), (340, 250), (500, 100)):
        ra, dec = (float(value) for value in mosaic[0].wcs.wcs_pix2world(*position, 0))
        found = cutout(planes, ra, dec, size=96, pixel_scale=1.188, reference=1)
        assert not (found.edge or found.misregistered or found.missing_band)
        grid = target_grid(mosaic[1].wcs, ra, dec, size=96, pixel_scale=1.188)
        for flux, image in zip(found.flux, mosaic, strict=True):
            expected, _ = reproject_interp((image.flux, image.wcs), grid.wcs(), shape_out=(96, 96))
            expected *= area_ratio(image.wcs, 1.188)
            assert np.abs(flux - expected).max() < 1e-4 * np.abs(expected).max()


def test_a_shifted_band_of_the_mosaic_is_noticed(mosaic):
    planes = [(image.flux, image.wcs) for image in mosaic]
    wrong = mosaic[2].wcs.deepcopy()
    wrong.wcs.crpix = wrong.wcs.crpix + np.array([2.0, 0.0])
    planes[2] = (mosaic[2].flux, wrong)
    ra, dec = (float(value) for value in mosaic[0].wcs.wcs_pix2world(340, 250, 0))
    assert cutout(planes, ra, dec, size=96, pixel_scale=1.188, reference=1).misregistered


def test_stamps_are_in_nanomaggy_and_centred_on_their_target(shared_data):
    images = stamps(shared_data, STAR)
    with fits.open(shared_data / "ugriz_stamps" / f"cat-{STAR}.fits") as file:
        row = file[1].data[0]
        catalogue = [float(row[f"psfflux_{band}"]) for band in "ugriz"]
    found = cutout(
        [(image.flux, image.wcs) for image in images],
        *images[2].center(),
        size=48,
        pixel_scale=0.396,
        reference=2,
    )
    assert not (found.edge or found.misregistered)
    assert found.residual < 0.2
    # at magnitude 13.4 the star saturates in g, r and i: the catalogue has half its flux there
    ratios = found.flux.sum(axis=(1, 2)) / catalogue
    assert ratios[[0, 4]] == pytest.approx(1, abs=0.05)
    rows, columns = np.mgrid[:48, :48]
    for band in found.flux:
        light = np.where(band > 0.2 * band.max(), band, 0)
        assert (columns * light).sum() / light.sum() == pytest.approx(23.5, abs=0.6)
        assert (rows * light).sum() / light.sum() == pytest.approx(23.5, abs=0.6)


def test_a_stamp_smaller_than_the_cutout_has_an_edge(shared_data):
    images = stamps(shared_data, GALAXY)
    planes = [(image.flux, image.wcs) for image in images]
    found = cutout(planes, *images[2].center(), size=64, pixel_scale=0.396, reference=2)
    assert found.edge
    assert not found.misregistered
    assert not found.flux[:, 0].any()
    assert found.flux[:, 32, 32].all()


def test_the_files_of_a_folder_are_told_apart(shared_data):
    found = [identify_image(path) for path in sorted((shared_data / "ugriz_stamps").iterdir())]
    kept = [item for item in found if item is not None]
    assert len(kept) == 20
    assert {item.kind for item in kept} == {"stamp"}
    assert {item.key for item in kept} == {STAR, GALAXY}
    triplets = [
        identify_image(path) for path in sorted((shared_data / "galaxy_triplets").iterdir())
    ]
    pictures = [item for item in triplets if item is not None]
    assert len(pictures) == 6
    assert all(item.kind == "picture" and len(item.key) == 19 for item in pictures)
    mosaics = [identify_image(path) for path in sorted((shared_data / "gri_mosaic").iterdir())]
    assert [item and item.band for item in mosaics] == ["g", "i", "r"]
    assert {item and item.key for item in mosaics} == {"reprojected_sdss"}


def test_pictures_are_read_in_their_own_size_or_another(shared_data):
    for path in sorted((shared_data / "galaxy_triplets").glob("*.jpeg")):
        assert read_picture(path).shape == (256, 256, 3)
        assert read_picture(path, 64).shape == (64, 64, 3)
    for path in sorted((shared_data / "galaxyzoo_cutouts" / "images").iterdir())[:20]:
        assert read_picture(path).shape == (423, 423, 3)
