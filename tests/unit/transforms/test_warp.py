"""The warp against `reproject_interp`, and its fast path against the exact one."""

import numpy as np
import pytest
from astropy.wcs import WCS, Sip
from reproject import reproject_interp

from trifid.transforms import warp as module
from trifid.transforms.warp import native_pixel_scale, target_grid, warp

SCALE = 0.396


def make_wcs(*, kind="TAN", scale=SCALE, rotation=0.0, dec=2.0) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{kind}", f"DEC--{kind}"]
    wcs.wcs.crval = [150.0, dec if kind == "TAN" else 0.0]
    wcs.wcs.crpix = [100.5, 80.25] if kind == "TAN" else [100.5, 80.25 - dec * 3600 / scale]
    c, s = np.cos(np.radians(rotation)), np.sin(np.radians(rotation))
    wcs.wcs.cd = np.array([[-c, -s], [-s, c]]) * scale / 3600
    wcs.wcs.set()
    return wcs


def agrees_up_to_a_factor(flux, sampled) -> bool:
    """Whether two samplings differ by one factor only, to 1e-4 of their scatter."""
    factor = (flux * sampled).sum() / (sampled**2).sum()
    return np.abs(flux - factor * sampled).max() < 1e-4 * flux.std()


def expected(image, wcs, grid):
    """Surface brightness by reproject, times the ratio of the pixel areas; NaN outside."""
    sampled, _ = reproject_interp((image, wcs), grid.wcs(), shape_out=(grid.size, grid.size))
    ratio = np.sqrt(abs(np.linalg.det(grid.step))) / np.radians(native_pixel_scale(wcs) / 3600)
    return sampled * ratio**2


@pytest.mark.parametrize("rotation", [0.0, 33.0, -120.0])
@pytest.mark.parametrize(("scale", "pixel_scale"), [(0.396, 0.396), (0.5, 0.3), (0.3, 0.4)])
def test_equal_to_reproject(rotation, scale, pixel_scale):
    image = np.random.default_rng(0).normal(size=(160, 200)).astype(np.float32)
    wcs = make_wcs(rotation=rotation, scale=scale)
    grid = target_grid(wcs, 150.0005, 2.0003, size=60, pixel_scale=pixel_scale)
    flux, outside = warp(image, wcs, grid)
    assert not outside
    assert np.abs(flux - expected(image, wcs, grid)).max() < 1e-5


def test_equal_to_reproject_across_the_edge_of_the_frame():
    image = np.random.default_rng(1).normal(size=(160, 200)).astype(np.float32)
    wcs = make_wcs(rotation=20.0)
    ra, dec = wcs.wcs_pix2world(3.2, 4.7, 0)
    grid = target_grid(wcs, float(ra), float(dec), size=60, pixel_scale=SCALE)
    flux, outside = warp(image, wcs, grid)
    reference = expected(image, wcs, grid)
    assert outside
    assert ((flux == 0) == np.isnan(reference)).all()
    assert np.nanmax(np.abs(flux - reference)) < 1e-5


def test_fast_and_exact_paths_agree(monkeypatch):
    image = np.random.default_rng(2).normal(size=(160, 200)).astype(np.float32)
    wcs = make_wcs(rotation=5.0)
    grid = target_grid(make_wcs(rotation=40.0), 150.0, 2.0, size=100, pixel_scale=SCALE)
    fast, _ = warp(image, wcs, grid)
    monkeypatch.setattr(module, "MAP_TOLERANCE", -1.0)
    exact, _ = warp(image, wcs, grid)
    assert np.abs(fast - exact).max() < 1e-5


def test_a_map_no_cubic_follows_is_done_exactly(monkeypatch):
    """Seven degrees of plate carree at declination 60: the cubic misses by a tenth of a pixel."""
    image = np.random.default_rng(3).normal(size=(160, 200)).astype(np.float32)
    wcs = make_wcs(kind="CAR", dec=60.0, scale=300.0)
    grid = target_grid(make_wcs(dec=60.0), 150.0, 60.0, size=100, pixel_scale=250.0)
    flux, _ = warp(image, wcs, grid)
    sampled, _ = reproject_interp((image, wcs), grid.wcs(), shape_out=(100, 100))
    sampled = np.nan_to_num(sampled)
    assert agrees_up_to_a_factor(flux, sampled)
    monkeypatch.setattr(module, "MAP_TOLERANCE", np.inf)
    missed, _ = warp(image, wcs, grid)
    assert not agrees_up_to_a_factor(missed, sampled)


def test_distortion_polynomials_are_followed():
    wcs = make_wcs()
    wcs.wcs.ctype = ["RA---TAN-SIP", "DEC--TAN-SIP"]
    forward = np.zeros((3, 3))
    forward[2, 0] = 2e-4
    wcs.sip = Sip(forward, forward.T, None, None, wcs.wcs.crpix)
    wcs.wcs.set()
    image = np.random.default_rng(4).normal(size=(160, 200)).astype(np.float32)
    ra, dec = wcs.all_pix2world(120.0, 90.0, 0)
    grid = target_grid(wcs, float(ra), float(dec), size=40, pixel_scale=SCALE)
    flux, _ = warp(image, wcs, grid)
    sampled, _ = reproject_interp((image, wcs), grid.wcs(), shape_out=(40, 40))
    assert agrees_up_to_a_factor(flux, sampled)


def test_big_endian_and_mapped_planes_are_read_in_place(tmp_path):
    image = np.random.default_rng(5).normal(size=(160, 200)).astype(np.float32)
    image.astype(">f4").tofile(tmp_path / "plane")
    mapped = np.memmap(tmp_path / "plane", ">f4", "r", shape=image.shape)
    wcs = make_wcs()
    grid = target_grid(wcs, 150.0, 2.0, size=50, pixel_scale=SCALE)
    assert (warp(mapped, wcs, grid)[0] == warp(image, wcs, grid)[0]).all()


def test_the_grid_as_a_wcs_has_the_target_in_its_centre():
    grid = target_grid(make_wcs(rotation=77.0), 150.01, 2.02, size=64, pixel_scale=0.5)
    wcs = grid.wcs()
    assert wcs.wcs_pix2world(31.5, 31.5, 0) == pytest.approx([150.01, 2.02], abs=1e-12)
    assert native_pixel_scale(wcs) == pytest.approx(0.5, rel=1e-12)
    offsets = np.array([[-31.5, 0.0, 20.0], [31.5, 10.0, -7.0]])
    found = np.stack(wcs.wcs_world2pix(*grid.sky(offsets), 0))
    assert found - 31.5 == pytest.approx(offsets, abs=1e-7)
