"""Model atmospheres and their light: plane, static, in local thermodynamic equilibrium.

Temperature starts from the grey law and is brought to radiative equilibrium by the Unsoeld-Lucy
procedure on sampled wavelengths, lines included; where that is unstable it is adiabatic
(Schwarzschild; convection taken as perfect). Scattering is counted as absorption.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from trifid.simulate import molecules, stellar_gas
from trifid.simulate.stellar_gas import BOLTZMANN_EV, Gas, Mixture
from trifid.simulate.stellar_lines import (
    BINS,
    LENGTH,
    LineTable,
    bin_wavelengths,
    line_opacity,
    line_table,
    wing_opacity,
)
from trifid.simulate.stellar_opacity import planck, smooth_opacity

DEPTHS = 34
_RADIATION = 5.670374e-5  # Stefan-Boltzmann [erg/s/cm2/K4]
_COSINES = np.array([0.1127017, 0.5, 0.8872983])
_WEIGHTS = np.array([0.2777778, 0.4444444, 0.2777778])


@dataclass(frozen=True)
class Sample:
    """Wavelengths that stand for all in the energy balance.

    Attributes:
        wavelength: [angstrom] (L,).
        width: Range each stands for [angstrom] (L,).
        table: Lines in the bins sampled, or repeated from other bins in the ultraviolet.
        lined: Indices of the wavelengths with lines.
    """

    wavelength: np.ndarray
    width: np.ndarray
    table: LineTable
    lined: slice


def draw_sample(table: LineTable, step: int = 97) -> Sample:
    """Every 97th bin, and coarse points outside; below 2917 A lines of other bins are borrowed."""
    bins = np.arange(step // 2, LENGTH * BINS, step)
    fine = bin_wavelengths()[bins]
    blue = np.geomspace(1300.0, fine[0] * 0.999, 120)
    hard = np.geomspace(60.0, 1290.0, 40)
    red = np.geomspace(fine[-1] * 1.001, 3e5, 40)
    wavelength = np.concatenate([hard, blue, fine, red])
    borrowed = (np.arange(blue.size) * 7919) % 12000
    chosen = table.take(np.concatenate([borrowed, bins]))
    lined = slice(hard.size, hard.size + blue.size + fine.size)
    return Sample(wavelength, np.gradient(wavelength), chosen, lined)


@cache
def energy_sample() -> Sample:
    """The sample all models are made with."""
    return draw_sample(line_table())


@dataclass(frozen=True)
class Atmosphere:
    """Temperature and pressure at `DEPTHS` column masses [g/cm2]."""

    column: np.ndarray
    temperature: np.ndarray
    pressure: np.ndarray


def model(
    teff: float, gravity: float, mix: Mixture, sample: Sample, *, steps: int = 11
) -> Atmosphere:
    """An atmosphere of effective temperature [K] and log10 surface gravity [cm/s2]."""
    depth = np.geomspace(1e-6, 60.0, DEPTHS)
    temperature = teff * (0.75 * (depth + 0.7104 - 0.1331 * np.exp(-3.4488 * depth))) ** 0.25
    column = np.geomspace(1e-5, 20.0, DEPTHS) * 10.0 ** (4.5 - gravity)
    for _ in range(5):
        gas, opacity = _opacity(temperature, 10.0**gravity * column, mix, sample)
        mean = _rosseland(opacity, sample, temperature)
        steps_of = np.diff(depth) / np.sqrt(mean[1:] * mean[:-1])
        fresh = np.concatenate([[depth[0] / mean[0]], depth[0] / mean[0] + np.cumsum(steps_of)])
        column = np.sqrt(column * fresh)
    pressure = 10.0**gravity * column
    for step in range(steps):
        gas, opacity = _opacity(temperature, pressure, mix, sample)
        change, _ = _correction(teff, temperature, column, pressure, opacity, sample, gas)
        limit = 0.12 if step < 8 else 0.05
        temperature = temperature * (1.0 + np.clip(change, -limit, limit))
        temperature[1:-1] = (
            0.25 * temperature[:-2] + 0.5 * temperature[1:-1] + 0.25 * temperature[2:]
            if step < 4
            else temperature[1:-1]
        )
        temperature = _adiabatic(temperature, pressure, gas, teff)
        temperature = np.minimum.accumulate(temperature[::-1])[::-1]  # no chromosphere
    return Atmosphere(column, temperature, pressure)


def _opacity(
    temperature: np.ndarray, pressure: np.ndarray, mix: Mixture, sample: Sample
) -> tuple[Gas, np.ndarray]:
    """The gas and its opacity [cm2/g] at the sampled wavelengths (D, L)."""
    gas = stellar_gas.equilibrium(temperature, pressure, mix)
    absorption, scattering = smooth_opacity(gas, sample.wavelength)
    total = absorption + scattering
    total += gas.molecules["H2O"][:, None] * molecules.water(sample.wavelength)
    total[:, sample.lined] += line_opacity(gas, sample.table, sample.wavelength[sample.lined])
    return gas, total / gas.density[:, None]


def _rosseland(opacity: np.ndarray, sample: Sample, temperature: np.ndarray) -> np.ndarray:
    warm = planck(sample.wavelength, temperature * 1.005)
    slope = (warm - planck(sample.wavelength, temperature)) * sample.width
    return slope.sum(axis=1) / (slope / opacity).sum(axis=1)


def _correction(
    teff: float,
    temperature: np.ndarray,
    column: np.ndarray,
    pressure: np.ndarray,
    opacity: np.ndarray,
    sample: Sample,
    gas: Gas,
) -> tuple[np.ndarray, np.ndarray]:
    """Relative changes of temperature (D,) by Unsoeld-Lucy, and where convection carries flux."""
    source = planck(sample.wavelength, temperature)
    mean, flux = _intensities(opacity, source, column)
    width = sample.width
    mean_sum, source_sum = (mean * width).sum(axis=1), (source * width).sum(axis=1)
    flux_sum = (flux * width).sum(axis=1)
    absorb_mean = (opacity * mean * width).sum(axis=1) / mean_sum
    absorb_source = (opacity * source * width).sum(axis=1) / source_sum
    absorb_flux = (opacity * np.abs(flux) * width).sum(axis=1) / (np.abs(flux) * width).sum(axis=1)
    target = _RADIATION * teff**4 / (4.0 * np.pi)
    pressure_slope = np.gradient(np.log(temperature), np.log(column))
    convective = pressure_slope > 0.97 * _adiabatic_slope(gas)
    convective &= np.cumsum(absorb_flux * np.gradient(column)) > 0.05
    convective &= _carries(gas, pressure, teff)
    missing = np.where(convective, np.minimum(target - flux_sum, 0.0), target - flux_sum)
    integral = np.concatenate(
        [[0.0], np.cumsum(0.5 * (absorb_flux[1:] * missing[1:] + absorb_flux[:-1] * missing[:-1])
                          * np.diff(column))]
    )  # fmt: skip
    surface = target - flux_sum[0]
    ratio = absorb_mean / absorb_source
    change = ratio * mean_sum - source_sum + ratio * (2.0 * surface + 3.0 * integral)
    return change / (4.0 * source_sum), convective


def _intensities(
    opacity: np.ndarray, source: np.ndarray, column: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean intensity and Eddington flux (D, L) of a source function linear between depths."""
    steps = _optical_steps(opacity, column)[1:]
    mean, flux = np.zeros_like(source), np.zeros_like(source)
    last = source.shape[0] - 1
    for cosine, weight in zip(_COSINES, _WEIGHTS, strict=True):
        path = np.maximum(steps / cosine, 1e-9)
        fade = np.exp(-path)
        share = -np.expm1(-path) / path
        near, far = 1.0 - share, share - fade
        down = np.zeros(source.shape[1])
        first = opacity[0] * column[0] / cosine
        down = source[0] * -np.expm1(-first)
        mean[0] += 0.5 * weight * down
        flux[0] -= 0.5 * weight * cosine * down
        for i in range(last):
            down = down * fade[i] + source[i] * far[i] + source[i + 1] * near[i]
            mean[i + 1] += 0.5 * weight * down
            flux[i + 1] -= 0.5 * weight * cosine * down
        up = source[last] + (source[last] - source[last - 1]) / path[-1]
        mean[last] += 0.5 * weight * up
        flux[last] += 0.5 * weight * cosine * up
        for i in range(last - 1, -1, -1):
            up = up * fade[i] + source[i + 1] * far[i] + source[i] * near[i]
            mean[i] += 0.5 * weight * up
            flux[i] += 0.5 * weight * cosine * up
    return mean, flux


