"""Spectrographs as numbers: resolution, noise, sky, fibre, flux calibration, coverage.

SDSS and BOSS are measured curves. LAMOST and DESI are drawn after their published resolution and
coverage; their noise curves are guesses and not checked against spectra [R].
"""

from dataclasses import dataclass

import numpy as np

from trifid.physics import lines
from trifid.schema import grid

PIXEL_VELOCITY = lines.SPEED_OF_LIGHT * np.log(10.0) * grid.LOG10_STEP  # 69.03 km/s
RESOLUTION = 1844.3
"""R of a line spread of sigma 1 pixel: 299792.458 / (2.3548 x 69.03)."""


@dataclass(frozen=True)
class Instrument:
    """A multi-fibre spectrograph.

    Attributes:
        name: What the column `instrument` says.
        survey: First word of `object_id`.
        curves: Rows of wavelength [angstrom], noise over its median at 6500-7000 angstrom, line
            spread sigma [pixel of 1e-4 dex].
        sky_sigma: Noise without source at 6500-7000 angstrom [1e-17 erg/s/cm2/angstrom].
        source_gain: Variance per unit of source flux there, same units.
        plate_scatter: Of the logarithm of the noise, plate to plate.
        calibration: rms of the smooth flux calibration error of a plate.
        joins: Where two arms meet [angstrom].
        join_step: rms of the step there.
        neighbour: Weight of each neighbour in a pixel's noise.
        fibre: Diameter of a fibre [arcsec].
        fibres: Of a plate.
        start: Least and greatest first grid pixel of a plate.
        length: Least and greatest number of native pixels.
        gaps: Mean number of masked runs in a spectrum.
        relative: The flux scale of a spectrum is arbitrary.
        first_plate, first_mjd, run2d: How its plates are numbered.
        misjudged: Rows of wavelength [angstrom] and true noise over the noise ivar tells of.
        strikes: Mean number of runs of bad pixels in a spectrum that ivar knows nothing of.
        tilt: Mean and standard deviation of a fibre's error (wavelength / 5400)^-tilt.
    """

    name: str
    survey: str
    curves: np.ndarray
    sky_sigma: float
    source_gain: float
    plate_scatter: float
    calibration: float
    joins: tuple[float, ...]
    join_step: float
    neighbour: float
    fibre: float
    fibres: int
    start: tuple[int, int]
    length: tuple[int, int]
    gaps: float
    relative: bool
    first_plate: int
    first_mjd: int
    run2d: str
    misjudged: tuple[tuple[float, float], ...] = ((5000.0, 1.0),)
    strikes: float = 0.0
    tilt: tuple[float, float] = (0.0, 0.0)

    def noise_curve(self, wavelength: np.ndarray) -> np.ndarray:
        """Noise over its median at 6500-7000 angstrom, at observed wavelengths [angstrom]."""
        return np.interp(wavelength, self.curves[:, 0], self.curves[:, 1])

    def noise_error(self, wavelength: np.ndarray) -> np.ndarray:
        """True noise over the noise ivar tells of, at observed wavelengths [angstrom]."""
        places, factors = zip(*self.misjudged, strict=True)
        return np.interp(wavelength, places, factors)

    def line_spread(self, wavelength: np.ndarray) -> np.ndarray:
        """Standard deviation of the line spread function [pixel of 1e-4 dex]."""
        return np.interp(wavelength, self.curves[:, 0], self.curves[:, 2])


# measured on 15 real spectra of SDSS-I/II, medians
_SDSS = np.array(
    [
        (3825, 3.80, 1.32), (3875, 3.35, 1.31), (3950, 2.86, 1.29), (4050, 2.42, 1.26),
        (4150, 2.14, 1.22), (4300, 1.87, 1.17), (4500, 1.67, 1.10), (4700, 1.56, 1.05),
        (4900, 1.46, 1.00), (5125, 1.38, 0.948), (5375, 1.35, 0.897), (5555, 1.35, 0.862),
        (5578, 1.46, 0.859), (5601, 1.36, 0.856), (5785, 1.50, 0.835), (5890, 1.40, 0.906),
        (6025, 1.21, 0.928), (6190, 1.17, 0.969), (6440, 1.03, 0.940), (6600, 1.01, 0.918),
        (6925, 1.00, 0.873), (7100, 0.97, 0.852), (7300, 0.99, 0.830), (7500, 0.98, 0.818),
        (7650, 1.10, 0.810), (7800, 1.05, 0.802), (8200, 1.07, 0.773), (8400, 1.16, 0.753),
        (8600, 1.20, 0.744), (8800, 1.24, 0.734), (9000, 1.36, 0.720), (9150, 1.41, 0.712),
    ]
)  # fmt: skip

