"""Emission of quasars: broad and narrow lines, iron, the Balmer continuum.

Equivalent widths and dispersions are those of the survey's median composite: Vanden Berk+ 2001,
AJ 122, 549, table 2. Numbers of the strong lines come from the specification of this project, those
of the weak lines and of the iron multiplets were recalled: unverified. The composite's Lyalpha
(92.9 A, dispersion 19.5 A) is the whole blend with N V; its N V (1.1 A) only the inflection on
its wing. Here the blend is divided into Lyalpha and an N V of the same width.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from trifid.physics import air, lines

_CORE = (0.62, 0.55, 1.60)  # share of the core, widths of core and wing over the line's dispersion


@dataclass(frozen=True)
class BroadLine:
    """A broad line: place [angstrom], EW [angstrom], dispersion [km/s], C IV's share of wind.

    Attributes:
        name: Key of `trifid.physics.lines.QUASAR` or `EMISSION`, or of its own.
        wavelength: Rest wavelength [angstrom, vacuum].
        ew: Equivalent width, rest frame [angstrom].
        dispersion: [km/s].
        wind: Blueshift over that of C IV.
        baldwin: EW goes as L to this power.
    """

    name: str
    wavelength: float
    ew: float
    dispersion: float
    wind: float = 0.0
    baldwin: float = -0.05


def _broad(
    name: str, ew: float, dispersion: float, wind: float = 0.0, baldwin: float = -0.05
) -> BroadLine:
    """A line of the table, with a dispersion in angstrom."""
    place = (lines.QUASAR.get(name) or lines.EMISSION[name]).wavelength
    return BroadLine(name, place, ew, dispersion / place * lines.SPEED_OF_LIGHT, wind, baldwin)


BROAD: tuple[BroadLine, ...] = (
    _broad("ly_beta_ovi", 13.0, 9.1, 0.4, -0.15),
    _broad("ly_alpha", 72.0, 14.0, 0.25, -0.10),
    _broad("nv_1240", 16.0, 13.0, 0.5, -0.05),
    _broad("si2_1262", 0.7, 4.5),
    _broad("oi_1305", 2.0, 6.5),
    _broad("cii_1335", 0.9, 4.5),
    _broad("siiv_1400", 8.1, 14.2, 0.5, -0.05),
    _broad("civ_1549", 35.0, 15.5, 1.0, -0.17),
    _broad("heii_1640", 6.0, 21.0, 1.0, -0.20),
    _broad("oiii_1665", 3.0, 12.0, 0.6, -0.10),
    _broad("niii_1750", 1.5, 10.0),
    _broad("aliii_1857", 2.6, 12.0, 0.2),
    _broad("siiii_1892", 3.0, 11.0, 0.1),
    _broad("ciii_1908", 18.0, 20.0, 0.3, -0.09),
    _broad("feiii_2077", 2.5, 19.0),
    _broad("cii_2326", 2.0, 17.0),
    _broad("neiv_2424", 1.6, 13.0),
    _broad("mgii_2799", 40.0, 29.0, 0.0, -0.10),
    _broad("heii_3204", 0.8, 18.0),
    _broad("h_delta", 6.0, 18.6),
    _broad("h_gamma", 14.0, 22.0),
    _broad("heii_4686", 3.0, 30.0, 0.4),
    _broad("h_beta", 46.2, 35.0),
    _broad("hei_5876", 5.5, 25.0),
    _broad("h_alpha", 195.0, 43.0),
    _broad("hei_7065", 3.0, 30.0),
    _broad("oi_8446", 8.0, 38.0),
)

NARROW: dict[str, float] = {
    "nev_3346": 0.35,
    "nev_3426": 1.2,
    "oii_3726": 0.66,
    "oii_3729": 0.90,
    "neiii_3869": 1.4,
    "neiii_3968": 0.45,
    "h_gamma": 0.55,
    "oiii_4363": 0.5,
    "h_beta": 1.2,
    "oiii_4959": 13.2 / lines.OIII_5007_OVER_4959,
    "oiii_5007": 13.2,
    "oi_6300": 0.8,
    "nii_6548": 2.0 / lines.NII_6584_OVER_6548,
    "h_alpha": 5.0,
    "nii_6584": 2.0 * 2.0,
    "sii_6717": 1.65,
    "sii_6731": 1.49,
}
"""Equivalent widths [angstrom] of narrow lines; all scale together with [O III]."""

# Fe II multiplets: wavelength in air [angstrom], relative flux; unverified
_IRON_OPTICAL = (
    *((4128.7, 1.0), (4173.5, 2.2), (4178.9, 2.5), (4233.2, 4.5), (4258.2, 1.2), (4273.3, 1.2)),
    *((4296.6, 1.8), (4303.2, 2.6), (4351.8, 4.2), (4385.4, 2.4), (4416.8, 2.2), (4489.2, 2.4)),
    *((4491.4, 2.5), (4508.3, 3.5), (4515.3, 3.5), (4520.2, 3.2), (4522.6, 4.8), (4541.5, 2.0)),
    *((4549.5, 6.2), (4555.9, 4.2), (4576.3, 2.0), (4583.8, 6.0), (4620.5, 1.5), (4629.3, 4.5)),
    *((4666.8, 1.8), (4731.4, 1.5), (4923.9, 6.0), (5018.4, 7.0), (5169.0, 8.0), (5197.6, 5.0)),
    *((5234.6, 5.5), (5264.8, 3.0), (5276.0, 6.0), (5284.1, 3.0), (5316.6, 8.0), (5325.6, 2.0)),
    *((5362.9, 4.0), (5425.3, 1.8), (5534.8, 2.2), (6147.7, 1.0), (6247.6, 2.0), (6456.4, 2.4)),
)
_IRON_ULTRAVIOLET = (
    *((2099.0, 1.5), (2151.0, 1.0), (2200.0, 1.5), (2249.0, 4.0), (2280.0, 5.0), (2328.0, 8.0)),
    *((2343.5, 12.0), (2364.8, 11.0), (2382.0, 16.0), (2395.5, 15.0), (2404.9, 12.0)),
    *((2413.3, 9.0), (2430.0, 8.0), (2450.0, 9.0), (2465.0, 10.0), (2481.0, 12.0), (2498.0, 12.0)),
    *((2511.0, 12.0), (2526.0, 11.0), (2541.0, 10.0), (2563.0, 12.0), (2585.9, 14.0)),
    *((2599.4, 16.0), (2612.0, 14.0), (2625.7, 12.0), (2631.3, 10.0), (2665.0, 4.0), (2692.0, 4.0)),
    *((2714.4, 9.0), (2727.5, 9.0), (2739.5, 14.0), (2749.3, 14.0), (2761.8, 8.0), (2785.0, 4.0)),
    *((2831.0, 6.0), (2856.0, 7.0), (2880.0, 8.0), (2910.0, 6.0), (2926.6, 6.0), (2944.4, 7.0)),
    *((2964.6, 7.0), (2985.0, 5.0), (3002.6, 4.0), (3065.0, 2.5), (3135.0, 3.0), (3154.2, 4.0)),
    *((3167.9, 4.5), (3186.7, 5.0), (3196.1, 5.0), (3213.3, 4.0), (3227.7, 5.0), (3255.9, 4.0)),
    *((3281.3, 3.5), (3323.1, 2.5), (3450.0, 1.5), (3500.0, 1.5)),
)
IRON_BANDS = ((2250.0, 2650.0), (4434.0, 4684.0))
"""Where the equivalent widths of ultraviolet and optical Fe II are counted [angstrom]."""


def line_profile(log_distance: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """Broad line of unit integral over ln wavelength: a core and a wing.

    Args:
        log_distance: ln(wavelength / line centre), any shape.
        dispersion: sigma / c, broadcastable to it.
    """
    share, core, wing = _CORE
    total = np.zeros(np.broadcast_shapes(log_distance.shape, dispersion.shape))
    for weight, width in ((share, core * dispersion), (1.0 - share, wing * dispersion)):
        total += weight * np.exp(-0.5 * (log_distance / width) ** 2) / width
    return total / np.sqrt(2.0 * np.pi)


_IRON_STEP = 5e-4  # of ln wavelength


@cache
def _iron_table(which: int) -> tuple[np.ndarray, np.ndarray]:
    """Log wavelength and Fe II of unit mean over its band, with unresolved lines (2, N)."""
    table = np.array((_IRON_ULTRAVIOLET, _IRON_OPTICAL)[which])
    place = np.log(air.air_to_vacuum(table[:, 0]))
    x = np.arange(np.log(1900.0), np.log(7200.0), _IRON_STEP)
    width = 500.0 / lines.SPEED_OF_LIGHT
    curve = np.exp(-0.5 * ((x[:, None] - place) / width) ** 2) @ table[:, 1]
    low, high = np.log(IRON_BANDS[which])
    return x, curve / curve[(x > low) & (x < high)].mean()


def iron(wavelength: np.ndarray, dispersion: np.ndarray, which: int) -> np.ndarray:
    """Fe II pseudo-continuum of unit mean over its band, broadened (B, L).

    Args:
        wavelength: Rest wavelengths [angstrom] (B, L).
        dispersion: Of the lines [km/s] (B,).
        which: 0 ultraviolet, 1 optical.
    """
    x, curve = _iron_table(which)
    frequency = np.fft.rfftfreq(x.size, _IRON_STEP)
    sigma = np.sqrt(np.maximum(dispersion**2 - 500.0**2, 0.0)) / lines.SPEED_OF_LIGHT
    kernel = np.exp(-2.0 * (np.pi * frequency * sigma[:, None]) ** 2)
    broad = np.fft.irfft(np.fft.rfft(curve) * kernel, n=x.size, axis=-1)
    place = (np.log(wavelength) - x[0]) / _IRON_STEP
    return np.stack([
        np.interp(row, np.arange(x.size), values, left=0.0, right=0.0)
        for row, values in zip(place, broad, strict=True)
    ])  # fmt: skip


_EDGE = 3646.0  # [angstrom]


def balmer_continuum(wavelength: np.ndarray) -> np.ndarray:
    """Balmer continuum, 1 just blueward of its edge; high Balmer lines fill up to 3900 angstrom.

    A partly thick slab of 15,000 K and optical depth 1 at the edge: Grandi 1982, ApJ 255, 25, eq. 7
    (recalled: unverified).
    """

    def planck(at: np.ndarray | float) -> np.ndarray:
        return np.asarray(at) ** -5.0 / np.expm1(1.438777e8 / (np.asarray(at) * 15000.0))

    depth = 1.0 - np.exp(-((np.minimum(wavelength, _EDGE) / _EDGE) ** 3.0))
    slab = planck(wavelength) * depth / (planck(_EDGE) * (1.0 - np.exp(-1.0)))
    fade = 0.5 * (1.0 - np.tanh((wavelength - 3760.0) / 60.0))
    return np.where(wavelength < _EDGE, slab, 1.0) * fade
