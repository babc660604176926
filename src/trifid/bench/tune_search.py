"""The trials of one recipe in a search: drawn, trained, ended early if hopeless, resumed.

What a trial scored, and why it scored nothing, is kept with it in Optuna's file.
"""

import json
import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trifid.bench.tune_space import Space, change
from trifid.errors import ConfigError, InputError, RunError, TrifidError
from trifid.files import read_json, write_json
from trifid.training.objective import LOWER_IS_BETTER
from trifid.training.recipe import Recipe, SplitConfig
from trifid.training.run import train

_STARTUP = 8  # trials drawn at random before the estimator takes over
_FINISHED = 4  # trials that must be finished before one can be ended early


@dataclass(frozen=True)
class Plan:
    """What all searches of a folder share; see `tune`."""

    store: Path
    out: Path
    metric: str
    seed: int
    folds: int
    prune: bool

    def splits(self, recipe: Recipe) -> list[SplitConfig]:
        """The recipe's split, or one a fold: its train and valid parts dealt out anew.

        Raises:
            ConfigError: If there are fewer than two folds, or more than such parts.
        """
        split = recipe.split
        if not self.folds:
            return [split]
        parts = sorted((*split.train, *split.valid))
        if not 2 <= self.folds <= len(parts):
            raise ConfigError(
                f"{self.folds} folds of the {len(parts)} train and valid parts of {recipe.name}; "
                f"use 2 to {len(parts)}"
            )
        shares = [tuple(parts[k :: self.folds]) for k in range(self.folds)]
        return [
            split.replace(valid=share, train=tuple(p for p in parts if p not in share))
            for share in shares
        ]


class Search:
    """The trials of one recipe."""

    def __init__(
        self,
        optuna: Any,
        storage: Any,
        recipe: Recipe,
        space: Space,
        splits: Sequence[SplitConfig],
        plan: Plan,
        name: str,
    ) -> None:
        self.recipe = recipe.edited([f'training.select="{plan.metric}"'])
        self.space, self.splits, self.plan = space.space, splits, plan
        self.folder, self.name, self.optuna = plan.out / "trials" / name, name, optuna
        self.lower = plan.metric in LOWER_IS_BETTER
        first = 1 if plan.folds else 2  # a single epoch says little
        pruners = optuna.pruners
        self.study = optuna.create_study(
            study_name=name,
            storage=storage,
            direction="minimize" if self.lower else "maximize",
            pruner=pruners.MedianPruner(_FINISHED, first) if plan.prune else pruners.NopPruner(),
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
            write_json(path, self._train(0, [], lambda step, score: False))
        return read_json(path)

    def _trial(self, number: int, running: Any) -> dict[str, Any]:
        """Draws and trains one trial; one that was killed keeps what was drawn for it."""
        self.study.sampler = self.optuna.samplers.TPESampler(
            seed=self.plan.seed * 100_003 + number, n_startup_trials=_STARTUP
        )
        if running is None:
            trial = self.study.ask()
        else:
            trial = self.optuna.trial.Trial(self.study, running._trial_id)
        drawn = {path: span.suggest(trial, path) for path, span in self.space.items()}
        known = set(running.intermediate_values) if running is not None else set[int]()

        def hopeless(step: int, score: float) -> bool:
            if step not in known and math.isfinite(score):
                trial.report(score, step)
                known.add(step)
            return trial.should_prune()

        line = self._train(number, [change(p, v) for p, v in drawn.items()], hopeless)
        trial.set_user_attr("line", line)
        state = self.optuna.trial.TrialState
        if line["score"] is None:
            self.study.tell(trial.number, state=state.PRUNED if line["ended"] else state.FAIL)
        else:
            self.study.tell(trial.number, line["score"])
        return line

    def _train(
        self, number: int, changes: list[str], hopeless: Callable[[int, float], bool]
    ) -> dict[str, Any]:
        """One trial: its score, or why it has none, or after which epoch or fold it was ended."""
        folder, started = self.folder / f"{number:04d}", time.monotonic()
        score, error, ended = None, "", 0
        try:
            score, ended = self._scored(folder, self.recipe.edited(changes), hopeless)
        except InputError:
            raise
        except TrifidError as problem:  # a loss that is not finite, values that do not fit
            error = str(problem)
        for checkpoints in folder.glob("**/checkpoints"):
            shutil.rmtree(checkpoints, ignore_errors=True)
        seconds = round(time.monotonic() - started, 2)
        return {
            "trial": number,
            "score": score,
            "set": changes,
            "seconds": seconds,
            "error": error,
            "ended": ended,
        }

    def _scored(
        self, folder: Path, recipe: Recipe, hopeless: Callable[[int, float], bool]
    ) -> tuple[float | None, int]:
        """The mean score of the folds and 0; or None and the step after which it was ended."""
        if len(self.splits) == 1:
            last = recipe.training.epochs

            def watch(history: list[dict[str, Any]]) -> bool:
                done = len(history)
                return 0 < done < last and hopeless(done, self._best(history))

            train(recipe, self.plan.store, folder, resume=True, watch=watch)
            history = self._history(folder)
            return (None, len(history)) if watch(history) else (self._best(history), 0)
        scores: list[float] = []
        for number, split in enumerate(self.splits):
            run = folder / f"fold-{number}"
            train(recipe.replace(split=split), self.plan.store, run, resume=True)
            scores.append(self._best(self._history(run)))
            mean, done = sum(scores) / len(scores), len(scores)
            if done < len(self.splits) and hopeless(done, mean):
                return None, done
        return sum(scores) / len(scores), 0

    def _history(self, folder: Path) -> list[dict[str, Any]]:
        text = (folder / "log.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]

    def _best(self, history: list[dict[str, Any]]) -> float:
        values = [float(entry[f"valid_{self.plan.metric}"]) for entry in history]
        return min(values) if self.lower else max(values)

    def _line(self, line: dict[str, Any], trials: int) -> str:
        score = "failed: " + line["error"] if line["score"] is None else f"{line['score']:.4f}"
        if line["ended"]:
            score = f"below the median, ended after {'fold' if self.plan.folds else 'epoch'} "
            score += str(line["ended"])
        return f"{self.name}, trial {line['trial'] + 1} of {trials}: {self.plan.metric} {score}" + (
            f" ({', '.join(line['set'])})" if line["set"] else " (as given)"
        )
