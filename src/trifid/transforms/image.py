"""Images to what a network reads: centre crop, size, normalisation."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate


def centre_crop(x: Float[Tensor, "B C H W"], size: int) -> Float[Tensor, "B C S S"]:
    """The central square of `size` pixels."""
    top, left = (x.shape[2] - size) // 2, (x.shape[3] - size) // 2
    return x[:, :, top : top + size, left : left + size]


def resize(x: Float[Tensor, "B C H W"], size: int) -> Float[Tensor, "B C S S"]:
    """Bilinear resampling to `size` pixels, averaging where it shrinks (no aliasing)."""
    shrinks = size < x.shape[2] or size < x.shape[3]
    return interpolate(x, size=(size, size), mode="bilinear", antialias=shrinks)


def per_image_zscore(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """(x - mean) / sd of each image and band. Paper: GCSNet eq. 1.

    It erases flux and colour, the very information the bands carry.
    """
    mean = x.mean(dim=(2, 3), keepdim=True)
    sd = x.std(dim=(2, 3), keepdim=True, correction=0)
    return (x - mean) / torch.where(sd > 0, sd, torch.ones_like(sd))


def per_image_minmax(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
    """(x - min) / (max - min) of each image and band. Paper: BATMM eq. 14, min and max per image.

    Like `per_image_zscore` it erases flux and colour; its scale hangs on the brightest pixel. With
    the least and most of all training images it would be `zscore` but for a constant.
    """
    low, high = x.amin(dim=(2, 3), keepdim=True), x.amax(dim=(2, 3), keepdim=True)
    return (x - low) / torch.where(high > low, high - low, torch.ones_like(high))


def zscore(
    x: Float[Tensor, "B C H W"], mean: Float[Tensor, "C"], sd: Float[Tensor, "C"]
) -> Float[Tensor, "B C H W"]:
    """(x - mean) / sd with one mean and sd per band, from the training images."""
    return (x - mean[:, None, None]).div_(sd[:, None, None])


def asinh(x: Float[Tensor, "B C H W"], softening: Float[Tensor, "C"]) -> Float[Tensor, "B C H W"]:
    """Linear near the noise, logarithmic for bright pixels: the asinh of x / softening.

    Lupton, Gunn & Szalay 1999; the softening is the pixel noise of each band. Written with log1p,
    which is as exact as `torch.asinh` and three times as fast; beyond 1e18 it saturates.
    """
    size = (x / softening[:, None, None]).abs_().clamp_max_(1e18)
    square = size * size
    root = (square + 1).sqrt_()
    return size.add_(square.div_(root.add_(1))).log1p_().copysign_(x)


def pixel_noise(x: Float[Tensor, "B C H W"]) -> Float[Tensor, "C"]:
    """Pixel noise of each band: 1.4826 MAD of each image, median over images."""
    pixels = x.flatten(2)
    deviation = (pixels - pixels.median(dim=2, keepdim=True).values).abs()
    noise = 1.4826 * deviation.median(dim=2).values.median(dim=0).values
    return torch.where(noise > 0, noise, torch.ones_like(noise))
