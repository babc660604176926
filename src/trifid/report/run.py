"""What a run folder holds, read for the report. Anything may be missing; damaged is an error."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trifid.errors import RunError
from trifid.evaluation.predictions import Predictions, read_predictions

Document = dict[str, Any]


@dataclass(frozen=True)
class Trained:
    """One training of a run: the whole run, or one fold of it.

    Attributes:
        name: `fold 0` ..., empty where the run is one training.
        log: The lines of log.jsonl.
        cost: cost.json.
    """

    name: str
    log: tuple[Document, ...]
    cost: Document


@dataclass(frozen=True)
class RunFiles:
    """A run folder. A missing file is an empty document, or None for the predictions."""

    folder: Path
    trained: tuple[Trained, ...]
    predictions: Predictions | None
    metrics: Document
    run: Document
    environment: Document
    recipe: Document
    recipe_text: str


def read_run(folder: Path) -> RunFiles:
    """Reads a run folder, or a k-fold run with a folder for each fold.

    Raises:
        RunError: If the folder is no run, or one of its files is damaged.
    """
    known = ("run.json", "metrics.json", "predictions.parquet", "recipe.toml")
    if not any((folder / name).is_file() for name in known):
        raise RunError(
            f"{folder} is not a run folder: it has none of {', '.join(known)}; "
            "give the folder that `trifid train --out` wrote"
        )
    folds = sorted(folder.glob("fold-*"), key=lambda path: (len(path.name), path.name))
    parts = [path for path in folds if path.is_dir()]
    first = [folder, *parts[:1]]
    _check_whole(folder, parts)
    recipe_text = next((text for path in first if (text := _text(path / "recipe.toml"))), "")
    predictions = folder / "predictions.parquet"
    return RunFiles(
        folder=folder,
        trained=tuple(_trained(path, path.name.replace("-", " ")) for path in parts)
        or (_trained(folder, ""),),
        predictions=read_predictions(predictions) if predictions.is_file() else None,
        metrics=_json(folder / "metrics.json"),
        run=_json(folder / "run.json"),
        environment=next((d for path in first if (d := _json(path / "environment.json"))), {}),
        recipe=_toml(recipe_text, folder),
        recipe_text=recipe_text,
    )


def _check_whole(folder: Path, parts: list[Path]) -> None:
    """A k-fold run is joined when its last fold is judged: before that there is nothing to show."""
    folds = _json(folder / "run.json").get("folds")
    joined = any((folder / name).is_file() for name in ("predictions.parquet", "metrics.json"))
    if isinstance(folds, int) and folds > 1 and not joined:
        done = sum((part / "metrics.json").is_file() for part in parts)
        raise RunError(
            f"{folder} is an unfinished run: {done} of {folds} folds are judged; finish it with "
            f"`trifid train ... --folds {folds} --out {folder} --resume`, or give one of its folds"
        )


def _trained(folder: Path, name: str) -> Trained:
    return Trained(name, _log(folder / "log.jsonl"), _json(folder / "cost.json"))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _toml(text: str, folder: Path) -> Document:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RunError(f"{folder}: recipe.toml is not TOML: {error}") from None


def _json(path: Path) -> Document:
    if not path.is_file():
        return {}
    try:
        value = json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise RunError(f"{path} is not JSON: {error}; write it again or remove it") from None
    if not isinstance(value, dict):
        raise RunError(f"{path} holds a {type(value).__name__}, expected a JSON object")
    return value


def _log(path: Path) -> tuple[Document, ...]:
    """Lines of a log; a last line cut off by a killed process is left out."""
    lines = _text(path).splitlines()
    entries: list[Document] = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = json.loads(line)
        except json.JSONDecodeError as error:
            if number == len(lines):
                break
            raise RunError(f"{path}, line {number}, is not JSON: {error}") from None
        if isinstance(entry, dict):
            entries.append(entry)
    return tuple(entries)