def _optical_steps(opacity: np.ndarray, column: np.ndarray) -> np.ndarray:
    """Optical depth of the top and between depths (D, L): trapezoids in log column."""
    scaled = opacity * column[:, None]
    steps = 0.5 * (scaled[1:] + scaled[:-1]) * np.diff(np.log(column))[:, None]
    return np.concatenate([scaled[:1], steps])


def _adiabatic_slope(gas: Gas) -> np.ndarray:
    """DlnT / dlnP of rising gas: Unsoeld's formula for ionising, and for pairing, hydrogen."""
    thermal = BOLTZMANN_EV * gas.temperature
    ionised = gas.protons / np.maximum(gas.protons + gas.hydrogen + 2.0 * gas.molecular, 1e-30)
    slopes = []
    for share, energy in ((ionised, 13.6), (gas.dissociated, 4.478)):
        product = share * (1.0 - share)
        term = 2.5 + energy / thermal
        slopes.append((2.0 + product * term) / (5.0 + product * term**2))
    return np.minimum(slopes[0], slopes[1])


def _carries(gas: Gas, pressure: np.ndarray, teff: float) -> np.ndarray:
    """Where convection at a third of the speed of sound could carry the star's flux (D,)."""
    sound = np.sqrt(1.4 * pressure / gas.density)
    return 0.3 * pressure * sound > _RADIATION * teff**4


