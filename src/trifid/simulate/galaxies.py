"""The latent galaxies: what is true of each object before anything is measured, and its light.

Masses formed by age and metallicity, dust and gas make one spectrum; band fluxes, magnitudes and
the colours of bulge and disc follow from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Self

import numpy as np

from trifid.physics import bpt, cosmology, extinction, photometry
from trifid.schema import grid
from trifid.simulate import gas, histories, light
from trifid.simulate.instruments import PIXEL_VELOCITY
from trifid.simulate.populations import LENGTH, METALLICITIES, Populations
from trifid.simulate.source import Light, Shape, Spread

SOLAR_LUMINOSITY = 3.826e33  # [erg/s]: of Bruzual & Charlot 2003
_MEGAPARSEC = 3.0856776e24  # [cm]
_ROWS = 64  # galaxies whose spectra are in memory at once
_R = 2  # index of the r band
_SIDES = np.concatenate([np.arange(-60, -40), np.arange(40, 60)])  # pixels beside Halpha


@dataclass(frozen=True)
class Galaxies:
    """B galaxies; every attribute but the first is an array over them.

    Attributes:
        populations: The stars they are made of.
        truth_class: Region of the BPT plane of the noiseless line ratios, or BLANK (B,).
        redshift: To 0.83 (B,).
        galactic_ebv: True Milky Way E(B-V), on the scale of the raw SFD map [mag] (B,).
        magnitude: Total r magnitude [AB], dimmed by the Milky Way (B,), or NaN.
        snr: Median signal-to-noise per pixel aimed at where the magnitude is NaN (B,).
        ew: Equivalent width of Halpha emission [angstrom, rest frame] (B,).
        ratios: Emission-line fluxes over Halpha, before dust; one column per line (B, N).
        nucleus: Share of Halpha that an active nucleus gives (B,).
        gas_ebv: E(B-V) of the gas inside the galaxy [mag] (B,).
        formed: Mass formed by part, age and metallicity, the whole 1 (B, 3, A, Z).
        sigma_gas: Velocity dispersion of the lines [km/s] (B,).
        sigma_stars: Velocity dispersion of the stars [km/s] (B,).
        bulge: Bulge fraction of the r light (B,).
        disc_radius: Half-light radius of the disc [arcsec] (B,).
        bulge_radius: Half-light radius of the bulge [arcsec] (B,).
        disc_axis: Axis ratio of the disc (B,).
        bulge_axis: Axis ratio of the bulge (B,).
        angle: Position angle of both [rad] (B,).
    """

    populations: Populations
    truth_class: np.ndarray
    redshift: np.ndarray
    galactic_ebv: np.ndarray
    magnitude: np.ndarray
    snr: np.ndarray
    ew: np.ndarray
    ratios: np.ndarray
    nucleus: np.ndarray
    gas_ebv: np.ndarray
    formed: np.ndarray
    sigma_gas: np.ndarray
    sigma_stars: np.ndarray
    bulge: np.ndarray
    disc_radius: np.ndarray
    bulge_radius: np.ndarray
    disc_axis: np.ndarray
    bulge_axis: np.ndarray
    angle: np.ndarray
    kind: str = "galaxy"

    def __len__(self) -> int:
        return self.redshift.size

    def take(self, rows: np.ndarray) -> Self:
        """The galaxies of some rows, in that order."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        return replace(self, **{name: value[rows] for name, value in arrays.items()})

    def shine(self, spread: Spread) -> Light:
        """Their light at an instrument's resolution; in r it has the magnitude, or 22.5 for NaN."""
        count = len(self)
        seen = Light(
            np.empty((count, grid.LENGTH)), np.empty((count, grid.LENGTH)),
            np.empty((count, 5)), np.empty((count, 5)),
        )  # fmt: skip
        for begin in range(0, count, _ROWS):
            rows = slice(begin, begin + _ROWS)
            part = _shine(self.take(np.arange(count)[rows]), spread)
            for item in fields(Light):
                getattr(seen, item.name)[rows] = getattr(part, item.name)
        return seen

    def shape(self) -> Shape:
        """Bulge and disc on the sky."""
        return Shape(
            disc_radius=self.disc_radius,
            bulge_radius=self.bulge_radius,
            disc_axis=self.disc_axis,
            bulge_axis=self.bulge_axis,
            angle=self.angle,
            point=np.zeros((len(self), 5)),
        )

    def truth(self) -> Mapping[str, np.ndarray]:
        """Classes, dust, stars and gas; mass and star-formation rate are NaN without magnitude."""
        mass = log10_mass(self)
        living = histories.living_mass(self.populations, self.formed)
        rate = histories.star_formation(self.formed)
        d4000, _ = histories.break_and_width(self.populations, self.formed, self.gas_ebv)
        metals = self.formed.sum(axis=(1, 2)) @ np.log10(METALLICITIES)
        return {
            "truth_class": self.truth_class,
            "truth_whan": bpt.whan(gas.bpt_position(self.ratios)[0], self.ew),
            "truth_redshift": self.redshift,
            "truth_log_mass": mass,
            "truth_log_sfr": mass + np.log10(np.maximum(rate, 1e-16) / living),
            "truth_d4000": d4000,
            "truth_age": histories.mean_age(self.formed),
            "truth_log_metallicity": metals,
            "truth_ew_ha": self.ew,
            "truth_nucleus": self.nucleus,
            "truth_gas_ebv": self.gas_ebv,
            "truth_galactic_ebv": self.galactic_ebv,
            "truth_sigma_stars": self.sigma_stars,
            "truth_sigma_gas": self.sigma_gas,
        }


