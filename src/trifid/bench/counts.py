"""What printed ratios say of the integer counts behind them.

A ratio of counts printed with d digits stands for an interval of width 10^-d. Where few or no
integers fit, the table tells how many objects it was made from, and whether one run or a mean.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_SLACK = 1e-12


@dataclass(frozen=True)
class Printed:
    """A number as printed, as a fraction, with the interval that rounds to it."""

    text: str
    value: float
    half: float

    @classmethod
    def of(cls, text: str, *, percent: bool = False) -> "Printed":
        """From the digits of a table: `0.9434`, or `94.34` in percent."""
        digits = len(text.partition(".")[2]) + (2 if percent else 0)
        return cls(text, float(text) / (100 if percent else 1), 0.5 * 10.0**-digits)

    @property
    def low(self) -> float:
        """Lower end."""
        return self.value - self.half - _SLACK

    @property
    def high(self) -> float:
        """Upper end."""
        return self.value + self.half + _SLACK

    def holds(self, value: float) -> bool:
        """Whether a number would be printed so."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class F1Solution:
    """Counts of three or more classes that give the printed F1 scores.

    Attributes:
        hits: True positives of each class.
        errors: False positives plus false negatives of each class.
        supports: Least and greatest number of objects of each class.
    """

    hits: tuple[int, ...]
    errors: tuple[int, ...]
    supports: tuple[tuple[int, int], ...]


def counts_behind(ratio: Printed, total: int, runs: int = 1) -> list[int]:
    """Integers m for which m / (runs x total) is printed as this ratio."""
    size = runs * total
    first, last = math.ceil(ratio.low * size), math.floor(ratio.high * size)
    return list(range(max(first, 0), min(last, size) + 1))


def runs_behind(ratios: Sequence[Printed], totals: Sequence[int], most: int = 5) -> int:
    """Of how many equal runs the ratios can be means: the least number, 0 = none up to `most`."""
    for runs in range(1, most + 1):
        if all(counts_behind(r, n, runs) for r, n in zip(ratios, totals, strict=True)):
            return runs
    return 0


def coincidence(ratios: Sequence[Printed], totals: Sequence[int], runs: int) -> float:
    """How probable it is that arbitrary numbers with as many digits all fit."""
    shares = (2 * r.half * n * runs for r, n in zip(ratios, totals, strict=True))
    return math.prod(min(1.0, share) for share in shares)


def predicted_behind(precision: Printed, f1: Printed | None, hits: int, support: int) -> list[int]:
    """Numbers of objects given a class, from its hits, precision and F1."""
    if hits == 0:
        return []
    first = math.ceil(hits / precision.high)
    last = math.floor(hits / precision.low) if precision.low > 0 else support * 100
    return [
        total
        for total in range(max(first, hits), last + 1)
        if f1 is None or f1.holds(2 * hits / (support + total))
    ]


def denominators(ratios: Sequence[Printed], first: int, last: int) -> list[int]:
    """Numbers of objects from `first` to `last` for which every ratio is a whole count."""
    return [n for n in range(first, last + 1) if all(counts_behind(ratio, n) for ratio in ratios)]


def f1_solutions(
    scores: Sequence[Printed],
    n: int,
    accuracy: Printed,
    *,
    weighted_f1: Printed | None = None,
    weighted_precision: Printed | None = None,
) -> list[F1Solution]:
    """Every set of counts that gives F1 by class, accuracy and weighted means of n objects.

    An object in error is a false negative of one class and a false positive of another, so the
    errors of all classes add up to twice their number, and no class has more than all of them.
    """
    found: list[F1Solution] = []
    for correct in counts_behind(accuracy, n):
        wrong = n - correct
        for errors in _sums(2 * wrong, len(scores), wrong):
            for hits in _hits(scores, errors, correct):
                splits = [
                    missed
                    for missed in _splits(errors, wrong)
                    if _fits(hits, errors, missed, n, weighted_f1, weighted_precision)
                ]
                if splits:
                    supports = [[h + m[k] for m in splits] for k, h in enumerate(hits)]
                    ends = tuple((min(column), max(column)) for column in supports)
                    found.append(F1Solution(hits, errors, ends))
    return found


def _hits(
    scores: Sequence[Printed], errors: Sequence[int], correct: int
) -> Iterator[tuple[int, ...]]:
    ranges = [_hit_range(f1, error, correct) for f1, error in zip(scores, errors, strict=True)]
    longest = max(range(len(ranges)), key=lambda k: len(ranges[k]))  # follows from the others
    others = [span for k, span in enumerate(ranges) if k != longest]
    for chosen in itertools.product(*others):
        rest = correct - sum(chosen)
        if rest in ranges[longest]:
            yield (*chosen[:longest], rest, *chosen[longest:])


def _hit_range(f1: Printed, errors: int, most: int) -> range:
    """True positives for which 2 TP / (2 TP + errors) is printed as `f1`."""
    if errors == 0:
        return range(1, most + 1) if f1.holds(1.0) else range(0)
    low = math.ceil(errors * f1.low / (2 * (1 - f1.low))) if f1.low < 1 else most + 1
    high = math.floor(errors * f1.high / (2 * (1 - f1.high))) if f1.high < 1 else most
    return range(max(low, 0), min(high, most) + 1)


def _fits(
    hits: Sequence[int],
    errors: Sequence[int],
    missed: Sequence[int],
    n: int,
    f1: Printed | None,
    precision: Printed | None,
) -> bool:
    rows = list(zip(hits, errors, missed, strict=True))
    weighted = sum((h + m) * 2 * h / max(2 * h + e, 1) for h, e, m in rows) / n
    precise = sum((h + m) * h / max(h + e - m, 1) for h, e, m in rows) / n
    return (f1 is None or f1.holds(weighted)) and (precision is None or precision.holds(precise))


def _sums(total: int, parts: int, most: int) -> Iterator[tuple[int, ...]]:
    """Ways to write `total` as a sum of `parts` numbers from 0 to `most`."""
    if parts == 1:
        if 0 <= total <= most:
            yield (total,)
        return
    for first in range(min(total, most) + 1):
        for rest in _sums(total - first, parts - 1, most):
            yield (first, *rest)


def _splits(errors: Sequence[int], wrong: int) -> Iterator[tuple[int, ...]]:
    """False negatives of each class that add up to the number of objects in error."""
    for missed in itertools.product(*(range(error + 1) for error in errors)):
        if sum(missed) == wrong:
            yield missed
