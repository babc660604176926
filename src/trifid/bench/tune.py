"""A search for the settings of recipes, on training and validation rows only.

    OUT/tune.json       what is searched     OUT/study.db   the search itself (SQLite, by Optuna)
    OUT/trials/RECIPE/0000/ ...              each an ordinary run, never judged on its test rows
    OUT/best-RECIPE.toml  OUT/best.toml  OUT/result.json  OUT/result.md

Trial 0 of a recipe is the recipe as it is given. The others are drawn by a tree-structured Parzen
estimator (Bergstra et al. 2011) whose draws depend on the seed and the trial's number alone, so a
search that was killed and resumed finds what it would have found. Every recipe has as many trials.
"""

import contextlib
import fcntl
import importlib
import json
import shutil
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from trifid.bench.tune_space import Space, builtin_space, change, check_space
from trifid.errors import ConfigError, InputError, RunError, TrifidError
from trifid.files import read_json, safe_name, write_json, write_text
from trifid.store.read import Store
from trifid.training.objective import LOWER_IS_BETTER
from trifid.training.recipe import Recipe
from trifid.training.run import train

METRICS = ("macro_f1", "accuracy", "loss", "rmse", "crps")
_STARTUP = 8  # trials drawn at random before the estimator takes over
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
    _claim(out, _settings(named, spaces, store, metric, seed), resume)
    with _locked(out), _storage(optuna, out) as storage:
        found = [
            _Search(
                optuna, storage, recipe, spaces[name], store_folder, out, name, metric, seed
            ).run(trials, tell)
            for name, recipe in named.items()
        ]
    return _result(found, store, metric, trials, out)


class _Search:
    """The trials of one recipe."""

    def __init__(
        self,
        optuna: Any,
        storage: Any,
        recipe: Recipe,
        space: Space,
        store: Path,
        out: Path,
        name: str,
        metric: str,
        seed: int,
    ) -> None:
        self.recipe = recipe.edited([f'training.select="{metric}"'])
        self.space, self.store, self.metric, self.seed = space.space, store, metric, seed
        self.folder, self.name, self.optuna = out / "trials" / name, name, optuna
        self.lower = metric in LOWER_IS_BETTER
        self.study = optuna.create_study(
            study_name=name,
            storage=storage,
            direction="minimize" if self.lower else "maximize",
            load_if_exists=True,
        )

    def run(self, trials: int, tell: Callable[[str], None]) -> dict[str, Any]:
        """Runs what is not done yet; gives all trials and the best.

        Raises:
            RunError: If every trial failed.
        """
        lines = [self._as_given()]
        tell(self._line(lines[0], trials))
        state = self.optuna.trial.TrialState
        for number in range(1, trials):
            known = self.study.get_trials(deepcopy=False)
            trial = known[number - 1] if number <= len(known) else None
            if trial is None or trial.state == state.RUNNING:
                lines.append(self._trial(number, trial))
                tell(self._line(lines[-1], trials))
            else:
                lines.append(dict(trial.user_attrs["line"]))
        scored = [line for line in lines if line["score"] is not None]
        if not scored:
            raise RunError(f"every trial of {self.name} failed; the first: {lines[0]['error']}")
        best = (min if self.lower else max)(scored, key=lambda line: line["score"])
        recipe = self.recipe.edited(best["set"])
        return {
            "recipe": self.name,
            "as_given": lines[0]["score"],
            "best": best,
            "seconds": round(sum(line["seconds"] for line in lines), 2),
            "space": {path: span.model_dump(mode="json") for path, span in self.space.items()},
            "trials": lines,
            "toml": recipe.toml(),
        }

    def _as_given(self) -> dict[str, Any]:
        path = self.folder / "0000.json"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            write_json(path, self._train(0, []))
        return read_json(path)

    def _trial(self, number: int, running: Any) -> dict[str, Any]:
        """Draws and trains one trial; one that was killed keeps what was drawn for it."""
        self.study.sampler = self.optuna.samplers.TPESampler(
            seed=self.seed * 100_003 + number, n_startup_trials=_STARTUP
        )
        if running is None:
            trial = self.study.ask()
        else:
            trial = self.optuna.trial.Trial(self.study, running._trial_id)
        drawn = {path: span.suggest(trial, path) for path, span in self.space.items()}
        line = self._train(number, [change(path, value) for path, value in drawn.items()])
        trial.set_user_attr("line", line)
        if line["score"] is None:
            self.study.tell(trial.number, state=self.optuna.trial.TrialState.FAIL)
        else:
            self.study.tell(trial.number, line["score"])
        return line

    def _train(self, number: int, changes: list[str]) -> dict[str, Any]:
        folder, started = self.folder / f"{number:04d}", time.monotonic()
        score: float | None = None
        error = ""
        try:
            train(self.recipe.edited(changes), self.store, folder, resume=True)
            score = self._score(folder)
        except InputError:
            raise
        except TrifidError as problem:  # a loss that is not finite, values that do not fit
            error = str(problem)
        shutil.rmtree(folder / "checkpoints", ignore_errors=True)
        seconds = round(time.monotonic() - started, 2)
        return {
            "trial": number,
            "score": score,
            "set": changes,
            "seconds": seconds,
            "error": error,
        }

    def _score(self, folder: Path) -> float:
        text = (folder / "log.jsonl").read_text(encoding="utf-8")
        values = [json.loads(line)[f"valid_{self.metric}"] for line in text.splitlines()]
        return float(min(values) if self.lower else max(values))

    def _line(self, line: dict[str, Any], trials: int) -> str:
        score = "failed: " + line["error"] if line["score"] is None else f"{line['score']:.4f}"
        return f"{self.name}, trial {line['trial'] + 1} of {trials}: {self.metric} {score}" + (
            f" ({', '.join(line['set'])})" if line["set"] else " (as given)"
        )


def _result(
    found: list[dict[str, Any]], store: Store, metric: str, trials: int, out: Path
) -> dict[str, Any]:
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
    lines = [
        f"{document['metric']} of validation rows{rows}, {document['trials']} trials a recipe.",
        "",
        "| recipe | as given | best | trial | settings | seconds |",
        "|---|---|---|---|---|---|",
    ]
    for entry in document["recipes"]:
        best, given = entry["best"], entry["as_given"]
        lines.append(
            f"| {entry['recipe']} | {'-' if given is None else f'{given:.4f}'} "
            f"| {best['score']:.4f} | {best['trial']} | {', '.join(best['set']) or 'as given'} "
            f"| {entry['seconds']:.0f} |"
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
    named: dict[str, Recipe], spaces: dict[str, Space], store: Store, metric: str, seed: int
) -> dict[str, Any]:
    return {
        "recipes": {name: recipe.hash() for name, recipe in named.items()},
        "spaces": {name: space.model_dump(mode="json") for name, space in spaces.items()},
        "store_hash": store.hash(),
        "metric": metric,
        "seed": seed,
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
