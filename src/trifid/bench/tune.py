"""A search for the settings of recipes, on training and validation rows only.

    OUT/tune.json       what is searched     OUT/study.db   the search itself (SQLite, by Optuna)
    OUT/trials/RECIPE/0000/ ...              each an ordinary run, never judged on its test rows
    OUT/best-RECIPE.toml  OUT/best.toml  OUT/result.json  OUT/result.md

Trial 0 of a recipe is the recipe as it is given. The others are drawn by a tree-structured Parzen
estimator (Bergstra et al. 2011) whose draws depend on the seed and the trial's number alone, so a
search that was killed and resumed finds what it would have found. Every recipe has as many trials.

A trial of a network ends early, after its second epoch or later, if its best score so far is below
the median of the finished trials' at that epoch (Optuna's median pruner). With `folds` a trial is
trained that many times, each time validated on another share of the train and valid parts, and the
mean counts; then it is after each fold that a trial may end.
"""

import contextlib
import fcntl
import importlib
import json
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from trifid.bench.tune_search import Plan, Search
from trifid.bench.tune_space import Space, builtin_space, check_space
from trifid.errors import ConfigError, RunError
from trifid.files import read_json, safe_name, write_json, write_text
from trifid.store.read import Store
from trifid.training.objective import LOWER_IS_BETTER
from trifid.training.recipe import Recipe

METRICS = ("macro_f1", "accuracy", "loss", "rmse", "crps")
_NOTE = (
    "Scores are of validation rows; the best of many trials is better there than it will be on new "
    "objects. Train the best recipe and judge it on its test rows once."
)


