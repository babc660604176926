"""One self-contained HTML page for a run."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from trifid.errors import StoreError
from trifid.evaluation.predictions import Predictions
from trifid.files import write_text
from trifid.report import cards, conformal, figures, numbers, plane, svg, tables, trust
from trifid.report.gallery import Drawn, Group, gallery
from trifid.report.render import render
from trifid.report.run import Document, RunFiles, read_run
from trifid.report.text import count, duration, interval, joined, number
from trifid.store.read import Store

_SECTIONS = (
    ("numbers", "Numbers"),
    ("curves", "Curves"),
    ("subsets", "Fewer modalities"),
    ("calibration", "Calibration"),
    ("slices", "Slices"),
    ("training", "Training"),
    ("gallery", "Gallery"),
    ("data", "Data card"),
    ("cost", "Cost"),
    ("environment", "Environment"),
)
_NAMED = 6  # more classes than this are not listed in the headline
_NO_METRICS = "This run holds no metrics.json: `trifid evaluate` writes it."
_VOTES = "This model votes for a class and gives no probabilities, so it has no curves."
_NO_GALLERY = "Numbers have no right and wrong: the residuals above show every object."
_NO_SLICES = "Slices need the store of the run as it was in training."
_NO_PREDICTIONS = "This run holds no predictions.parquet with labelled, held-out rows."


@dataclass(frozen=True)
class Tile:
    """One of the main numbers on top of the page."""

    name: str
    value: str
    detail: str = ""


@dataclass(frozen=True)
class Page:
    """Everything the template shows. A note says why a part is missing."""

    title: str
    headline: str
    tiles: list[Tile]
    recipe: str
    environment: list[tuple[str, str]]
    environment_note: str
    metrics: tables.Table | None
    per_class: tables.Table | None
    metrics_note: str
    confusion: tables.Table | None
    subsets: tables.Table | None
    subsets_note: str
    calibration: tables.Table | None
    calibration_note: str
    training: list[Drawn]
    training_note: str
    gallery: list[Group]
    gallery_note: str
    data: list[tables.Table]
    data_note: str
    cost: tables.Table | None
    cost_note: str
    curves: list[Drawn] = field(default_factory=list)
    curves_note: str = ""
    calibration_figures: list[Drawn] = field(default_factory=list)
    curves_title: str = "ROC and precision-recall"
    trust: list[tables.Table] = field(default_factory=list)
    slices: tables.Table | None = None
    slices_note: str = ""
    slice_figures: list[Drawn] = field(default_factory=list)
    subset_matrix: tables.Table | None = None
    utilisation: tables.Table | None = None
    files: list[Drawn] = field(default_factory=list)
    sections: tuple[tuple[str, str], ...] = _SECTIONS


def report_html(run: Path, store: Path | None = None) -> Path:
    """Writes RUN/report.html: one file that loads nothing and runs no script.

    Its figures are also written as RUN/figures/*.svg, as wide as a column of a paper.

    Args:
        run: A run folder, or a k-fold run with its fold folders.
        store: The store the objects come from; the one named in run.json unless given.

    Raises:
        RunError: If the folder is no run, or one of its files is damaged.
        StoreError: If a store was given and cannot be read.
    """
    read = read_run(run)
    opened, note = _open_store(read, store)
    page = _page(read, opened, note)
    path = run / "report.html"
    write_text(path, render("report.html.j2", page))
    (run / "figures").mkdir(exist_ok=True)
    shown = (*page.curves, *page.calibration_figures, *page.slice_figures, *page.training)
    for drawn in (*shown, *page.files):
        name, text = svg.as_file(drawn.image)
        write_text(run / "figures" / f"{name}.svg", text)
    return path


def _open_store(run: RunFiles, given: Path | None) -> tuple[Store | None, str]:
    if given is not None:
        store = Store.open(given)
    elif not run.run.get("store"):
        return None, "This run does not name its store, so no image or spectrum is shown."
    else:
        try:
            store = Store.open(Path(run.run["store"]))
        except StoreError as error:
            return None, f"The store of this run cannot be read, so no image is shown: {error}."
    known = run.run.get("store_hash")
    if known and known != store.hash():
        return store, "The store has changed since this run: what is shown may differ from it."
    return store, ""


def _page(run: RunFiles, store: Store | None, store_note: str) -> Page:
    judged = _judged(run.predictions)
    full = run.predictions.subsets[0] if run.predictions and len(run.predictions) else ""
    no_metrics = "" if run.metrics else _NO_METRICS
    by_number = run.predictions is not None and bool(run.predictions.targets)
    if by_number:
        subsets = numbers.subset_table(run.metrics, full)
    else:
        subsets = tables.subsets_table(run.metrics, full)
    training = [Drawn(image, said) for image, said in figures.training(_logs(run))]
    matrix = (
        None
        if run.predictions is None or judged is None or by_number
        else (plane.subset_matrix(run.predictions))
    )
    bpt = None if judged is None or by_number or store is None else plane.bpt_figure(judged, store)
    groups = gallery(judged, store) if judged is not None and not by_number else []
    lines = [line for part in run.trained[:1] if (line := cards.cost_line(part))]
    many = len(run.trained) > 1
    return Page(
        title=_title(run),
        headline=_headline(run, judged),
        tiles=_tiles(run),
        recipe=run.recipe_text,
        environment=list(cards.flat(run.environment)),
        environment_note="" if run.environment else "This run holds no environment.json.",
        metrics=None if by_number else tables.metrics_table(run.metrics),
        per_class=(numbers.target_table if by_number else tables.class_table)(run.metrics),
        metrics_note=no_metrics or _notes(run),
        confusion=(numbers.other_table if by_number else tables.confusion_table)(run.metrics),
        subsets=subsets,
        subset_matrix=matrix[0] if matrix else None,
        utilisation=tables.utilisation_table(run.metrics),
        files=[matrix[1]] if matrix else [],
        slice_figures=[bpt] if bpt else [],
        subsets_note="" if subsets else no_metrics or "Only one set of modalities was predicted.",
        calibration=(numbers.width_table if by_number else tables.calibration_table)(run.metrics),
        calibration_note="" if judged is not None else _NO_PREDICTIONS,
        trust=_doubts(run.metrics),
        slices=(by_slice := trust.slice_table(run.metrics)),
        slices_note="" if by_slice else _NO_SLICES,
        training=training,
        training_note="" if training else "This run holds no log.jsonl with numbers by epoch.",
        gallery=groups,
        gallery_note=_NO_GALLERY if by_number else store_note if groups else _NO_PREDICTIONS,
        data=cards.data_tables(run, store),
        data_note=store_note,
        cost=cards.cost_table(run.trained) if many else None,
        cost_note="" if many else "".join(lines) or "This run holds no cost.json.",
        **_drawn(judged),
    )


def _doubts(metrics: Document) -> list[tables.Table]:
    """Trust of classes, or intervals of numbers; overall, then by bin."""
    by_bin = conformal.bin_table(metrics)
    found = [*trust.trust_tables(metrics), *conformal.interval_tables(metrics)]
    return [*found, by_bin] if by_bin else found


def _drawn(judged: Predictions | None) -> dict[str, Any]:
    """The figures that need labelled, held-out predictions."""
    if judged is None:
        return {"curves_note": _NO_PREDICTIONS}
    if judged.targets:
        return _drawn_numbers(judged)
    if not judged.metadata["probabilistic"]:
        return {"curves_note": _VOTES}
    labels, values, predicted = judged.labels, judged.probabilities, judged.predicted
    confidence = values[np.arange(len(predicted)), predicted]
    roc = figures.roc(labels, values, judged.classes)
    recall = figures.precision_recall(labels, values, judged.classes)
    reliable = figures.reliability(confidence, predicted == labels)
    said = "Above the diagonal the model is too modest, below it too sure. Bars are 95 % intervals."
    return {
        "curves": [
            Drawn(roc, "ROC: each class against the rest. The dotted line is chance."),
            Drawn(recall, "Precision-recall: each class against the rest."),
        ],
        "calibration_figures": [Drawn(reliable, said), trust.risk_curve(judged)],
    }


def _drawn_numbers(judged: Predictions) -> dict[str, Any]:
    """Residuals and PIT histograms of every target with a label."""
    targets = [name for name in judged.targets if len(judged.labelled(name))]
    about = judged.metadata["about"]
    found = [
        numbers.residuals(judged, name, about.get(name, {}).get("unit", "")) for name in targets
    ]
    widths = [numbers.pit_histogram(judged, name) for name in targets]
    return {
        "curves_title": "Residuals",
        "curves": found,
        "calibration_figures": [drawn for drawn in widths if drawn is not None],
    }


def _judged(predictions: Predictions | None) -> Predictions | None:
    """Labelled held-out rows predicted from every modality of the run, or None."""
    if predictions is None or not len(predictions):
        return None
    held = [fold for fold in predictions.folds if fold == "test" or fold.isdecimal()]
    if not held:
        return None
    rows = predictions.select(fold="test", subset=predictions.subsets[0])
    if rows.targets:
        return rows if any(len(rows.labelled(name)) for name in rows.targets) else None
    rows = rows.labelled()
    return rows if len(rows) else None


def _logs(run: RunFiles) -> list[tuple[str, tuple[dict[str, Any], ...]]]:
    return [(part.name, part.log) for part in run.trained]


def _notes(run: RunFiles) -> str:
    """What a reader of the numbers has to know first."""
    notes = [str(note) for note in run.metrics.get("notes", ())]
    if leaky := run.run.get("leaky_inputs"):
        notes.insert(
            0, f"leaky input: {joined(leaky)} holds what the label was made from, or nearly"
        )
    return " ".join(f"{note[:1].upper()}{note[1:]}." for note in notes)


def _title(run: RunFiles) -> str:
    known = run.predictions.metadata if run.predictions else {}
    task = known.get("task") or run.run.get("recipe") or run.folder.resolve().name
    model = _model(run)
    return f"{task} by {model}" if model else str(task)


def _model(run: RunFiles) -> str:
    """The method or kind of model the recipe names, else what the predictions say."""
    known = run.predictions.metadata.get("model", "") if run.predictions else ""
    model: Document = run.recipe.get("model", {})
    return str(model.get("method", {}).get("kind") or model.get("kind") or known)


def _headline(run: RunFiles, judged: Predictions | None) -> str:
    if judged is None:
        return "This run holds no labelled predictions of held-out objects, so nothing is judged."
    simulated = str(judged.metadata.get("simulated")).lower() == "true"
    kind = "simulated objects" if simulated else "objects"
    subset = joined(judged.subsets[0].split("+"))
    groups = len(np.unique(judged.groups))
    objects = f"{count(len(judged))} {kind}"
    if groups < len(judged):
        objects = f"{count(len(judged))} observations of {count(groups)} {kind}"
    recipe = f" (recipe {run.recipe['name']})" if run.recipe.get("name") else ""
    if judged.targets:
        some = len(judged.targets) <= _NAMED
        many = joined(judged.targets) if some else f"{len(judged.targets)} numbers"
        model = _model(run) or "The model"
        return f"{model}{recipe} predicts {many} of {objects} from {subset}; {_held(judged)}."
    names = f", {joined(judged.classes)}," if len(judged.classes) <= _NAMED else ""
    return (
        f"{_model(run) or 'The model'}{recipe} sorts {objects} into {len(judged.classes)} "
        f"classes{names} from {subset}; {_held(judged)}."
    )


def _held(judged: Predictions) -> str:
    if judged.folds == ("test",):
        return "held out of training"
    return f"each by the one of {len(judged.folds)} models that had not seen it"


def _tiles(run: RunFiles) -> list[Tile]:
    wanted = {
        "accuracy": "Accuracy",
        "balanced_accuracy": "Balanced accuracy",
        "macro_f1": "Macro F1",
        "macro_auc": "Macro AUC",
    }
    metrics = run.metrics.get("metrics", {})
    for name in list(run.metrics.get("targets", {}))[:2]:
        wanted |= {f"{name}_rmse": f"RMSE of {name}", f"{name}_r2": f"R2 of {name}"}
    tiles = [
        Tile(name, number(metrics[key].get("value")), interval(metrics[key]))
        for key, name in wanted.items()
        if key in metrics
    ]
    if "n" in run.metrics:
        left = run.metrics.get("unlabelled")
        detail = f"{count(left)} without label left out" if left else ""
        tiles.append(Tile("Objects judged", count(run.metrics["n"]), detail))
    seconds = [part.cost["train_seconds"] for part in run.trained if "train_seconds" in part.cost]
    if seconds:
        tiles.append(Tile("Training time", duration(sum(seconds))))
    return tiles
