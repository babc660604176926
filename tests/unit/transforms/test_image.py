"""Crop, size and normalisation of images."""

import numpy as np
import torch

from trifid.transforms import image as images


def test_centre_crop_keeps_the_centre():
    x = torch.zeros(1, 1, 64, 64)
    x[..., 31:33, 31:33] = 1
    assert images.centre_crop(x, 4).sum() == 4
    assert images.centre_crop(x, 4).shape == (1, 1, 4, 4)


def test_per_image_zscore_erases_the_colour_that_zscore_keeps():
    torch.manual_seed(0)
    red = torch.rand(1, 2, 8, 8)
    red[:, 1] *= 5
    blue = red.flip(1)
    once, twice = images.per_image_zscore(red), images.per_image_zscore(blue)
    torch.testing.assert_close(once[:, 0].std(), once[:, 1].std())
    torch.testing.assert_close(once, twice.flip(1))
    mean, sd = red.mean((0, 2, 3)), red.std((0, 2, 3))
    assert not torch.allclose(images.zscore(red, mean, sd), images.zscore(blue, mean, sd).flip(1))


def test_per_image_zscore_of_a_flat_image_is_zero():
    assert (images.per_image_zscore(torch.full((1, 1, 4, 4), 7.0)) == 0).all()


def test_per_image_minmax_spans_nought_to_one_whatever_the_flux():
    torch.manual_seed(0)
    x = torch.randn(3, 2, 8, 8)
    got = images.per_image_minmax(x)
    assert (got.amin(dim=(2, 3)) == 0).all() and (got.amax(dim=(2, 3)) == 1).all()
    torch.testing.assert_close(images.per_image_minmax(40 * x + 3), got, atol=1e-5, rtol=1e-5)
    assert (images.per_image_minmax(torch.full((1, 1, 4, 4), 7.0)) == 0).all()


def test_asinh_is_linear_at_the_noise_and_logarithmic_above():
    x = torch.tensor([1e-3, 1e3]).view(1, 1, 1, 2)
    got = images.asinh(x, torch.tensor([1.0])).flatten()
    torch.testing.assert_close(got, torch.tensor([1e-3, np.log(2e3)], dtype=torch.float32))


def test_asinh_is_exact_over_all_sizes():
    x = torch.logspace(-30, 17, 500).view(1, 1, 1, -1)
    both = torch.cat([x, -x, torch.zeros_like(x)], dim=-1)
    expected = torch.asinh(both.double())
    got = images.asinh(both, torch.tensor([1.0])).double()
    torch.testing.assert_close(got, expected, rtol=3e-7, atol=0)
    assert images.asinh(torch.full((1, 1, 1, 1), 1e30), torch.tensor([1.0])).isfinite().all()


def test_pixel_noise_recovers_sigma_beside_a_source():
    generator = torch.Generator().manual_seed(0)
    x = 0.05 * torch.randn(40, 1, 64, 64, generator=generator)
    x[:, :, 28:36, 28:36] += 10
    assert abs(float(images.pixel_noise(x)) / 0.05 - 1) < 0.05


def test_resize_keeps_the_mean_level():
    x = torch.rand(2, 3, 64, 64)
    for size in (32, 300):
        assert abs(float(images.resize(x, size).mean() - x.mean())) < 0.01
