"""Small colour pictures of objects as PNG data URIs.

The stretch is that of Lupton et al. (2004, PASP 116, 133): one asinh curve on the mean of three
bands, colours kept, the brightest channel clipped without changing the hue.
"""

import base64
import io

import numpy as np

_KNEE = 4.0  # flux [sky noise] where the curve turns from linear to logarithmic
# bands as red, green, blue: the first triple whose bands are all there
_TRIPLES = (("i", "r", "g"), ("r", "g", "u"), ("z", "i", "r"), ("z", "r", "g"))
# a galaxy's spectrum falls to the blue: weights that make a typical one nearly white
_WEIGHTS = {"u": 4.0, "g": 1.8, "r": 1.15, "i": 0.9, "z": 0.75}


def choose_bands(bands: tuple[str, ...]) -> tuple[str, ...]:
    """Three bands for red, green and blue, or the one band to show in grey."""
    for triple in _TRIPLES:
        if set(triple) <= set(bands):
            return triple
    return bands[:3] if len(bands) >= 3 else bands[:1]


def colour(flux: np.ndarray, bands: tuple[str, ...], shown: tuple[str, ...]) -> np.ndarray:
    """Turns flux (C, H, W) into a picture (H, W, 3) uint8, rows from north (last) to south.

    Args:
        flux: Any linear flux unit; a zero pixel is black.
        bands: Names of the C bands.
        shown: Bands for red, green and blue, or one band for grey.
    """
    planes = np.stack([_WEIGHTS.get(b, 1.0) * flux[bands.index(b)] for b in shown]).astype(float)
    planes -= np.median(planes, axis=(1, 2), keepdims=True)
    mean = planes.mean(axis=0)
    noise = 1.4826 * float(np.median(np.abs(mean)))
    top = float(np.percentile(mean, 99.5))
    knee = max(_KNEE * noise, top / 30.0, 1e-12)
    mean = np.clip(mean, 0.0, None)
    bright = np.arcsinh(mean / knee) / np.arcsinh(max(top / knee, 1.0))
    rgb = np.clip(planes * bright / np.where(mean > 0, mean, 1.0), 0.0, None)
    rgb /= np.clip(rgb.max(axis=0), 1.0, None)
    if len(rgb) == 1:
        rgb = np.repeat(rgb, 3, axis=0)
    return np.round(255.0 * rgb).astype(np.uint8).transpose(1, 2, 0)[::-1]


def data_uri(pixels: np.ndarray) -> str:
    """A picture (H, W, 3) uint8 as `data:image/png;base64,...`."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
