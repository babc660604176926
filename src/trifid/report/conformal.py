"""The report of conformal sets and intervals: coverage of all objects, and bin by bin."""

from typing import Any

from trifid.report.run import Document
from trifid.report.tables import Cell, Table, estimate
from trifid.report.text import count, number, percent

_WAYS = {
    "as_predicted": "As predicted",
    "recalibrated": "Quantiles recalibrated",
    "conformal": "Conformal",
}
_BINS = 16  # bins shown: those that one threshold for all serves worst


def bin_table(metrics: Document) -> Table | None:
    """Sets of a classifier by bin, under one threshold for all and under the bin's own."""
    trust: Document = metrics.get("trust", {})
    entries = [(found["column"], entry) for found in trust.get("mondrian", ())
               for entry in found["bins"]]  # fmt: skip
    rows = tuple(
        (
            f"{column}: {entry['bin']}",
            count(entry["n"]),
            count(entry["n_valid"]),
            estimate(entry["one"]),
            estimate(entry["coverage"]),
            number(entry["mean_size"]),
        )
        for column, entry in _worst(entries)
    )
    head = ("Bin", "Objects", "Fitted on", "One threshold for all", "The bin's own", "Classes")
    wanted = percent(trust["mondrian"][0]["wanted"]) if entries else ""
    note = f"share of sets that hold the label, wanted {wanted}; {_shown(entries)}"
    return Table("Conformal sets by bin", head, rows, note=note) if rows else None


def interval_tables(metrics: Document) -> list[Table]:
    """Predicted, recalibrated and conformal intervals: all objects of each target, then bins."""
    intervals: Document = metrics.get("intervals", {})
    rows = tuple(
        (
            target,
            count(found["n"]),
            count(found["n_valid"]),
            *(cell for way in _WAYS for cell in _side(found[way])),
        )
        for target, found in intervals.items()
    )
    if not rows:
        return []
    wanted = percent(next(iter(intervals.values()))["wanted"])
    ways = (name for way in _WAYS.values() for name in (way, "Width"))
    head = ("Target", "Objects", "Fitted on", *ways)
    note = f"share of intervals that hold the truth, wanted {wanted}, and their mean width"
    tables = [Table("Intervals of numbers", head, rows, note=note)]
    entries = [
        (f"{target}, {by['column']}", entry)
        for target, found in intervals.items()
        for by in found["by"]
        for entry in by["bins"]
    ]
    bins = tuple(
        (
            f"{name}: {entry['bin']}",
            count(entry["n"]),
            "" if entry["as_predicted"] is None else estimate(entry["as_predicted"]),
            estimate(entry["one"]),
            estimate(entry["coverage"]),
            number(entry["mean_width"]),
        )
        for name, entry in _worst(entries)
    )
    head = ("Bin", "Objects", "As predicted", "One margin for all", "The bin's own", "Width")
    note = f"share of intervals that hold the truth, wanted {wanted}; {_shown(entries)}"
    return [*tables, Table("Intervals by bin", head, bins, note=note)] if bins else tables


def _side(entry: Document | None) -> tuple[str | Cell, ...]:
    if entry is None:
        return "no spread", ""
    return estimate(entry["coverage"]), number(entry["mean_width"])


def _worst(entries: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
    """The bins that one threshold covers least."""
    return sorted(entries, key=lambda item: item[1]["one"]["value"])[:_BINS]


def _shown(entries: list[tuple[str, Any]]) -> str:
    if len(entries) <= _BINS:
        return "least covered first"
    return f"the {_BINS} least covered of {len(entries)} bins, all are in metrics.json"
