"""What absorbs a quasar's light on the way: the forest, thick clouds, metals, winds, dust.

The forest is a log-normal field of optical depth whose mean transmission follows Becker+ 2013,
MNRAS 430, 2067, eq. 5. Numbers of Lyman-limit systems and damped absorbers per redshift: Songaila &
Cowie 2010; Prochaska & Wolfe 2009. Dust: a power law close to the Small Magellanic Cloud's
(Prevot+ 1984). Constants were recalled: unverified.
"""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from trifid.physics import lines
from trifid.schema.grid import LOG10_STEP

_FINE = 2  # cells of the field in a pixel: 35 km/s
_FIELD = ((2.0, 1.5), (6.0, 0.9), (25.0, 0.45))  # smoothing [cell], spread of ln optical depth
_SPREAD = float(np.sqrt(sum(size**2 for _, size in _FIELD)))
_LYMAN = (  # wavelength [angstrom], oscillator strength times wavelength over that of Lyalpha
    (lines.LYMAN_ALPHA, 1.0),
    (lines.LYMAN_BETA, 0.1602),
    (972.54, 0.0558),
    (949.74, 0.0261),
)


def effective_depth(redshift: np.ndarray) -> np.ndarray:
    """-ln of the mean transmission of the forest at a redshift."""
    return np.maximum(0.751 * ((1.0 + redshift) / 4.5) ** 2.90 - 0.132, 0.01 * (1.0 + redshift))


def _median_depths() -> tuple[np.ndarray, np.ndarray]:
    """Effective depth of the field for a median optical depth: both as logarithms."""
    median = np.linspace(-8.0, 6.0, 141)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    depth = np.exp(median[:, None] + _SPREAD * nodes)
    mean = np.exp(-depth) @ weights / weights.sum()
    return np.log(-np.log(mean)), median


_DEPTHS = _median_depths()


