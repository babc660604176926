"""Colour pictures of calibrated images.

Paper: Lupton et al. 2004, PASP 116, 133, "Preparing red-green-blue images from CCD data", eq. 2.
"""

import numpy as np

# Weights of i, r, g and the two parameters: those of the survey's own pictures, from memory [R]
_WEIGHTS = np.array([4.9 * 1.0, 5.7 * 1.0, 7.8 * 1.0])
_STRETCH, _SOFTENING = 0.06, 8.0


def lupton_rgb(
    flux: np.ndarray, *, stretch: float = _STRETCH, softening: float = _SOFTENING
) -> np.ndarray:
    """Pictures (B, H, W, 3) uint8 of fluxes (B, 3, H, W) in red, green, blue.

    The mean of the three is compressed by arcsinh and the colour is kept: where the brightest of
    the three would pass white, all three are divided alike.

    Args:
        flux: i, r and g images [nanomaggy per pixel].
        stretch: Slope of the curve at zero, over white.
        softening: Q: how soon the curve bends.
    """
    bands = flux * _WEIGHTS[:, None, None]
    mean = bands.mean(axis=1, keepdims=True)
    compressed = np.arcsinh(softening * stretch * np.maximum(mean, 0.0)) / softening
    ratio = np.where(mean > 0, compressed / np.where(mean > 0, mean, 1.0), stretch)
    picture = np.maximum(bands * ratio, 0.0)
    brightest = picture.max(axis=1, keepdims=True)
    picture = picture / np.maximum(brightest, 1.0)
    return np.rint(255.0 * np.moveaxis(picture, 1, -1)).astype(np.uint8)