# Measured on 140 public BOSS spectra, plate 7102: medians over the spectra, redward of 7200 A
# averaged over 60 A, for the OH lines are narrower than that.
_BOSS = np.array(
    [
        (3600, 16.90, 1.360), (3650, 13.30, 1.338), (3700, 9.30, 1.315), (3725, 7.60, 1.304),
        (3800, 5.40, 1.273), (3850, 4.64, 1.250),
        (3900, 4.36, 1.228), (3950, 3.97, 1.204), (4000, 3.91, 1.181), (4100, 3.26, 1.142),
        (4200, 2.79, 1.104), (4350, 2.60, 1.064), (4500, 2.17, 1.034), (4700, 1.98, 1.000),
        (4900, 1.74, 0.965), (5100, 1.60, 0.955), (5300, 1.46, 0.940), (5450, 1.54, 0.922),
        (5562, 1.47, 0.912), (5572, 2.01, 0.912), (5579, 10.32, 0.911), (5586, 2.22, 0.911),
        (5596, 1.48, 0.910), (5700, 1.74, 0.903), (5800, 1.59, 0.897), (5875, 1.75, 0.896),
        (5891, 3.22, 0.907), (5905, 1.73, 0.904), (5950, 1.86, 0.923), (6050, 1.62, 0.953),
        (6200, 1.44, 0.964), (6285, 1.38, 0.969), (6302, 2.66, 0.969), (6318, 1.27, 0.972),
        (6400, 1.16, 0.961), (6450, 1.13, 0.955), (6550, 1.13, 0.943), (6700, 0.98, 0.926),
        (6850, 1.15, 0.913), (7000, 0.95, 0.900), (7120, 0.87, 0.890), (7180, 0.88, 0.885),
        (7240, 1.13, 0.881), (7300, 1.23, 0.876), (7360, 1.16, 0.872), (7420, 0.99, 0.867),
        (7480, 0.96, 0.862), (7540, 0.96, 0.858), (7600, 1.48, 0.854), (7660, 1.10, 0.850),
        (7720, 1.20, 0.847), (7780, 1.30, 0.844), (7840, 1.40, 0.840), (7900, 1.43, 0.837),
        (7960, 1.20, 0.833), (8020, 1.21, 0.830), (8080, 0.99, 0.828), (8140, 0.89, 0.823),
        (8200, 0.96, 0.820), (8260, 1.06, 0.817), (8320, 1.48, 0.814), (8380, 1.38, 0.811),
        (8440, 1.48, 0.808), (8500, 1.07, 0.805), (8560, 0.91, 0.802), (8620, 1.48, 0.800),
        (8680, 1.59, 0.797), (8740, 1.12, 0.794), (8800, 1.58, 0.791), (8860, 1.73, 0.789),
        (8920, 1.58, 0.787), (8980, 1.53, 0.784), (9040, 1.02, 0.781), (9100, 0.94, 0.779),
        (9160, 0.91, 0.778), (9220, 0.88, 0.776), (9280, 1.12, 0.776), (9340, 2.65, 0.777),
        (9400, 2.55, 0.778), (9460, 3.07, 0.779), (9520, 2.09, 0.782), (9580, 1.97, 0.786),
        (9640, 1.52, 0.788), (9700, 2.20, 0.792), (9760, 1.51, 0.799), (9820, 2.44, 0.804),
        (9880, 2.56, 0.809), (9940, 4.68, 0.816), (10000, 4.41, 0.824), (10060, 4.28, 0.831),
        (10120, 5.41, 0.838), (10180, 6.55, 0.847), (10200, 7.34, 0.850), (10250, 5.86, 0.858),
        (10300, 9.84, 0.867), (10350, 11.70, 0.876), (10400, 12.00, 0.884),
    ]
)  # fmt: skip

# [R]: R = 1800 everywhere; noise as the throughput of two arms that meet at 5900 A
_LAMOST = np.array(
    [
        (3700, 6.00, 1.025), (3900, 3.60, 1.025), (4100, 2.50, 1.025), (4500, 1.80, 1.025),
        (5000, 1.50, 1.025), (5500, 1.50, 1.025), (5579, 2.80, 1.025), (5650, 1.60, 1.025),
        (5800, 2.10, 1.025), (5900, 2.40, 1.025), (6050, 1.60, 1.025), (6302, 1.50, 1.025),
        (6500, 1.02, 1.025), (6850, 1.00, 1.025), (7250, 1.15, 1.025), (7600, 1.50, 1.025),
        (7800, 1.15, 1.025), (8300, 1.45, 1.025), (8600, 1.30, 1.025), (8900, 1.80, 1.025),
        (9000, 2.20, 1.025),
    ]
)  # fmt: skip

