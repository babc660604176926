"""The claims audit: what the numbers of a paper imply, with the arithmetic.

counts         integers behind recalls, precisions and accuracies; one run or a mean of some
n              numbers of objects that all accuracies of a table fit
joined         counts from accuracy and F1 by class of two tables
averages       which mean over classes a table prints
single run     a headline against the same model's own mean over seeds
claim          a difference against its sampling error
"""

from collections.abc import Callable, Iterator
from typing import Any

from trifid.bench.audit_claims import audit_claim
from trifid.bench.counts import (
    coincidence,
    counts_behind,
    denominators,
    f1_solutions,
    predicted_behind,
    runs_behind,
)
from trifid.bench.finding import Finding
from trifid.bench.published import PublishedPaper, Row, Table
from trifid.metrics.intervals import wilson

_MOST_RUNS = 5
_SCAN = 0.9  # of the stated number of objects: from here upwards others are tried
_FEW = 3  # solutions that are printed


def audit_paper(paper: PublishedPaper) -> list[Finding]:
    """Everything the tables of a paper imply."""
    found = [finding for table in paper.tables for check in _CHECKS for finding in check(table)]
    for pair in paper.joined:
        found += _joined(paper.table(pair.accuracy), paper.table(pair.by_class))
    found += _against_own_mean(paper)
    return found + [finding for claim in paper.claims for finding in audit_claim(paper, claim)]


def _class_counts(table: Table) -> Iterator[Finding]:
    """Hits and predicted totals of each row, and whether the rows are of one sort."""
    sorts: dict[int, list[str]] = {}
    for row in table.rows:
        if not table.support or "recall" not in row.by_class or row.by_class_sd:
            continue
        recalls = [table.read(text) for text in row.by_class["recall"]]
        runs = runs_behind(recalls, table.support, max(_MOST_RUNS, table.runs))
        sorts.setdefault(runs, []).append(row.model)
        if runs == 0:
            yield Finding(
                "counts",
                table.number,
                row.model,
                "odd",
                f"no counts of up to {max(_MOST_RUNS, table.runs)} runs give these recalls",
            )
            continue
        hits = [counts_behind(r, n, runs) for r, n in zip(recalls, table.support, strict=True)]
        chance = coincidence(recalls, table.support, runs)
        if runs > 1:
            sums = ", ".join(f"{_one(h)}/{runs}" for h in hits)
            yield Finding(
                "counts",
                table.number,
                row.model,
                "mean",
                f"recalls are means of {runs} runs: hits {sums}; "
                f"arbitrary numbers would fit with probability {chance:.1g}",
                {"runs": runs, "hits": [h[0] / runs for h in hits], "coincidence": chance},
            )
        else:
            yield _one_run(table, row, hits, chance)
    if len(sorts) > 1:
        parts = "; ".join(
            f"{', '.join(models)}: {_sort_text(runs)}" for runs, models in sorted(sorts.items())
        )
        yield Finding(
            "counts",
            table.number,
            "",
            "mixed",
            f"the rows are of different sorts: {parts}",
            {"runs": {str(runs): models for runs, models in sorts.items()}},
        )


def _one_run(table: Table, row: Row, hits: list[list[int]], chance: float) -> Finding:
    predicted: list[list[int]] = []
    for k, known in enumerate(hits):
        texts = row.by_class.get("precision", ())
        f1 = row.by_class.get("f1", ())
        predicted.append(
            predicted_behind(
                table.read(texts[k]),
                table.read(f1[k]) if f1 else None,
                known[0],
                table.support[k],
            )
            if texts and len(known) == 1
            else []
        )
    lines = [
        f"{name}: {_one(h)} of {n}" + (f", {_one(p)} predicted" if p else "")
        for name, h, n, p in zip(table.classes, hits, table.support, predicted, strict=True)
    ]
    right = sum(h[0] for h in hits)
    n = sum(table.support)
    low, high = wilson(right, n)
    closed = all(len(p) == 1 for p in predicted) and sum(p[0] for p in predicted) == n
    ending = f"; predicted totals add up to {n}" if closed else ""
    return Finding(
        "counts",
        table.number,
        row.model,
        "one run",
        f"whole counts, so one run: {'; '.join(lines)}; {right}/{n} = {right / n:.6f} "
        f"({low:.4f} to {high:.4f}){ending}; arbitrary numbers would fit with probability "
        f"{chance:.1g}",
        {
            "runs": 1,
            "hits": [_single(h) for h in hits],
            "predicted": [_single(p) for p in predicted],
            "correct": right,
            "n": n,
            "accuracy": {"value": right / n, "low": low, "high": high},
            "recall": [
                dict(zip(("low", "high"), wilson(h[0], total), strict=True))
                for h, total in zip(hits, table.support, strict=True)
            ],
            "coincidence": chance,
        },
    )


