"""A leaderboard as Markdown and as a page: doubts in every cell, quality against cost."""

import re
from typing import Any

from trifid.evaluation.text import p_text, verdict
from trifid.report import svg
from trifid.report.claims import supported
from trifid.report.gallery import Drawn
from trifid.report.render import Section, Sheet, sheet_html
from trifid.report.tables import Table

Board = dict[str, Any]
_CLASSES = ("macro_f1", "accuracy", "log_loss")
_NUMBERS = ("rmse", "r2", "mae")


def leaderboard_text(board: Board) -> str:
    """Markdown tables, one for the classes or for each target, ordered by the main metric."""
    parts = [_said(board)]
    for title, rows in _tables(board):
        head, *body = (f"| {' | '.join(row)} |" for row in rows)
        lines = [head, "|---" * len(rows[0]) + "|", *body]
        parts += [f"{title}:", "\n".join(lines)] if title else ["\n".join(lines)]
    return _checked("\n\n".join([*parts, *_notes(board)]) + "\n", board)


def leaderboard_page(board: Board) -> str:
    """One self-contained page: the tables, quality against cost, learning curves."""
    main = _main(board)
    pictures = [_pareto(board, main, cost) for cost in ("train_seconds", "parameters")]
    drawn = [picture for picture in pictures if picture is not None]
    curve = _learning(board, main)
    tables = [
        Table(title or "Models", tuple(rows[0]), tuple(tuple(row) for row in rows[1:]), kind="text")
        for title, rows in _tables(board)
    ]
    note = f"Ordered by {main.replace('_', ' ')}; the order alone shows no difference."
    sections = [Section("models", "Models", note, tables)]
    if drawn:
        note = "The dashed line joins the models that no cheaper one equals."
        sections.append(Section("cost", "Quality against cost", note, figures=drawn))
    if curve is not None:
        note = "The same recipe trained on more rows; bars are 95 % intervals over objects."
        sections.append(Section("learning", "Learning curves", note, figures=[curve]))
    title = f"Leaderboard {board['suite']}"
    page = sheet_html(Sheet("trifid bench", title, f"{_said(board)}.", _notes(board), sections))
    _checked(re.sub("<style>.*?</style>", "", page, flags=re.DOTALL), board)
    return page


def pareto(points: list[tuple[float, float]], *, lower: bool) -> list[int]:
    """Which (cost, quality) points no other one beats: cheaper and at least as good.

    Args:
        points: Costs and qualities.
        lower: Whether lower quality values are better.
    """
    sign = 1.0 if lower else -1.0
    order = sorted(range(len(points)), key=lambda i: (points[i][0], sign * points[i][1]))
    front: list[int] = []
    best = float("inf")
    for index in order:
        if sign * points[index][1] < best:
            best = sign * points[index][1]
            front.append(index)
    return front


def _main(board: Board) -> str:
    if board["kind"] == "classification":
        return "macro_f1"
    return f"{next(iter(board['targets']))}_rmse"


def _said(board: Board) -> str:
    kind = "simulated objects" if board["simulated"] else "objects"
    return (
        f"{board['suite']}: {board['n']} {kind} in {board['groups']} groups, "
        f"{max(board['seeds'])} seeds, {sum(board['seeds'])} runs judged on them; "
        "mean over seeds (95 % interval over objects; ± standard deviation over seeds)"
    )


def _tables(board: Board) -> list[tuple[str, list[list[str]]]]:
    """Title and rows of each table, heads first."""
    if board["kind"] == "classification":
        return [("", _rows(board, _CLASSES, "macro_f1"))]
    return [
        (
            f"{target} (n = {count})",
            _rows(board, tuple(f"{target}_{name}" for name in _NUMBERS), f"{target}_rmse"),
        )
        for target, count in board["targets"].items()
    ]


def _rows(board: Board, metrics: tuple[str, ...], main: str) -> list[list[str]]:
    lower = main.endswith("_rmse")
    heads = [name.removeprefix(main.removesuffix("rmse")) if lower else name for name in metrics]
    heads = [head.replace("_", " ") for head in heads]
    end = "against the lowest" if lower else "against the highest"
    rows = [["model", *heads, "parameters", "rows", "train [s]", "against first", end]]
    first, best = (
        {entry["a"]: entry for entry in board[family] if entry["metric"] == main}
        for family in ("differences", "from_best")
    )
    for model in sorted(board["models"], key=lambda model: _rank(model, main, lower)):
        cost = model["cost"]
        cells = [_cell(model["metrics"][name]) for name in metrics]
        cells += [f"{cost['parameters']:,}" if cost.get("parameters") else "-"]
        cells += [f"{cost['train_rows']:,}" if cost.get("train_rows") else "-"]
        cells += [f"{cost['train_seconds']:.0f}" if cost.get("train_seconds") else "-"]
        cells += [_against(first, model, "the reference")]
        rows.append([model["name"], *cells, _against(best, model, "itself")])
    return rows


def _rank(model: dict[str, Any], main: str, lower: bool) -> float:
    value = model["metrics"][main]["value"]
    return float("inf") if value is None else value if lower else -value