def _adiabatic(temperature: np.ndarray, pressure: np.ndarray, gas: Gas, teff: float) -> np.ndarray:
    """No steeper than rising gas, where it can carry the flux."""
    result, slope = temperature.copy(), _adiabatic_slope(gas)
    slope = np.where(_carries(gas, pressure, teff), slope, 9.0)
    for i in range(temperature.size // 3, temperature.size - 1):
        most = result[i] * (pressure[i + 1] / pressure[i]) ** (0.5 * (slope[i] + slope[i + 1]))
        result[i + 1] = min(result[i + 1], most)
    return result


def spectrum(star: Atmosphere, mix: Mixture) -> np.ndarray:
    """Flux at the surface [erg/s/cm2/A] averaged over the pixels from 2917 to 11350 A (5900,)."""
    table = line_table()
    gas = stellar_gas.equilibrium(star.temperature, star.pressure, mix)
    fine = bin_wavelengths()
    half = BINS // 2
    coarse = np.sqrt(fine[half // 2 :: half][: 2 * LENGTH] * 1.0) ** 2
    absorption, scattering = smooth_opacity(gas, coarse)
    smooth = absorption + scattering + wing_opacity(gas, table, coarse)
    flux = np.empty(LENGTH)
    for begin in range(0, LENGTH, 590):
        bins = slice(begin * BINS, (begin + 590) * BINS)
        part = LineTable(table.species, table.energy, table.strength[:, bins], [])
        total = line_opacity(gas, part, fine[bins])
        total += np.repeat(smooth[:, begin * 2 : (begin + 590) * 2], half, axis=1)
        light = _surface(total / gas.density[:, None], planck(fine[bins], gas.temperature), star)
        flux[begin : begin + 590] = light.reshape(-1, BINS).mean(axis=1)
    return flux


def _surface(opacity: np.ndarray, source: np.ndarray, star: Atmosphere) -> np.ndarray:
    """Flux [erg/s/cm2/A] that leaves the star (L,)."""
    steps = _optical_steps(opacity, star.column)
    depth = np.minimum(np.cumsum(steps, axis=0), 300.0)
    slope = np.diff(source, axis=0)
    flux = np.zeros(opacity.shape[1])
    for cosine, weight in zip(_COSINES, _WEIGHTS, strict=True):
        path = np.maximum(steps[1:] / cosine, 1e-9)
        seen = np.exp(-depth[:-1] / cosine) * -np.expm1(-path) / path
        flux += 2.0 * np.pi * weight * cosine * (source[0] + (slope * seen).sum(axis=0))
    return flux
