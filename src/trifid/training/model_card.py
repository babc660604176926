"""The model card of a bundle: what it is for, what it was made from, how good it was. For people.

Written with the bundle, and again with numbers when its run is judged. No hash covers it, and it
holds no times and no machine names: a run that was killed and resumed has the same card.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trifid.files import flattened, write_text
from trifid.markdown import document, plain, table

if TYPE_CHECKING:
    from trifid.training.bundle import BundleCard

CARD = "model_card.md"
_SHOWN = ("accuracy", "balanced_accuracy", "macro_f1", "macro_auc", "log_loss", "brier")
_NUMBERS = ("rmse", "mae", "nmad", "r2", "crps", "coverage_68", "coverage_95")


def write_model_card(
    folder: Path, card: "BundleCard", metrics: Mapping[str, Any] | None = None
) -> None:
    """Writes `model_card.md` into a bundle's folder."""
    write_text(folder / CARD, model_card(card, metrics))


def model_card(card: "BundleCard", metrics: Mapping[str, Any] | None = None) -> str:
    """The card.

    Args:
        card: Of the bundle.
        metrics: The document of `trifid evaluate`; None where nothing was judged yet.
    """
    simulated = card.provenance.get("simulated") == "true"
    return document(
        f"Model card: {card.recipe.name}",
        [
            ("What it does", _purpose(card)),
            ("How good it was", _numbers(metrics or {}, simulated=simulated)),
            ("Limits", _limits(card, simulated=simulated)),
            ("Data", table(("item", "value"), sorted(card.provenance.items()))),
            ("Inputs", table(("name", "choices"), _inputs(card))),
            ("Training", table(("choice", "value"), _training(card))),
            (
                "How to use it",
                "`trifid predict` reads this folder; `bundle.json` holds the recipe, classes, "
                "units and the hashes of the other files. Nothing in it can run code.",
            ),
        ],
    )


def _purpose(card: "BundleCard") -> str:
    task, inputs = card.task, ", ".join(plain(name) for name in card.recipe.inputs)
    kind = plain(card.recipe.model.model_dump().get("kind", "model"))
    if task.classes:
        what = f"sorts objects into {', '.join(plain(name) for name in task.classes)}"
    else:
        what = f"predicts {', '.join(plain(name) for name in task.targets)}"
    return (
        f"A model of kind {kind} {what} (task {plain(task.name)}) from {inputs}. Any of its inputs "
        "may be missing. Meant for research on objects selected and observed like those it was "
        "trained on."
    )


def _numbers(metrics: Mapping[str, Any], *, simulated: bool) -> str:
    if not metrics:
        return "Not judged yet: `trifid evaluate` gives its numbers."
    kind = "simulated " if metrics.get("simulated", simulated) else ""
    said = (
        f"On {metrics['n']} held-out {kind}objects in {metrics['groups']} groups (fold "
        f"{plain(metrics['fold'])}), from {plain(metrics['subset'])}; 95 % intervals over objects, "
        "without the doubt of the training's start:"
    )
    if metrics["kind"] == "classification":
        rows = [(name, *_estimate(metrics["metrics"][name])) for name in _SHOWN]
        per_class = [
            (name, entry["support"], *_estimate(entry["recall"]), *_estimate(entry["precision"]))
            for name, entry in metrics["per_class"].items()
        ]
        head = ("class", "n", "recall", "interval", "precision", "interval")
        tables = [table(("metric", "value", "interval"), rows), table(head, per_class)]
    else:
        rows = [
            (target, entry["n"], name, *_estimate(entry["metrics"][name]))
            for target, entry in metrics["targets"].items()
            for name in _NUMBERS
            if name in entry["metrics"]
        ]
        tables = [table(("target", "n", "metric", "value", "interval"), rows)]
    notes = "\n".join(f"- {plain(note)}" for note in metrics["notes"])
    return "\n\n".join(part for part in (said, *tables, notes) if part)


def _estimate(entry: Mapping[str, Any]) -> tuple[str, str]:
    value, low, high = (entry.get(key) for key in ("value", "low", "high"))
    ends = "-" if low is None or high is None else f"{low:.3f} to {high:.3f}"
    return ("-" if value is None else f"{value:.3f}"), ends


def _limits(card: "BundleCard", *, simulated: bool) -> str:
    lines = [
        "Probabilities and intervals hold for objects like those of its validation rows: not for "
        "fainter ones, another survey or another selection.",
        "It answers every object, also one of a kind it never saw.",
    ]
    if simulated:
        lines.insert(0, "Trained on simulated objects: no statement about the sky.")
    if leaky := card.recipe.leaky_inputs():
        said = ", ".join(plain(name) for name in leaky)
        lines.insert(0, f"Leaky inputs: {said} holds what the label was made from, or nearly.")
    return "\n".join(f"- {line}" for line in lines)


def _inputs(card: "BundleCard") -> list[tuple[object, ...]]:
    return [
        (name, "; ".join(f"{key} {value}" for key, value in config.items() if value not in ("", 0)))
        for name, config in card.recipe.model_dump(mode="json")["inputs"].items()
    ]


def _training(card: "BundleCard") -> list[tuple[object, ...]]:
    recipe = card.recipe.model_dump(mode="json")
    chosen = {key: recipe[key] for key in ("labels", "split", "training")}
    return [*flattened(chosen), ("best epoch", card.best_epoch), ("temperature", card.temperature)]
