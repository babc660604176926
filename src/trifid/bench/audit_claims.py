"""Whether a published difference is more than chance."""

import math
from collections.abc import Iterator
from typing import Any

from trifid.bench.counts import counts_behind, predicted_behind
from trifid.bench.finding import Finding
from trifid.bench.published import Claim, PublishedPaper, Row, Table
from trifid.bench.significance import mcnemar_bounds, two_proportions, welch
from trifid.metrics.intervals import wilson

_ALPHA = 0.05


def audit_claim(paper: PublishedPaper, claim: Claim) -> Iterator[Finding]:
    """A claim against the sampling error of its objects, and of its runs where sd is printed."""
    table, other = paper.table(claim.table), paper.table(claim.against or claim.table)
    rows = [_row(table, claim.better), _row(other, claim.worse)]
    if all(claim.metric in row.overall_sd for row in rows) and not claim.name:
        yield _over_runs(table, claim, rows)
    n = _shared_n((table, other), claim.metric)
    pairs = [_proportion(t, row, claim, n) for t, row in zip((table, other), rows, strict=True)]
    if pairs[0] is not None and pairs[1] is not None:
        yield _over_objects(table, claim, pairs[0], pairs[1])


def _row(table: Table, model: str) -> Row:
    return next(row for row in table.rows if row.model == model)


def _over_runs(table: Table, claim: Claim, rows: list[Row]) -> Finding:
    (a, sd_a), (b, sd_b) = (
        (table.read(row.overall[claim.metric]), table.read(row.overall_sd[claim.metric]))
        for row in rows
    )
    gap, error, p = welch(a.value, sd_a.value, b.value, sd_b.value, table.runs)
    text = (
        f"{a.text} +- {sd_a.text} against {b.text} +- {sd_b.text} over {table.runs} runs: "
        f"{100 * gap:+.2f} +- {100 * error:.2f} points, Welch p {_p(p)}"
    )
    numbers: dict[str, Any] = {"difference": gap, "error": error, "p": _finite(p)}
    if table.n:
        low, high = wilson(round(a.value * table.n[0]), table.n[0])
        half = (high - low) / 2
        text += (
            f"; {table.n[0]} objects alone leave +-{100 * half:.1f} points to a proportion of "
            f"{a.text}"
        )
        numbers |= {"n": table.n[0], "half_width": half}
    shown = "gain over runs" if p < _ALPHA and gap > 0 else "not shown"
    return Finding("claim", table.number, claim.better, shown, f"{claim.text}: {text}", numbers)


def _over_objects(
    table: Table, claim: Claim, a: tuple[float, int], b: tuple[float, int]
) -> Finding:
    """Unpaired test of two proportions; bounds of the paired one where the objects are the same."""
    (right_a, n_a), (right_b, n_b) = a, b
    gap = right_a / n_a - right_b / n_b
    error, p = two_proportions(right_a, n_a, right_b, n_b)
    text = (
        f"{_count(right_a)}/{n_a} against {_count(right_b)}/{n_b}: {100 * gap:+.2f} points, "
        f"unpaired standard error {100 * error:.2f}, p {_p(p)}"
    )
    numbers: dict[str, Any] = {
        "a": [right_a, n_a],
        "b": [right_b, n_b],
        "difference": gap,
        "error": error,
        "p": p,
        "low": gap - 1.959964 * error,
        "high": gap + 1.959964 * error,
    }
    shown = p < _ALPHA
    if n_a == n_b and claim.metric in ("accuracy", "recall"):
        bounds = mcnemar_bounds(round(right_a), round(right_b), n_a)
        text += (
            f"; {_count(abs(right_a - right_b))} objects of {n_a} (standard error of that "
            f"difference {error * n_a:.0f}); paired: {bounds.fewest} to {bounds.most} objects "
            f"decide, McNemar p {_p(bounds.least_p)} to {_p(bounds.greatest_p)}"
        )
        numbers |= {
            "objects": right_a - right_b,
            "objects_error": error * n_a,
            "mcnemar": [bounds.least_p, bounds.greatest_p],
        }
        shown = bounds.greatest_p < _ALPHA
        open_ = bounds.least_p < _ALPHA <= bounds.greatest_p
    else:
        open_ = False
    verdict = "not shown" if gap <= 0 else "shown" if shown else "open" if open_ else "not shown"
    if gap < 0:
        verdict = "the other way"
    return Finding("claim", table.number, claim.better, verdict, f"{claim.text}: {text}", numbers)


def _shared_n(tables: tuple[Table, Table], metric: str) -> int:
    """The first number of objects that all rows of both tables fit, else the stated one; or 0."""
    tried = tables[0].n or tables[1].n
    ratios = [
        table.read(row.overall[metric])
        for table in tables
        for row in table.rows
        if metric in row.overall
    ]
    fitting = [n for n in tried if all(counts_behind(ratio, n) for ratio in ratios)]
    return (*fitting, *tried, 0)[0]


def _proportion(table: Table, row: Row, claim: Claim, n: int) -> tuple[float, int] | None:
    """Successes and trials behind a number: of objects, of a class, or of a class's predictions."""
    if claim.name:
        return _class_proportion(table, row, claim)
    if claim.metric != "accuracy" or not n or row.overall_sd:
        return None
    ratio = table.read(row.overall["accuracy"])
    known = counts_behind(ratio, n)
    return (float(known[len(known) // 2]) if known else ratio.value * n), n


def _class_proportion(table: Table, row: Row, claim: Claim) -> tuple[float, int] | None:
    if not table.support or "recall" not in row.by_class:
        return None
    k = table.classes.index(claim.name)
    hits = counts_behind(table.read(row.by_class["recall"][k]), table.support[k])
    if len(hits) != 1:
        return None
    if claim.metric == "recall":
        return float(hits[0]), table.support[k]
    if claim.metric != "precision":
        return None
    f1 = row.by_class.get("f1")
    totals = predicted_behind(
        table.read(row.by_class["precision"][k]),
        table.read(f1[k]) if f1 else None,
        hits[0],
        table.support[k],
    )
    return (float(hits[0]), totals[0]) if len(totals) == 1 else None


def _count(value: float) -> str:
    return f"{value:.0f}" if abs(value - round(value)) < 1e-6 else f"{value:.2f}"


def _p(p: float) -> str:
    if not math.isfinite(p):
        return "-"
    return "<0.001" if p < 0.001 else f"{p:.2g}"


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