def forest(log10_wavelength: np.ndarray, redshift: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Transmission of the Lyman series of the intergalactic gas (B, L).

    Args:
        log10_wavelength: Observed wavelengths [angstrom], steps of 1e-4 (L,).
        redshift: Of the quasars (B,).
        seed: Of each line of sight (B,).
    """
    length = log10_wavelength.size
    step = LOG10_STEP / _FINE
    reach = round(np.log10(lines.LYMAN_ALPHA / _LYMAN[-1][0]) / step)
    fine = log10_wavelength[0] + step * (np.arange(_FINE * length + reach) - 0.5 * (_FINE - 1) + 0)
    z_gas = 10.0**fine / lines.LYMAN_ALPHA - 1.0
    far = np.flatnonzero(z_gas[0] < redshift)
    transmission = np.ones((redshift.size, length))
    if not far.size:
        return transmission
    field = np.zeros((far.size, fine.size))
    for row, number in enumerate(seed[far]):
        rng = np.random.default_rng([int(number), 1])
        white = rng.normal(size=(len(_FIELD), fine.size))
        for noise, (width, size) in zip(white, _FIELD, strict=True):
            smooth = gaussian_filter1d(noise, width, mode="wrap")
            field[row] += size * smooth * np.sqrt(2.0 * np.sqrt(np.pi) * width)
    level = np.interp(np.log(effective_depth(np.maximum(z_gas, 0.0))), *_DEPTHS)
    # the quasar itself ionises the gas within about 3000 km/s
    near = (redshift[far, None] - z_gas) / (1.0 + redshift[far, None]) * lines.SPEED_OF_LIGHT
    ionised = np.clip(near / 3000.0, 0.02, 1.0)
    depth = np.exp(level + field) * ionised * (near > 0.0)
    total = np.zeros((far.size, _FINE * length))
    for place, strength in _LYMAN:
        shift = round(np.log10(lines.LYMAN_ALPHA / place) / step)
        total += strength * depth[:, shift : shift + _FINE * length]
    transmission[far] = np.exp(-total).reshape(far.size, length, _FINE).mean(axis=2)
    return transmission


def thick_clouds(wavelength: np.ndarray, redshift: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Transmission of Lyman-limit systems and damped absorbers (B, L).

    Numbers per redshift: 2.0 ((1 + z)/4)^1.5 of 10^17.2 /cm2 and more, with numbers falling as
    column^-1.35; of damped absorbers 0.20 ((1 + z)/3.5)^1.0 with column^-1.9 up to 10^21.8.
    """
    transmission = np.ones((redshift.size, wavelength.size))
    for row, z in enumerate(redshift):
        lowest = wavelength[0] / lines.LYMAN_ALPHA - 1.0
        if z < lowest:
            continue
        rng = np.random.default_rng([int(seed[row]), 2])
        span = z - max(lowest, 0.0)
        damped = rng.poisson(0.20 * (1.0 + z) / 3.5 * span)
        limit = rng.poisson(2.0 * ((1.0 + z) / 4.0) ** 1.5 * min(span, 1.5))
        columns = [
            *(10.0 ** (20.3 - np.log10(1.0 - rng.random(damped) * 0.956) / 0.9)),
            *(10.0 ** np.minimum(17.2 - np.log10(1.0 - rng.random(limit)) / 0.35, 20.3)),
        ]
        places = [*(z - span * rng.random(damped)), *(z - min(span, 1.5) * rng.random(limit))]
        for column, place in zip(columns, places, strict=True):
            transmission[row] *= hydrogen(wavelength / (1.0 + place), column)
    return transmission


def hydrogen(rest: np.ndarray, column: float) -> np.ndarray:
    """Transmission of a cloud of neutral hydrogen [1/cm2]: damped lines and the Lyman limit."""
    depth = np.where(
        rest < lines.LYMAN_LIMIT, column * 6.3e-18 * (rest / lines.LYMAN_LIMIT) ** 3.0, 0.0
    )
    # oscillator strength, damping [1/s]; the square of the Doppler width 30 km/s keeps it finite
    for place, strength, damping in ((lines.LYMAN_ALPHA, 0.4164, 6.265e8),
                                     (lines.LYMAN_BETA, 0.0791, 1.897e8)):  # fmt: skip
        frequency = 2.99792458e18 / place
        offset = 2.99792458e18 / rest - frequency
        width = frequency * 30.0 / lines.SPEED_OF_LIGHT
        lorentz = damping / (4.0 * np.pi**2) / (offset**2 + (damping / (4.0 * np.pi)) ** 2)
        doppler = np.exp(-((offset / width) ** 2)) / (np.sqrt(np.pi) * width)
        profile = np.where(np.abs(offset) > 3.0 * width, lorentz, doppler)
        depth = depth + 0.02654 * strength * column * profile
    return np.exp(-np.minimum(depth, 60.0))


# doublets and lines of intervening metals: wavelength [angstrom, vacuum], strength over the first
METALS = (
    (2796.35, 1.0), (2803.53, 0.75), (2600.17, 0.55), (2586.65, 0.40), (2382.77, 0.60),
    (2374.46, 0.30), (2344.21, 0.45), (1670.79, 0.40), (1548.20, 0.55), (1550.77, 0.38),
    (1526.71, 0.30), (1393.76, 0.30), (1402.77, 0.20), (1334.53, 0.35),
)  # fmt: skip


def metals(wavelength: np.ndarray, redshift: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Transmission of intervening metal systems (B, L), unresolved lines of 90 km/s.

    0.55 systems per redshift whose Mg II 2796 has a rest equivalent width above 0.3 A, falling
    exponentially on 0.6 A (Nestor+ 2005), from redshift 0.3 up; carbon often without Mg II.
    """
    transmission = np.ones((redshift.size, wavelength.size))
    log_wavelength = np.log(wavelength)
    width = 90.0 / lines.SPEED_OF_LIGHT
    for row, z in enumerate(redshift):
        rng = np.random.default_rng([int(seed[row]), 3])
        for _ in range(rng.poisson(0.75 * max(z - 0.3, 0.0))):
            place = rng.uniform(0.3, z)
            strength = 0.3 - 0.6 * np.log(1.0 - rng.random())
            carbon = rng.random() < 0.4
            for rest, relative in METALS:
                if carbon and rest not in (1548.20, 1550.77, 1393.76, 1402.77):
                    continue
                centre = np.log(rest * (1.0 + place))
                first, last = np.searchsorted(
                    log_wavelength, [centre - 6.0 * width, centre + 6.0 * width]
                )
                here = slice(int(first), int(last))
                depth = strength * relative / rest / (np.sqrt(2.0 * np.pi) * width)
                gauss = np.exp(-0.5 * ((log_wavelength[here] - centre) / width) ** 2)
                transmission[row, here] *= np.exp(-1.3 * depth * gauss)
    return transmission


# line a wind absorbs [angstrom], its depth over that of C IV, only in low-ionisation winds
WIND = (
    (1549.06, 1.0, False), (1396.8, 0.65, False), (1240.14, 0.85, False), (1215.67, 0.45, False),
    (1033.8, 0.8, False), (1857.8, 0.6, True), (2798.7, 0.5, True),
)  # fmt: skip


def wind(
    wavelength: np.ndarray, redshift: np.ndarray, strength: np.ndarray, seed: np.ndarray
) -> np.ndarray:
    """Transmission of broad absorption troughs (B, L).

    A trough begins 0 to 8,000 km/s from the systemic redshift and is 2,000 to 16,000 km/s wide,
    with structure; the same in every line, as in one wind.

    Args:
        wavelength: Observed [angstrom] (L,).
        redshift: (B,).
        strength: Largest depth in C IV; 0 = none, negative = a wind that also has Al III and Mg II.
        seed: (B,).
    """
    transmission = np.ones((redshift.size, wavelength.size))
    velocity = np.arange(0.0, 30000.0, 70.0)
    for row in np.flatnonzero(strength):
        rng = np.random.default_rng([int(seed[row]), 4])
        begin = 8000.0 * rng.random() ** 2
        wide = np.exp(rng.uniform(np.log(2000.0), np.log(16000.0)))
        edges = np.tanh((velocity - begin) / 350.0) - np.tanh((velocity - begin - wide) / 1200.0)
        texture = gaussian_filter1d(rng.normal(size=velocity.size), 9.0, mode="wrap")
        texture += 0.5 * gaussian_filter1d(rng.normal(size=velocity.size), 25.0, mode="wrap") * 1.7
        profile = np.clip(0.5 * edges * (0.85 + 0.25 * texture / texture.std()), 0.0, 1.0)
        rest = wavelength / (1.0 + redshift[row])
        for place, relative, low in WIND:
            if low and strength[row] > 0:
                continue
            ratio = (rest / place) ** 2
            blueshift = lines.SPEED_OF_LIGHT * (1.0 - ratio) / (1.0 + ratio)
            depth = np.interp(blueshift, velocity, profile, left=0.0, right=0.0)
            transmission[row] *= 1.0 - min(abs(strength[row]), 0.97) * relative * depth
    return transmission


def small_cloud_dust(wavelength: np.ndarray) -> np.ndarray:
    """A / E(B-V) [mag per mag] like the Small Magellanic Cloud's: 1.39 (micron/wavelength)^1.2."""
    return 1.39 * (1e4 / np.asarray(wavelength, dtype=np.float64)) ** 1.2