# [R]: R rises within each arm: 2000-3200 to 5800 A, 3200-4100 to 7600 A, 4100-5100 to 9824 A
_DESI = np.array(
    [
        (3600, 5.50, 0.922), (3800, 3.60, 0.863), (4000, 2.70, 0.811), (4500, 1.85, 0.704),
        (5000, 1.50, 0.637), (5500, 1.40, 0.594), (5579, 2.60, 0.588), (5650, 1.45, 0.583),
        (5790, 1.80, 0.576), (5810, 1.80, 0.576), (5950, 1.30, 0.561), (6302, 1.60, 0.528),
        (6500, 1.02, 0.513), (6900, 0.98, 0.488), (7250, 1.15, 0.470), (7590, 1.50, 0.450),
        (7610, 1.50, 0.450), (7800, 1.20, 0.440), (8000, 0.98, 0.430), (8350, 1.55, 0.413),
        (8600, 1.15, 0.402), (8850, 1.60, 0.391), (9150, 1.05, 0.379), (9400, 1.80, 0.371),
        (9600, 1.60, 0.366), (9824, 2.40, 0.362),
    ]
)  # fmt: skip


SDSS = Instrument(
    name="SDSS",
    survey="sdss",
    curves=_SDSS,
    sky_sigma=0.30,
    source_gain=0.03,
    plate_scatter=0.2,
    calibration=0.04,
    joins=(6000.0,),
    join_step=0.02,
    neighbour=0.08,  # correlation 0.16 at lag 1
    fibre=3.0,
    fibres=640,
    start=(288, 330),
    length=(3802, 3849),
    gaps=1.2,
    relative=False,
    first_plate=266,
    first_mjd=51600,
    run2d="26",
)
"""The spectrographs of SDSS-I/II."""

BOSS = Instrument(
    name="BOSS",
    survey="sdss",
    curves=_BOSS,
    sky_sigma=0.073,  # sky_sigma and source_gain: fit to the same 140 spectra
    source_gain=0.036,
    plate_scatter=0.13,  # scatter of single spectra about that fit
    calibration=0.06,
    joins=(6150.0,),
    join_step=0.02,
    neighbour=0.11,  # correlation 0.21 at lag 1, median of the 140
    fibre=2.0,
    fibres=1000,
    start=(25, 78),
    length=(4565, 4621),
    gaps=0.1,
    relative=False,
    first_plate=3600,
    first_mjd=55200,
    run2d="v5_13_2",
    # misjudged, strikes, gaps: residuals of 35 faint ones of the 70 spectra of the development half
    misjudged=(
        (3650, 1.12), (4100, 1.13), (4375, 1.10), (4750, 1.06), (5250, 1.03), (5800, 0.98),
        (6250, 0.99), (6900, 0.97), (7600, 0.97), (8600, 0.95), (9600, 1.0), (10150, 0.95),
    ),
    strikes=0.5,
    # fibres of candidates for quasars sit where blue light falls: Margala+ 2016, ApJ 831, 157 [R]
    tilt=(0.3, 0.25),
)  # fmt: skip
"""The spectrographs of BOSS and eBOSS."""

LAMOST = Instrument(
    name="LAMOST",
    survey="lamost",
    curves=_LAMOST,
    sky_sigma=0.45,
    source_gain=0.04,
    plate_scatter=0.3,
    calibration=0.10,
    joins=(5900.0,),
    join_step=0.05,
    neighbour=0.08,
    fibre=3.3,
    fibres=4000,
    start=(182, 186),
    length=(3855, 3860),
    gaps=1.5,
    relative=True,
    first_plate=1,
    first_mjd=55900,
    run2d="lamost",
)
"""LAMOST at low resolution: 3700-9000 angstrom, R 1800, no absolute flux."""

DESI = Instrument(
    name="DESI",
    survey="desi",
    curves=_DESI,
    sky_sigma=0.12,
    source_gain=0.02,
    plate_scatter=0.1,
    calibration=0.03,
    joins=(5800.0, 7600.0),
    join_step=0.01,
    neighbour=0.0,  # its pixels are extracted without correlation
    fibre=1.5,
    fibres=5000,
    start=(63, 63),
    length=(4360, 4360),
    gaps=1.0,
    relative=False,
    first_plate=1000,
    first_mjd=59200,
    run2d="desi",
)
"""DESI's three arms, 3600-9824 angstrom, R 2000 to 5100, on the store's grid."""

INSTRUMENTS = {"sdss": SDSS, "boss": BOSS, "lamost": LAMOST, "desi": DESI}
