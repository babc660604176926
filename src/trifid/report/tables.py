"""Tables of the page, as plain values for the template."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trifid.report.run import Document
from trifid.report.text import count, interval, number, percent, words

_HEAT = 10
_NO_SHARE = ("log_loss", "brier", "mcc")


@dataclass(frozen=True)
class Bar:
    """An estimate between 0 and 1 with its interval, in percent of the bar's width."""

    value: float
    low: float
    width: float


@dataclass(frozen=True)
class Cell:
    """A value with a detail under it, shaded from 0 to 10; or a bar alone."""

    text: str
    detail: str = ""
    heat: int | None = None
    bar: Bar | None = None


@dataclass(frozen=True)
class Table:
    """Rows of text or cells; the first of each row is its heading."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    note: str = ""
    over: str = ""
    kind: str = ""


def estimate(value: Any) -> Cell:
    """A cell with an estimate {value, low, high} and its interval."""
    return Cell(number(value.get("value")), interval(value))


def metrics_table(metrics: Document) -> Table | None:
    """Every overall metric with its 95 % interval and a bar where it is a share."""
    rows = tuple(
        (words(name), number(value.get("value")), interval(value), _bar(name, value))
        for name, value in metrics.get("metrics", {}).items()
    )
    head = ("Metric", "Value", "95 % interval", "0 to 1")
    return Table("Overall", head, rows, kind="overall") if rows else None


def class_table(metrics: Document) -> Table | None:
    """Precision, recall, F1 and what else is known of each class."""
    per_class: Document = metrics.get("per_class", {})
    if not per_class:
        return None
    known = [key for key in next(iter(per_class.values())) if key != "support"]
    rows = tuple(
        (name, count(values.get("support")), *(estimate(values.get(key, {})) for key in known))
        for name, values in per_class.items()
    )
    head = ("Class", "Objects", *(words(key) for key in known))
    return Table("By class", head, rows, note="with 95 % intervals")


def confusion_table(metrics: Document) -> Table | None:
    """Counts of label against prediction, each with its share of the label's row."""
    confusion: Document = metrics.get("confusion", {})
    classes: Sequence[str] = confusion.get("classes", ())
    counts: Sequence[Sequence[int]] = confusion.get("counts", ())
    if not counts:
        return None
    rows = tuple(
        (name, *(_share(value, sum(row)) for value in row), count(sum(row)))
        for name, row in zip(classes, counts, strict=True)
    )
    return Table(
        "Confusion matrix",
        ("Label", *classes, "All"),
        rows,
        note="objects, and share of the label's row",
        over="Predicted",
        kind="matrix",
    )


def subsets_table(metrics: Document, full: str) -> Table | None:
    """The main metrics for every subset of modalities that was predicted."""
    subsets: Document = metrics.get("subsets", {})
    if not subsets:
        return None
    sizes: Document = metrics.get("subset_n", {})
    wanted = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auc", "log_loss")
    known = [key for key in wanted if any(key in entry for entry in subsets.values())]
    order = sorted(subsets, key=lambda name: (name != full, -name.count("+"), name))
    rows = tuple(
        (
            name.replace("+", " + ") + (" (all)" if name == full else ""),
            count(sizes.get(name)),
            *(estimate(subsets[name].get(key, {})) for key in known),
        )
        for name in order
    )
    head = ("Modalities given", "Objects", *(words(key) for key in known))
    return Table("Results by the modalities given", head, rows, note="with 95 % intervals")


def utilisation_table(metrics: Document) -> Table | None:
    """The share of a metric that is lost without an input, for each that was left out."""
    rows = tuple(
        (name, words(metric), count(entry["n"]), estimate(entry))
        for metric, inputs in metrics.get("utilisation", {}).items()
        for name, entry in inputs.items()
    )
    head = ("Input", "Metric", "Objects", "Utilisation")
    note = "the share of the metric lost without the input, on objects that have it and another"
    return Table("What each input adds to the others", head, rows, note=note) if rows else None


def calibration_table(metrics: Document) -> Table | None:
    """What the metrics document says of calibration: its plain numbers and estimates."""
    calibration: Document = metrics.get("calibration", {})
    rows = tuple((words(name), estimate(value)) for name, value in calibration.items())
    return Table("Calibration", ("Measure", "Value"), rows) if rows else None


def _share(value: int, total: int) -> Cell:
    share = value / total if total else 0.0
    return Cell(count(value), percent(share), heat=round(_HEAT * share))


def _bar(name: str, value: Document) -> str | Cell:
    middle = value.get("value")
    if name in _NO_SHARE or middle is None or not 0.0 <= middle <= 1.0:
        return ""
    low, high = value.get("low"), value.get("high")
    low, high = (middle, middle) if low is None or high is None else (low, high)
    return Cell(
        "", bar=Bar(round(99 * middle, 2), round(100 * low, 2), round(100 * (high - low), 2))
    )
