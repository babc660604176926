"""Training by trifid's loop, from a store, against a loop written by hand with all data in memory.

Both train the same network class of the same recipe, GCSNet on 64-pixel images, with the same
optimiser, batch size, order of rows, modality dropout, mixup, label smoothing and auxiliary loss,
in one process with the same threads. By hand, every row was read and transformed beforehand and
lies in memory as tensors; trifid reads and transforms each batch when it is needed. The loops take
turns, several rounds over; the overhead is the median over rounds of trifid's time over the
other's, less 1. Validation and checkpoints are left out of both.

    python benchmarks/training.py [--rows 1000] [--steps 12] [--rounds 5] [--profile] [--json]
"""

import argparse
import cProfile
import json
import pstats
import statistics
import tempfile
import time
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from trifid.cli.recipes import find_recipe
from trifid.data.sampler import epoch_order
from trifid.memory import keep_freed_memory
from trifid.schema.batch import Batch, Input
from trifid.simulate import simulate
from trifid.store.read import Store
from trifid.training.bundle import build_model
from trifid.training.device import Place
from trifid.training.loop import Trainer
from trifid.training.objective import ClassObjective
from trifid.training.recipe import Recipe, TrainingConfig
from trifid.training.rows import TaskRows, fit_pipeline, make_loader, task_rows
from trifid.transforms.pipeline import Pipeline

RECIPES = ("galaxy4", "galaxy4_image", "galaxy4_spectrum", "galaxy4_table")
CHEAP = {"galaxy4_table": 20, "galaxy4_spectrum": 2}  # times as many steps a round


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--steps", type=int, default=12, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--recipe", action="append", choices=RECIPES)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--sky", type=Path, help="a simulated store to use; made if left out")
    parser.add_argument("--profile", action="store_true", help="of trifid's loop, and no times")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--malloc", choices=("keep", "default"), default="keep", help="see device")
    options = parser.parse_args()
    if options.malloc == "keep":
        keep_freed_memory()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory(prefix="trifid-training-") as name:
        sky = options.sky or Path(name) / "sky"
        if options.sky is None:
            simulate("galaxy4", options.rows, sky)
        results = {}
        for recipe in options.recipe or RECIPES:
            steps = options.steps * CHEAP.get(recipe, 1)
            bench = prepare(find_recipe(recipe), sky, steps, Path(name))
            if options.profile:
                profile(bench)
            else:
                results[recipe] = compare(bench, options.rounds)
    if not options.profile:
        report(results, options, as_json=options.json)


@dataclass
class Bench:
    """Both loops, ready to train `steps` steps on the same rows."""

    trainer: Trainer
    by_hand: "ByHand"
    steps: int

    @property
    def rows(self) -> int:
        """Rows of a round."""
        return self.steps * self.trainer.config.batch_size


def prepare(recipe: Recipe, sky: Path, steps: int, folder: Path) -> Bench:
    recipe, task = recipe.resolved()
    store = Store.open(sky)
    split = task_rows(store, recipe, task)
    train = np.resize(split.train, steps * recipe.training.batch_size)
    loader = make_loader(store, recipe, split.labels)
    pipeline = Pipeline(recipe.inputs, loader.wanted)
    fit_pipeline(pipeline, loader, split.train)
    rows = replace(split, train=train)
    place = Place(torch.device("cpu"))
    model, twin = build_model(recipe, pipeline, task), build_model(recipe, pipeline, task)
    if not isinstance(model, nn.Module) or not isinstance(twin, nn.Module):
        raise SystemExit(f"{recipe.name} is not a network")
    objective = ClassObjective(task.classes, recipe.training)
    trainer = Trainer(model, pipeline, loader, rows, objective, recipe.training, place, folder)
    everything = pipeline(loader.batch(np.arange(len(store))))
    return Bench(trainer, ByHand(twin, everything, rows, recipe.training, task.classes), steps)


