"""Training a run once more, and what came out different."""

from pathlib import Path
from typing import Any

import numpy as np

from trifid.errors import RunError, StoreError
from trifid.evaluation.predictions import Predictions, read_predictions
from trifid.evaluation.run import METRICS, PREDICTIONS, judge
from trifid.files import flattened, read_json
from trifid.store.read import Store
from trifid.training.recipe import Recipe
from trifid.training.run import train


def reproduce(run: Path, out: Path, store_folder: Path | None = None) -> dict[str, Any]:
    """Trains the recipe of a finished run again and compares predictions and numbers.

    Args:
        run: The run, with its folds if it has any.
        out: Folder of the new run; a begun one is gone on with.
        store_folder: Where the store is now, if not where it was.

    Returns:
        run, out, same_store, bundles {name: whether the bundle is equal to the bit}, rows,
        largest_difference of a probability or a number, changed: rows whose class changed (None
        for numbers), metrics {name: {then, now}}, environment {key: {then, now}} where they
        differ.

    Raises:
        RunError: If the run is not finished, or its store is gone.
        StoreError: If the store cannot be used.
    """
    if not (run / METRICS).is_file() or not (run / PREDICTIONS).is_file():
        raise RunError(f"{run} is no finished run: it lacks {METRICS} or {PREDICTIONS}")
    known = read_json(run / "run.json")
    folder = store_folder or Path(known["store"])
    try:
        store = Store.open(folder)
    except StoreError as error:
        raise RunError(f"{run}: {error}; say where the store is now with --data") from None
    recipe = Recipe.from_toml((run / "recipe.toml").read_text(encoding="utf-8"))
    parts = train(recipe, folder, out, folds=int(known["folds"]), resume=True)
    now = judge(parts, out)
    then = read_json(run / METRICS)
    rows, largest, changed = _differences(
        read_predictions(run / PREDICTIONS), read_predictions(out / PREDICTIONS)
    )
    return {
        "run": str(run),
        "out": str(out),
        "same_store": store.hash() == known["store_hash"],
        "bundles": {
            str(part.relative_to(out)): _same_bundle(run / part.relative_to(out), part)
            for part in parts
        },
        "rows": rows,
        "largest_difference": largest,
        "changed": changed,
        "metrics": {
            name: {"then": then["metrics"][name]["value"], "now": entry["value"]}
            for name, entry in now["metrics"].items()
            if name in then["metrics"]
        },
        "environment": _changes(
            read_json(run / "environment.json"), read_json(out / "environment.json")
        ),
    }


def _same_bundle(then: Path, now: Path) -> bool:
    """Whether the weights are equal to the bit; the card may name another version."""
    names = sorted(path.name for path in (then / "bundle").glob("*.safetensors"))
    return bool(names) and all(
        (now / "bundle" / name).is_file()
        and (then / "bundle" / name).read_bytes() == (now / "bundle" / name).read_bytes()
        for name in names
    )


def _differences(then: Predictions, now: Predictions) -> tuple[int, float, int | None]:
    """Shared rows, largest difference of an answer, rows whose class changed."""
    keys = [_keys(part) for part in (then, now)]
    shared = sorted(set(keys[0]) & set(keys[1]))
    if not shared:
        raise RunError("the two runs predicted no row in common; is this the same store?")
    first, second = (
        part.take(np.array([place[key] for key in shared]))
        for part, place in zip((then, now), keys, strict=True)
    )
    if then.targets:
        gaps = [
            np.abs(first.numbers(name).mean - second.numbers(name).mean).max()
            for name in then.targets
        ]
        return len(shared), float(max(gaps)), None
    largest = np.abs(first.probabilities - second.probabilities).max()
    return len(shared), float(largest), int((first.predicted != second.predicted).sum())


def _keys(part: Predictions) -> dict[tuple[str, ...], int]:
    columns = [part.table[name].to_pylist() for name in ("object_id", "fold", "subset")]
    return {key: row for row, key in enumerate(zip(*columns, strict=True))}


def _changes(then: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    flat = [dict(flattened(document)) for document in (then, now)]
    return {
        key: {"then": flat[0].get(key), "now": flat[1].get(key)}
        for key in sorted(set(flat[0]) | set(flat[1]))
        if flat[0].get(key) != flat[1].get(key)
    }
