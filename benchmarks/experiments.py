"""A suite's leaderboard beside the numbers of its paper, as Markdown.

The published numbers are of real objects, ours of whatever the suite was run on; every table says
which, with the objects judged, training rows, epochs and seeds. A suite that is not finished is
shown with the seeds that all of its contenders have, or with what there is of the first seed.

    python benchmarks/experiments.py SUITE_FOLDER [SUITE_FOLDER ...]
"""

import argparse
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trifid.bench.published import PublishedPaper, published
from trifid.bench.suite import Suite, leaderboard, read_suite
from trifid.files import safe_name

Board = dict[str, Any]
SFR = ("avg", "median", "mode", "p2p5", "p16", "p84", "p97p5", "entropy")


@dataclass(frozen=True)
class Paper:
    """Where the published numbers of a suite are.

    Attributes:
        name: Of the file in bench/papers.
        rows: Contender to (table, row) of the paper.
        metrics: The paper's metric to ours.
        average: What our metric differs in, if it does.
    """

    name: str
    rows: dict[str, tuple[str, str]]
    metrics: dict[str, str]
    average: str = ""


_TRANSFORMER = {
    "batmm": ("transformer", "full"),
    "transformer-image-cross": ("transformer", "+ image + cross-attention"),
    "transformer-image-segment": ("transformer", "+ image + segment"),
    "transformer-image": ("transformer", "+ image"),
    "transformer-spectrum": ("transformer", "spectrum only"),
}
PAPERS = {
    "galaxy4_small": Paper(
        name="gcsnet",
        rows={
            "gcsnet": ("3", "GCSNet"),
            "gcsnet-spectrum": ("3", "our-Spectral"),
            "gasnet2": ("3", "GaSNet"),
            "mb-istl": ("3", "MB-ISTL"),
            "transformer-fusion": ("3", "TransformerFusion"),
        },
        metrics={"accuracy": "accuracy", "f1": "macro_f1"},
    ),
    "galaxy4_grid": Paper(
        name="gcsnet",
        rows={
            "image+spectrum+leaky": ("5 (ablation, observed frame)", "all"),
            "spectrum": ("5 (ablation, observed frame)", "spec_only"),
            "image+spectrum": ("5 (ablation, observed frame)", "spec_img"),
            "image+spectrum+leaky-rest": ("5 (ablation, rest frame)", "all"),
            "spectrum-rest": ("5 (ablation, rest frame)", "spec_only"),
            "image+spectrum-rest": ("5 (ablation, rest frame)", "spec_img"),
        },
        metrics={"accuracy": "accuracy"},
    ),
    "galaxy4_frames": Paper(
        name="gcsnet",
        rows={
            "spectrum": ("5 (ablation, observed frame)", "spec_only"),
            "rest": ("5 (ablation, rest frame)", "spec_only"),
        },
        metrics={"accuracy": "accuracy"},
    ),
    "bhb2_quarter": Paper(
        name="batmm",
        rows=_TRANSFORMER,
        metrics={"f1": "macro_f1"},
    ),
    "bhb2_stages": Paper(
        name="batmm", rows={"batmm": ("transformer", "full")}, metrics={"f1": "macro_f1"}
    ),
    "bhb2_tables": Paper(
        name="batmm",
        rows={
            **_TRANSFORMER,
            "early-add": ("comparison", "Early Add"),
            "early-concat": ("comparison", "Early Concat"),
            "early-vgg1d": ("comparison", "VGG1D (fused)"),
            "vgg1d-attention": ("encoders", "VGG1D + self-attention"),
            "vgg1d": ("encoders", "VGG1D"),
            "resnet-se": ("encoders", "ResNet + SE"),
            "resnet": ("encoders", "ResNet"),
            "svm": ("comparison", "SVM"),
            "xgboost": ("comparison", "XGBoost"),
        },
        metrics={"f1": "macro_f1"},
    ),
    "sgq3_pictures": Paper(
        name="quasar_galaxy_star",
        rows={
            "picture+ann": ("7", "ResNet50+ANN"),
            "picture+ann-redshift": ("7", "ResNet50+ANN"),
            "picture": ("5", "ResNet50"),
            "ann": ("4", "ANN"),
            "ann-redshift": ("4", "ANN"),
        },
        metrics={"accuracy": "accuracy"},
        average="the paper's network is ResNet-50 with ImageNet weights, ours a shallow one",
    ),
    "sgq3_backbones": Paper(
        name="quasar_galaxy_star",
        rows={
            "resnet50": ("5", "ResNet50"),
            "vgg16": ("5", "VGG16"),
            "densenet121": ("5", "DenseNet121"),
            "efficientnet_b2": ("5", "EfficientNetB2"),
            "xception": ("5", "Xception"),
            "resnet50+ann": ("7", "ResNet50+ANN"),
            "xception+ann": ("7", "Xception+ANN"),
            "efficientnet_b2+ann": ("7", "EfficientNetB2+ANN"),
        },
        metrics={"accuracy": "accuracy"},
        average="the paper's weights are from ImageNet, ours random",
    ),
    "zsfr_grid": Paper(name="redshift_sfr", rows={}, metrics={}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folders", nargs="+", type=Path)
    for folder in parser.parse_args().folders:
        suite = read_suite(folder / "suite.toml")
        board = leaderboard(finished(suite, folder), folder)
        print("\n".join(text(suite, board, folder)))


def finished(suite: Suite, folder: Path) -> Suite:
    """The seeds that all contenders have; before the first of them, its contenders that are done.

    Raises:
        SystemExit: If not even the first contender is done.
    """

    def done(name: str, seed: int) -> bool:
        run = folder / "runs" / safe_name(name) / f"seed-{seed}"
        return (run / "metrics.json").is_file()

    seeds = [s for s in suite.seeds if all(done(entry.name, s) for entry in suite.contenders)]
    if seeds:
        return suite.replace(seeds=tuple(seeds))
    first = suite.seeds[0]
    there = tuple(entry for entry in suite.contenders if done(entry.name, first))
    if suite.contenders[0] not in there:
        raise SystemExit(f"{folder}: {suite.contenders[0].name}, seed {first}, is not finished")
    return suite.replace(contenders=there, seeds=(first,))


def text(suite: Suite, board: Board, folder: Path) -> Iterator[str]:
    """The lines of one suite."""
    yield f"### {suite.name}\n"
    yield said(suite, board, folder) + "\n"
    known = PAPERS.get(suite.name)
    if board["kind"] == "classification":
        yield from classes(board, known)
    else:
        yield from numbers(board, known)


def said(suite: Suite, board: Board, folder: Path) -> str:
    """What was run, in one line."""
    first = folder / "runs" / safe_name(suite.contenders[0].name) / f"seed-{suite.seeds[0]}"
    one = first / "fold-0" if suite.folds else first
    rows = json.loads((one / "run.json").read_text(encoding="utf-8"))["rows"]
    recipe = tomllib.loads((first / "recipe.toml").read_text(encoding="utf-8"))
    kind = "simulated" if board["simulated"] else "real"
    seeds = ", ".join(str(seed) for seed in suite.seeds[: max(board["seeds"])])
    left = len(suite.seeds) - max(board["seeds"])
    shown = {model["name"] for model in board["models"]}
    missing = [entry.name for entry in suite.contenders if entry.name not in shown]
    return (
        f"Ours ({kind}): n = {board['n']} judged in {board['groups']} groups, {rows['train']} "
        f"training rows{f' a fold, {suite.folds} folds' if suite.folds else ''}, "
        f"{recipe['training']['epochs']} epochs, seeds {seeds}"
        + (f" (of {len(suite.seeds)} planned)" if left else "")
        + (f"; not run: {', '.join(missing)}" if missing else "")
        + ". Mean over seeds (95 % interval over objects), ± standard deviation over seeds."
    )


def classes(board: Board, known: Paper | None) -> Iterator[str]:
    """One row a contender: the published numbers, ours, and the verdict against the first."""
    paper = published(known.name) if known else None
    wanted = known.metrics if known else {}
    heads = [f"{name}, published (real)" for name in wanted]
    heads += [f"{name.replace('_', ' ')}, ours" for name in ("accuracy", "macro_f1")]
    if known and known.average:
        yield f"Note: {known.average}.\n"
    yield f"| model | {' | '.join(heads)} | parameters | train [s] | macro F1 less first |"
    yield "|---" * (len(heads) + 4) + "|"
    gaps = {gap["a"]: gap for gap in board["differences"] if gap["metric"] == "macro_f1"}
    for model in board["models"]:
        cells = [_published(paper, known, model["name"], metric) for metric in wanted]
        cells += [cell(model["metrics"][name]) for name in ("accuracy", "macro_f1")]
        cells += [*cost(model), verdict(gaps.get(model["name"]))]
        yield f"| {model['name']} | {' | '.join(cells)} |"
    yield ""


def _published(paper: PublishedPaper | None, known: Paper | None, name: str, metric: str) -> str:
    if paper is None or known is None or name not in known.rows:
        return "-"
    number, row = known.rows[name]
    table = paper.table(number)
    found = table.printed(row, metric)
    if found is None:
        return "-"
    size = f", n = {table.n[0]:,}" if table.n else ""
    return f"{found.value:.4f} ({row}, table {number}{size})"


def numbers(board: Board, known: Paper | None) -> Iterator[str]:
    """Two targets in full, then one metric a table for all of them."""
    if known and not published(known.name).tables:
        yield f"Published: none. {published(known.name).note}\n"
    for target in ("redshift", "sfr_median"):
        if target not in board["targets"]:
            continue
        main = f"{target}_rmse"
        gaps = {gap["a"]: gap for gap in board["differences"] if gap["metric"] == main}
        yield f"{target} (n = {board['targets'][target]}):\n"
        yield "| model | RMSE | R2 | MAE | parameters | train [s] | RMSE less first |"
        yield "|---" * 7 + "|"
        for model in board["models"]:
            cells = [cell(model["metrics"][f"{target}_{name}"]) for name in ("rmse", "r2", "mae")]
            cells += [*cost(model), verdict(gaps.get(model["name"]))]
            yield f"| {model['name']} | {' | '.join(cells)} |"
        yield ""
    for metric, name in (("rmse", "RMSE"), ("r2", "R2"), ("mae", "MAE")):
        yield f"{name} of all targets (mean over seeds):\n"
        yield f"| model | redshift | {' | '.join(SFR)} | rows with crossed quantiles |"
        yield "|---" * (len(SFR) + 3) + "|"
        for model in board["models"]:
            found = model["metrics"]
            values = [found[f"{t}_{metric}"] for t in ("redshift", *(f"sfr_{s}" for s in SFR))]
            crossed = "-" if model["crossed"] is None else f"{model['crossed']:.1f}"
            shown = " | ".join(f"{value['value']:.3f}" for value in values)
            yield f"| {model['name']} | {shown} | {crossed} |"
        yield ""


def cell(entry: dict[str, Any]) -> str:
    ends = "" if entry["low"] is None else f" ({entry['low']:.3f} to {entry['high']:.3f})"
    spread = "" if entry["seed_sd"] is None else f" ± {entry['seed_sd']:.3f}"
    return f"{entry['value']:.3f}{ends}{spread}"


def cost(model: Board) -> list[str]:
    """Parameters and seconds of training, where a run keeps them."""
    known = model["cost"]
    return [
        f"{known['parameters']:,}" if known.get("parameters") else "-",
        f"{known['train_seconds']:.0f}" if known.get("train_seconds") else "-",
    ]


def verdict(gap: dict[str, Any] | None) -> str:
    """The difference; "better" only with adjusted p < 0.05 and an interval without zero."""
    if gap is None:
        return "the first"
    p = "-" if gap["p_adjusted"] is None else f"{gap['p_adjusted']:.3f}"
    verdict = f"{gap['better']} better" if gap["better"] else "not shown"
    ends = "" if gap["low"] is None else f" ({gap['low']:+.3f} to {gap['high']:+.3f})"
    return f"{gap['value']:+.3f}{ends}, p {p}: {verdict}"


if __name__ == "__main__":
    main()
