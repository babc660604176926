"""Files of a fetch, remembered on disk."""

import sqlite3

import pytest

from trifid.errors import RunError
from trifid.fetch.ledger import Ledger

ONE, TWO = "1" * 64, "2" * 64


def test_what_arrived_outlives_the_process(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.expect([("a", ""), ("b", ""), ("c", ""), ("a", "")])
        ledger.arrived("a", ONE)
        ledger.arrived("b", ONE)
        ledger.failed("c", "none there")
        assert list(ledger.missing()) == ["c"] and ledger.here() == 2
        assert ledger.hashes(["a", "c", "x"]) == {"a": ONE}
        assert ledger.reasons(["a", "c"]) == {"c": "none there"} and ledger.why() == {
            "none there": 1
        }
    with Ledger(tmp_path) as ledger:
        assert list(ledger.noted()) == [("a", ONE), ("b", ONE), ("c", "")]
        assert list(ledger.missing()) == ["a", "b", "c"] and not ledger.why()  # to be looked at
        ledger.keep("a")
        ledger.note([("a", TWO), ("b", TWO), ("c", TWO)])
        assert list(ledger.noted()) == [("a", ONE), ("b", ONE), ("c", TWO)]
        assert list(ledger.missing()) == ["b", "c"] and ledger.hashes(["a", "b"]) == {"a": ONE}
        ledger.forget()
    assert not list(tmp_path.iterdir())


def test_the_first_address_of_a_file_stays(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.expect([("a", ""), ("b", "one"), ("a", "two"), ("b", "three"), ("a", "")])
        assert (ledger.address("a"), ledger.address("b"), ledger.address("c")) == ("two", "one", "")


def test_files_may_arrive_while_the_missing_are_gone_through(tmp_path):
    with Ledger(tmp_path) as ledger:
        names = [f"{number:05d}" for number in range(2500)]
        ledger.expect((name, "") for name in names)
        seen = []
        for name in ledger.missing():
            seen.append(name)
            ledger.arrived(name, ONE) if int(name) % 3 else ledger.failed(name, "no")
        assert seen == names
        assert list(ledger.missing()) == names[::3]
        assert len(ledger.hashes(names)) == ledger.here() == 2500 - 834


def test_another_process_keeps_out(tmp_path):
    with Ledger(tmp_path) as ledger:
        ledger.expect([("a", "")])
        other = sqlite3.connect(tmp_path / ".files.sqlite", timeout=0)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("SELECT * FROM files")
        other.close()


@pytest.mark.parametrize("damage", [b"", b"no database at all" * 100, None])
def test_a_damaged_one_begins_anew(tmp_path, damage):
    with Ledger(tmp_path) as ledger:
        ledger.expect([("a", "")])
    path = tmp_path / ".files.sqlite"
    if damage is None:
        damage = path.read_bytes()[:100] + bytes(5000)
    path.write_bytes(damage)
    with Ledger(tmp_path) as ledger:
        ledger.expect([("b", "")])
        assert list(ledger.missing()) == ["b"]


def test_a_disk_that_takes_no_more_is_said(tmp_path, monkeypatch):
    with Ledger(tmp_path) as ledger:
        ledger._run("PRAGMA max_page_count = 4")
        with pytest.raises(RunError, match=r"\.files\.sqlite: database or disk is full"):
            ledger.expect((f"{number:0200d}", "") for number in range(1000))
