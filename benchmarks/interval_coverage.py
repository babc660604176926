"""How often our 95 % intervals hold the truth, over many simulated sets of predictions.

    python benchmarks/interval_coverage.py [--sets 10000] [--rows 2000] [--groups 100 ...]
        [--resamples 500] [--smallest 0.15] [--skill 2]
        [--processes N]

Each set: three classes (50, 35, 15 %, or another share of the smallest), rows in groups that share
part of their luck (a plate), a classifier of fixed skill. The truth is the mean over 2,000,000
rows. Prints the share of sets whose interval holds it, with its own 95 % interval (Wilson), for
accuracy, macro F1, macro ROC area, balanced accuracy and macro average precision, among the sets
that have an interval; how many have none is said. Several `--groups` come one after the other.
"""

import argparse
import os
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from trifid.metrics import intervals
from trifid.metrics.intervals import bootstrap, wilson
from trifid.metrics.statistic import OVERALL, ClassifierStatistic

METRICS = ("accuracy", "macro_f1", "macro_auc", "balanced_accuracy", "macro_average_precision")
PLACES = [OVERALL.index(name) for name in METRICS]


def draw(
    seed: int, rows: int, groups: int, smallest: float, skill: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels, probabilities and groups of one set."""
    rng = np.random.default_rng(seed)
    shares = np.array([10 / 17 * (1 - smallest), 7 / 17 * (1 - smallest), smallest])
    group = np.arange(rows) % groups
    labels = rng.choice(3, rows, p=shares)
    luck = rng.normal(0.0, 0.5, groups)[group]
    scores = rng.normal(size=(rows, 3)) + np.log(shares)
    scores[np.arange(rows), labels] += skill + luck
    probabilities = np.exp(scores)
    return labels, probabilities / probabilities.sum(axis=1, keepdims=True), group


def one(task: tuple[int, int, int, int, float, float]) -> np.ndarray:
    """Ends of the intervals of one set (2, 5)."""
    seed, rows, groups, resamples, smallest, skill = task
    labels, probabilities, group = draw(seed, rows, groups, smallest, skill)
    statistic = ClassifierStatistic.of(labels, probabilities.argmax(axis=1), probabilities, group)
    found = bootstrap(statistic, groups, resamples=resamples, seed=seed, rows=rows)
    return np.stack([found.low[PLACES], found.high[PLACES]])


def main() -> None:
    """Prints the coverage of each measure."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--sets", type=int, default=10_000)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--groups", type=int, nargs="+", default=[100])
    parser.add_argument("--resamples", type=int, default=500)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--smallest", type=float, default=0.15)
    parser.add_argument("--skill", type=float, default=2.0)
    options = parser.parse_args()
    shape = options.smallest, options.skill
    labels, probabilities, group = draw(10**9, 2_000_000, 200_000, *shape)
    statistic = ClassifierStatistic.of(labels, probabilities.argmax(axis=1), probabilities, group)
    truth = statistic(np.ones((1, 200_000), np.int32))[0, PLACES]
    intervals._THREADS = 1  # the processes below use the cores
    for groups in options.groups:
        case = options.rows, groups, options.resamples, *shape
        tasks = [(k, *case) for k in range(options.sets)]
        with ProcessPoolExecutor(options.processes) as pool:
            ends = np.stack(list(pool.map(one, tasks, chunksize=50)))
        held = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
        said = f"{options.sets} sets of {options.rows} rows in {groups} groups, "
        said += f"skill {options.skill:g}, "
        said += f"{options.smallest:.1%} in the smallest class, {options.resamples} resamples, BCa"
        print(said, flush=True)
        given = np.isfinite(ends).all(axis=1).sum(axis=0).tolist()
        for k, (name, hits) in enumerate(zip(METRICS, held.sum(axis=0).tolist(), strict=True)):
            low, high = wilson(hits, given[k])
            said = f"{name:23} {hits / max(given[k], 1):.4f} ({low:.4f} to {high:.4f})"
            said += f", truth {truth[k]:.3f}, no interval in {1 - given[k] / options.sets:.1%}"
            print(said, flush=True)


if __name__ == "__main__":
    main()
