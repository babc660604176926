"""The BPT plane with right and wrong answers, and the matrix of classes and modalities given."""

from typing import Any

import numpy as np

from trifid.evaluation import bpt_plane
from trifid.evaluation.measure import share
from trifid.evaluation.predictions import Predictions
from trifid.report import svg
from trifid.report.gallery import Drawn
from trifid.report.tables import Cell, Table
from trifid.report.text import clean, count, number, percent
from trifid.store.read import Store

_HEAT = 10
_NEAR = 0.1  # [dex]
_LABELS = ("bpt", "truth_class")  # columns of stores whose galaxies have such classes
_LIMITS = {"xlim": (-1.6, 0.6), "ylim": (-1.3, 1.4)}


def bpt_figure(judged: Predictions, store: Store) -> Drawn | None:
    """Right and wrong answers in the BPT plane; None for a store that is not of such galaxies.

    Args:
        judged: Labelled rows of classes.
        store: With line fluxes, or with spectra, of which up to 300 are measured again.
    """
    ids = store.columns("object_id")["object_id"].to_pylist()
    place = {name: row for row, name in enumerate(ids)}
    kept = np.flatnonzero([name in place for name in judged.object_ids])
    rows = np.array([place[name] for name in judged.object_ids[kept]], np.int64)
    right = (judged.predicted == judged.labels)[kept]
    if not len(rows):
        return None
    source = "line fluxes of the catalogue"
    plane = bpt_plane.catalogued(store, rows)
    if plane is None and _LABELS[0] in store.schema.columns:
        step = -(-len(rows) // bpt_plane.MEASURED)
        rows, right = rows[::step], right[::step]
        plane = bpt_plane.measured(store, rows)
        source = "lines measured again in the spectra"
    if plane is None:
        return None
    x, y = plane
    seen = np.isfinite(x) & np.isfinite(y)
    return _drawn(x[seen], y[seen], right[seen], source) if seen.any() else None


def _drawn(x: np.ndarray, y: np.ndarray, right: np.ndarray, source: str) -> Drawn:
    def paint(figure: Any) -> None:
        axes = figure.subplots()
        for index, (name, points) in enumerate(bpt_plane.lines().items()):
            look = {"color": svg.MUTED, "linestyle": svg.DASHES[index], "linewidth": 1.1}
            axes.plot(*points.T, label=name, **look)
        axes.plot(x[right], y[right], "o", color=svg.COLOURS[5], markersize=3.5, alpha=0.75,
                  markeredgewidth=0, label="right")  # fmt: skip
        axes.plot(x[~right], y[~right], "x", color=svg.COLOURS[1], markersize=4.5,
                  markeredgewidth=1.2, label="wrong")  # fmt: skip
        axes.set(xlabel="log [N II] 6584 / Halpha", ylabel="log [O III] 5007 / Hbeta", **_LIMITS)
        figure.legend(loc="outside lower center", ncols=3)

    far = bpt_plane.distance(x, y) >= _NEAR
    parts = [
        f"{where} {percent(1 - share(right[rows])['value'])} of {count(rows.sum())} are wrong"
        for where, rows in ((f"within {_NEAR} dex of a line", ~far), ("farther away", far))
        if rows.any()
    ]
    said = f"{'; '.join(parts)}."
    said = said[:1].upper() + said[1:]
    title = "Right and wrong answers in the BPT plane"
    drawn = svg.draw("bpt-plane", title, said, paint, size=(4.8, 4.6))
    return Drawn(drawn, f"BPT plane by {source}, not freed of dust. {said}")


def subset_matrix(predictions: Predictions) -> tuple[Table, Drawn] | None:
    """Recall of each class for each set of modalities given, as a table and as a figure."""
    chosen = predictions.select(fold="test")
    parts = {name: chosen.select(subset=name).labelled() for name in chosen.subsets}
    parts = {name: rows for name, rows in parts.items() if len(rows)}
    if len(parts) < 2:
        return None
    classes = predictions.classes
    recall = np.full((len(parts), len(classes)), np.nan)
    for place, rows in enumerate(parts.values()):
        right = rows.predicted == rows.labels
        for k in range(len(classes)):
            if (own := rows.labels == k).any():
                recall[place, k] = right[own].mean()
    rows = tuple(
        (name.replace("+", " + "), *(_cell(value) for value in line))
        for name, line in zip(parts, recall.tolist(), strict=True)
    )
    head = ("Modalities given", *classes)
    note = "share of each class's objects that is found; darker is more"
    table = Table("Recall by class and modalities", head, rows, note=note, over="Class",
                  kind="matrix")  # fmt: skip
    return table, Drawn(_matrix(list(parts), classes, recall), "Recall by class and modalities.")


def _cell(value: float) -> Cell:
    return Cell(number(value, 2), heat=round(_HEAT * value)) if np.isfinite(value) else Cell("–")


def _matrix(names: list[str], classes: tuple[str, ...], recall: np.ndarray) -> Any:
    def paint(figure: Any) -> None:
        axes = figure.subplots()
        axes.pcolormesh(recall, cmap="Blues", vmin=0.0, vmax=1.0, edgecolors="white", linewidth=1.5)
        for (row, column), value in np.ndenumerate(recall):
            if np.isfinite(value):
                colour = "white" if value > 0.6 else svg.INK
                axes.text(column + 0.5, row + 0.5, f"{value:.2f}", ha="center", va="center",
                          color=colour)  # fmt: skip
        axes.set_xticks(np.arange(len(classes)) + 0.5, [clean(name) for name in classes])
        given = [clean(name).replace("+", " + ") for name in names]
        axes.set_yticks(np.arange(len(names)) + 0.5, given)
        axes.invert_yaxis()
        axes.grid(visible=False)

    said = "Share of each class's objects that is found, by the modalities given."
    size = (max(4.8, 0.8 * len(classes) + 2.0), 1.0 + 0.42 * len(names))
    title = "Recall by class and modalities"
    return svg.draw("missing-modality", title, said, paint, size=size)
