"""How a server is treated: how many connections, how long to wait, how often to try again."""

import random
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager

from pydantic import Field

from trifid.config import Config

MAX_WAIT = 600.0  # [s] of a server's own wish that is granted


class Politeness(Config):
    """The manners of a fetch.

    Attributes:
        connections: At most so many at a time to one host.
        attempts: How often a file or a query is asked for before it is given up.
        back_off: Longest wait before the second attempt [s]; doubles with each one.
        back_off_max: Longest wait before any [s].
        connect_timeout: To open a connection [s].
        read_timeout: Between two pieces of an answer [s].
        total_timeout: For one answer [s].
        query_pause: Between two queries [s].
    """

    connections: int = Field(default=4, ge=1, le=16)
    attempts: int = Field(default=8, ge=1, le=50)
    back_off: float = Field(default=1.0, ge=0)
    back_off_max: float = Field(default=60.0, ge=0)
    connect_timeout: float = Field(default=15.0, gt=0)
    read_timeout: float = Field(default=60.0, gt=0)
    total_timeout: float = Field(default=900.0, gt=0)
    query_pause: float = Field(default=1.0, ge=0)


class Stopped(Exception):  # noqa: N818  (no mistake: the run is being stopped)
    """A wait was cut short because the run ends."""


class Host:
    """One host: its free connections, and until when it wants to be left alone."""

    def __init__(self, manners: Politeness, stop: threading.Event) -> None:
        self.manners = manners
        self._stop = stop
        self._free = threading.BoundedSemaphore(manners.connections)
        self._lock = threading.Lock()
        self._not_before = 0.0
        self._random = random.Random()  # noqa: S311  (spreads retries; nothing hangs on it)

    @contextmanager
    def connection(self) -> Generator[None]:
        """Waits for a free connection, and for the end of a pause the host asked for.

        Raises:
            Stopped: If the run ends meanwhile.
        """
        with self._free:
            self.sleep(self._not_before - time.monotonic())
            yield

    def rest(self, seconds: float) -> None:
        """Nobody asks this host for so long [s]."""
        with self._lock:
            until = time.monotonic() + min(max(seconds, 0.0), MAX_WAIT)
            self._not_before = max(self._not_before, until)

    def back_off(self, attempt: int) -> None:
        """Waits before another attempt, the longer the more there were, at random below that.

        Raises:
            Stopped: If the run ends meanwhile.
        """
        longest = min(self.manners.back_off * 2.0 ** min(attempt, 30), self.manners.back_off_max)
        self.sleep(self._random.uniform(longest / 4, longest))

    def sleep(self, seconds: float) -> None:
        """Waits, unless the run ends.

        Raises:
            Stopped: If it does.
        """
        if self._stop.wait(max(seconds, 0.0)):
            raise Stopped
