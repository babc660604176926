"""Metrics of predicted numbers as one function of group weights, ready for the bootstrap.

`error` is prediction minus truth; for a redshift also `error / (1 + truth)`, under names that end
in `_1z`. Where a model predicts a Gaussian for each row, its width is judged as well; a row with
width 0 is a point, whose CRPS is its absolute error.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr, ndtri

LIGHT_SPEED = 299_792.458  # [km/s], exact (CODATA)
QUANTILES = (0.05, 0.5, 0.95)
COVERAGES = (0.68, 0.95)
_MAD_TO_SD = 1.4826  # 1 / Phi^-1(3/4)
_STEPS = 60  # halvings of an interval that holds a median
_CELLS = 1 << 20


def row_crps(
    truth: Float[np.ndarray, "N"], mean: Float[np.ndarray, "N"], sd: Float[np.ndarray, "N"]
) -> Float[np.ndarray, "N"]:
    """Continuous ranked probability score of a Gaussian, in the unit of the truth.

    Paper: Gneiting & Raftery 2007, J. Am. Stat. Assoc. 102, 359, eq. 21 and the equation for the
    Gaussian below it.
    """
    width = np.where(sd > 0, sd, 1.0)
    z = (truth - mean) / width
    density = np.exp(-0.5 * z**2) / np.sqrt(2 * np.pi)
    gaussian = width * (z * (2 * ndtr(z) - 1) + 2 * density - 1 / np.sqrt(np.pi))
    return np.where(sd > 0, gaussian, np.abs(truth - mean))


def row_pinball(
    truth: Float[np.ndarray, "N"], quantile: Float[np.ndarray, "N"], level: float
) -> Float[np.ndarray, "N"]:
    """Pinball loss of a predicted quantile (Koenker & Bassett 1978, Econometrica 46, 33)."""
    gap = truth - quantile
    return np.maximum(level * gap, (level - 1.0) * gap)


def row_pit(
    truth: Float[np.ndarray, "N"], mean: Float[np.ndarray, "N"], sd: Float[np.ndarray, "N"]
) -> Float[np.ndarray, "N"]:
    """Probability integral transform of a Gaussian: uniform where widths are right."""
    return ndtr((truth - mean) / sd)


def gaussian_quantile(
    mean: Float[np.ndarray, "N"], sd: Float[np.ndarray, "N"], level: float
) -> Float[np.ndarray, "N"]:
    """The quantile of a Gaussian."""
    return mean + sd * float(ndtri(level))


def weighted_median(
    values: Float[np.ndarray, "N"], weights: Int[np.ndarray, "B N"]
) -> Float[np.ndarray, "B"]:
    """The median of values that count `weights` times, for many weightings; NaN without weight."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    below = np.cumsum(weights[:, order], axis=1)
    total = below[:, -1:]
    low = np.minimum((2 * below < total).sum(axis=1), len(values) - 1)
    high = np.minimum((2 * below <= total).sum(axis=1), len(values) - 1)
    return np.where(total[:, 0] > 0, 0.5 * (ranked[low] + ranked[high]), np.nan)


def weighted_mad(
    values: Float[np.ndarray, "N"], weights: Int[np.ndarray, "B N"]
) -> Float[np.ndarray, "B"]:
    """The median absolute deviation from the median, likewise.

    The weight within a distance of the median is the difference of two cumulated weights, so the
    distance that holds half of it is found by halving, for all weightings at once.
    """
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    below = np.zeros((len(weights), len(values) + 1), np.int64)
    np.cumsum(weights[:, order], axis=1, out=below[:, 1:])
    total = below[:, -1]
    middle = weighted_median(values, weights)
    rows = np.arange(len(weights))

    def reach(more: bool) -> np.ndarray:
        """The smallest distance that holds half of the weight, or more than half."""
        low, high = np.full(len(rows), 0.0), np.full(len(rows), float(np.ptp(ranked)) + 1e-300)
        for _ in range(_STEPS):
            half = 0.5 * (low + high)
            inside = below[rows, np.searchsorted(ranked, middle + half, "right")]
            inside = inside - below[rows, np.searchsorted(ranked, middle - half, "left")]
            enough = 2 * inside > total if more else 2 * inside >= total
            low, high = np.where(enough, low, half), np.where(enough, half, high)
        return high

    return np.where(total > 0, 0.5 * (reach(more=False) + reach(more=True)), np.nan)


@dataclass(frozen=True)
class RegressionStatistic:
    """From weights (B, G) to the metrics of one target (B, S), in the order of `names`.

    Attributes:
        names: Of the metrics.
        sums: Per group: number of rows, then what the metrics are means of (G, 1 + C).
        row_groups: The group of each row (N,).
        error: Of each row (N,).
        scaled: Error over 1 + truth of each row (N,), empty where the target is no redshift.
        pit: Of each row (N,), empty where no width was predicted.
    """

    names: tuple[str, ...]
    sums: Float[np.ndarray, "G C"]
    row_groups: Int[np.ndarray, "N"]
    error: Float[np.ndarray, "N"]
    scaled: Float[np.ndarray, "M"]
    pit: Float[np.ndarray, "P"]

    @property
    def groups(self) -> int:
        """Number of groups G."""
        return len(self.sums)

    @classmethod
    def of(
        cls,
        truth: Float[np.ndarray, "N"],
        mean: Float[np.ndarray, "N"],
        sd: Float[np.ndarray, "N"] | None,
        groups: Int[np.ndarray, "N"],
        *,
        redshift: bool = False,
        outliers: tuple[float, ...] = (),
        baseline: float = np.nan,
    ) -> "RegressionStatistic":
        """Sums up the rows of each group, numbered 0 .. G-1.

        Args:
            truth: Of each row.
            mean: Predicted.
            sd: Predicted standard deviations, all positive, or None.
            groups: Of each row.
            redshift: Whether errors over 1 + truth are wanted too.
            outliers: Limits of the absolute error (over 1 + truth for a redshift).
            baseline: The training rows' mean, which the skill compares with.
        """
        error = mean - truth
        scaled = error / (1.0 + truth) if redshift else np.empty(0)
        judged = scaled if redshift else error
        width = np.zeros_like(mean) if sd is None else sd
        columns = [error, error**2, np.abs(error), truth, truth**2, (truth - baseline) ** 2]
        columns += [row_crps(truth, mean, width)]
        columns += [np.abs(judged) > limit for limit in outliers]
        columns += [scaled] * redshift
        if sd is not None:
            columns += [np.abs(error) < ndtri(0.5 + c / 2) * sd for c in COVERAGES]
            columns += [
                row_pinball(truth, gaussian_quantile(mean, sd, level), level) for level in QUANTILES
            ]
        count = int(groups.max()) + 1
        rows = [np.bincount(groups, minlength=count)]
        rows += [np.bincount(groups, np.asarray(c, np.float64), count) for c in columns]
        pit = np.empty(0) if sd is None else row_pit(truth, mean, sd)
        names = metric_names(redshift=redshift, outliers=outliers, spread=sd is not None)
        return cls(names, np.stack(rows, axis=1), groups, error, scaled, pit)

    def __call__(self, weights: Int[np.ndarray, "B G"]) -> Float[np.ndarray, "B S"]:
        """The metrics under each weighting of the groups."""
        totals = weights.astype(np.float64) @ self.sums
        count = np.where(totals[:, 0] > 0, totals[:, 0], np.nan)
        bias, squared, absolute, truth, power, base, *rest = (totals[:, 1:] / count[:, None]).T
        variance = power - truth**2
        with np.errstate(divide="ignore", invalid="ignore"):
            r2 = np.where(variance > 1e-12 * power, 1.0 - squared / variance, np.nan)
            skill = 1.0 - squared / base
        means = [np.sqrt(squared), absolute, bias, r2, skill, *rest]
        return np.column_stack([*means, *self._ranked(weights)])

    def _ranked(self, weights: Int[np.ndarray, "B G"]) -> list[np.ndarray]:
        """The metrics that need an order of rows, in parts that fit the memory."""
        step = max(1, _CELLS // max(len(self.row_groups), 1))
        parts: list[np.ndarray] = []
        for start in range(0, len(weights), step):
            by_row = weights[start : start + step][:, self.row_groups]
            found = [_MAD_TO_SD * weighted_mad(self.error, by_row)]
            if self.scaled.size:
                found.append(_MAD_TO_SD * weighted_mad(self.scaled, by_row))
                found.append(LIGHT_SPEED * weighted_median(np.abs(self.scaled), by_row))
            if self.pit.size:
                found.append(_uniform_distance(self.pit, by_row))
            parts.append(np.stack(found))
        return list(np.concatenate(parts, axis=1))


def metric_names(*, redshift: bool, outliers: tuple[float, ...], spread: bool) -> tuple[str, ...]:
    """The metrics of a target, in order.

    `skill` is 1 - MSE / MSE of the training mean; `velocity` the median of c |error| / (1 + z)
    [km/s]; `pit_distance` the Kolmogorov-Smirnov distance of the PIT from uniform.
    """
    names = ["rmse", "mae", "bias", "r2", "skill", "crps"]
    names += [f"outliers_{limit:g}" for limit in outliers]
    names += ["bias_1z"] * redshift
    if spread:
        names += [f"coverage_{100 * c:.0f}" for c in COVERAGES]
        names += [f"pinball_{100 * level:02.0f}" for level in QUANTILES]
    names += ["nmad"]
    names += ["nmad_1z", "velocity"] * redshift
    return (*names, *(["pit_distance"] if spread else []))


def _uniform_distance(pit: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Kolmogorov-Smirnov distance of weighted values from the uniform distribution (B,)."""
    order = np.argsort(pit, kind="stable")
    ranked = pit[order]
    below = np.cumsum(weights[:, order], axis=1).astype(np.float64)
    total = np.where(below[:, -1:] > 0, below[:, -1:], np.nan)
    above = below / total - ranked
    under = ranked - (below - weights[:, order]) / total
    return np.maximum(above, under).max(axis=1)
