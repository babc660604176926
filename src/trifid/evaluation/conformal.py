"""Conformal sets and intervals of a predictions table, and their coverage within bins.

Fitted on the validation rows, judged on the test rows. Within bins of a magnitude, S/N or redshift
one threshold for all objects covers some bins too often and others too seldom; a threshold of each
bin's own (Mondrian) holds what it says in every one. Bins have edges at quantiles of the validation
rows, and are as few as it takes to have `LEAST` of them in each.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from trifid.calibration.conformal import fit_classifier, fit_interval
from trifid.calibration.quantiles import fit_levels
from trifid.evaluation.measure import Entry, plain, share
from trifid.evaluation.predictions import Numbers, Predictions
from trifid.metrics.regression import QUANTILES, gaussian_quantile, row_pit

COVERAGE = 0.9  # also what the outer predicted quantiles of a number leave between them
BINS, LEAST = 4, 50

Columns = Callable[[np.ndarray], Mapping[str, np.ndarray]]
"""From object ids (N,) to what is known of them by name; numbers are cut into bins."""


def no_columns(_: np.ndarray) -> Mapping[str, np.ndarray]:
    """Nothing is known but the predictions."""
    return {}


def binned_sets(
    valid: Predictions, test: Predictions, columns: Columns, *, coverage: float = COVERAGE
) -> list[dict[str, Any]]:
    """Least ambiguous sets by bin of each numeric column.

    Args:
        valid: Labelled validation rows.
        test: Labelled rows to judge.
        columns: What is known of an object.
        coverage: Of the sets.

    Returns:
        [{column, wanted, bins [{bin, n, n_valid, one (coverage under one threshold for all),
        coverage (under the bin's own), mean_size}]}]; rows without the number are left out.
    """
    found: list[dict[str, Any]] = []
    of_valid, of_test = columns(valid.object_ids), columns(test.object_ids)
    whole = fit_classifier(valid.probabilities, valid.labels, coverage=coverage)
    one = _holds(whole.sets(test.probabilities), test)
    for name in _numeric(of_valid, of_test):
        names, fitted, place = _bins(of_valid[name], of_test[name])
        if len(names) < 2:
            continue
        known = fitted >= 0
        own = fit_classifier(
            valid.probabilities[known], valid.labels[known], coverage=coverage, bins=fitted[known]
        )
        sets = own.sets(test.probabilities, place)
        held = _holds(sets, test)
        found.append(
            {
                "column": name,
                "wanted": coverage,
                "bins": [
                    {
                        "bin": said,
                        "n": int(inside.sum()),
                        "n_valid": int((fitted == number).sum()),
                        "one": share(one[inside]),
                        "coverage": share(held[inside]),
                        "mean_size": float(sets[inside].sum(axis=1).mean()),
                    }
                    for number, said in enumerate(names)
                    if (inside := place == number).any()
                ],
            }
        )
    return found


def number_intervals(
    predictions: Predictions, *, fold: str = "test", columns: Columns = no_columns
) -> dict[str, Any]:
    """Conformalised 90 % intervals of every target of the full subset of modalities.

    Predicted quantiles are widened or narrowed by one margin (CQR); a model without spread gets
    the mean plus and minus one margin. Columns that are a target are no bins, for they are not
    known of a new object; the prediction is.

    Args:
        predictions: A checked table of numbers; without a fold `valid` the answer is empty.
        fold: The fold to judge.
        columns: What is known of an object, for bins.

    Returns:
        {target: {wanted, n, n_valid, as_predicted {coverage, mean_width, pit_distance} or None,
        recalibrated (the same, after quantile recalibration) or None, conformal {coverage,
        mean_width}, by [{column, bins [{bin, n, n_valid, as_predicted or None, one, coverage,
        mean_width}]}]}}
    """
    if "valid" not in predictions.folds:
        return {}
    full = predictions.select(fold=fold).subsets[0]
    if full not in predictions.select(fold="valid").subsets:
        return {}
    sides = [predictions.select(fold=name, subset=full) for name in ("valid", fold)]
    known = [columns(rows.object_ids) for rows in sides]
    found: dict[str, Any] = {}
    for target in predictions.targets:
        if all(len(rows.labelled(target)) for rows in sides):
            valid, test = (_side(rows, target, of) for rows, of in zip(sides, known, strict=True))
            found[target] = _target(valid, test, predictions.targets)
    return found


@dataclass(frozen=True)
class _Side:
    """Labelled rows of one target: ends of the predicted interval, answers, numbers for bins."""

    ends: tuple[np.ndarray, np.ndarray]
    numbers: Numbers
    columns: dict[str, np.ndarray]

    @property
    def truth(self) -> np.ndarray:
        """The true values (N,)."""
        return self.numbers.truth

    @property
    def spread(self) -> bool:
        """Whether a width was predicted."""
        return self.numbers.sd is not None

    @property
    def pit(self) -> np.ndarray:
        """Predicted cumulative probability of the truth (N,); none without widths."""
        numbers = self.numbers
        if numbers.sd is None:
            return np.empty(0)
        return row_pit(numbers.truth, numbers.mean, numbers.sd)

    def inside(self, ends: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Whether the truth lies between two ends."""
        return (ends[0] <= self.truth) & (self.truth <= ends[1])


def _side(rows: Predictions, target: str, columns: Mapping[str, np.ndarray]) -> _Side:
    labelled = rows.table[f"label_{target}"].is_valid().to_numpy()
    kept = {name: values[labelled] for name, values in columns.items()}
    rows = rows.labelled(target)
    numbers = rows.numbers(target)
    ends = (numbers.mean, numbers.mean)
    if numbers.sd is not None:
        names = [f"{target}_q{100 * level:02.0f}" for level in (QUANTILES[0], QUANTILES[-1])]
        low, high = (rows.table[name].to_numpy().astype(np.float64) for name in names)
        ends = (low, high)
    known = kept | {f"predicted {target}": numbers.mean}
    return _Side(ends, numbers, known)


def _target(valid: _Side, test: _Side, targets: Sequence[str]) -> Entry:
    whole = fit_interval(*valid.ends, valid.truth, coverage=COVERAGE)
    ends = whole.intervals(*test.ends)
    spread = valid.spread and test.spread
    every = np.ones(len(test.truth), bool)
    predicted = {
        "coverage": share(test.inside(test.ends)),
        "mean_width": _width(test.ends, every),
        "pit_distance": _distance(test.pit) if spread else None,
    }
    return {
        "wanted": COVERAGE,
        "n": len(test.truth),
        "n_valid": len(valid.truth),
        "as_predicted": predicted if spread else None,
        "recalibrated": _recalibrated(valid, test),
        "conformal": {"coverage": share(test.inside(ends)), "mean_width": _width(ends, every)},
        "by": [
            {"column": name, "bins": bins}
            for name in _numeric(valid.columns, test.columns)
            if name not in targets and (bins := _binned(valid, test, name, ends))
        ],
    }


def _recalibrated(valid: _Side, test: _Side) -> Entry | None:
    """The same numbers where the levels are those that validation rows really had."""
    mean, sd = test.numbers.mean, test.numbers.sd
    if sd is None or not valid.spread:
        return None
    levels = fit_levels(valid.pit)
    tails = np.array([(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    low, high = levels.needed(tails).tolist()
    ends = gaussian_quantile(mean, sd, low), gaussian_quantile(mean, sd, high)
    every = np.ones(len(mean), bool)
    return {
        "coverage": share(test.inside(ends)),
        "mean_width": _width(ends, every),
        "pit_distance": _distance(levels.honest(test.pit)),
    }


def _distance(pit: np.ndarray) -> float:
    """Kolmogorov-Smirnov distance from uniform."""
    ranked, count = np.sort(pit), len(pit)
    steps = np.arange(count + 1) / count
    return float(max((steps[1:] - ranked).max(), (ranked - steps[:-1]).max()))


def _binned(
    valid: _Side, test: _Side, name: str, ends: tuple[np.ndarray, np.ndarray]
) -> list[Entry]:
    """Coverage in each bin: as predicted, with the margin of all (`ends`), with the bin's own."""
    names, fitted, place = _bins(valid.columns[name], test.columns[name])
    if len(names) < 2:
        return []
    known = fitted >= 0
    low, high = (end[known] for end in valid.ends)
    own = fit_interval(low, high, valid.truth[known], coverage=COVERAGE, bins=fitted[known])
    binned = own.intervals(*test.ends, bins=place)
    predicted, one, held = (test.inside(pair) for pair in (test.ends, ends, binned))
    return [
        {
            "bin": said,
            "n": int(rows.sum()),
            "n_valid": int((fitted == number).sum()),
            "as_predicted": share(predicted[rows]) if valid.spread else None,
            "one": share(one[rows]),
            "coverage": share(held[rows]),
            "mean_width": _width(binned, rows),
        }
        for number, said in enumerate(names)
        if (rows := place == number).any()
    ]


def _width(ends: tuple[np.ndarray, np.ndarray], rows: np.ndarray) -> float | None:
    return plain(float(np.maximum(ends[1][rows] - ends[0][rows], 0.0).mean()))


def _holds(sets: np.ndarray, rows: Predictions) -> np.ndarray:
    return sets[np.arange(len(rows)), rows.labels]


def _numeric(first: Mapping[str, np.ndarray], second: Mapping[str, np.ndarray]) -> list[str]:
    return [name for name in first if first[name].dtype.kind == "f" and name in second]


def _bins(fit: np.ndarray, new: np.ndarray) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Names of the bins, and the bin of each validation and new row; -1 = number unknown.

    The outer bins reach as far as they have to.
    """
    known = fit[np.isfinite(fit)]
    wanted = min(BINS, len(known) // LEAST)
    if wanted < 2:
        return [], np.empty(0, np.int64), np.empty(0, np.int64)
    inner = np.unique(np.quantile(known, np.arange(1, wanted) / wanted))
    inner = inner[inner > known.min()]  # many equal values may leave an edge nothing below it
    places = [
        np.where(np.isfinite(values), np.searchsorted(inner, values, side="right"), -1)
        for values in (fit, new)
    ]
    said = [f"{edge:.4g}" for edge in inner]
    names = [f"{low} to {high}" for low, high in pairwise(said)]
    names = [f"below {said[0]}", *names, f"{said[-1]} and above"] if said else []
    return names, places[0], places[1]
