"""Emission-line diagnostics: which source ionises a galaxy's gas.

x = log10 [N II]6584 / Halpha (or [S II]6717+6731 / Halpha), y = log10 [O III]5007 / Hbeta.

The demarcation lines are hyperbolas with a second branch beyond their pole; a point beyond the
pole is never below the line.
"""

import numpy as np

BLANK = "BLANK"
STAR_FORMING = "Star Forming"
COMPOSITE = "Composite"
SEYFERT = "Seyfert"
LINER = "LINER"
CLASSES = (STAR_FORMING, COMPOSITE, SEYFERT, LINER, BLANK)
"""Values of the `bpt` column of the survey's line table `emissionLinesPort`."""


def _below(x: np.ndarray, y: np.ndarray, scale: float, pole: float, offset: float) -> np.ndarray:
    x, y = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    left = x < pole
    limit = scale / np.where(left, x - pole, -1.0) + offset
    return left & (y < limit)


def below_kauffmann03(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pure star formation: y < 0.61/(x - 0.05) + 1.30. Paper: Kauffmann+ 2003, eq. 1."""
    return _below(x, y, 0.61, 0.05, 1.30)


def below_kewley01(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Possible for star formation: y < 0.61/(x - 0.47) + 1.19. Paper: Kewley+ 2001, eq. 5."""
    return _below(x, y, 0.61, 0.47, 1.19)


def above_schawinski07(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Seyferts rather than LINERs: y > 1.05 x + 0.45. Paper: Schawinski+ 2007, eq. 1."""
    return np.asarray(y) > 1.05 * np.asarray(x) + 0.45


def below_kewley06_sii(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Star formation in the [S II] plane: y < 0.72/(x - 0.32) + 1.30. Paper: Kewley+ 2006."""
    return _below(x, y, 0.72, 0.32, 1.30)


def above_kewley06_sii(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Seyferts rather than LINERs in the [S II] plane: y > 1.89 x + 0.76. Paper: Kewley+ 2006."""
    return np.asarray(y) > 1.89 * np.asarray(x) + 0.76


def classify(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Classes in the [N II] plane, as the Portsmouth line table assigns them.

    Star Forming below Kauffmann+03, Composite between it and Kewley+01, above that Seyfert or
    LINER by Schawinski+07; BLANK where a ratio is not finite.

    Args:
        x: log10 [N II]6584 / Halpha.
        y: log10 [O III]5007 / Hbeta.

    Returns:
        Strings of `CLASSES`, of the broadcast shape.
    """
    x, y = np.broadcast_arrays(np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64))
    known = np.isfinite(x) & np.isfinite(y)
    return np.select(
        [~known, below_kauffmann03(x, y), below_kewley01(x, y), above_schawinski07(x, y)],
        [BLANK, STAR_FORMING, COMPOSITE, SEYFERT],
        default=LINER,
    )


def whan(x: np.ndarray, ew_h_alpha: np.ndarray) -> np.ndarray:
    """Classes by [N II]/Halpha and the equivalent width of Halpha.

    Paper: Cid Fernandes+ 2011, MNRAS 413, 1687, section 6.

    Args:
        x: log10 [N II]6584 / Halpha.
        ew_h_alpha: Equivalent width [angstrom], positive in emission.

    Returns:
        `star forming`, `strong agn`, `weak agn`, `retired`, `passive`, or `BLANK` where the
        equivalent width is not finite or the ratio is needed and not finite.
    """
    x, ew = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(ew_h_alpha, np.float64))
    return np.select(
        [~np.isfinite(ew), ew < 0.5, ew < 3.0, ~np.isfinite(x), x < -0.4, ew > 6.0],
        [BLANK, "passive", "retired", BLANK, "star forming", "strong agn"],
        default="weak agn",
    )