def tune(
    recipes: Sequence[Recipe],
    store_folder: Path,
    out: Path,
    *,
    trials: int,
    space: Space | None = None,
    metric: str = "default",
    seed: int = 0,
    folds: int = 0,
    prune: bool = True,
    resume: bool = False,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Searches each recipe with the same number of trials; gives what `result.json` holds.

    Args:
        recipes: What to tune; all of one task.
        store_folder: The store; its test parts are not read.
        out: Folder of the search.
        trials: Trials a recipe, the recipe as given among them.
        space: Fields and ranges; each recipe's built-in space by default.
        metric: Validation score; macro F1 for classes and loss for numbers by default.
        seed: Of the search (the training's seed is the recipe's own).
        folds: Cross-validation within the train and valid parts; 0 = the recipes' own valid parts.
        prune: Whether hopeless trials end early.
        resume: Whether `out` may hold a begun search; more trials than before go on from there.
        tell: Gets a line for each trial.

    Raises:
        ConfigError: If recipes, space and metric do not fit, or Optuna is missing.
        RunError: If `out` holds another search, or every trial of a recipe failed.
    """
    optuna = _optuna()
    metric = _checked(recipes, metric)
    named = {safe_name(recipe.name): recipe for recipe in recipes}
    if len(named) < len(recipes):
        raise ConfigError("two recipes have one name; give one of them another")
    spaces = {name: space or builtin_space(recipe) for name, recipe in named.items()}
    for name, recipe in named.items():
        check_space(recipe, spaces[name])
    store = Store.open(store_folder)
    plan = Plan(store_folder, out, metric, seed, folds, prune)
    splits = {name: plan.splits(recipe) for name, recipe in named.items()}
    _claim(out, _settings(named, spaces, store, plan), resume)
    with _locked(out), _storage(optuna, out) as storage:
        found = [
            Search(optuna, storage, recipe, spaces[name], splits[name], plan, name).run(
                trials, tell
            )
            for name, recipe in named.items()
        ]
    return _result(found, store, plan, trials)


def _result(found: list[dict[str, Any]], store: Store, plan: Plan, trials: int) -> dict[str, Any]:
    out, metric = plan.out, plan.metric
    for entry in found:
        write_text(out / f"best-{entry['recipe']}.toml", entry.pop("toml"))
    choose = min if metric in LOWER_IS_BETTER else max
    best = choose(found, key=lambda entry: entry["best"]["score"])["recipe"]
    write_text(out / "best.toml", (out / f"best-{best}.toml").read_text(encoding="utf-8"))
    document = {
        "best": best,
        "metric": metric,
        "lower_is_better": metric in LOWER_IS_BETTER,
        "trials": trials,
        "folds": plan.folds,
        "store_hash": store.hash(),
        "simulated": store.manifest.provenance.get("simulated", "false") == "true",
        "recipes": found,
        "note": _NOTE,
    }
    write_json(out / "result.json", document)
    write_text(out / "result.md", result_text(document))
    return document


def result_text(document: dict[str, Any]) -> str:
    """The result as a Markdown table."""
    rows = " of simulated objects" if document["simulated"] else ""
    folds = f", mean of {document['folds']} folds" if document["folds"] else ""
    lines = [
        f"{document['metric']} of validation rows{rows}{folds}, "
        f"{document['trials']} trials a recipe.",
        "",
        "| recipe | as given | best | trial | settings | ended early | failed | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for entry in document["recipes"]:
        best, given = entry["best"], entry["as_given"]
        ended = sum(bool(line["ended"]) for line in entry["trials"])
        failed = sum(bool(line["error"]) for line in entry["trials"])
        lines.append(
            f"| {entry['recipe']} | {'-' if given is None else f'{given:.4f}'} "
            f"| {best['score']:.4f} | {best['trial']} | {', '.join(best['set']) or 'as given'} "
            f"| {ended} | {failed} | {entry['seconds']:.0f} |"
        )
    return "\n".join([*lines, "", document["note"], ""])


def _checked(recipes: Sequence[Recipe], metric: str) -> str:
    """The metric all recipes are tuned by."""
    tasks = {recipe.task for recipe in recipes}
    if len(tasks) != 1:
        raise ConfigError(f"recipes of one task can be tuned together, got {sorted(tasks)}")
    _, task = recipes[0].resolved()
    known = METRICS[:3] if task.classes else METRICS[2:]
    if metric == "default":
        return known[0]
    if metric not in known:
        raise ConfigError(f"metric {metric!r} is no score of task {task.name}: {', '.join(known)}")
    return metric


def _settings(
    named: dict[str, Recipe], spaces: dict[str, Space], store: Store, plan: Plan
) -> dict[str, Any]:
    return {
        "recipes": {name: recipe.hash() for name, recipe in named.items()},
        "spaces": {name: space.model_dump(mode="json") for name, space in spaces.items()},
        "store_hash": store.hash(),
        "metric": plan.metric,
        "seed": plan.seed,
        "folds": plan.folds,
        "prune": plan.prune,
    }


def _claim(out: Path, settings: dict[str, Any], resume: bool) -> None:
    """Writes tune.json, or checks that the folder holds this very search."""
    path = out / "tune.json"
    if not path.exists():
        if out.exists() and any(out.iterdir()):
            raise RunError(f"{out} is not empty and holds no search: choose another folder")
        out.mkdir(parents=True, exist_ok=True)
        return write_json(path, settings)
    if not resume:
        raise RunError(f"{out} holds a search: add --resume to go on, or choose another folder")
    known = read_json(path)
    for key, value in settings.items():
        if known.get(key) != json.loads(json.dumps(value)):
            raise RunError(
                f"{out} was begun with other {key.replace('_hash', '')}: give the same, or choose "
                "another folder"
            )
    return None


@contextlib.contextmanager
def _locked(out: Path) -> Generator[None]:
    with (out / "tune.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError(f"{out} is being tuned by another process") from None
        yield


@contextlib.contextmanager
def _storage(optuna: Any, out: Path) -> Generator[Any]:
    """Optuna's SQLite file, closed at the end."""
    storage = optuna.storages.RDBStorage(f"sqlite:///{(out / 'study.db').resolve()}")
    try:
        yield storage
    finally:
        storage.remove_session()
        storage.engine.dispose()


def _optuna() -> Any:
    try:
        optuna = importlib.import_module("optuna")
    except ImportError as error:
        raise ConfigError(
            f"optuna is not installed ({error}): pip install 'trifid[tune]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna
