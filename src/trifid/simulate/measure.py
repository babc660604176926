"""The measurement step: from noisy spectra to line fluxes, and from those to labels.

Labels come from here and never from the latent galaxy, so they err where the data do.
"""

from dataclasses import dataclass

import numpy as np

from trifid.physics import bpt, extinction, lines
from trifid.schema import grid
from trifid.simulate.spectrograph import line_profiles, line_sigma

AMPLITUDE_OVER_NOISE = 1.5  # least A/N of the four lines of a class: Portsmouth method page
_WINDOW = (4050.0, 6850.0)  # rest-frame wavelengths fitted [angstrom]
# lines fitted; doublets of a fixed ratio are one line
_GROUPS = (
    ("h_delta",),
    ("h_gamma",),
    ("h_beta",),
    ("oiii_5007", "oiii_4959"),
    ("oi_6300",),
    ("h_alpha",),
    ("nii_6584", "nii_6548"),
    ("sii_6717",),
    ("sii_6731",),
)
_BPT_LINES = ("nii_6584", "h_alpha", "oiii_5007", "h_beta")
_DOUBLET = {
    "oiii_4959": 1.0 / lines.OIII_5007_OVER_4959,
    "nii_6548": 1.0 / lines.NII_6584_OVER_6548,
}


@dataclass(frozen=True)
class LineFit:
    """One line in B spectra, arrays over them.

    Attributes:
        flux: [1e-17 erg/s/cm2].
        error: Its standard error, same unit.
        amplitude_over_noise: Fitted peak over the noise of a pixel there; 0 where masked.
        continuum: Fitted continuum beside the line [1e-17 erg/s/cm2/angstrom].
    """

    flux: np.ndarray
    error: np.ndarray
    amplitude_over_noise: np.ndarray
    continuum: np.ndarray


@dataclass(frozen=True)
class Labels:
    """What a line catalogue says of B spectra: `bpt`, EW(Halpha) [angstrom], E(B-V) [mag]."""

    bpt: np.ndarray
    ew_ha: np.ndarray
    ebmv: np.ndarray


def measure_lines(
    flux: np.ndarray,
    ivar: np.ndarray,
    starlight: np.ndarray,
    redshift: np.ndarray,
    velocity: np.ndarray,
) -> dict[str, LineFit]:
    """Fits continuum and emission lines together, linearly.

    The continuum is any combination of the starlight components, each with a slope; widths and
    places of the lines are given. Method: Sarzi+ 2006, MNRAS 366, 1151 (lines and starlight at
    once, so absorption under emission is accounted for).

    Args:
        flux: (B, L) on the store's grid.
        ivar: (B, L); 0 = no data.
        starlight: Components at each row's redshift and resolution (B, 4, L).
        redshift: (B,).
        velocity: Velocity dispersion of the gas [km/s] (B,).

    Returns:
        Fits by line name; of a doublet, the stronger line.
    """
    stretch = np.log10(1.0 + redshift)
    length = int(np.log10(_WINDOW[1] / _WINDOW[0]) / grid.LOG10_STEP)
    first = np.rint((np.log10(_WINDOW[0]) + stretch - grid.LOG10_START) / grid.LOG10_STEP)
    first = first.astype(np.int64)
    pixel = first[:, None] + np.arange(length)
    start = grid.LOG10_START + grid.LOG10_STEP * first
    data, weight = (np.take_along_axis(item, pixel, axis=1) for item in (flux, ivar))
    stars = np.take_along_axis(starlight, pixel[:, None], axis=2)
    slope = np.linspace(-1.0, 1.0, length)
    continuum = (stars[:, :, None] * np.stack([np.ones(length), slope])).reshape(
        len(flux), -1, length
    )
    places = {name: np.log10(line.wavelength) + stretch for name, line in lines.EMISSION.items()}
    emission = np.zeros((len(flux), len(_GROUPS), length))
    for index, group in enumerate(_GROUPS):
        for name in group:
            profile = line_profiles(places[name], line_sigma(velocity, places[name]), start, length)
            emission[:, index] += _DOUBLET.get(name, 1.0) * profile
    design = np.concatenate([continuum, emission], axis=1)
    values, errors = _weighted_fit(design, data, weight)
    smooth = continuum.shape[1]
    model = np.einsum("bk,bkl->bl", values[:, :smooth], continuum)
    return {
        group[0]: _describe(
            np.rint((places[group[0]] - start) / grid.LOG10_STEP).astype(np.int64),
            weight,
            model,
            (values[:, smooth + index], errors[:, smooth + index], emission[:, index].max(axis=1)),
        )
        for index, group in enumerate(_GROUPS)
    }


