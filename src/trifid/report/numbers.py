"""The report of predicted numbers: a table by target, residuals, and whether widths are right."""

from typing import Any

import numpy as np
from markupsafe import Markup

from trifid.evaluation.numbers import PIT_BINS
from trifid.evaluation.predictions import Predictions
from trifid.metrics.regression import row_pit
from trifid.report import svg
from trifid.report.gallery import Drawn
from trifid.report.run import Document
from trifid.report.tables import Cell, Table, estimate
from trifid.report.text import count, number, percent, words

SHOWN = ("rmse", "mae", "bias", "nmad", "r2", "skill", "crps")
WIDTHS = ("coverage_68", "coverage_95", "pit_distance")
_POINTS = 4000  # residuals drawn, evenly chosen: a page must stay light


def target_table(metrics: Document) -> Table | None:
    """Each target with its main metrics, and what the training mean would have got."""
    targets: Document = metrics.get("targets", {})
    if not targets:
        return None
    rows = tuple(
        (
            f"{name} [{entry['unit']}]" if entry.get("unit") else name,
            count(entry.get("n")),
            *(estimate(entry["metrics"].get(key, {})) for key in SHOWN),
            number(entry.get("baselines", {}).get("training_mean", {}).get("rmse")),
        )
        for name, entry in targets.items()
    )
    head = ("Target", "Objects", *(words(key) for key in SHOWN), "RMSE of the training mean")
    note = "with 95 % intervals; skill is 1 - MSE over that of the training mean"
    return Table("By target", head, rows, note=note)


def other_table(metrics: Document) -> Table | None:
    """Outliers and errors over 1 + z, and how many rows break the order of quantiles."""
    rows: list[tuple[str | Cell, ...]] = [
        (f"{name}: {words(key)}", estimate(value))
        for name, entry in metrics.get("targets", {}).items()
        for key, value in entry["metrics"].items()
        if key.startswith("outliers") or key.endswith("_1z") or key == "velocity"
    ]
    if crossings := metrics.get("crossings"):
        said = f"{count(crossings['crossed'])} of {count(crossings['rows'])} rows"
        share = percent(crossings["share"]["value"])
        rows.append(("Quantiles in the wrong order", Cell(said, share)))
    return Table("Outliers and order", ("Measure", "Value"), tuple(rows)) if rows else None


def width_table(metrics: Document) -> Table | None:
    """Coverage of intervals, and the distance of the PIT from uniform."""
    rows = tuple(
        (name, *(estimate(entry["metrics"][key]) for key in WIDTHS))
        for name, entry in metrics.get("targets", {}).items()
        if WIDTHS[0] in entry["metrics"]
    )
    head = ("Target", "Within the 68 % interval", "Within the 95 % interval", "PIT distance")
    return Table("Are the widths right", head, rows, note="with 95 % intervals") if rows else None


def subset_table(metrics: Document, full: str) -> Table | None:
    """RMSE of every target for every subset of modalities that was predicted."""
    subsets: Document = metrics.get("subsets", {})
    targets = list(metrics.get("targets", {}))
    order = sorted(subsets, key=lambda name: (name != full, -name.count("+"), name))
    rows = tuple(
        (
            name.replace("+", " + ") + (" (all)" if name == full else ""),
            count(metrics.get("subset_n", {}).get(name)),
            *(estimate(subsets[name].get(f"{target}_rmse", {})) for target in targets),
        )
        for name in order
    )
    head = ("Modalities given", "Objects", *(f"RMSE of {target}" for target in targets))
    return Table("Results by the modalities given", head, rows) if len(rows) > 1 else None


def residuals(rows: Predictions, target: str, unit: str) -> Drawn:
    """Error of one target's labelled rows against the truth, and against a true redshift beside."""
    rows = rows.labelled(target)
    numbers = rows.numbers(target)
    step = -(-len(numbers.truth) // _POINTS)
    error = (numbers.mean - numbers.truth)[::step]
    across = {f"True {target}" + (f" [{unit}]" if unit else ""): numbers.truth[::step]}
    about = rows.metadata["about"]
    for name in rows.targets:
        if name != target and about.get(name, {}).get("kind") == "redshift":
            across[f"True {name}"] = rows.numbers(name).truth[::step]

    def paint(figure: Any) -> None:
        for axes, (label, values) in zip(
            figure.subplots(len(across), squeeze=False)[:, 0], across.items(), strict=True
        ):
            axes.axhline(0.0, color=svg.MUTED, linewidth=0.8, linestyle=":")
            axes.plot(values, error, ".", color=svg.COLOURS[0], markersize=3, alpha=0.5)
            axes.set(xlabel=label, ylabel="Predicted minus true")

    low, middle, high = np.quantile(error, (0.16, 0.5, 0.84))
    said = f"Median error {number(middle)}, two thirds from {number(low)} to {number(high)}."
    name, size = f"residual-{_anchor(target)}", (4.8, 1.2 + 2.4 * len(across))
    drawn = svg.draw(name, f"Residuals of {target}", said, paint, size=size)
    also = ", and against redshift" if len(across) > 1 else ""
    every = f", every {step}th object" if step > 1 else ""
    return Drawn(drawn, f"{target}: error against truth{also}{every}.")


def pit_histogram(rows: Predictions, target: str) -> Drawn | None:
    """Histogram of the probability integral transform; None without predicted widths."""
    numbers = rows.labelled(target).numbers(target)
    if numbers.sd is None:
        return None
    values = row_pit(numbers.truth, numbers.mean, numbers.sd)
    counts, edges = np.histogram(values, PIT_BINS, (0.0, 1.0))

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        axes.bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=svg.COLOURS[5])
        axes.axhline(counts.mean(), color=svg.INK, linewidth=0.8, linestyle=":")
        axes.set(xlabel="Predicted probability of a value below the truth", ylabel="Objects")

    said = "Objects in equal bins of the PIT: " + ", ".join(map(str, counts.tolist())) + "."
    drawn: Markup = svg.draw(f"pit-{_anchor(target)}", f"PIT of {target}", said, paint)
    said = "flat where widths are right, a hill where they are too wide, a bowl where too narrow"
    return Drawn(drawn, f"{target}: {said}.")


def _anchor(target: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in target)