class ByHand:
    """The reference: what one writes in an hour for data that fit into memory."""

    def __init__(
        self,
        model: nn.Module,
        data: Batch,
        rows: TaskRows,
        config: TrainingConfig,
        classes: tuple[str, ...],
    ) -> None:
        self.model, self.data, self.rows, self.config = model, data, rows, config
        self.label, self.classes = torch.from_numpy(rows.labels), classes
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def train_epoch(self, epoch: int) -> float:
        """One pass over the rows; gives the sum of the losses."""
        config, total = self.config, 0.0
        self.model.train()
        order = torch.from_numpy(
            epoch_order(
                self.rows.train,
                self.rows.labels[self.rows.train],
                config.sampling,
                seed=config.seed,
                epoch=epoch,
            )
        )
        for rows in order.split(config.batch_size):
            partner = rows[torch.randperm(len(rows))]
            share = float(np.random.default_rng().beta(config.mixup, config.mixup))
            inputs = self.mixed(rows, partner, share)
            output = self.model(Batch(ids=("",) * len(rows), inputs=inputs))
            mine, other = (
                functional.one_hot(self.label[r], len(self.classes)).float()
                for r in (rows, partner)
            )
            target = share * mine + (1 - share) * other
            loss = functional.cross_entropy(
                output.logits, target, label_smoothing=config.label_smoothing
            )
            for name, logits in output.auxiliary.items():
                member = target[:, self.classes.index(name)]
                auxiliary = functional.binary_cross_entropy_with_logits(logits, member)
                loss = loss + config.auxiliary_weight * auxiliary
            self.optimiser.zero_grad()
            loss.backward()
            self.optimiser.step()
            total += loss.item()
        return total

    def mixed(self, rows: Tensor, partner: Tensor, share: float) -> dict[str, Input]:
        """Mixup, then each row loses each modality with the recipe's probability, never all."""
        drop = self.config.modality_dropout
        lost = torch.rand(len(rows), len(self.data.inputs)) < drop
        lost[lost.all(dim=1)] = False
        inputs: dict[str, Input] = {}
        for column, (name, value) in enumerate(self.data.inputs.items()):
            both: dict[str, Tensor] = {}
            for item in fields(value):
                x = getattr(value, item.name)
                if x.dtype == torch.bool:
                    both[item.name] = x[rows] & x[partner]
                else:
                    both[item.name] = torch.lerp(x[partner], x[rows], share)
            both["present"] &= ~lost[:, column]
            inputs[name] = type(value)(**both)
        return inputs


def run_trifid(bench: Bench, epoch: int) -> tuple[float, float]:
    state = bench.trainer.state
    state.epoch, state.step, state.loss_sum, state.seconds = epoch, 0, 0.0, 0.0
    wall, cpu = time.perf_counter(), time.process_time()
    bench.trainer.train_epoch(lambda _: None)
    if state.step != bench.steps or not np.isfinite(state.loss_sum):
        raise SystemExit(f"trifid made {state.step} steps, loss {state.loss_sum}")
    return time.perf_counter() - wall, time.process_time() - cpu


def run_by_hand(bench: Bench, epoch: int) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    loss = bench.by_hand.train_epoch(epoch)
    if not np.isfinite(loss):
        raise SystemExit(f"by hand: loss {loss}")
    return time.perf_counter() - wall, time.process_time() - cpu


def compare(bench: Bench, rounds: int) -> dict[str, Any]:
    """Median times of both, the order of the two swapped every round; one round warms up."""
    times: dict[str, list[tuple[float, float]]] = {"trifid": [], "by hand": []}
    loops = {"trifid": run_trifid, "by hand": run_by_hand}
    for epoch in range(rounds + 1):
        for name in list(loops) if epoch % 2 else list(loops)[::-1]:
            times[name].append(loops[name](bench, epoch))
    wall = {name: [t[0] for t in of[1:]] for name, of in times.items()}
    cpu = {name: [t[1] for t in of[1:]] for name, of in times.items()}
    return {
        "steps": bench.steps,
        "rows_per_second": round(bench.rows / statistics.median(wall["trifid"]), 1),
        "rows_per_second_by_hand": round(bench.rows / statistics.median(wall["by hand"]), 1),
        "overhead": _overhead(wall["trifid"], wall["by hand"]),
        "overhead_rounds": [
            round(a / b - 1, 3) for a, b in zip(wall["trifid"], wall["by hand"], strict=True)
        ],
        "overhead_of_fastest_rounds": round(min(wall["trifid"]) / min(wall["by hand"]) - 1, 4),
        "overhead_cpu_time": _overhead(cpu["trifid"], cpu["by hand"]),
    }


def _overhead(mine: list[float], reference: list[float]) -> float:
    return round(statistics.median(a / b for a, b in zip(mine, reference, strict=True)) - 1, 4)


def profile(bench: Bench) -> None:
    """Where the time of trifid's loop goes; the reading thread is not in it."""
    run_trifid(bench, 0)
    profiler = cProfile.Profile()
    profiler.enable()
    run_trifid(bench, 1)
    profiler.disable()
    pstats.Stats(profiler).sort_stats("cumulative").print_stats("trifid|wait|acquire", 40)


def report(results: dict[str, Any], options: argparse.Namespace, *, as_json: bool) -> None:
    threads = torch.get_num_threads()
    if as_json:
        print(json.dumps({"rows": options.rows, "threads": threads, "recipes": results}))
        return
    print(f"{options.rows} rows, {threads} threads, medians of {options.rounds} rounds\n")
    print(f"{'recipe':<18}{'trifid':>10}{'by hand':>10}{'overhead':>10}{'fastest':>9}{'CPU':>8}")
    for name, result in results.items():
        mine, reference = result["rows_per_second"], result["rows_per_second_by_hand"]
        print(
            f"{name:<18}{mine:>10,.0f}{reference:>10,.0f}{result['overhead']:>10.1%}"
            f"{result['overhead_of_fastest_rounds']:>9.1%}{result['overhead_cpu_time']:>8.1%}"
        )
    print("\nrows/s; overhead = time by trifid over time by hand, less 1: median of rounds,")
    print("fastest round against fastest round (a busy machine disturbs it least), CPU time")


if __name__ == "__main__":
    main()
