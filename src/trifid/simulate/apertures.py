"""Shares of an object's light that fibres and point-like weights catch, seeing included.

Profiles are circles here: an ellipse counts as the circle of the same area. All integrals run
over one frequency, for the transforms of profiles and point spread function are known.
"""

from functools import cache

import numpy as np
from scipy.special import j1

from trifid.simulate import camera

_FREQUENCY = np.linspace(0.0, 1.5, 1501)[1:]  # [1/sigma of the seeing]


def _point_spread(frequency: np.ndarray) -> np.ndarray:
    """Transform of the double Gaussian; frequency in 1/sigma of its core."""
    share, wider = camera.WING
    core = np.exp(-2.0 * (np.pi * frequency) ** 2)
    return share * core + (1.0 - share) * np.exp(-2.0 * (np.pi * wider * frequency) ** 2)


@cache
def _psf_share_table(index: int) -> tuple[np.ndarray, np.ndarray]:
    """Logarithm of r50 over the sigma of the seeing, and the PSF-weighted share of light."""
    ratio = np.geomspace(0.01, 200.0, 240)
    weight = _FREQUENCY * _point_spread(_FREQUENCY) ** 2
    light = camera.profile_transform(ratio[:, None] * _FREQUENCY, index)
    return np.log(ratio), (light * weight).sum(axis=1) / weight.sum()


def psf_share(radius: np.ndarray, fwhm: np.ndarray, index: int) -> np.ndarray:
    """Flux a PSF fit finds over the true flux: sum of PSF times light over sum of PSF squared.

    Args:
        radius: Half-light radius [arcsec]; 0 = a point, whose share is 1.
        fwhm: Seeing [arcsec], broadcastable to it.
        index: Sersic index, 1 or 4.
    """
    ratio = np.maximum(radius / (fwhm / camera.FWHM_OVER_SIGMA), 1e-9)
    return np.interp(np.log(ratio), *_psf_share_table(index))


def aperture_share(radius: np.ndarray, fwhm: np.ndarray, aperture: float, index: int) -> np.ndarray:
    """Share of the light, seeing included, within a circle (B,).

    Args:
        radius: Half-light radius [arcsec] (B,); 0 = a point.
        fwhm: Seeing [arcsec] (B,).
        aperture: Radius of the circle [arcsec].
        index: Sersic index, 1 or 4.
    """
    sigma = (fwhm / camera.FWHM_OVER_SIGMA)[:, None]
    step = _FREQUENCY[1] - _FREQUENCY[0]
    size = aperture / sigma
    light = camera.profile_transform(radius[:, None] / sigma * _FREQUENCY, index)
    kernel = 2.0 * np.pi * size * j1(2.0 * np.pi * size * _FREQUENCY)
    return (kernel * light * _point_spread(_FREQUENCY)).sum(axis=1) * step
