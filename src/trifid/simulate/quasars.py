"""Simulated quasars: a continuum of power laws, broad and narrow lines, what absorbs them, hosts.

Continuum: slopes -0.44 from 1300 to 5000 angstrom and -2.45 redward in the survey's composite
(Vanden Berk+ 2001), which is in part starlight of the hosts: a single nucleus falls less steeply
here. Equivalent widths fall with luminosity (Baldwin 1977). Hosts: Shen+ 2011, ApJS 194, 45, eq. 1.
The spreads of slopes, widths and strengths are unverified; `docs/science/quasars.md` tells how far
the result agrees with real spectra.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Self

import numpy as np
from scipy.ndimage import gaussian_filter1d

from trifid.physics import cosmology, extinction, lines, photometry
from trifid.schema import grid
from trifid.simulate import quasar_absorption as absorption
from trifid.simulate import quasar_lines, quasar_population, stellar
from trifid.simulate.source import Light, Shape, Spread

_FIRST, _LENGTH = -850, 5900  # pixels from the store's grid: 2917 to 11350 angstrom
_LOG10 = grid.LOG10_START + grid.LOG10_STEP * (_FIRST + np.arange(_LENGTH))
_GRID = slice(-_FIRST, -_FIRST + grid.LENGTH)
BAL_SHARE = 0.12
_LOW_IONISATION = 0.13  # of the winds
_RED_SHARE = 0.25  # of the quasars with dust of their own
_BREAK = 5000.0  # [angstrom] of the two power laws
_FAR_BREAK = 1150.0


@dataclass(frozen=True)
class Quasars:
    """B quasars; every array runs over them. What they have beyond `Objects` is listed here.

    Attributes:
        luminosity: M_i(z = 2) [mag] (B,).
        blue, red: Slopes of the nucleus in frequency below and above 5000 angstrom (B,).
        dispersion: Widths of broad lines over those of the table (B,).
        narrow_sigma: Dispersion of narrow lines [km/s] (B,).
        strength: EW of each broad line over the table's, Baldwin effect included (B, lines).
        narrow: EW of narrow lines over the table's (B,).
        blueshift: Of C IV [km/s] (B,).
        iron: EW of ultraviolet and of optical Fe II over its band [angstrom] (B, 2).
        balmer: Balmer continuum over the power law at 3646 angstrom (B,).
        wind: Depth of broad absorption; 0 = none, negative = low ionisation (B,).
        ebv: E(B-V) of dust like the Small Magellanic Cloud's [mag] (B,).
        host: Starlight over the nucleus at rest 5100 angstrom (B,).
        host_mix: Shares of the four components of starlight (B, 4).
        host_radius: Half-light radius [arcsec] (B,).
        angle, axis: Of the host on the sky (B,).
        seed: Of each line of sight (B,).
    """

    redshift: np.ndarray
    galactic_ebv: np.ndarray
    magnitude: np.ndarray
    luminosity: np.ndarray
    blue: np.ndarray
    red: np.ndarray
    dispersion: np.ndarray
    narrow_sigma: np.ndarray
    strength: np.ndarray
    narrow: np.ndarray
    blueshift: np.ndarray
    iron: np.ndarray
    balmer: np.ndarray
    wind: np.ndarray
    ebv: np.ndarray
    host: np.ndarray
    host_mix: np.ndarray
    host_radius: np.ndarray
    angle: np.ndarray
    axis: np.ndarray
    seed: np.ndarray
    kind: str = field(default="quasar", init=False)

    def __len__(self) -> int:
        return self.redshift.size

    def take(self, rows: np.ndarray) -> Self:
        """The quasars of some rows, in that order."""
        arrays = (item.name for item in fields(self) if item.init)
        return type(self)(**{name: getattr(self, name)[rows] for name in arrays})

    def shine(self, spread: Spread) -> Light:
        """Their light as an instrument of this resolution sees it, before noise."""
        nucleus, host, narrow = self._parts(spread)
        weights = photometry.band_weights(10.0**_LOG10)
        bands = np.einsum("bl,cl->bc", nucleus + host + narrow, weights)
        continuum = (nucleus + host)[:, _GRID]
        return Light(continuum, narrow[:, _GRID], bands, np.zeros_like(bands))

    def shape(self) -> Shape:
        """A point, in an exponential disc of starlight where the host shines."""
        nucleus, host, narrow = self._parts(lambda wavelength: np.ones_like(wavelength))
        weights = photometry.band_weights(10.0**_LOG10)
        stars = np.einsum("bl,cl->bc", host, weights)
        point = 1.0 - stars / (stars + np.einsum("bl,cl->bc", nucleus + narrow, weights))
        return Shape(
            disc_radius=self.host_radius,
            bulge_radius=self.host_radius,
            disc_axis=self.axis,
            bulge_axis=self.axis,
            angle=self.angle,
            point=point,
        )

    def truth(self) -> Mapping[str, np.ndarray]:
        """Columns of truth: absorption, dust, host, luminosity, kind of wind."""
        broad = np.where(self.wind == 0.0, "", np.where(self.wind > 0.0, "HiBAL", "LoBAL"))
        return {
            "truth_redshift": self.redshift,
            "truth_absolute_magnitude": self.luminosity,
            "truth_bal": broad,
            "truth_ebv_nucleus": self.ebv,
            "truth_host_fraction": self.host / (1.0 + self.host),
            "truth_civ_blueshift": self.blueshift,
        }

    def _parts(self, spread: Spread) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Nucleus, starlight of the host and narrow lines on the wide grid (B, L) each."""
        wavelength = 10.0**_LOG10
        stretch = 1.0 + self.redshift[:, None]
        rest = wavelength / stretch
        power = _power_law(rest, self.blue, self.red)
        nucleus = power + self._broad(rest) + self._diffuse(rest)
        nucleus *= absorption.wind(wavelength, self.redshift, self.wind, self.seed)
        gas = absorption.forest(_LOG10, self.redshift, self.seed)
        gas *= absorption.thick_clouds(wavelength, self.redshift, self.seed)
        gas *= absorption.metals(wavelength, self.redshift, self.seed)
        nucleus *= 10.0 ** (-0.4 * self.ebv[:, None] * absorption.small_cloud_dust(rest))
        foreground = extinction.SF11_SCALE * self.galactic_ebv[:, None]
        foreground = 10.0 ** (-0.4 * foreground * extinction.milky_way(wavelength)) / stretch
        sigma = spread(wavelength)
        host = _host(self.redshift, self.host_mix) * self.host[:, None]
        return (
            blur(nucleus * gas * foreground, sigma),
            blur(host * foreground, sigma),
            self._narrow(sigma) * foreground,
        )

    def _broad(self, rest: np.ndarray) -> np.ndarray:
        """Broad lines (B, L)."""
        log_rest, total = np.log(rest), np.zeros_like(rest)
        for index, line in enumerate(quasar_lines.BROAD):
            shift = line.wind * self.blueshift / lines.SPEED_OF_LIGHT
            place = np.log(line.wavelength) - shift[:, None]
            width = (line.dispersion * self.dispersion / lines.SPEED_OF_LIGHT)[:, None]
            here = np.full((len(self), 1), line.wavelength)
            flux = line.ew * self.strength[:, index, None] * _power_law(here, self.blue, self.red)
            near = np.flatnonzero((np.abs(log_rest - place) < 8.0 * width).any(axis=1))
            if near.size:
                profile = quasar_lines.line_profile((log_rest - place)[near], width[near])
                total[near] += flux[near] * profile / rest[near]
        return total

    def _diffuse(self, rest: np.ndarray) -> np.ndarray:
        """Fe II and the Balmer continuum (B, L)."""
        total = np.zeros_like(rest)
        for which, (low, high) in enumerate(quasar_lines.IRON_BANDS):
            middle = np.full((len(self), 1), 0.5 * (low + high))
            level = self.iron[:, which, None] / (high - low)
            level = level * _power_law(middle, self.blue, self.red)
            width = 1800.0 * self.dispersion
            total += level * quasar_lines.iron(rest, width, which)
        edge = _power_law(np.full((len(self), 1), 3646.0), self.blue, self.red)
        return total + self.balmer[:, None] * edge * quasar_lines.balmer_continuum(rest)

    def _narrow(self, sigma: np.ndarray) -> np.ndarray:
        """Narrow lines as the instrument sees them (B, L)."""
        total = np.zeros((len(self), _LENGTH))
        known = lines.EMISSION | lines.QUASAR
        for name, ew in quasar_lines.NARROW.items():
            rest = known[name].wavelength
            place = (np.log10(rest * (1.0 + self.redshift)) - _LOG10[0]) / grid.LOG10_STEP
            flux = ew * self.narrow * _power_law(np.full((len(self), 1), rest), self.blue,
                                                 self.red)[:, 0]  # fmt: skip
            for row in np.flatnonzero((place > 42) & (place < _LENGTH - 42)):
                near = int(np.rint(place[row])) + np.arange(-40, 41)
                width = np.hypot(self.narrow_sigma[row] / _PIXEL_VELOCITY, sigma[near[40]])
                profile = np.exp(-0.5 * ((near - place[row]) / width) ** 2)
                total[row, near] += flux[row] * profile / (profile.sum() * rest * _PIXEL)
        return total


