"""Jobs in processes: a bounded number under way, results as they come, no orphans."""

import multiprocessing
import os
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import connection
from typing import TypeVar

from trifid.errors import StoreError

_Job = TypeVar("_Job")
_Result = TypeVar("_Result")


def each(
    function: Callable[[_Job], _Result], jobs: Iterable[_Job], *, workers: int
) -> Generator[_Result]:
    """Applies a function to every job, in this process for one worker, and yields results.

    Order is that of completion. At most two jobs per worker are under way, so that jobs made on
    demand do not pile up in memory.

    Raises:
        StoreError: If a worker dies.
    """
    if workers <= 1:
        for job in jobs:
            yield function(job)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_die_with_parent) as pool:
        running: set[Future[_Result]] = set()
        try:
            for job in jobs:
                if len(running) >= 2 * workers:
                    done, running = wait(running, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
                running.add(pool.submit(function, job))
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
