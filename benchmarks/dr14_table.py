"""The thirteen classifiers and the network on the DR14 table beside table 4 of their paper.

    trifid ingest kaggle_dr14.csv --out dr14
    trifid bench benchmarks/dr14.toml --data dr14 --out dr14_bench
    python benchmarks/dr14_table.py dr14_bench

A model without probabilities has no AUC, ours as published: the metric is empty in its own file.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trifid.bench.published import published
from trifid.bench.suite import read_suite
from trifid.files import safe_name

ROWS = {
    "extra-trees": "Extra Trees",
    "lightgbm": "LGBM",
    "logistic": "Logistic",
    "random-forest": "Random Forest",
    "qda": "QDA",
    "gradient-boosting": "Gradient Boosting",
    "linear-svm": "SVM",
    "knn": "kNN",
    "ridge": "Ridge",
    "lda": "LDA",
    "decision-tree": "Decision Tree",
    "adaboost": "AdaBoost",
    "naive-bayes": "Naive Bayes",
    "ann": "ANN",
}
METRICS = {
    "accuracy": "accuracy",
    "auc": "macro_auc",
    "recall": "macro_recall",
    "precision": "macro_precision",
    "f1": "macro_f1",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    suite = read_suite(folder / "suite.toml")
    names = [entry.name for entry in suite.contenders]
    for title, part in (
        ("Five magnitudes", [name for name in names if not name.endswith("-redshift")]),
        ("Leaky: with redshift", [name for name in names if name.endswith("-redshift")]),
    ):
        print("\n".join(table(title, part, folder, suite.seeds[0])))


def table(title: str, names: list[str], folder: Path, seed: int) -> Iterator[str]:
    """One row a model: the published numbers, then ours with intervals."""
    found = {name: document(folder, name, seed) for name in names}
    found = {name: entry for name, entry in found.items() if entry}
    counts = {(entry["n"], entry["simulated"]) for entry in found.values()}
    yield f"{title}, (n, simulated) = {sorted(counts)}:\n"
    yield f"| model | {' | '.join(METRICS)} | {' | '.join(f'{m}, ours' for m in METRICS)} |"
    yield "|---" * (2 * len(METRICS) + 1) + "|"
    paper = published("quasar_galaxy_star").table("4")
    for name, entry in found.items():
        row = ROWS[name.removesuffix("-redshift")]
        printed = [paper.printed(row, metric) for metric in METRICS]
        cells = ["-" if value is None else f"{value.value:g}" for value in printed]
        cells += [cell(entry["metrics"][metric]) for metric in METRICS.values()]
        yield f"| {row} | {' | '.join(cells)} |"
    yield ""


def document(folder: Path, name: str, seed: int) -> dict[str, Any]:
    """What was measured of a run over all folds; empty if it is not finished."""
    path = folder / "runs" / safe_name(name) / f"seed-{seed}" / "metrics.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def cell(entry: dict[str, Any]) -> str:
    if entry["value"] is None:
        return "-"
    return f"{entry['value']:.3f} ({entry['low']:.3f} to {entry['high']:.3f})"


if __name__ == "__main__":
    main()
