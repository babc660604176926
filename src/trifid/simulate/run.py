"""Writing a simulated sky as a store, plate by plate, in one or more processes."""

import multiprocessing
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from trifid.errors import ConfigError
from trifid.progress import progress
from trifid.schema.block import Block
from trifid.schema.modality import StoreSchema
from trifid.simulate import galaxy4
from trifid.store import ShardEntry, StoreWriter, write_shard

MAX_OBJECTS = 5_000_000  # plate numbers then stay below 10,000


@dataclass(frozen=True)
class SimulatedTask:
    """How the sky of a task is made: its schema, the rows of its plates, one plate."""

    schema: Callable[[int], StoreSchema]
    plate_rows: Callable[[int], list[int]]
    simulate_plate: Callable[[int, int, int, int], Block]


SIMULATED_TASKS: dict[str, SimulatedTask] = {
    "galaxy4": SimulatedTask(galaxy4.schema, galaxy4.plate_rows, galaxy4.simulate_plate),
}


def simulate(
    task: str, objects: int, out: Path, *, seed: int = 1, workers: int = 1, size: int = 64
) -> None:
    """Writes a store of simulated observations: one shard a plate.

    The bytes depend on task, objects, seed and size, never on the number of workers.

    Args:
        task: A key of `SIMULATED_TASKS`.
        objects: Rows of the store, repeat observations included.
        out: Folder of the new store.
        seed: Of all random numbers, 0 or more.
        workers: Processes.
        size: Pixels on a side of an image.

    Raises:
        ConfigError: If there is no such task, or a number is out of its range.
        StoreError: If `out` holds a finished store or cannot be written.
    """
    if task not in SIMULATED_TASKS:
        known = ", ".join(sorted(SIMULATED_TASKS))
        raise ConfigError(f"no simulated sky for task {task!r:.40}; known: {known}")
    _check("objects", objects, 1, MAX_OBJECTS)
    _check("seed", seed, 0, 2**63 - 1)
    _check("workers", workers, 1, 1024)
    _check("size", size, 16, 512)
    kind = SIMULATED_TASKS[task]
    provenance = {
        "simulated": "true",
        "simulate": f"{task} --objects {objects} --seed {seed} --size {size}",
    }
    jobs = [
        (task, out, seed, plate, rows, size) for plate, rows in enumerate(kind.plate_rows(objects))
    ]
    with (
        StoreWriter(out, kind.schema(size), provenance=provenance) as writer,
        progress("simulate", objects) as advance,
        closing(_written(jobs, workers)) as entries,
    ):
        for entry in entries:
            writer.add(entry)
            advance(entry.rows)
        writer.finish([])


def _check(name: str, value: int, least: int, most: int) -> None:
    if not least <= value <= most:
        raise ConfigError(f"{name} is {value}; give a number from {least} to {most}")


_Job = tuple[str, Path, int, int, int, int]


def _write_plate(job: _Job) -> ShardEntry:
    task, out, seed, plate, rows, size = job
    kind = SIMULATED_TASKS[task]
    block = kind.simulate_plate(seed, plate, rows, size)
    return write_shard(out, plate, block, kind.schema(size))


def _written(jobs: list[_Job], workers: int) -> Generator[ShardEntry]:
    """Writes the shards, two jobs a worker in flight, in the order they are done."""
    if workers == 1:
        yield from map(_write_plate, jobs)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool:
        waiting: set[Future[ShardEntry]] = set()
        queue = iter(jobs)
        try:
            while True:
                for job in islice(queue, 2 * workers - len(waiting)):
                    waiting.add(pool.submit(_write_plate, job))
                if not waiting:
                    return
                done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
