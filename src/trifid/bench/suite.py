"""A bench suite: several recipes under several seeds on one store, one protocol, resumable.

    OUT/suite.toml  runs/CONTENDER/seed-N/ (each an ordinary run)  leaderboard.json, .md, .html

Every run is finished or begun anew from its last checkpoint, so a suite that was killed goes on. A
leaderboard is written after each seed; a finished suite may be gone on with under more seeds.
Predictions of a model that is not trifid's enter as a file of the same form, see `submission`.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import tomli_w
from pydantic import Field, model_validator

from trifid import registry
from trifid.bench.board import leaderboard_page, leaderboard_text
from trifid.config import Config, parse
from trifid.errors import ConfigError, RunError
from trifid.evaluation.cost import run_cost
from trifid.evaluation.predictions import Predictions, read_predictions
from trifid.evaluation.run import METRICS, PREDICTIONS, document_of, judge
from trifid.evaluation.seeds import compare_seeds
from trifid.evaluation.stack import Way, stack
from trifid.files import read_json, safe_name, write_json, write_text
from trifid.training.recipe import Recipe
from trifid.training.run import train

NAME = r"^[A-Za-z0-9][A-Za-z0-9 ._+-]{0,59}$"  # of a model in tables and folders
_LARGEST = 2**20  # bytes of a suite file


class Contender(Config):
    """One recipe in a suite under its own name, or a stack of contenders that predict numbers.

    Attributes:
        name: In tables and folders.
        recipe: Of a training.
        set: Changes to the recipe.
        stack: Names of contenders before this one; their predictions are joined instead.
        way: How, see `evaluation.stack`.
    """

    name: str = Field(pattern=NAME)
    recipe: str = ""
    set: tuple[str, ...] = ()
    stack: tuple[str, ...] = ()
    way: Way = "ridge"

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if bool(self.recipe) == bool(self.stack):
            raise ValueError(f"contender {self.name}: give a recipe or a stack, not both or none")
        return self


class Suite(Config):
    """What is compared.

    Attributes:
        name: Of the suite.
        contenders: The first is the reference of all differences.
        seeds: Each contender is trained once with each.
        folds: Folds of every training; 0 = the one split of the recipes.
        set: Changes to all recipes: the common budget.
    """

    name: str
    contenders: tuple[Contender, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(default=(42, 100, 3407), min_length=1)
    folds: int = Field(default=0, ge=0, le=20)
    set: tuple[str, ...] = ()


def read_suite(path: Path) -> Suite:
    """Reads a suite from a TOML file.

    Raises:
        ConfigError: If it is too large, no TOML, or a field does not fit.
    """
    if path.stat().st_size > _LARGEST:
        raise ConfigError(f"{path} is larger than {_LARGEST} bytes; a suite is a short TOML file")
    try:
        return parse(Suite, tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}") from None


def run_suite(
    suite: Suite,
    store: Path,
    out: Path,
    *,
    resume: bool = False,
    submissions: Mapping[str, Path] | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Trains and judges what is not done yet, then writes the leaderboard.

    Args:
        suite: What to run.
        store: The store all recipes learn from.
        out: Folder of the suite.
        resume: Whether `out` may hold a begun suite.
        submissions: Name to predictions file of models trained elsewhere.
        tell: Gets one line for each run.

    Raises:
        RunError: If `out` holds another suite, or this one and `resume` is off.
        ConfigError: If a recipe does not exist or a change does not fit.
    """
    others = {name: read_predictions(path) for name, path in (submissions or {}).items()}
    planned = list(_planned(suite))
    text = tomli_w.dumps(suite.model_dump(mode="json"))
    known = out / "suite.toml"
    if known.is_file() and not resume:
        raise RunError(f"{out} holds a suite: add --resume to go on, or choose another folder")
    if known.is_file() and read_suite(known).replace(seeds=suite.seeds) != suite:
        raise RunError(f"{out} holds another suite: choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    write_text(known, text)
    for number, (entry, seed, recipe) in enumerate(planned):
        folder = _folder(out, entry.name, seed)
        tell(f"{number + 1} of {len(planned)}: {entry.name}, seed {seed}")
        if recipe is None:
            _stack(entry, seed, out)
        else:
            judge(train(recipe, store, folder, folds=suite.folds, resume=True), folder)
        done = (number + 1) // len(suite.contenders)
        if (number + 1) % len(suite.contenders) == 0 and done < len(suite.seeds):
            _write(leaderboard(suite.replace(seeds=suite.seeds[:done]), out, others), out)
    board = leaderboard(suite, out, others)
    _write(board, out)
    return board


def _stack(entry: Contender, seed: int, out: Path) -> None:
    """Joins the predictions of contenders that are done with this seed."""
    folder = _folder(out, entry.name, seed)
    folder.mkdir(parents=True, exist_ok=True)
    parts = [read_predictions(_folder(out, name, seed) / PREDICTIONS) for name in entry.stack]
    stack(parts, folder / PREDICTIONS, way=entry.way, seed=seed, run=entry.name)
    write_json(folder / METRICS, document_of(folder))


def _write(board: dict[str, Any], out: Path) -> None:
    write_json(out / "leaderboard.json", board)
    write_text(out / "leaderboard.md", leaderboard_text(board))
    write_text(out / "leaderboard.html", leaderboard_page(board))


def leaderboard(
    suite: Suite, out: Path, others: Mapping[str, Predictions] | None = None
) -> dict[str, Any]:
    """Judges the finished runs of a suite together, with their cost, and foreign predictions.

    Raises:
        RunError: If a file of foreign predictions lacks the task, classes or objects of the suite,
            or bears the name of a contender.
        ConfigError: If a name holds other signs than a contender's may.
    """
    runs = {
        entry.name: [
            read_predictions(_folder(out, entry.name, seed) / PREDICTIONS) for seed in suite.seeds
        ]
        for entry in suite.contenders
    }
    if strange := [name for name in others or {} if not re.match(NAME, name)]:
        raise ConfigError(f"{strange[0]!r:.60} is no name: letters, digits, spaces, . _ + - only")
    if taken := sorted(set(runs) & set(others or {})):
        raise RunError(f"a contender is called {taken[0]!r} already: choose another name")
    first = _rows(_folder(out, suite.contenders[0].name, suite.seeds[0]))
    board = compare_seeds(
        runs | {name: [part] for name, part in (others or {}).items()},
        test_share=first.get("test", 0) / max(first.get("train", 1), 1),
    )
    recipes = {entry.name: entry.recipe for entry in suite.contenders}
    for model in board["models"]:
        name = model["name"]
        model["cost"] = {}
        if name in recipes:
            folders = [_folder(out, name, seed) for seed in suite.seeds]
            costs = [run_cost(folder) for folder in folders]
            seconds = [float(cost.get("train_seconds") or 0.0) for cost in costs]
            model["recipe"] = recipes[name]
            model["cost"] = costs[0] | {
                "train_seconds": sum(seconds) / len(seconds),
                "train_rows": _rows(folders[0]).get("train"),
            }
    return {"suite": suite.name, "set": list(suite.set), **board}


def _rows(run: Path) -> dict[str, int]:
    """Rows of a run by fold; of a k-fold run those of its first one. Empty where none is kept."""
    known = [path for path in (run / "fold-0" / "run.json", run / "run.json") if path.is_file()]
    return read_json(known[0]).get("rows", {}) if known else {}


def _planned(suite: Suite) -> Iterator[tuple[Contender, int, Recipe | None]]:
    """Every run of a suite, all checked before the first one starts; seed by seed."""
    names = [entry.name for entry in suite.contenders]
    if len(set(names)) < len(names):
        raise ConfigError(f"suite {suite.name}: contenders share a name: {', '.join(names)}")
    for place, entry in enumerate(suite.contenders):
        if late := [name for name in entry.stack if name not in names[:place]]:
            raise ConfigError(f"{entry.name}: no contender {late[0]!r:.60} before it to stack")
        if entry.stack and suite.folds:
            raise ConfigError(f"{entry.name}: a stack needs valid rows; folds have none together")
    for seed in suite.seeds:
        for entry in suite.contenders:
            if entry.stack:
                yield entry, seed, None
                continue
            recipe: Recipe = registry.get("recipe", entry.recipe).build()
            changes = (*suite.set, *entry.set, f"training.seed={seed}")
            yield entry, seed, recipe.edited(changes)


def _folder(out: Path, name: str, seed: int) -> Path:
    return out / "runs" / safe_name(name) / f"seed-{seed}"
