"""The exploration page of a store: what is missing, what lies far out, numbers by class."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from trifid.data.task import Task
from trifid.report import svg
from trifid.report.cards import described
from trifid.report.gallery import Drawn
from trifid.report.render import Section, Sheet, sheet_html
from trifid.report.tables import Cell, Table
from trifid.report.text import clean, count, number, percent
from trifid.schema.modality import IDENTITY_COLUMNS
from trifid.store.read import Store

READ = 20_000  # rows whose numbers are read, evenly chosen
_FAR = 5.0  # robust standard deviations beyond which a value is an outlier
_MAD_TO_SD = 1.4826  # 1 / Phi^-1(3/4)
_HEAT, _DRAWN, _BINS = 10, 8, 40
_UNLABELLED = "no label"


def explore_html(store: Store, task: Task, findings: Sequence[Mapping[str, Any]] = ()) -> str:
    """One file that loads nothing: nulls, outliers, class balance, distributions by class.

    Args:
        store: To look at.
        task: Gives the classes; a task of numbers has none, and its objects are one group.
        findings: Of `trifid audit data`, shown first.
    """
    rows = np.arange(0, len(store), -(-len(store) // READ) or 1)
    labels, names = _labels(store, task)
    values = _numbers(store, rows)
    simulated = store.manifest.provenance.get("simulated") == "true"
    groups = len(store.columns("group")["group"].unique())
    kind = "simulated objects" if simulated else "objects"
    lead = f"{count(len(store))} rows of {count(groups)} {kind}, seen for task {task.name}."
    read = "" if len(rows) == len(store) else f"Numbers of every {rows[1] - rows[0]}th row. "
    drawn = [_distribution(k, name, values[name], labels[rows], names)
             for k, name in enumerate(_telling(values, labels[rows]))]  # fmt: skip
    sections = [
        Section("audit", "Audit", "", _findings(findings)),
        Section("missing", "What is missing", "", _missing(store, labels, names)),
        Section("balance", "Class balance", "", [_balance(labels, names)], [_bars(labels, names)]),
        Section(
            "numbers",
            "Numbers and outliers",
            f"{read}An outlier lies more than {_FAR:g} robust standard deviations (1.4826 MAD) "
            "from the median; a value that repeats often may be a placeholder.",
            [_outliers(values)],
        ),
        Section(
            "distributions",
            "Distributions by class",
            f"{read}The {len(drawn)} numbers whose ranks differ most between classes, from the "
            "1st to the 99th percentile. One that tells classes apart alone may be a leak.",
            figures=drawn,
        ),
    ]
    kept = [part for part in sections if part.tables or part.figures]
    return sheet_html(Sheet("trifid exploration", store.folder.name, lead, sections=kept))


def _labels(store: Store, task: Task) -> tuple[np.ndarray, tuple[str, ...]]:
    """Class of each row, the last for rows without a label; numbers make one class of all."""
    columns = task.columns("default", store.schema.columns)
    table = {name: store.columns(name)[name] for name in columns if name in store.schema.columns}
    if task.targets or len(table) < len(columns):
        return np.zeros(len(store), np.int64), ("all",)
    labels = task.read_labels(table, "default")
    names = (*task.classes, _UNLABELLED) if (labels < 0).any() else task.classes
    return np.where(labels < 0, len(task.classes), labels), names


def _numbers(store: Store, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Numeric columns and table features of some rows, NaN = null."""
    found: dict[str, np.ndarray] = {}
    for name, spec in store.schema.columns.items():
        if spec.type in ("float64", "float32") and name not in ("ra", "dec"):
            column: Any = store.columns(name)[name].to_numpy(zero_copy_only=False)
            found[name] = column.astype(np.float64)[rows]
    for modality, spec in store.schema.modalities.items():
        features: tuple[str, ...] = getattr(spec, "features", ())
        if features:
            taken = store.take(rows, [modality])[modality]
            values = np.where(taken["valid"] > 0, taken["values"].astype(np.float64), np.nan)
            known = {name: values[:, k] for k, name in enumerate(features)}
            found |= {name: column for name, column in known.items() if name not in found}
    return found


def _findings(findings: Sequence[Mapping[str, Any]]) -> list[Table]:
    rows = tuple((f["check"], f["verdict"], f["reason"]) for f in findings)
    return [Table("Checks", ("Check", "Verdict", "Reason"), rows, kind="text")] if rows else []


def _missing(store: Store, labels: np.ndarray, names: tuple[str, ...]) -> list[Table]:
    """Rows with each modality by class, and nulls of each column."""
    held = {name: store.present(name) for name in sorted(store.schema.modalities)}
    body = tuple(
        (
            label,
            *(_share(there[labels == k]) for there in held.values()),
            count((labels == k).sum()),
        )
        for k, label in enumerate(names)
        if (labels == k).any()
    )
    note = "share of a class's rows that have it"
    tables = [Table("Modalities by class", ("Class", *held, "Rows"), body, note, kind="matrix")]
    specs = store.schema.modalities
    kinds = tuple(
        (name, count(there.sum()), described(specs[name])) for name, there in held.items()
    )
    tables.append(Table("Modalities", ("Modality", "Rows", "What it is"), kinds, kind="text"))
    table = store.columns()
    nulls = {name: table[name].null_count for name in table.column_names}
    rows = tuple(
        (name, count(missing), percent(missing / max(len(store), 1)))
        for name, missing in sorted(nulls.items(), key=lambda item: -item[1])
        if missing
    ) or (("none", "0", percent(0.0)),)
    return [*tables, Table("Columns with nulls", ("Column", "Nulls", "Share"), rows)]