def _accuracies(table: Table) -> Iterator[Finding]:
    """Correct objects of each row; numbers of objects that all rows fit."""
    rows = [row for row in table.rows if "accuracy" in row.overall and not row.overall_sd]
    if not rows or not table.n:
        return
    ratios = [table.read(row.overall["accuracy"]) for row in rows]
    fitting = [n for n in table.n if all(counts_behind(ratio, n) for ratio in ratios)]
    sharp = 2 * ratios[0].half * table.n[0] < 0.5
    if fitting and sharp:
        last = max(table.n)
        others = denominators(ratios, int(_SCAN * last), last)
        only = others == [fitting[0]]
        yield Finding(
            "n",
            table.number,
            "",
            "fits" if fitting[0] == table.n[0] else "other n",
            f"all {len(rows)} accuracies are whole counts of {fitting[0]} objects"
            + (f", the only such number from {int(_SCAN * last)} to {last}" if only else "")
            + ("" if fitting[0] == table.n[0] else f", not of {table.n[0]}"),
            {"n": fitting[0], "all_n": others, "tried": [int(_SCAN * last), last]},
        )
    n = fitting[0] if fitting else table.n[0]
    for row, ratio in zip(rows, ratios, strict=True):
        yield _accuracy(table, row, ratio, n, sharp)


