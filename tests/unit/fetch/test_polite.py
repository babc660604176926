"""Connections to a host are few, pauses are kept, a stop ends every wait."""

import threading
import time

import pytest

from trifid.config import parse
from trifid.errors import ConfigError
from trifid.fetch.polite import Host, Politeness, Stopped


def test_at_most_so_many_connections_at_a_time(stop):
    host = Host(Politeness(connections=2), stop)
    now, most, lock = 0, 0, threading.Lock()

    def work():
        nonlocal now, most
        with host.connection():
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.01)
            with lock:
                now -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 2


def test_a_pause_the_host_asks_for_holds_for_all(stop):
    host = Host(Politeness(), stop)
    host.rest(0.2)
    host.rest(0.1)  # a shorter one does not end it
    start = time.monotonic()
    with host.connection():
        assert time.monotonic() - start >= 0.19


def test_waits_grow_up_to_a_limit(stop, monkeypatch):
    host = Host(Politeness(back_off=1.0, back_off_max=10.0), stop)
    waited = []
    monkeypatch.setattr(host, "sleep", waited.append)
    for attempt in (0, 1, 2, 3, 4, 100):
        host.back_off(attempt)
    for longest, seconds in zip((1, 2, 4, 8, 10, 10), waited, strict=True):
        assert longest / 4 <= seconds <= longest


def test_a_stop_ends_a_wait(stop):
    host = Host(Politeness(), stop)
    host.rest(1e9)
    threading.Timer(0.05, stop.set).start()
    start = time.monotonic()
    with pytest.raises(Stopped), host.connection():
        pass
    assert time.monotonic() - start < 5.0


def test_manners_have_limits():
    for wrong in ({"connections": 100}, {"attempts": 0}, {"read_timeout": 0.0}, {"x": 1}):
        with pytest.raises(ConfigError):
            parse(Politeness, wrong)