_PIXEL = np.log(10.0) * grid.LOG10_STEP
_PIXEL_VELOCITY = lines.SPEED_OF_LIGHT * _PIXEL


def _power_law(rest: np.ndarray, blue: np.ndarray, red: np.ndarray) -> np.ndarray:
    """Flux per angstrom of the nucleus (B, L), 1 at rest 5000 angstrom, with soft breaks."""
    x = np.log(rest / _BREAK)
    soft = 0.08
    turn = soft * np.logaddexp(0.0, x / soft)  # x redward of the break, 0 blueward
    far = soft * np.logaddexp(0.0, -(x - np.log(_FAR_BREAK / _BREAK)) / soft)
    slopes = -(2.0 + blue)[:, None] * (x - turn) - (2.0 + red)[:, None] * turn
    return np.exp(slopes - 0.9 * far)  # 0.9 steeper in frequency blueward of Lyalpha


def _host(redshift: np.ndarray, mix: np.ndarray) -> np.ndarray:
    """Starlight (B, L), 1 at rest 5100 angstrom."""
    place = _LOG10[None] - np.log10(1.0 + redshift)[:, None] - stellar.LOG10_START
    place = place / grid.LOG10_STEP
    curves = mix @ stellar.components()
    level = np.searchsorted(stellar.rest_wavelengths(), 5100.0)
    pixel = np.arange(stellar.LENGTH)
    rows = zip(place, curves, strict=True)
    return np.stack([np.interp(at, pixel, curve / curve[level]) for at, curve in rows])


