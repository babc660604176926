"""Jobs in processes: a bounded number under way, results as they come, no orphans."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cached_property
from multiprocessing import connection
from typing import Any, Self, TypeVar

from trifid.errors import StoreError

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")
_MODULE = "trifid.ingest.shards"  # what jobs need; importing it takes over a second


class Workers:
    """Processes for one task after another; they start when the first job comes.

    Args:
        count: How many; for one, jobs are done in this process.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._started = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._pool.shutdown()

    @cached_property
    def _pool(self) -> ProcessPoolExecutor:
        """Processes that are forked from one which has imported what they need."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([_MODULE])
        self._started = True
        return ProcessPoolExecutor(self.count, context, initializer=_die_with_parent)

    def each(self, function: Callable[[_Job], _Result], jobs: Iterable[_Job]) -> Generator[_Result]:
        """Applies a function to every job and yields results.

        Order is that of completion. At most two jobs per worker are under way, so that jobs made on
        demand do not pile up in memory.

        Raises:
            StoreError: If a worker dies.
        """
        if self.count <= 1:
            yield from map(function, jobs)
            return
        running: set[Future[Any]] = set()
        try:
            for job in jobs:
                if len(running) >= 2 * self.count:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
                running.add(self._pool.submit(function, job))
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        except BrokenProcessPool:
            raise StoreError(
                "a worker process died (out of memory, or killed): "
                "run the same command again to resume, with fewer --workers"
            ) from None
        finally:
            for future in running:
                future.cancel()


def _die_with_parent() -> None:
    """Ends this worker when its parent ends, so that a killed ingest leaves no writer behind."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int) -> None:
        connection.wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, args=(parent.sentinel,), daemon=True).start()