def _accuracy(table: Table, row: Row, ratio: Any, n: int, sharp: bool) -> Finding:
    known = counts_behind(ratio, n)
    if not known:
        runs = runs_behind([ratio], [n], max(_MOST_RUNS, table.runs)) if sharp else 0
        text = f"accuracy {ratio.text} of {n} is {ratio.value * n:.3f} objects, no whole number"
        if runs:
            text += f", but {counts_behind(ratio, n, runs)[0]}/{runs} is: a mean of {runs} runs"
        return Finding(
            "n",
            table.number,
            row.model,
            "mean" if runs else "does not fit",
            text,
            {"n": n, "product": ratio.value * n, "runs": runs},
        )
    low, high = wilson(known[len(known) // 2], n)
    return Finding(
        "counts",
        table.number,
        row.model,
        "one run" if sharp else "fits",
        f"accuracy {ratio.text} of {n} is {ratio.value * n:.3f}: {_one(known)} right; "
        f"95 % interval {low:.4f} to {high:.4f}",
        {"n": n, "correct": known if len(known) > 1 else known[0], "low": low, "high": high},
    )


def _averages(table: Table) -> Iterator[Finding]:
    """Which mean over classes a row prints."""
    scale = 100 if table.unit == "percent" else 1
    for row in table.rows:
        for metric, texts in row.by_class.items():
            if metric not in row.overall:
                continue
            values = [table.read(text) for text in texts]
            printed = table.read(row.overall[metric])
            macro = sum(v.value for v in values) / len(values)
            slack = printed.half + values[0].half
            kinds = {"macro mean": macro}
            if table.support:
                total = sum(table.support)
                weights = [n / total for n in table.support]
                kinds["weighted mean"] = sum(
                    w * v.value for w, v in zip(weights, values, strict=True)
                )
            fits = [name for name, value in kinds.items() if abs(value - printed.value) <= slack]
            sums = " + ".join(text for text in texts)
            yield Finding(
                "averages",
                table.number,
                row.model,
                " or ".join(fits) or "none",
                f"{metric}: ({sums}) / {len(texts)} = {macro * scale:.6g}, printed "
                f"{row.overall[metric]}: {' or '.join(fits) or 'no equal mean of these classes'}",
                {"metric": metric, "printed": printed.value} | kinds,
            )
    equal, other = _recall_is_accuracy(table)
    if equal or other:
        verdict = "mixed" if equal and other else ("weighted mean" if equal else "not weighted")
        yield Finding(
            "averages",
            table.number,
            "",
            verdict,
            "recall equals accuracy, as a mean weighted by class must, in "
            f"{len(equal)} rows ({', '.join(equal) or 'none'}); it differs in {len(other)} rows, "
            "which average otherwise",
            {"equal": equal, "other": other},
        )


def _recall_is_accuracy(table: Table) -> tuple[list[str], list[str]]:
    equal: list[str] = []
    other: list[str] = []
    for row in table.rows:
        if {"accuracy", "recall"} <= set(row.overall) and not row.overall_sd:
            recall, accuracy = (table.read(row.overall[k]) for k in ("recall", "accuracy"))
            same = abs(recall.value - accuracy.value) <= max(recall.half, accuracy.half)
            (equal if same else other).append(row.model)
    return equal, other


def _joined(first: Table, second: Table) -> Iterator[Finding]:
    """Counts from the accuracy of one table and F1 by class of another, for every n tried."""
    supports: dict[str, list[tuple[int, int]]] = {}
    for row in first.rows:
        scores = [second.printed(row.model, "f1", name) for name in second.classes]
        known = [score for score in scores if score is not None]
        if len(known) < len(scores) or "accuracy" not in row.overall:
            continue
        for n in first.n:
            found = f1_solutions(
                known,
                n,
                first.read(row.overall["accuracy"]),
                weighted_f1=first.printed(row.model, "f1"),
                weighted_precision=first.printed(row.model, "precision"),
            )
            stated = " (the stated number)" if n == first.n[0] else ""
            shown = "; ".join(
                f"true positives {', '.join(map(str, s.hits))}, errors "
                f"{', '.join(map(str, s.errors))}"
                for s in found[:_FEW]
            ) + (f"; and {len(found) - _FEW} more" if len(found) > _FEW else "")
            yield Finding(
                "joined",
                f"{first.number} and {second.number}",
                row.model,
                "fits" if found else "does not fit",
                f"n = {n}{stated}: {len(found)} sets of counts of {', '.join(second.classes)} "
                f"give accuracy, means and F1{': ' + shown if found else ''}",
                {
                    "n": n,
                    "solutions": [
                        {
                            "hits": list(s.hits),
                            "errors": list(s.errors),
                            "supports": [list(ends) for ends in s.supports],
                        }
                        for s in found
                    ],
                },
            )
            if found and n != first.n[0]:
                low = min(s.supports[0][0] for s in found)
                supports[row.model] = [(low, max(s.supports[0][1] for s in found))]
    apart = {tuple(v[0]) for v in supports.values()}
    if len(apart) > 1:
        parts = ", ".join(f"{name} {v[0][0]} to {v[0][1]}" for name, v in supports.items())
        yield Finding(
            "joined",
            f"{first.number} and {second.number}",
            "",
            "different splits",
            f"objects of {second.classes[0]} judged: {parts}: not the same rows",
            {"supports": {name: list(v[0]) for name, v in supports.items()}},
        )


def _against_own_mean(paper: PublishedPaper) -> Iterator[Finding]:
    """Numbers of a model in one table against its own mean and sd over runs in another."""
    for seeds in paper.tables:
        for row in seeds.rows:
            for metric, sds in row.by_class_sd.items():
                for k, name in enumerate(seeds.classes):
                    mean, sd = seeds.read(row.by_class[metric][k]), seeds.read(sds[k])
                    for table in paper.tables:
                        one = (
                            table.printed(row.model, metric, name)
                            if table is not seeds and name in table.classes
                            else None
                        )
                        if one is None or abs(one.value - mean.value) <= mean.half:
                            continue
                        gap = one.value - mean.value
                        yield Finding(
                            "single run",
                            table.number,
                            row.model,
                            "above the mean" if gap > 0 else "below the mean",
                            f"{metric} of {name}: {one.text} against {mean.text} +- {sd.text} in "
                            f"table {seeds.number}: {100 * gap:+.2f} points, "
                            + (f"{gap / sd.value:+.1f} sd" if sd.value else "sd 0"),
                            {
                                "metric": metric,
                                "class": name,
                                "value": one.value,
                                "mean": mean.value,
                                "sd": sd.value,
                            },
                        )


def _mean_accuracy(table: Table) -> Iterator[Finding]:
    """The accuracy that mean recalls and the supports imply."""
    for row in table.rows:
        if table.support and row.by_class_sd and "recall" in row.by_class:
            values = [table.read(text).value for text in row.by_class["recall"]]
            n = sum(table.support)
            parts = list(zip(values, table.support, strict=True))
            accuracy = sum(value * count for value, count in parts) / n
            text = " + ".join(f"{value:.4f} x {count}" for value, count in parts)
            yield Finding(
                "averages",
                table.number,
                row.model,
                "mean accuracy",
                f"({text}) / {n} = {accuracy:.4f}",
                {"accuracy": accuracy},
            )


def _sort_text(runs: int) -> str:
    return {0: "no counts fit", 1: "one run"}.get(runs, f"mean of {runs} runs")


def _one(counts: list[int]) -> str:
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}" if counts else "?"


def _single(counts: list[int]) -> int | None:
    return counts[0] if len(counts) == 1 else None


_CHECKS: tuple[Callable[[Table], Iterator[Finding]], ...] = (
    _class_counts,
    _accuracies,
    _averages,
    _mean_accuracy,
)
