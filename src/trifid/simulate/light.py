"""From a latent galaxy to its light: fibre spectrum and total flux in each band, without noise."""

from dataclasses import dataclass

import numpy as np

from trifid.physics import extinction, lines, photometry
from trifid.schema import grid
from trifid.simulate import camera, spectrograph, stellar
from trifid.simulate.galaxies import Galaxies

FIBRE_RADIUS = 1.5  # [arcsec], SDSS-I/II
_START, _LENGTH = 1150, 5900  # observed pixels of the components: 2917 to 11350 angstrom
_LOG10_START = stellar.LOG10_START + grid.LOG10_STEP * _START
_GRID = slice(
    round((grid.LOG10_START - _LOG10_START) / grid.LOG10_STEP),
    round((grid.LOG10_START - _LOG10_START) / grid.LOG10_STEP) + grid.LENGTH,
)
_STELLAR_SPREAD = 1.0  # line spread under starlight [pixel]: the mean of the measured curve


@dataclass(frozen=True)
class Light:
    """Noiseless light of B galaxies, in arbitrary but common units.

    Attributes:
        continuum: Starlight on the store's grid, with all dust (B, L).
        emission: Emission lines on the store's grid, with all dust (B, L).
        starlight: Components without dust on the store's grid (B, 4, L).
        bands: Total flux in ugriz [nanomaggy for spectra in 1e-17 erg/s/cm2/A] (B, 5).
        bulge_bands: Flux of the bulge in ugriz, same unit (B, 5).
    """

    continuum: np.ndarray
    emission: np.ndarray
    starlight: np.ndarray
    bands: np.ndarray
    bulge_bands: np.ndarray


def shine(galaxies: Galaxies) -> Light:
    """Builds spectrum and band fluxes of each galaxy from one spectral energy distribution."""
    wavelength = 10.0 ** (_LOG10_START + grid.LOG10_STEP * np.arange(_LENGTH))
    sigma = np.hypot(galaxies.sigma_stars / spectrograph.PIXEL_VELOCITY, _STELLAR_SPREAD)
    parts = stellar.observed_components(galaxies.redshift, sigma, _START, _LENGTH)
    fractions = stellar.light_fractions(galaxies.d4000, galaxies.middle, galaxies.rich)
    foreground = extinction.SF11_SCALE * galaxies.galactic_ebv[:, None]
    rest = wavelength / (1.0 + galaxies.redshift[:, None])
    dust = extinction.STARS_OVER_GAS * galaxies.gas_ebv[:, None] * extinction.calzetti00(rest)
    dust = 10.0 ** (-0.4 * (dust + foreground * extinction.milky_way(wavelength)))
    continuum = np.einsum("bk,bkl->bl", fractions, parts) * dust
    emission = _emission(galaxies, continuum)
    weights = photometry.band_weights(wavelength)
    bands = np.einsum("bl,cl->bc", continuum + emission, weights)
    rich = galaxies.rich[:, None]
    old = np.einsum("bl,cl->bc", ((1.0 - rich) * parts[:, 2] + rich * parts[:, 3]) * dust, weights)
    bulge = galaxies.bulge[:, None] * old * (bands / old)[:, 2:3]
    return Light(
        continuum[:, _GRID], emission[:, _GRID], parts[:, :, _GRID], bands,
        np.minimum(bulge, 0.98 * bands),
    )  # fmt: skip


def _emission(galaxies: Galaxies, continuum: np.ndarray) -> np.ndarray:
    """Emission lines (B, L) whose Halpha has the wanted equivalent width over the continuum."""
    stretch = np.log10(1.0 + galaxies.redshift)
    alpha = np.log10(lines.EMISSION["h_alpha"].wavelength) + stretch
    middle = np.rint((alpha - _LOG10_START) / grid.LOG10_STEP).astype(np.int64)
    beside = middle[:, None] + np.concatenate([np.arange(-60, -40), np.arange(40, 60)])
    level = np.take_along_axis(continuum, beside, axis=1).mean(axis=1)
    alpha_flux = galaxies.ew * (1.0 + galaxies.redshift) * level
    curve = extinction.calzetti00(np.array([line.wavelength for line in lines.EMISSION.values()]))
    foreground = extinction.SF11_SCALE * galaxies.galactic_ebv
    start = np.full(len(galaxies), _LOG10_START)
    emission = np.zeros_like(continuum)
    alpha_index = list(lines.EMISSION).index("h_alpha")
    alpha_dust = galaxies.gas_ebv * curve[alpha_index] + foreground * extinction.milky_way(
        10.0**alpha
    )
    for index, line in enumerate(lines.EMISSION.values()):
        place = np.log10(line.wavelength) + stretch
        dust = galaxies.gas_ebv * curve[index] + foreground * extinction.milky_way(10.0**place)
        flux = alpha_flux * galaxies.ratios[:, index] * 10.0 ** (-0.4 * (dust - alpha_dust))
        profiles = spectrograph.line_profiles(
            place, spectrograph.line_sigma(galaxies.sigma_gas, place), start, _LENGTH
        )
        emission += flux[:, None] * profiles
    return emission


def fibre_share(galaxies: Galaxies) -> np.ndarray:
    """Share of each galaxy's light that falls into the 3-arcsec fibre, seeing neglected (B,)."""
    bulge = camera.enclosed(np.full(len(galaxies), FIBRE_RADIUS), galaxies.bulge_radius, 4)
    disc = camera.enclosed(np.full(len(galaxies), FIBRE_RADIUS), galaxies.disc_radius, 1)
    return galaxies.bulge * bulge + (1.0 - galaxies.bulge) * disc


def half_light_radius(galaxies: Galaxies) -> np.ndarray:
    """Radius [arcsec] that holds half of bulge and disc together, by bisection (B,)."""
    low, high = np.zeros(len(galaxies)), np.full(len(galaxies), 40.0)
    for _ in range(30):
        middle = 0.5 * (low + high)
        inside = galaxies.bulge * camera.enclosed(middle, galaxies.bulge_radius, 4)
        inside += (1.0 - galaxies.bulge) * camera.enclosed(middle, galaxies.disc_radius, 1)
        low, high = np.where(inside < 0.5, middle, low), np.where(inside < 0.5, high, middle)
    return 0.5 * (low + high)