def _cell(entry: dict[str, Any]) -> str:
    if entry["value"] is None:
        return "-"
    ends = "" if entry["low"] is None else f" ({entry['low']:.3f} to {entry['high']:.3f})"
    spread = "" if entry["seed_sd"] is None else f" ± {entry['seed_sd']:.3f}"
    return f"{entry['value']:.3f}{ends}{spread}"


def _against(gaps: dict[str, Any], model: dict[str, Any], itself: str) -> str:
    entry = gaps.get(model["name"])
    if entry is None:
        return itself
    p, over = entry["p_adjusted"], entry["over_seeds"]
    seeds = "" if over is None else f", over seeds p {p_text(over['p'])}"
    return f"{entry['value']:+.3f}, p {p_text(p)}{seeds}: {verdict(entry)}"


def _checked(text: str, board: Board) -> str:
    names = [model["name"] for model in board["models"]]
    return supported(text, names, [*board["differences"], *board["from_best"]])


def _notes(board: Board) -> list[str]:
    """How to read the p, what limits the scores, and the order of quantiles where there are any."""
    said = [
        "p over objects: paired bootstrap, adjusted by Holm over the models; a model is called "
        "better only where it is below 0.05 and the interval of the difference excludes zero. p "
        "over seeds: corrected resampled t, not adjusted. Whoever leads was found on these very "
        "objects, which flatters it."
    ]
    said += [f"{note[:1].upper()}{note[1:]}." for note in board["notes"]]
    crossed = [
        f"{model['name']} {model['crossed']:.1f}"
        for model in board["models"]
        if model["crossed"] is not None
    ]
    if crossed:
        said.append(f"Rows with quantiles out of order, mean over seeds: {', '.join(crossed)}.")
    return said


def _learning(board: Board, main: str) -> Drawn | None:
    """Quality against training rows of the recipes that learned from several numbers of them."""
    curves: dict[str, list[tuple[int, dict[str, Any]]]] = {}
    for model in board["models"]:
        rows, entry = model["cost"].get("train_rows"), model["metrics"][main]
        if rows and entry["value"] is not None:
            curves.setdefault(model["recipe"], []).append((rows, entry))
    curves = {n: points for n, points in curves.items() if len({rows for rows, _ in points}) > 1}
    if not curves:
        return None

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        for index, (name, points) in enumerate(curves.items()):
            rows, entries = zip(*sorted(points, key=_first), strict=True)
            values = [entry["value"] for entry in entries]
            for x, entry in zip(rows, entries, strict=True):
                if entry["low"] is not None:
                    axes.plot([x, x], [entry["low"], entry["high"]], color=svg.GRID, linewidth=1.5)
            axes.plot(rows, values, marker="o", markersize=4, label=name, **svg.line_look(index))
        axes.set(xscale="log", xlabel="Training rows", ylabel=main.replace("_", " "))
        _plain_ticks(axes)
        axes.legend()

    said = "; ".join(
        f"{name}: "
        + ", ".join(
            f"{entry['value']:.3f} from {rows:,}" for rows, entry in sorted(points, key=_first)
        )
        for name, points in curves.items()
    )
    text = f"{main.replace('_', ' ')} by training rows. {said}."
    return Drawn(svg.draw("learning-curve", "Learning curves", text, paint), text)


def _first(point: tuple[int, Any]) -> int:
    return point[0]


def _plain_ticks(axes: Any) -> None:
    """Numbers without powers on a logarithmic axis."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _pareto(board: Board, main: str, cost: str) -> Drawn | None:
    """Quality against one cost; a line joins the models that none beats in both."""
    models = [m for m in board["models"] if m["cost"].get(cost) and m["metrics"][main]["value"]]
    if len(models) < 2:
        return None
    points = [(float(m["cost"][cost]), float(m["metrics"][main]["value"])) for m in models]
    front = pareto(points, lower=main.endswith("_rmse"))
    said = {"train_seconds": "Training time [s]", "parameters": "Parameters"}[cost]
    quality = main.replace("_", " ")

    def paint(figure: Any) -> None:
        axes = figure.subplots()
        edge = zip(*(points[i] for i in front), strict=True)
        axes.plot(*edge, color=svg.MUTED, linewidth=1.0, linestyle="--")
        for index, (model, (x, y)) in enumerate(zip(models, points, strict=True)):
            entry = model["metrics"][main]
            if entry["low"] is not None:
                axes.plot([x, x], [entry["low"], entry["high"]], color=svg.GRID, linewidth=1.5)
            axes.plot(x, y, "o", color=svg.COLOURS[index % len(svg.COLOURS)], markersize=5)
            axes.annotate(model["name"], (x, y), xytext=(5, 4), textcoords="offset points")
        axes.set(xscale="log", xlabel=said, ylabel=quality)
        _plain_ticks(axes)
        axes.margins(x=0.25)

    best = ", ".join(models[i]["name"] for i in front)
    text = f"{quality} against {said.lower()}; no cheaper one equals {best}."
    drawn = svg.draw(f"pareto-{cost}", f"{quality} against {said}", text, paint)
    return Drawn(drawn, text)
