"""The folder of a fetch: one command, one process, files checked when it goes on."""

import fcntl

import pyarrow.parquet as pq
import pytest

from trifid.errors import ConfigError, InputError, RunError
from trifid.fetch import run
from trifid.fetch.ledger import Ledger
from trifid.fetch.run import Choice
from trifid.files import sha256_file
from trifid.simulate.sky_server import KINDS, Faults, SkyServer


def test_a_clean_fetch_brings_everything_once(archive, helpers, tmp_path):
    out, told = tmp_path / "out", []
    with SkyServer(archive) as server:
        summary = helpers.run(server, out, told=told)
        files = {address: n for address, n in server.requests.items() if "/sas/" in address}
        assert set(files.values()) == {1}  # the frames of two rows too
    assert summary.objects == {"present": 8, "partial": 0, "missing": 0}
    assert summary.fetched == len(files) == 8 + 5 * 7
    for address in files:
        path = address.removeprefix("/sas/")
        assert (out / path).read_bytes() == archive.file(path)
    assert any(line.startswith("to fetch: 43 files, about") for line in told)
    assert (out / "query.sql").read_text() == helpers.wanted().sql()
    assert pq.read_table(out / "manifest.parquet").num_rows == 8
    assert not list(out.rglob("*.part")) and not (out / ".pages").exists()


def test_with_nothing_left_nothing_is_asked(archive, helpers, tmp_path):
    with SkyServer(archive) as server:
        helpers.run(server, tmp_path / "out")
        before = helpers.content(tmp_path / "out")
        server.requests.clear()
        summary = helpers.run(server, tmp_path / "out")
        assert not server.requests
    assert (summary.fetched, summary.kept) == (0, 43)
    assert helpers.content(tmp_path / "out") == before


@pytest.mark.parametrize("digest", [True, False], ids=["hashes", "no hashes"])
def test_a_third_of_all_requests_may_fail(archive, helpers, tmp_path, digest):
    seen = tuple(kind for kind in KINDS if digest or kind != "checksum")
    faults = Faults(rate=0.3, seed=3, kinds=seen, hang=1.0, slow=0.01)
    clean, rough = tmp_path / "clean", tmp_path / "rough"
    with SkyServer(archive) as server:
        helpers.run(server, clean)
    with SkyServer(archive, faults, digest=digest) as server:
        summary = helpers.run(server, rough)
        assert sum(server.failed.values()) >= 10 and len(server.failed) >= 5
    assert summary.objects["present"] == 8
    assert helpers.content(rough) == helpers.content(clean)


def test_what_never_comes_is_listed_and_comes_later(archive, helpers, tmp_path):
    out = tmp_path / "out"

    class Broken(Faults):
        def of(self, address, count):
            return "500" if "frame-g" in address else None

    manners = helpers.quick.replace(attempts=2)
    with SkyServer(archive, Broken()) as server:
        summary = helpers.run(server, out, manners=manners)
    assert summary.objects == {"present": 0, "partial": 8, "missing": 0}
    assert summary.reasons == {"the server says 500; given up after 2 attempts": 7}
    listed = pq.read_table(out / "manifest.parquet").to_pylist()
    assert all("frame-g-" in row["reason"] and len(row["paths"]) == 5 for row in listed)
    with SkyServer(archive) as server:
        summary = helpers.run(server, out)
    assert (summary.fetched, summary.kept) == (7, 36)
    assert summary.objects["present"] == 8


def test_a_file_that_changed_is_fetched_again(archive, helpers, tmp_path):
    out = tmp_path / "out"
    with SkyServer(archive) as server:
        helpers.run(server, out, choice=Choice(images=False))
        first, second, *_ = sorted(out.rglob("spec-*.fits"))
        whole = first.read_bytes(), second.read_bytes()
        first.write_bytes(whole[0][:100])
        second.write_bytes(whole[1][:-1] + b"?")
        summary = helpers.run(server, out, choice=Choice(images=False))
    assert (summary.fetched, summary.kept) == (2, 6)
    assert (first.read_bytes(), second.read_bytes()) == whole


def test_what_was_not_noted_before_a_stop_is_fetched_again(archive, helpers, tmp_path):
    out, choice = tmp_path / "out", Choice(images=False)
    with SkyServer(archive) as server:
        helpers.run(server, out, choice=choice)
        whole = helpers.content(out)
        assert not list(out.glob(".files*"))
        files = sorted(out.rglob("spec-*.fits"))
        with Ledger(out) as ledger:  # as a power cut may leave it: no manifest, lost bytes
            for path in files[:3]:
                name = str(path.relative_to(out))
                ledger.expect([(name, "")])
                ledger.arrived(name, sha256_file(path))
        (out / "manifest.parquet").unlink()
        files[0].write_bytes(bytes(files[0].stat().st_size))
        summary = helpers.run(server, out, choice=choice)
    assert (summary.kept, summary.fetched) == (2, 6)
    assert helpers.content(out) == whole


def test_a_folder_is_for_one_command_and_one_process(archive, helpers, tmp_path):
    out = tmp_path / "out"
    with SkyServer(archive) as server:
        helpers.run(server, out, wanted=helpers.wanted(limit=2))
        with pytest.raises(RunError, match=r"holds another fetch \(limit differ\)"):
            helpers.run(server, out)
        with (out / ".lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            with pytest.raises(RunError, match="by another process"):
                helpers.run(server, out, wanted=helpers.wanted(limit=2))
        (tmp_path / "mine").mkdir()
        (tmp_path / "mine" / "thesis.tex").write_text("mine")
        with pytest.raises(RunError, match="not empty"):
            helpers.run(server, tmp_path / "mine")


def test_a_full_disk_is_foreseen(archive, helpers, tmp_path, monkeypatch):
    monkeypatch.setattr("trifid.fetch.volume._SPARE", 2**70)
    with SkyServer(archive) as server, pytest.raises(ConfigError, match="free on disk"):
        helpers.run(server, tmp_path / "out")


def test_an_error_of_the_disk_ends_the_run_with_a_manifest(archive, helpers, tmp_path, monkeypatch):
    def full(path, name):
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("trifid.fetch.check.check_form", full)
    with SkyServer(archive) as server, pytest.raises(OSError, match="No space left"):
        helpers.run(server, tmp_path / "out")
    assert (tmp_path / "out" / run.MANIFEST).is_file()
    monkeypatch.undo()
    with SkyServer(archive) as server:
        assert helpers.run(server, tmp_path / "out").objects["present"] == 8


def test_a_silent_service_and_an_empty_selection_are_said(archive, helpers, tmp_path):
    manners = helpers.quick.replace(attempts=2)
    with (
        SkyServer(archive, Faults(rate=1.0, kinds=("500",))) as server,
        pytest.raises(InputError, match="gave no answer: the server says 500"),
    ):
        helpers.run(server, tmp_path / "a", manners=manners)
    with SkyServer(archive) as server, pytest.raises(InputError, match="no object meets"):
        helpers.run(server, tmp_path / "b", wanted=helpers.wanted(listed=helpers.listed((1, 2, 3))))
