"""The figures of a report: curves, training, reliability, spectra. Arrays in, inline SVG out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from markupsafe import Markup

from trifid.metrics.intervals import wilson
from trifid.metrics.ranking import class_areas
from trifid.report import svg
from trifid.report.text import clean, joined, number

_BINS = 10
_CURVES = (4.8, 4.2)  # [inch], without the legend
_LINE = 0.18  # height of a line of a legend [inch]
_NARROW, _LONG = 22, 40  # letters of a legend's entry that fits half the width, or the whole


def roc(labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]) -> Markup:
    """One-vs-rest ROC curve of every class.

    Args:
        labels: Index of each row's class (N,).
        probabilities: (N, K).
        classes: Their names, in the order of the columns.
    """
    areas, _ = class_areas(labels, probabilities)
    shown = [index for index in range(len(classes)) if np.isfinite(areas[index])]

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=svg.MUTED, linewidth=0.8, linestyle=":")
        for index in shown:
            hits, false = _ranked(labels == index, probabilities[:, index])
            label = _legend_entry(classes[index], areas[index])
            axes.plot(false / false[-1], hits / hits[-1], label=label, **svg.line_look(index))
        axes.set(xlabel="False positive rate", ylabel="True positive rate")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        _legend_below(figure, "Area under the curve")

    said = joined([f"{classes[index]} {number(areas[index])}" for index in shown])
    description = f"Each class against the rest. Area under the curve: {said}."
    return svg.draw("roc", "ROC curves", description, paint, size=_CURVES)


def precision_recall(
    labels: np.ndarray, probabilities: np.ndarray, classes: Sequence[str]
) -> Markup:
    """Precision against recall of every class; arguments as in `roc`."""
    _, average = class_areas(labels, probabilities)
    shown = [index for index in range(len(classes)) if np.isfinite(average[index])]

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        for index in shown:
            hits, false = _ranked(labels == index, probabilities[:, index])
            shape = slice(int(np.argmax(hits > 0)), int(np.argmax(hits == hits[-1])) + 1)
            hits, false = hits[shape], false[shape]
            label = _legend_entry(classes[index], average[index])
            axes.plot(hits / hits[-1], hits / (hits + false), label=label, **svg.line_look(index))
        axes.set(xlabel="Recall (completeness)", ylabel="Precision (purity)")
        axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.02))
        _legend_below(figure, "Average precision")

    said = joined([f"{classes[index]} {number(average[index])}" for index in shown])
    description = f"Each class against the rest. Average precision: {said}."
    name = "Precision-recall curves"
    return svg.draw("pr", name, description, paint, size=_CURVES)


def training(
    logs: Sequence[tuple[str, Sequence[Mapping[str, Any]]]],
) -> list[tuple[Markup, str]]:
    """Loss and validation score by epoch, each with a caption; folds get a line each.

    Args:
        logs: Name of the fold (empty where there is one run) and its log lines.
    """
    loss = (("train_loss", "train"), ("valid_loss", "valid"))
    score = (("valid_accuracy", "accuracy"), ("valid_macro_f1", "macro F1"))
    error = (("valid_rmse", "RMSE"), ("valid_crps", "CRPS"))
    drawn = [
        ("Loss by epoch.", _by_epoch("loss", "Loss by epoch", "Loss", logs, loss)),
        ("Scores on the validation rows.", _by_epoch("score", "Scores", "Score", logs, score)),
        (
            "Errors on the validation rows, over the spread of the targets.",
            _by_epoch("error", "Errors", "Error", logs, error),
        ),
    ]
    return [(image, said) for said, image in drawn if image is not None]


_LEAST_POINTS = 2  # one epoch, as classical models have, is no curve


def _by_epoch(
    name: str,
    title: str,
    unit: str,
    logs: Sequence[tuple[str, Sequence[Mapping[str, Any]]]],
    keys: Sequence[tuple[str, str]],
) -> Markup | None:
    many = len(logs) > 1
    lines: list[tuple[str, dict[str, Any], np.ndarray]] = []
    for place, (fold, log) in enumerate(logs):
        for order, (key, label) in enumerate(keys):
            points = np.array([(e["epoch"], e[key]) for e in log if _plain(e, key)], dtype=float)
            if len(points):
                look = {
                    "color": svg.COLOURS[(place if many else order) % len(svg.COLOURS)],
                    "linestyle": svg.DASHES[order],
                }
                lines.append((f"{fold} {label}".strip(), look, points))
    if all(len(points) < _LEAST_POINTS for *_, points in lines):
        return None

    def paint(figure: Any) -> None:
        from matplotlib.ticker import MaxNLocator

        axes = figure.subplots()
        for label, look, points in lines:
            marker = "o" if len(points) == 1 else None
            axes.plot(*points.T, label="" if many else clean(label), marker=marker, **look)
        for place, (fold, _) in enumerate(logs if many else ()):
            axes.plot([], [], color=svg.COLOURS[place % len(svg.COLOURS)], label=clean(fold))
        for order, (_, label) in enumerate(keys if many else ()):
            axes.plot([], [], color=svg.MUTED, linestyle=svg.DASHES[order], label=label)
        axes.set(xlabel="Epoch", ylabel=unit)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if many:
            figure.legend(loc="outside lower center", ncols=4)
        else:
            axes.legend()

    last = joined([f"{label} {number(points[-1, 1])}" for label, _, points in lines])
    return svg.draw(name, title, f"At the last epoch: {last}.", paint)


def reliability(confidence: np.ndarray, right: np.ndarray) -> Markup:
    """Observed accuracy against the confidence of the predicted class, with 95 % intervals.

    Args:
        confidence: Probability of the predicted class (N,).
        right: Whether the prediction was right (N,) bool.
    """
    edges = np.linspace(0.0, 1.0, _BINS + 1)
    place = np.clip(np.digitize(confidence, edges[1:-1]), 0, _BINS - 1)
    total = np.bincount(place, minlength=_BINS)
    hits = np.bincount(place, weights=right, minlength=_BINS)
    filled = total > 0
    mean = np.bincount(place, weights=confidence, minlength=_BINS)[filled] / total[filled]
    share = hits[filled] / total[filled]
    pairs = zip(hits[filled].astype(int).tolist(), total[filled].tolist(), strict=True)
    ends = np.array([wilson(right, of) for right, of in pairs]).T.reshape(2, -1)

    def paint(figure: Any) -> None:
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        top.plot([0, 1], [0, 1], color=svg.MUTED, linewidth=0.8, linestyle=":")
        bars = np.abs(ends - share)
        top.errorbar(mean, share, bars, fmt="o", color=svg.COLOURS[0], markersize=4, linewidth=1.2)
        top.set(ylabel="Share that is right", xlim=(0, 1.02), ylim=(0, 1.02))
        bottom.bar(edges[:-1], total, width=np.diff(edges), align="edge", color="#9db8cc")
        bottom.set(xlabel="Confidence of the predicted class", ylabel="Objects")

    points = zip(mean, share, total[filled], strict=True)
    said = joined([f"{number(x, 2)}: {number(y, 2)} of {n}" for x, y, n in points])
    description = f"Share of right predictions by mean confidence: {said}."
    return svg.draw("reliability", "Reliability diagram", description, paint, size=(4.8, 4.2))


def spectrum(
    name: str,
    title: str,
    wavelength: np.ndarray,
    flux: np.ndarray,
    *,
    unit: str,
    lines: Sequence[tuple[str, float]],
) -> Markup:
    """One spectrum with the places of lines.

    Args:
        name: Unique in the page.
        title: What a screen reader says first.
        wavelength: [angstrom] (L,).
        flux: NaN where there is no data (L,).
        unit: Of the flux.
        lines: Label (empty where a neighbour's serves) and wavelength [angstrom] as observed.
    """
    good = np.isfinite(flux)
    low, high = np.percentile(flux[good], (0.5, 99.9)) if good.any() else (0.0, 1.0)
    height = max(float(high - low), 1e-6)
    span = wavelength[good][[0, -1]] if good.any() else wavelength[[0, -1]]
    inside = [(label, at) for label, at in lines if span[0] < at < span[1]]

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        for label, at in inside:
            axes.axvline(at, color="#e0a184", linewidth=0.7, linestyle="--")
            place = (at, 1.01)
            frame = axes.get_xaxis_transform()
            style = {"rotation": 90, "fontsize": 8, "ha": "center", "va": "bottom"}
            axes.text(*place, clean(label), transform=frame, color="#9c4300", **style)
        axes.plot(wavelength, flux, color=svg.INK, linewidth=0.7)
        axes.set(xlabel="Vacuum wavelength, observed [Å]", xlim=tuple(span), ylabel=_flux(unit))
        axes.set_ylim(low - 0.1 * height, high + 0.25 * height)
        axes.grid(visible=False)

    marked = joined([label for label, _ in inside if label])
    description = f"Flux from {span[0]:.0f} to {span[1]:.0f} Å." + (
        f" Marked lines: {marked}." if marked else ""
    )
    return svg.draw(name, title, description, paint, size=(4.6, 2.6))


def _flux(unit: str) -> str:
    short = unit.replace("1e-17 erg / (s cm2 angstrom)", "10⁻¹⁷ erg s⁻¹ cm⁻² Å⁻¹")
    return clean(f"Flux [{short}]")


def _legend_entry(name: str, value: float) -> str:
    name = clean(name).replace("\n", " ")
    return f"{name if len(name) <= _LONG else name[:_LONG] + '…'} {number(value)}"


def _legend_below(figure: Any, title: str) -> None:
    """A legend under the axes, in two columns where they are narrow; the figure grows with it."""
    labels = figure.axes[0].get_legend_handles_labels()[1]
    columns = 2 if max(map(len, labels), default=0) <= _NARROW else 1
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + _LINE * -(-len(labels) // columns))
    figure.legend(loc="outside lower center", ncols=columns, title=title)


def _ranked(truth: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positives and negatives at or above each distinct score, from the highest score down."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.diff(scores[order]) != 0, True)
    hits, total = np.cumsum(truth[order])[last], np.arange(1, len(order) + 1)[last]
    start = np.zeros(1, int)
    return np.concatenate([start, hits]), np.concatenate([start, total - hits])


def _plain(entry: Mapping[str, Any], key: str) -> bool:
    value, epoch = entry.get(key), entry.get("epoch")
    return all(isinstance(v, int | float) and np.isfinite(v) for v in (value, epoch))
