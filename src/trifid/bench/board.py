"""A leaderboard as Markdown and as a page: doubts in every cell, quality against cost."""

from typing import Any

from trifid.report import svg
from trifid.report.gallery import Drawn
from trifid.report.render import Section, Sheet, sheet_html
from trifid.report.tables import Table

Board = dict[str, Any]
_CLASSES = ("macro_f1", "accuracy", "log_loss")
_NUMBERS = ("rmse", "r2", "mae")


def leaderboard_text(board: Board) -> str:
    """Markdown tables, one for the classes or for each target, the best model first."""
    parts = [_said(board)]
    for title, rows in _tables(board):
        head, *body = (f"| {' | '.join(row)} |" for row in rows)
        lines = [head, "|---" * len(rows[0]) + "|", *body]
        parts += [f"{title}:", "\n".join(lines)] if title else ["\n".join(lines)]
    return "\n\n".join([*parts, *_order_line(board)]) + "\n"


def leaderboard_page(board: Board) -> str:
    """One self-contained page: the tables and the picture of quality against cost."""
    main = _main(board)
    pictures = [_pareto(board, main, cost) for cost in ("train_seconds", "parameters")]
    drawn = [picture for picture in pictures if picture is not None]
    tables = [
        Table(title or "Models", tuple(rows[0]), tuple(tuple(row) for row in rows[1:]), kind="text")
        for title, rows in _tables(board)
    ]
    sections = [Section("models", "Models", "The best model first.", tables)]
    if drawn:
        note = "The dashed line joins the models that none beats in both."
        sections.append(Section("cost", "Quality against cost", note, figures=drawn))
    title = f"Leaderboard {board['suite']}"
    return sheet_html(
        Sheet("trifid bench", title, f"{_said(board)}.", _order_line(board), sections)
    )


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
        f"{max(board['seeds'])} seeds; mean over seeds (95 % interval over objects; "
        "± standard deviation over seeds)"
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
    rows = [["model", *heads, "parameters", "train [s]", "against first"]]
    gaps = {entry["a"]: entry for entry in board["differences"] if entry["metric"] == main}
    for model in sorted(board["models"], key=lambda model: _rank(model, main, lower)):
        cost = model["cost"]
        cells = [_cell(model["metrics"][name]) for name in metrics]
        cells += [f"{cost['parameters']:,}" if cost.get("parameters") else "-"]
        cells += [f"{cost['train_seconds']:.0f}" if cost.get("train_seconds") else "-"]
        rows.append([model["name"], *cells, _against(gaps, model)])
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


def _against(gaps: dict[str, Any], model: dict[str, Any]) -> str:
    entry = gaps.get(model["name"])
    if entry is None:
        return "the reference"
    p = entry["p_adjusted"]
    verdict = f"{entry['better']} better" if entry["better"] else "no difference shown"
    return f"{entry['value']:+.3f}, p {'-' if p is None else f'{p:.3f}'}: {verdict}"


def _order_line(board: Board) -> list[str]:
    """A line on the order of quantiles, where there are any."""
    crossed = [
        f"{model['name']} {model['crossed']:.1f}"
        for model in board["models"]
        if model["crossed"] is not None
    ]
    if not crossed:
        return []
    return [f"Rows with quantiles out of order, mean over seeds: {', '.join(crossed)}."]


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
        from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

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
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.margins(x=0.25)

    best = ", ".join(models[i]["name"] for i in front)
    text = f"{quality} against {said.lower()}; not beaten in both: {best}."
    drawn = svg.draw(f"pareto-{cost}", f"{quality} against {said}", text, paint)
    return Drawn(drawn, text)