def _shine(galaxies: Galaxies, spread: Spread) -> Light:
    stars = light.starlight(galaxies.populations, galaxies.formed, galaxies.gas_ebv)
    dust = light.foreground(galaxies.galactic_ebv)
    variance = light.broadening(
        galaxies.populations, galaxies.redshift, galaxies.sigma_stars, spread
    )
    continuum = light.observe(stars.whole, galaxies.redshift, variance) * dust
    emission = _emission(galaxies, continuum, spread)
    bands = light.band_fluxes(continuum + emission)
    old = light.band_fluxes(light.shifted(stars.old, galaxies.redshift) * dust)
    bulge = galaxies.bulge[:, None] * old * (bands / old)[:, _R : _R + 1]
    wanted = np.where(np.isfinite(galaxies.magnitude), galaxies.magnitude, 22.5)
    scale = (photometry.nanomaggy(wanted) / bands[:, _R])[:, None]
    return Light(
        scale * continuum[:, light.STORE],
        scale * emission[:, light.STORE],
        scale * bands,
        scale * np.minimum(bulge, 0.98 * bands),
    )


def _emission(galaxies: Galaxies, continuum: np.ndarray, spread: Spread) -> np.ndarray:
    """Emission lines (B, WINDOW) whose Halpha has the wanted equivalent width."""
    places = np.log10(gas.WAVELENGTHS) + np.log10(1.0 + galaxies.redshift)[:, None]
    pixel = np.rint((places[:, gas.H_ALPHA] - light.LOG10_FIRST) / grid.LOG10_STEP)
    beside = (pixel.astype(np.int64)[:, None] + _SIDES).clip(0, light.WINDOW - 1)
    level = np.take_along_axis(continuum, beside, axis=1).mean(axis=1)
    observed = 10.0**places
    inside = extinction.calzetti00(gas.WAVELENGTHS)
    dust = galaxies.gas_ebv[:, None] * (inside - inside[gas.H_ALPHA])
    outside = extinction.milky_way(observed)
    outside = outside - outside[:, gas.H_ALPHA : gas.H_ALPHA + 1]
    dust += extinction.SF11_SCALE * galaxies.galactic_ebv[:, None] * outside
    alpha = galaxies.ew * (1.0 + galaxies.redshift) * level
    sigma = np.hypot(galaxies.sigma_gas[:, None] / PIXEL_VELOCITY, spread(observed))
    flux = alpha[:, None] * galaxies.ratios * 10.0 ** (-0.4 * dust)
    return gas.draw_lines(flux, places, sigma, light.LOG10_FIRST, light.WINDOW)


_TABLE_REDSHIFTS = np.linspace(0.0, light.MAX_REDSHIFT, 84)


@cache
def _r_fluxes(populations: Populations) -> np.ndarray:
    """Flux in r of a solar mass of each bin at 10 pc, seen at redshifts (T, A, Z) [nanomaggy]."""
    spectra = populations.flux.reshape(-1, LENGTH)
    parsec10 = SOLAR_LUMINOSITY / (4.0 * np.pi * (1e-5 * _MEGAPARSEC) ** 2) * 1e17
    rows = [
        light.band_fluxes(light.shifted(spectra, np.full(len(spectra), z)))[:, _R] / (1.0 + z)
        for z in _TABLE_REDSHIFTS
    ]
    return parsec10 * np.stack(rows).reshape(-1, *populations.flux.shape[:2])


def log10_mass(galaxies: Galaxies) -> np.ndarray:
    """Mass in stars and remnants [log10 solar] (B,), from the r magnitude, to 0.01 to 0.02 dex.

    Lines are left out of r and its dust is that of one wavelength; NaN without magnitude.
    """
    place = galaxies.redshift / _TABLE_REDSHIFTS[1]
    below = place.astype(np.int64).clip(0, _TABLE_REDSHIFTS.size - 2)
    table = _r_fluxes(galaxies.populations)
    dust = extinction.calzetti00(photometry.SDSS_BANDS[_R].wavelength / (1.0 + galaxies.redshift))
    seen = galaxies.formed * 10.0 ** (
        -0.4 * (histories.part_ebv(galaxies.gas_ebv) * dust[:, None])[:, :, None, None]
    )
    low, high = (np.einsum("bpaz,baz->b", seen, table[index]) for index in (below, below + 1))
    faint = low + (place - below) * (high - low)  # of one solar mass at 10 pc [nanomaggy]
    clear = galaxies.magnitude - extinction.SF11_COEFFICIENTS[_R] * galaxies.galactic_ebv
    bright = (
        22.5
        - 2.5 * np.log10(faint)
        + 5.0 * np.log10(1e5 * cosmology.luminosity_distance(galaxies.redshift))
    )
    living = histories.living_mass(galaxies.populations, galaxies.formed)
    return 0.4 * (bright - clear) + np.log10(living)
