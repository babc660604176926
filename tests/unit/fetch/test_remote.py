"""Files and answers over HTTP, with every fault of the server on demand."""

import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trifid.errors import ConfigError, InputError
from trifid.fetch.polite import Stopped
from trifid.fetch.remote import Remote, Unavailable
from trifid.simulate.sky_server import KINDS, Faults, SkyServer
from trifid.surveys.sdss_paths import RELEASES, frame_path, query_url, spectrum_path

DR17 = RELEASES["dr17"]
SPECTRUM = spectrum_path(DR17, 266, 51602, 1, "26")
FRAME = frame_path(DR17, 1266, 1, 11, "r")
FAULTS = Faults(seed=1, hang=2.0, slow=0.01)


class FirstFails(Faults):
    """The first requests for an address fail in one way."""

    times = 1

    def of(self, address, count):
        return self.kinds[0] if count <= self.times else None


def first(kind):
    return FirstFails(rate=1.0, kinds=(kind,), hang=2.0, slow=0.01)


@pytest.mark.parametrize("path", [SPECTRUM, FRAME])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_is_outlived(archive, helpers, stop, tmp_path, kind, path):
    target = tmp_path / path.rsplit("/", 1)[1]
    with SkyServer(archive, first(kind)) as server:
        with Remote(server.sas, helpers.quick, stop) as remote:
            remote.fetch(path, target)
        assert set(server.failed) == {kind}
    assert target.read_bytes() == archive.file(path)
    assert [entry.name for entry in tmp_path.iterdir()] == [target.name]


def test_what_broke_off_is_continued_where_it_was(archive, helpers, stop, tmp_path, monkeypatch):
    target = tmp_path / "spec.fits"
    with SkyServer(archive, first("cut")) as server:
        given = []
        send = server.__class__.draw

        def draw(self, address):
            given.append(address)
            return send(self, address)

        monkeypatch.setattr(SkyServer, "draw", draw)
        with Remote(server.sas, helpers.quick.replace(attempts=1), stop) as remote:
            with pytest.raises(Unavailable, match="given up after 1 attempts"):
                remote.fetch(SPECTRUM, target)
            part = tmp_path / ".spec.fits.part"
            half = part.stat().st_size
            assert 0 < half < len(archive.file(SPECTRUM))
            assert not target.exists()
            part.write_bytes(archive.file(SPECTRUM)[:half])
            remote.fetch(SPECTRUM, target)
    assert target.read_bytes() == archive.file(SPECTRUM)
    assert len(given) == 2


def test_a_part_of_another_version_is_not_continued(archive, helpers, stop, tmp_path):
    target = tmp_path / "spec.fits"
    (tmp_path / ".spec.fits.part").write_bytes(b"of last year" * 9)
    (tmp_path / ".spec.fits.tag").write_text('"last year"')
    with (
        SkyServer(archive, digest=False) as server,
        Remote(server.sas, helpers.quick, stop) as remote,
    ):
        remote.fetch(SPECTRUM, target)
    assert target.read_bytes() == archive.file(SPECTRUM)


def test_a_missing_file_is_asked_for_once(archive, helpers, stop, tmp_path):
    path = spectrum_path(DR17, 999, 51602, 1, "26")
    with SkyServer(archive) as server:
        with (
            Remote(server.sas, helpers.quick, stop) as remote,
            pytest.raises(Unavailable, match=r"has no such file \(404\)"),
        ):
            remote.fetch(path, tmp_path / "x.fits")
        assert sum(server.requests.values()) == 1


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("html", "a web page instead"),
        ("500", "the server says 500"),
        ("hang", "ReadTimeout|RemoteProtocolError"),
        ("checksum", "do not have the hash"),
        ("redirect", "redirect"),
        ("cut", "RemoteProtocolError"),
    ],
)
def test_a_fault_that_stays_is_said(archive, helpers, stop, tmp_path, kind, message):
    faults = Faults(rate=1.0, kinds=(kind,), hang=0.2)
    manners = helpers.quick.replace(attempts=2, read_timeout=0.1)
    with SkyServer(archive, faults) as server, Remote(server.sas, manners, stop) as remote:
        with pytest.raises(Unavailable, match=message):
            remote.fetch(SPECTRUM, tmp_path / "x.fits")
        assert server.failed[kind] >= 2
    assert not (tmp_path / "x.fits").exists()