def _share(flags: np.ndarray) -> Cell:
    return Cell(percent(flags.mean(), 0), heat=round(_HEAT * float(flags.mean())))


def _balance(labels: np.ndarray, names: tuple[str, ...]) -> Table:
    counts = np.bincount(labels, minlength=len(names)).tolist()
    rows = tuple(
        (name, count(n), percent(n / max(len(labels), 1)))
        for name, n in zip(names, counts, strict=True)
    )
    return Table("Rows by class", ("Class", "Rows", "Share"), rows)


def _bars(labels: np.ndarray, names: tuple[str, ...]) -> Drawn:
    counts = np.bincount(labels, minlength=len(names))

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        axes.barh(range(len(names)), counts, color=svg.COLOURS[0])
        axes.set_yticks(range(len(names)), [clean(name) for name in names])
        axes.invert_yaxis()
        axes.set(xlabel="Rows")

    said = ", ".join(f"{name} {n}" for name, n in zip(names, counts.tolist(), strict=True))
    size = (4.8, 0.9 + 0.35 * len(names))
    return Drawn(
        svg.draw("balance", "Rows by class", f"{said}.", paint, size=size), "Rows by class."
    )


def _outliers(values: Mapping[str, np.ndarray]) -> Table:
    rows: list[tuple[str | Cell, ...]] = []
    for name, column in values.items():
        known = column[np.isfinite(column)]
        if not len(known) or name in IDENTITY_COLUMNS:
            rows.append((name, percent(1.0), *("–" for _ in range(6))))
            continue
        low, middle, high = np.quantile(known, (0.01, 0.5, 0.99))
        spread = _MAD_TO_SD * float(np.median(np.abs(known - middle)))
        far = int((np.abs(known - middle) > _FAR * spread).sum()) if spread else 0
        repeated, times = np.unique(known, return_counts=True)
        often = float(times.max()) / len(known)
        same = f"{repeated[times.argmax()]:.4g}"
        rows.append(
            (
                name,
                percent(1 - len(known) / len(column)),
                *(f"{value:.4g}" for value in (known.min(), low, middle, high, known.max())),
                Cell(count(far), percent(far / len(known)) if far else ""),
                Cell(same, percent(often)) if often > 0.01 and times.max() > 1 else "",
            )
        )
    head = ("Number", "Null", "Least", "1 %", "Median", "99 %", "Greatest", "Outliers", "Repeats")
    return Table("Numbers", head, tuple(rows))


def _telling(values: Mapping[str, np.ndarray], labels: np.ndarray) -> list[str]:
    """Numbers by how far apart the mean ranks of the classes lie, the farthest first.

    What a simulator knows (`truth_`) is no measurement, and left out.
    """
    scores: dict[str, float] = {}
    for name, column in values.items():
        known = np.isfinite(column)
        if name.startswith("truth_") or known.sum() < 2 or np.ptp(column[known]) == 0:
            continue
        rank = np.empty(int(known.sum()))
        rank[np.argsort(column[known], kind="stable")] = np.linspace(0, 1, len(rank))
        own = labels[known]
        means = [rank[own == k].mean() for k in np.unique(own)]
        scores[name] = float(np.std(means))
    return sorted(scores, key=lambda name: -scores[name])[:_DRAWN]


def _distribution(
    place: int, name: str, values: np.ndarray, labels: np.ndarray, names: tuple[str, ...]
) -> Drawn:
    known = np.isfinite(values)
    low, high = np.quantile(values[known], (0.01, 0.99))
    edges = np.linspace(low, high if high > low else low + 1.0, _BINS + 1)
    inside = known & (values >= edges[0]) & (values <= edges[-1])
    shown = [k for k in range(len(names)) if (inside & (labels == k)).any()]

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        for k in shown:
            own = np.histogram(values[inside & (labels == k)], edges)[0]
            look = svg.line_look(k)
            axes.stairs(
                own / own.sum(),
                edges,
                label=clean(names[k]),
                color=look["color"],
                linestyle=look["linestyle"],
            )
        axes.set(xlabel=clean(name), ylabel="Share of the class")
        figure.legend(loc="outside lower center", ncols=4)

    middles = ", ".join(
        f"{names[k]} {number(np.median(values[inside & (labels == k)]))}" for k in shown
    )
    said = f"Median by class: {middles}."
    drawn = svg.draw(f"distribution-{place}", f"{name} by class", said, paint)
    return Drawn(drawn, f"{name}. {said}")