def _weighted_fit(
    design: np.ndarray, data: np.ndarray, weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted least squares per row: values and standard errors (B, K).

    A ridge of 1e-8 of each column's own weight keeps columns that carry no data (a masked line)
    solvable; they come out as zero with a large error.
    """
    weighted = design * weight[:, None]
    normal = np.einsum("bil,bjl->bij", weighted, design)
    right = np.einsum("bil,bl->bi", weighted, data)
    scale = np.sqrt(np.maximum(np.einsum("bii->bi", normal), 1e-30))
    normal = normal / scale[:, :, None] / scale[:, None, :] + 1e-8 * np.eye(design.shape[1])
    inverse = np.linalg.inv(normal)
    values = np.einsum("bij,bj->bi", inverse, right / scale) / scale
    return values, np.sqrt(np.einsum("bii->bi", inverse)) / scale


def _describe(
    centre: np.ndarray,
    weight: np.ndarray,
    model: np.ndarray,
    fitted: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> LineFit:
    """One fitted line, from its flux, error and peak height of unit flux."""
    flux, error, peak = fitted
    core = np.take_along_axis(weight, centre[:, None] + np.arange(-5, 6), axis=1)
    pixels = (core > 0).sum(axis=1)
    pixel_ivar = np.where(pixels > 5, core.sum(axis=1) / np.maximum(pixels, 1), 0.0)
    sides = np.concatenate([np.arange(-60, -40), np.arange(40, 60)])
    beside = (centre[:, None] + sides).clip(0, model.shape[1] - 1)
    continuum = np.take_along_axis(model, beside, axis=1).mean(axis=1)
    return LineFit(flux, error, flux * peak * np.sqrt(pixel_ivar), continuum)


def label(fits: dict[str, LineFit], redshift: np.ndarray) -> Labels:
    """Assigns the class as the Portsmouth table does, with its sentinels.

    All of Hbeta, [O III], Halpha and [N II] need A/N above 1.5; otherwise the class is BLANK and
    the equivalent width and E(B-V) are 0. Line ratios are freed of the dust that the Balmer
    decrement tells. Equivalent widths are in the rest frame, positive in emission. E(B-V) is that
    of the decrement, Milky Way included, not below 0.
    """
    four = [fits[name] for name in _BPT_LINES]
    seen = np.all([fit.amplitude_over_noise > AMPLITUDE_OVER_NOISE for fit in four], axis=0)
    seen &= fits["h_alpha"].continuum > 0
    nitrogen, alpha, oxygen, beta = (np.where(seen, fit.flux, 1.0) for fit in four)
    excess = extinction.balmer_color_excess(alpha / beta, lines.H_ALPHA_OVER_H_BETA)
    excess = np.maximum(excess, 0.0)
    # log10 fluxes without the dust; the ratios are close in wavelength, so it matters by 0.02
    k = extinction.calzetti00(np.array([lines.EMISSION[name].wavelength for name in _BPT_LINES]))
    nitrogen_ratio = np.log10(nitrogen / alpha) + 0.4 * excess * (k[0] - k[1])
    oxygen_ratio = np.log10(oxygen / beta) + 0.4 * excess * (k[2] - k[3])
    classes = bpt.classify(nitrogen_ratio, oxygen_ratio)
    level = np.where(seen, fits["h_alpha"].continuum, 1.0)
    return Labels(
        bpt=np.where(seen, classes, bpt.BLANK),
        ew_ha=np.where(seen, alpha / level / (1.0 + redshift), 0.0),
        ebmv=np.where(seen, excess, 0.0),
    )
