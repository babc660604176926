"""Conformal sets and intervals: coverage that holds for any model, in the mean over new objects.

A threshold is fitted on validation rows, which the model was not trained on; sets and intervals
of new rows then hold the truth in at least the stated share of cases, as long as new rows and
validation rows come from one distribution. `bins` make the promise hold within each bin (Mondrian:
magnitude, S/N, redshift), `per_class` within each true class. A bin with too few validation rows
for the promise gets the set of all classes, or an infinite interval, never a narrower one.

Paper: Vovk, Gammerman & Shafer 2005, Algorithmic Learning in a Random World, sections 2.2 and 4.5.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from trifid.errors import InputError

Method = Literal["lac", "aps", "raps"]
_PENALTY, _FREE = 0.01, 2  # RAPS: penalty of each class beyond the first `_FREE`


@dataclass(frozen=True)
class ConformalClassifier:
    """Thresholds on the score of a class; a set holds the classes whose score is not above.

    Attributes:
        method: `lac` (smallest sets, Sadinle et al. 2019), `aps` (adaptive, Romano et al. 2020) or
            `raps` (adaptive and regularised, Angelopoulos et al. 2021).
        coverage: The share of objects whose set shall hold the true class.
        thresholds: Per bin and class (G, K); equal along K unless fitted per class.
        counts: Validation rows behind each threshold (G, K).
    """

    method: Method
    coverage: float
    thresholds: Float[np.ndarray, "G K"]
    counts: Int[np.ndarray, "G K"]

    def sets(
        self,
        probabilities: Float[np.ndarray, "N K"],
        bins: Int[np.ndarray, "N"] | None = None,
        *,
        seed: int = 0,
    ) -> Bool[np.ndarray, "N K"]:
        """The set of each row; empty sets are possible under `lac`, and say that nothing fits.

        Args:
            probabilities: Of new rows.
            bins: Their bins, numbered as at the fit; a bin unseen there gets all classes.
            seed: Of the tie-breaking of `aps` and `raps`.
        """
        place = np.zeros(len(probabilities), np.int64) if bins is None else bins
        known = (place >= 0) & (place < len(self.thresholds))
        limits = np.where(known[:, None], self.thresholds[np.where(known, place, 0)], np.inf)
        return class_scores(probabilities, self.method, seed=seed) <= limits


def class_scores(
    probabilities: Float[np.ndarray, "N K"], method: Method, *, seed: int = 0
) -> Float[np.ndarray, "N K"]:
    """How strange each class would be for each row; larger is stranger.

    `lac`: 1 - p. `aps`: probability of all likelier classes plus a uniform share of the class's
    own. `raps`: the same plus 0.01 for each rank beyond the second.
    """
    if method == "lac":
        return 1.0 - probabilities
    order = np.argsort(-probabilities, axis=1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=1)
    share = np.random.default_rng(seed).random((len(probabilities), 1))
    scores = np.cumsum(ranked, axis=1) - share * ranked
    if method == "raps":
        rank = np.arange(1, probabilities.shape[1] + 1)
        scores = scores + _PENALTY * np.maximum(rank - _FREE, 0)
    found = np.empty_like(scores)
    np.put_along_axis(found, order, scores, axis=1)
    return found


def fit_classifier(
    probabilities: Float[np.ndarray, "N K"],
    labels: Int[np.ndarray, "N"],
    *,
    coverage: float = 0.9,
    method: Method = "lac",
    bins: Int[np.ndarray, "N"] | None = None,
    per_class: bool = False,
    seed: int = 0,
) -> ConformalClassifier:
    """Fits the thresholds on validation rows.

    Args:
        probabilities: Of the validation rows, never of rows trained on.
        labels: Their classes.
        coverage: Wanted, between 0 and 1.
        method: See `ConformalClassifier`.
        bins: Bin of each row, 0 .. G-1, for coverage within each bin.
        per_class: Whether coverage shall hold within each true class.
        seed: Of the tie-breaking of `aps` and `raps`.

    Raises:
        InputError: If there are no rows, or the coverage is not between 0 and 1.
    """
    _check(len(labels), coverage)
    rows, classes = np.arange(len(labels)), probabilities.shape[1]
    own = class_scores(probabilities, method, seed=seed)[rows, labels]
    place = np.zeros(len(labels), np.int64) if bins is None else bins
    thresholds = np.empty((int(place.max()) + 1, classes))
    counts = np.empty(thresholds.shape, np.int64)
    for number in range(len(thresholds)):
        for name in range(classes):
            members = (place == number) & ((labels == name) | (not per_class))
            thresholds[number, name] = upper_quantile(own[members], coverage)
            counts[number, name] = members.sum()
    return ConformalClassifier(method, coverage, thresholds, counts)


@dataclass(frozen=True)
class ConformalInterval:
    """Margins that widen (or, if negative, narrow) the intervals of a regression.

    Attributes:
        coverage: The share of objects whose interval shall hold the truth.
        margins: Per bin (G,).
        counts: Validation rows behind each margin (G,).
    """

    coverage: float
    margins: Float[np.ndarray, "G"]
    counts: Int[np.ndarray, "G"]

    def intervals(
        self,
        low: Float[np.ndarray, "N"],
        high: Float[np.ndarray, "N"],
        *,
        scale: Float[np.ndarray, "N"] | None = None,
        bins: Int[np.ndarray, "N"] | None = None,
    ) -> tuple[Float[np.ndarray, "N"], Float[np.ndarray, "N"]]:
        """The intervals of new rows; a bin unseen at the fit gets infinite ones."""
        place = np.zeros(len(low), np.int64) if bins is None else bins
        known = (place >= 0) & (place < len(self.margins))
        margin = np.where(known, self.margins[np.where(known, place, 0)], np.inf)
        margin = margin if scale is None else margin * scale
        return low - margin, high + margin


def fit_interval(
    low: Float[np.ndarray, "N"],
    high: Float[np.ndarray, "N"],
    truth: Float[np.ndarray, "N"],
    *,
    coverage: float = 0.9,
    scale: Float[np.ndarray, "N"] | None = None,
    bins: Int[np.ndarray, "N"] | None = None,
) -> ConformalInterval:
    """Conformalised quantile regression: the margin by which predicted quantiles must give way.

    With `low = high = mean` and `scale = sd` this is the locally weighted split conformal interval.
    Paper: Romano, Patterson & Candes 2019, NeurIPS, eq. 6 and 7; Lei et al. 2018, JASA 113, 1094.

    Args:
        low: Predicted lower quantile of the validation rows.
        high: Predicted upper quantile.
        truth: Their true values.
        coverage: Wanted, between 0 and 1.
        scale: Unit of the margin in each row, positive; 1 everywhere by default.
        bins: Bin of each row, 0 .. G-1, for coverage within each bin.

    Raises:
        InputError: If there are no rows, or the coverage is not between 0 and 1.
    """
    _check(len(truth), coverage)
    miss = np.maximum(low - truth, truth - high)
    miss = miss if scale is None else miss / scale
    place = np.zeros(len(truth), np.int64) if bins is None else bins
    number = int(place.max()) + 1
    margins = np.array([upper_quantile(miss[place == own], coverage) for own in range(number)])
    return ConformalInterval(coverage, margins, np.bincount(place, minlength=number))


def upper_quantile(scores: Float[np.ndarray, "N"], coverage: float) -> float:
    """The ceil((n + 1) coverage)-th smallest score; infinite where n is too small for that."""
    rank = int(np.ceil((len(scores) + 1) * coverage - 1e-9))
    return float(np.partition(scores, rank - 1)[rank - 1]) if rank <= len(scores) else np.inf


def _check(rows: int, coverage: float) -> None:
    if rows == 0:
        raise InputError("conformal: no validation rows; give the run a validation part")
    if not 0.0 < coverage < 1.0:
        raise InputError(f"conformal: coverage is {coverage}, expected a number between 0 and 1")
