"""Progress on standard error, where it does not disturb what a program prints."""

import sys

from trifid import progress


def test_a_log_gets_a_line_every_fifteen_seconds(capsys, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with progress.progress("reading", 100) as advance:
        for seconds in (1.0, 14.0, 16.0, 17.0, 40.0):
            now[0] = seconds
            advance(10)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "reading: 30/100 rows, 37 s left",
        "reading: 50/100 rows, 40 s left",
    ]


def test_short_work_says_nothing(capsys):
    with progress.progress("reading", 0) as advance:
        advance(0)
    assert capsys.readouterr() == ("", "")


def test_a_terminal_gets_a_bar_on_standard_error(capsys, monkeypatch):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with progress.progress("[red]x[/red]", 3, unit="files") as advance:
        advance(3)
    assert capsys.readouterr().out == ""