def blur(light: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    """Light (B, L) through a line spread of `sigma` [pixel] (L,), which varies slowly.

    Convolutions with fixed widths, interpolated in the square of the width.
    """
    low, high = float(sigma.min()), float(sigma.max())
    widths = np.linspace(low, high, 4) if high > low + 1e-6 else np.array([low])
    layers = [gaussian_filter1d(light, width, axis=-1, mode="nearest") for width in widths]
    if len(layers) == 1:
        return layers[0]
    place = np.interp(sigma**2, widths**2, np.arange(widths.size))
    total = np.zeros_like(light)
    for index, layer in enumerate(layers):
        total += np.clip(1.0 - np.abs(place - index), 0.0, None) * layer
    return total


def at_redshift(quasars: Quasars, redshift: np.ndarray) -> Quasars:
    """The same quasars elsewhere, with their luminosities; lines of sight differ."""
    return replace(quasars, redshift=np.asarray(redshift, dtype=np.float64))


def draw_quasars(rng: np.random.Generator, count: int, survey: str = "legacy") -> Quasars:
    """Draws quasars as a survey finds them.

    Args:
        rng: Random numbers.
        count: How many.
        survey: `legacy` (i < 19.1, beyond redshift 3 i < 20.2) or `boss` (most at 2.15 to 3.5).
    """
    redshift, i_magnitude = quasar_population.draw(rng, count, survey)
    luminosity = quasar_population.absolute_magnitude(i_magnitude, redshift)
    bright = -0.4 * (luminosity - quasar_population.REFERENCE)  # log10 L over the reference
    common = rng.normal(0.0, 0.28, count)  # strong lines go together
    baldwin = np.array([line.baldwin for line in quasar_lines.BROAD])
    own = rng.normal(0.0, 0.22, (count, baldwin.size))
    strength = np.exp(common[:, None] + own) * 10.0 ** (baldwin * bright[:, None])
    eigenvector = rng.normal(size=count)  # strong Fe II goes with weak [O III]
    galactic = np.exp(rng.normal(np.log(0.03), 0.6, count)).clip(0.005, 0.3)
    i_minus = rng.normal(0.12, 0.08, count)  # r - i of the continuum
    blueshift = rng.normal(700.0, 450.0, count) + 250.0 * bright - 500.0 * common
    windy = rng.random(count) < BAL_SHARE
    low = rng.random(count) < _LOW_IONISATION
    depth = rng.beta(3.0, 1.5, count) * windy * np.where(low, -1.0, 1.0)
    dusty = rng.random(count) < np.where(windy, 0.6, _RED_SHARE)
    ebv = dusty * rng.exponential(np.where(windy, 0.06, 0.035), count)
    return Quasars(
        redshift=redshift,
        galactic_ebv=galactic,
        magnitude=i_magnitude + i_minus + extinction.SF11_COEFFICIENTS[2] * galactic,
        luminosity=luminosity,
        blue=rng.normal(-0.27, 0.20, count),
        red=rng.normal(-0.9, 0.45, count),
        dispersion=np.exp(rng.normal(-0.05, 0.28, count) + 0.08 * bright - 0.1 * eigenvector),
        narrow_sigma=np.exp(rng.normal(np.log(200.0), 0.3, count)),
        strength=strength,
        narrow=np.exp(rng.normal(0.0, 0.45, count) - 0.45 * eigenvector) * 10 ** (-0.10 * bright),
        blueshift=np.clip(blueshift, -300.0, 3500.0),
        iron=np.stack(
            [
                50.0 * np.exp(rng.normal(0.0, 0.35, count) + 0.15 * eigenvector),
                26.0 * np.exp(rng.normal(0.0, 0.35, count) + 0.5 * eigenvector),
            ],
            axis=1,
        ),
        balmer=0.16 * np.exp(rng.normal(0.0, 0.4, count)),
        wind=depth,
        ebv=ebv.clip(0.0, 0.6),
        **_draw_hosts(rng, luminosity, redshift),
        seed=rng.integers(0, 2**62, count),
    )


def _draw_hosts(
    rng: np.random.Generator, luminosity: np.ndarray, redshift: np.ndarray
) -> dict[str, np.ndarray]:
    """Starlight of the hosts, which shines through faint nuclei."""
    count = luminosity.size
    # log10 L(5100) over 1e44 erg/s from M_i(z = 2): 1.55 at -26, scatter in the ratio
    x = np.clip(1.55 - 0.4 * (luminosity + 26.0), -1.5, 3.0)
    ratio = 0.8052 - 1.5502 * x + 0.912 * x**2 - 0.1577 * x**3
    ratio = np.where(x < 1.053, ratio, 0.10 * 10.0 ** (-0.8 * (x - 1.053))).clip(0.001, 4.0)
    d4000 = rng.normal(1.5, 0.15, count).clip(1.2, 1.8)
    mix = stellar.light_fractions(d4000, rng.uniform(0.4, 0.9, count), rng.beta(3.0, 3.0, count))
    kiloparsec = np.exp(rng.normal(np.log(5.0), 0.35, count))
    scale = cosmology.angular_distance(redshift) / 206.265  # [kpc/arcsec]
    return {
        "host": 2.0 * ratio * np.exp(rng.normal(0.0, 0.6, count)),
        "host_mix": mix,
        "host_radius": (kiloparsec / scale).clip(0.2, 8.0),
        "angle": rng.uniform(0.0, np.pi, count),
        "axis": rng.uniform(0.4, 1.0, count),
    }