def test_a_wish_to_be_left_alone_is_granted(archive, helpers, stop, tmp_path):
    faults = FirstFails(rate=1.0, kinds=("429",), retry_after=1)
    with SkyServer(archive, faults) as server, Remote(server.sas, helpers.quick, stop) as remote:
        start = time.monotonic()
        remote.fetch(SPECTRUM, tmp_path / "x.fits")
        assert time.monotonic() - start >= 0.95


def test_a_query_is_asked_again_until_it_is_an_answer(archive, helpers, stop):
    sql = helpers.wanted().sql()
    seen = []

    def accept(text):
        seen.append(text)
        if len(seen) == 1:
            raise InputError("no answer")

    with (
        SkyServer(archive, first("html")) as server,
        Remote(server.url, helpers.quick, stop) as remote,
    ):
        text = remote.query(query_url(DR17, server.url), {"cmd": sql, "format": "csv"}, accept)
    assert text == seen[-1] and len(seen) == 2 and text.startswith("#Table1\n")


def test_sizes_are_asked_for(archive, helpers, stop):
    with SkyServer(archive) as server, Remote(server.sas, helpers.quick, stop) as remote:
        assert remote.size(SPECTRUM) == len(archive.file(SPECTRUM))
        assert remote.size("dr17/nothing") is None
    with Remote("http://127.0.0.1:9", helpers.quick, stop) as remote:
        assert remote.size(SPECTRUM) is None


class _Foreign(BaseHTTPRequestHandler):
    """An archive with bad intentions."""

    def do_GET(self):
        if self.path.endswith("endless.fits"):
            self.send_response(200)
            self.end_headers()
            with_stop = b"SIMPLE  =" + b" " * 100_000
            for _ in range(100):
                self.wfile.write(with_stop)
            return
        self.send_response(302)
        self.send_header("Location", self.server.place)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture
def foreign():
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Foreign)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    "place",
    ["http://elsewhere.invalid/x", "file:///etc/passwd", "//elsewhere.invalid/x", "ftp://a/b",
     "http://user@127.0.0.1:1/x", "http://[broken", ""],
)  # fmt: skip
def test_a_redirect_away_from_the_archive_is_not_followed(foreign, helpers, stop, tmp_path, place):
    foreign.place = place
    base = f"http://127.0.0.1:{foreign.server_address[1]}"
    with (
        Remote(base, helpers.quick.replace(attempts=1), stop) as remote,
        pytest.raises(Unavailable, match="redirect"),
    ):
        remote.fetch("x.fits", tmp_path / "x.fits")
    assert not list(tmp_path.iterdir())


def test_an_endless_answer_ends(foreign, helpers, stop, tmp_path, monkeypatch):
    monkeypatch.setattr("trifid.fetch.check.MAX_BYTES", {".fits": 2**20})
    base = f"http://127.0.0.1:{foreign.server_address[1]}"
    with (
        Remote(base, helpers.quick, stop) as remote,
        pytest.raises(Unavailable, match=f"more than {2**20} bytes came"),
    ):
        remote.fetch("endless.fits", tmp_path / "x.fits")


def test_a_stop_ends_a_fetch(archive, helpers, stop, tmp_path):
    manners = helpers.quick.replace(back_off=100.0, back_off_max=100.0)
    with (
        SkyServer(archive, Faults(rate=1.0, kinds=("500",))) as server,
        Remote(server.sas, manners, stop) as remote,
    ):
        threading.Timer(0.1, stop.set).start()
        with pytest.raises(Stopped):
            remote.fetch(SPECTRUM, tmp_path / "x.fits")


@pytest.mark.parametrize(
    ("base", "message"),
    [
        ("https://me:secret@host/sas", "holds a user name"),
        ("ftp://host/sas", "expected a folder or https"),
        ("https://host/sas?key=1", "expected a folder or https"),
        ("https://", "expected a folder or https"),
        ("https://host:port/", "no address"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(helpers, stop, base, message):
    with pytest.raises(ConfigError, match=message) as refused:
        Remote(base, helpers.quick, stop)
    assert "secret" not in str(refused.value)


def test_without_httpx_the_extra_is_named(helpers, stop, monkeypatch):
    monkeypatch.setitem(sys.modules, "httpx", None)
    with pytest.raises(ConfigError, match=r"pip install 'trifid\[fetch\]'"):
        Remote("https://host/sas", helpers.quick, stop)
