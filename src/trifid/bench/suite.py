"""A bench suite: several recipes under several seeds on one store, one protocol, resumable.

    OUT/suite.toml  runs/CONTENDER/seed-N/ (each an ordinary run)  leaderboard.json  leaderboard.md

Every run is finished or begun anew from its last checkpoint, so a suite that was killed goes on.
"""

import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import tomli_w
from pydantic import Field

from trifid import registry
from trifid.config import Config, parse
from trifid.errors import ConfigError, RunError
from trifid.evaluation.cost import run_cost
from trifid.evaluation.predictions import read_predictions
from trifid.evaluation.run import PREDICTIONS, judge
from trifid.evaluation.seeds import compare_seeds
from trifid.files import safe_name, write_json, write_text
from trifid.training.recipe import Recipe
from trifid.training.run import train

_LARGEST = 2**20  # bytes of a suite file


class Contender(Config):
    """One recipe in a suite, under its own name, with fields changed by `set`."""

    name: str
    recipe: str
    set: tuple[str, ...] = ()


class Suite(Config):
    """What is compared.

    Attributes:
        name: Of the suite.
        contenders: The first is the reference of all differences.
        seeds: Each contender is trained once with each.
        set: Changes to all recipes: the common budget.
    """

    name: str
    contenders: tuple[Contender, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(default=(42, 100, 3407), min_length=1)
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
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Trains and judges what is not done yet, then writes the leaderboard.

    Args:
        suite: What to run.
        store: The store all recipes learn from.
        out: Folder of the suite.
        resume: Whether `out` may hold a begun suite.
        tell: Gets one line for each run.

    Raises:
        RunError: If `out` holds another suite, or this one and `resume` is off.
        ConfigError: If a recipe does not exist or a change does not fit.
    """
    planned = list(_planned(suite))
    text = tomli_w.dumps(suite.model_dump(mode="json"))
    known = out / "suite.toml"
    if known.is_file() and not resume:
        raise RunError(f"{out} holds a suite: add --resume to go on, or choose another folder")
    if known.is_file() and known.read_text(encoding="utf-8") != text:
        raise RunError(f"{out} holds another suite: choose another folder")
    out.mkdir(parents=True, exist_ok=True)
    write_text(known, text)
    for number, (name, seed, recipe) in enumerate(planned):
        folder = _folder(out, name, seed)
        tell(f"{number + 1} of {len(planned)}: {name}, seed {seed}")
        judge(train(recipe, store, folder, resume=True), folder)
    board = leaderboard(suite, out)
    write_json(out / "leaderboard.json", board)
    write_text(out / "leaderboard.md", leaderboard_text(board))
    return board


def leaderboard(suite: Suite, out: Path) -> dict[str, Any]:
    """Judges the finished runs of a suite together, with their cost."""
    runs = {
        entry.name: [
            read_predictions(_folder(out, entry.name, seed) / PREDICTIONS) for seed in suite.seeds
        ]
        for entry in suite.contenders
    }
    board = compare_seeds(runs)
    for model in board["models"]:
        costs = [run_cost(_folder(out, model["name"], seed)) for seed in suite.seeds]
        model["cost"] = costs[0] | {
            "train_seconds": sum(float(c.get("train_seconds") or 0.0) for c in costs) / len(costs)
        }
    return {"suite": suite.name, "set": list(suite.set), **board}


def leaderboard_text(board: dict[str, Any]) -> str:
    """The leaderboard as a Markdown table, best macro F1 first, doubts in every cell."""
    kind = "simulated objects" if board["simulated"] else "objects"
    lines = [
        f"{board['suite']}: {board['n']} {kind} in {board['groups']} groups, "
        f"{board['seeds'][0]} seeds; mean over seeds (95 % interval over objects; "
        "± standard deviation over seeds)",
        "",
        "| model | macro F1 | accuracy | log loss | parameters | train [s] | against first |",
        "|---|---|---|---|---|---|---|",
    ]
    shown = {e["a"]: e for e in board["differences"] if e["metric"] == "macro_f1"}
    order = sorted(board["models"], key=lambda m: -(m["metrics"]["macro_f1"]["value"] or 0.0))
    for model in order:
        cells = [_cell(model["metrics"][n]) for n in ("macro_f1", "accuracy", "log_loss")]
        cost = model["cost"]
        cells += [f"{cost.get('parameters') or 0:,}", f"{cost['train_seconds']:.0f}"]
        lines.append(f"| {model['name']} | {' | '.join(cells)} | {_against(shown, model)} |")
    return "\n".join(lines) + "\n"


def _cell(entry: dict[str, Any]) -> str:
    if entry["value"] is None:
        return "-"
    ends = "" if entry["low"] is None else f" ({entry['low']:.3f} to {entry['high']:.3f})"
    spread = "" if entry["seed_sd"] is None else f" ± {entry['seed_sd']:.3f}"
    return f"{entry['value']:.3f}{ends}{spread}"


def _against(shown: dict[str, Any], model: dict[str, Any]) -> str:
    entry = shown.get(model["name"])
    if entry is None:
        return "the reference"
    p = entry["p_adjusted"]
    verdict = f"{entry['better']} better" if entry["better"] else "no difference shown"
    return f"{entry['value']:+.3f}, p {'-' if p is None else f'{p:.3f}'}: {verdict}"


def _planned(suite: Suite) -> Iterator[tuple[str, int, Recipe]]:
    """Every run of a suite, all checked before the first one starts; seed by seed."""
    names = [entry.name for entry in suite.contenders]
    if len(set(names)) < len(names):
        raise ConfigError(f"suite {suite.name}: contenders share a name: {', '.join(names)}")
    for seed in suite.seeds:
        for entry in suite.contenders:
            recipe: Recipe = registry.get("recipe", entry.recipe).build()
            changes = (*suite.set, *entry.set, f"training.seed={seed}")
            yield entry.name, seed, recipe.edited(changes)


def _folder(out: Path, name: str, seed: int) -> Path:
    return out / "runs" / safe_name(name) / f"seed-{seed}"
