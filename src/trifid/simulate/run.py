"""Writing a simulated sky plate by plate, in one or more processes: a store, or survey files."""

import json
import multiprocessing
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar

from threadpoolctl import threadpool_limits

from trifid.errors import ConfigError
from trifid.memory import keep_freed_memory
from trifid.progress import progress
from trifid.simulate import bhb2, galaxy4, gaps, plates, series3, sgq3, zsfr
from trifid.simulate.options import SkyOptions
from trifid.simulate.plates import SkyTask
from trifid.store import ShardEntry, StoreWriter, write_shard

MAX_OBJECTS = 5_000_000  # plate numbers then stay below 10,000
_Done = TypeVar("_Done")

SIMULATED_TASKS: dict[str, Callable[[], SkyTask]] = {
    "galaxy4": galaxy4.galaxy4,
    "sgq3": sgq3.sgq3,
    "zsfr": zsfr.zsfr,
    "bhb2": bhb2.bhb2,
}


@cache
def sky_task(name: str) -> SkyTask:
    """How the sky of a task is made.

    Raises:
        ConfigError: If there is no such task.
    """
    if name not in SIMULATED_TASKS:
        known = ", ".join([*sorted(SIMULATED_TASKS), series3.NAME])
        raise ConfigError(f"no simulated sky for task {name!r:.40}; known: {known}")
    return SIMULATED_TASKS[name]()


@dataclass(frozen=True)
class Job:
    """One plate to be made, all that a worker needs to know."""

    task: str
    out: Path
    options: SkyOptions
    seed: int
    plate: int
    rows: int
    size: int


def simulate(
    task: str,
    objects: int,
    out: Path,
    *,
    seed: int = 1,
    workers: int = 1,
    size: int = 64,
    options: SkyOptions | None = None,
    form: Literal["store", "sdss"] = "store",
) -> None:
    """Writes simulated observations: a store with a shard a plate, or files as SDSS publishes them.

    The bytes depend on task, objects, seed, size and options, never on the number of workers.

    Args:
        task: A key of `SIMULATED_TASKS`, or `series3` (light curves, no sky: a store only).
        objects: Rows of the store, repeat observations included.
        out: Folder of the new store, or of the files.
        seed: Of all random numbers, 0 or more.
        workers: Processes.
        size: Pixels on a side of an image.
        options: How the sky is observed.
        form: `store` or `sdss`.

    Raises:
        ConfigError: If there is no such task, or a number is out of its range.
        StoreError: If `out` holds a finished store or cannot be written.
    """
    options = options or SkyOptions()
    _check("objects", objects, 1, MAX_OBJECTS)
    _check("seed", seed, 0, 2**63 - 1)
    if task == series3.NAME:
        if options != SkyOptions() or form != "store":
            raise ConfigError(f"{task} is no sky: it takes objects and seed, and gives a store")
        series3.write(objects, out, seed=seed)
        return
    kind = sky_task(task)
    _check("workers", workers, 1, 1024)
    _check("size", size, 16, 512)
    provenance = {
        "simulated": "true",
        "simulate": f"{task} --objects {objects} --seed {seed} --size {size}",
        "options": json.dumps(options.model_dump(mode="json"), sort_keys=True),
    }
    jobs = [
        Job(task, out, options, seed, plate, rows, size)
        for plate, rows in enumerate(plates.plate_rows(objects))
    ]
    kind.prepare(options)  # grids and templates that are kept on disk
    if form == "sdss":
        from trifid.simulate import sdss_files

        sdss_files.write_all(jobs, provenance, workers)
        return
    with (
        StoreWriter(out, kind.schema(options, size), provenance=provenance) as writer,
        progress("simulate", objects) as advance,
        closing(spread(_write_plate, jobs, workers)) as done,
    ):
        for entries in done:
            for entry in entries:
                writer.add(entry)
                advance(entry.rows)
        writer.finish([])


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigError(f"{name} is {value}; give a number from {least} to {most}")


def _write_plate(job: Job) -> list[ShardEntry]:
    """Writes a plate: one shard for each pattern of modalities that occurs on it."""
    task = sky_task(job.task)
    schema = task.schema(job.options, job.size)
    block = plates.simulate_plate(task, job.options, job.seed, job.plate, job.rows, job.size)
    missing = plates.streams(job.seed, job.plate)["missing"]
    pieces = gaps.split_by_pattern(missing, block, job.options)
    return [
        write_shard(job.out, job.plate * len(pieces) + index, piece, schema)
        for index, piece in enumerate(pieces)
        if piece is not None
    ]


def spread(work: Callable[[Job], _Done], jobs: Iterable[Job], workers: int) -> Generator[_Done]:
    """Does jobs, two a worker in flight, and gives what they return in the order they are done."""
    if workers == 1:
        keep_freed_memory()
        yield from (_on_one_thread(work, job) for job in jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=keep_freed_memory) as pool:
        waiting: set[Future[_Done]] = set()
        queue = iter(jobs)
        try:
            while True:
                for job in islice(queue, 2 * workers - len(waiting)):
                    waiting.add(pool.submit(_on_one_thread, work, job))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _on_one_thread(work: Callable[[Job], _Done], job: Job) -> _Done:
    """Keeps linear algebra to one thread: workers share the cores, and sums keep their order."""
    with threadpool_limits(1):
        return work(job)
