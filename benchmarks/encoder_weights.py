"""What BATMM's encoders look at: weights of wavelength segments and of bands (its figure 9).

    python benchmarks/encoder_weights.py RUN [RUN ...] --out weights.png [--json]

For the test rows of each run: the mean attention that each segment receives and the SE weight of
each band, both summing to 1 (as the paper's figure implies), mean and standard deviation over the
rows of a class. Several runs, say seeds, are shown one below the other: weights that differ between
seeds say more of the start than of the stars.
"""

import argparse
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch

from trifid.inference.score import store_loader
from trifid.schema import grid
from trifid.store.read import Store
from trifid.training.bundle import load_bundle
from trifid.training.rows import task_rows
from trifid.transforms.pipeline import ImageInput, SpectrumInput

COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("runs", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True, help="png, svg or pdf")
    parser.add_argument("--json", action="store_true", help="print the numbers as JSON")
    given = parser.parse_args()
    found = [weights(run) for run in given.runs]
    draw(found, given.out)
    if given.json:
        print(json.dumps(found))
    else:
        print("\n\n".join(text(run) for run in found))


@torch.inference_mode()
def weights(run: Path) -> dict[str, Any]:
    """Mean and sd of each weight over the test rows of each class."""
    bundle = load_bundle(run / "bundle")
    known = json.loads((run / "run.json").read_text(encoding="utf-8"))
    recipe, task = bundle.card.recipe, bundle.card.task
    store = Store.open(Path(known["store"]))
    rows = task_rows(store, recipe, task)
    parts: dict[str, list[np.ndarray]] = {}
    for raw in store_loader(bundle, store).batches(rows.test, 256):
        output = bundle.model(bundle.pipeline(raw), explain=True)
        for kind in ("segments", "bands"):
            if kind in output.attention:
                parts.setdefault(kind, []).append(output.attention[kind].numpy())
    if not parts:
        raise SystemExit(f"{run}: its encoders weigh neither segments nor bands")
    labels = rows.labels[rows.test]
    panels = {}
    for kind, found in parts.items():
        values = np.concatenate(found)
        classes = {
            name: {
                "n": int((labels == k).sum()),
                "mean": values[labels == k].mean(axis=0).tolist(),
                "sd": values[labels == k].std(axis=0).tolist(),
            }
            for k, name in enumerate(task.classes)
        }
        panels[kind] = {"names": names(kind, recipe, values.shape[1]), "classes": classes}
    return {"run": str(run), "simulated": known["simulated"] == "true", "panels": panels}


def names(kind: str, recipe: Any, count: int) -> list[str]:
    """Wavelengths of the segments [angstrom], or the bands."""
    for config in recipe.inputs.values():
        if kind == "bands" and isinstance(config, ImageInput):
            return list(config.bands)
        if kind == "segments" and isinstance(config, SpectrumInput):
            size = config.length // config.rebin // count * config.rebin
            edges = config.log10_start + grid.LOG10_STEP * size * np.arange(count + 1)
            ends = (10.0**edges).round().astype(int).tolist()
            return [f"{a}-{b}" for a, b in pairwise(ends)]
    return [str(k) for k in range(count)]


def draw(found: list[dict[str, Any]], out: Path) -> None:
    kinds = list(dict.fromkeys(kind for run in found for kind in run["panels"]))
    size = (4.6 * len(kinds), 2.6 * len(found))
    figure, axes = plt.subplots(len(found), len(kinds), figsize=size, squeeze=False)
    for line, run in zip(axes, found, strict=True):
        for place, kind in zip(line, kinds, strict=True):
            if kind not in run["panels"]:
                place.axis("off")
                continue
            panel = run["panels"][kind]
            shift = 0.8 / len(panel["classes"])
            for k, (name, values) in enumerate(panel["classes"].items()):
                x = np.arange(len(panel["names"])) + shift * (k - (len(panel["classes"]) - 1) / 2)
                place.bar(
                    x, values["mean"], shift, yerr=values["sd"], label=f"{name} ({values['n']})",
                    color=COLOURS[k % len(COLOURS)], error_kw={"linewidth": 0.8},
                )  # fmt: skip
            place.axhline(1 / len(panel["names"]), color="0.5", linewidth=0.8, linestyle=":")
            place.set_xticks(range(len(panel["names"])), panel["names"], fontsize=7)
            place.tick_params(axis="x", rotation=30 if kind == "segments" else 0)
            place.set_ylabel("weight", fontsize=8)
            unit = "segments [angstrom]" if kind == "segments" else "bands"
            said = "simulated" if run["simulated"] else "real"
            place.set_title(f"{Path(run['run']).name}: {unit}, {said} test rows", fontsize=8)
            place.margins(y=0.25)
            place.legend(fontsize=7, frameon=False, loc="upper right", ncols=2)
    figure.tight_layout()
    figure.savefig(out, dpi=150)


def text(run: dict[str, Any]) -> str:
    """The means as Markdown tables."""
    parts = []
    for kind, panel in run["panels"].items():
        said = "simulated" if run["simulated"] else "real"
        heads = " | ".join(panel["names"])
        lines = [f"| {kind} ({said}) | {heads} |", "|---" * (len(panel["names"]) + 1) + "|"]
        for name, values in panel["classes"].items():
            both = zip(values["mean"], values["sd"], strict=True)
            cells = " | ".join(f"{mean:.3f} ± {sd:.3f}" for mean, sd in both)
            lines.append(f"| {name}, n = {values['n']} | {cells} |")
        parts.append("\n".join(lines))
    return f"{run['run']}\n\n" + "\n\n".join(parts)


if __name__ == "__main__":
    main()
