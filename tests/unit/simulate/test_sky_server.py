"""The local archive: whole answers, ranges, hashes, and every kind of fault."""

import base64
import hashlib
import http.client
import io
import json
import runpy
import socket
import struct
import time
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import numpy as np
import pytest
from astropy.io import fits

from trifid.simulate.sky_archive import SkyArchive
from trifid.simulate.sky_server import KINDS, Faults, SkyServer
from trifid.surveys.sdss_paths import RELEASES, hips_url, picture_url, spectrum_path
from trifid.surveys.sdss_query import rows_query
from trifid.surveys.sdss_selections import SELECTIONS

SKY = runpy.run_path(str(Path(__file__).resolve().parents[2] / "sky_files.py"))
DR17 = RELEASES["dr17"]
PATH = "/sas/" + spectrum_path(DR17, 266, 51602, 1, "26")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return SkyArchive(SKY["write_sky"](tmp_path_factory.mktemp("sky"), objects=3))


def ask(server, path, method="GET", timeout=5.0, **headers):
    """One request: status, headers, body."""
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=timeout)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def one_fault(kind, **choice):
    return Faults(rate=1.0, kinds=(kind,), **choice)


def test_a_file_comes_whole_with_its_hash(archive):
    with SkyServer(archive) as server:
        assert server.url.startswith("http://127.0.0.1:")
        status, headers, body = ask(server, PATH)
        assert status == 200 and body == archive.file(PATH.removeprefix("/sas/"))
        digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
        assert headers["Repr-Digest"] == f"sha-256=:{digest}:"
        status, headers, nothing = ask(server, PATH, "HEAD")
        assert status == 200 and headers["Content-Length"] == str(len(body)) and nothing == b""
        assert server.requests == {PATH: 1}


def test_a_file_goes_on_from_a_byte(archive):
    with SkyServer(archive, digest=False) as server:
        _, headers, body = ask(server, PATH)
        assert "Repr-Digest" not in headers
        status, headers, rest = ask(server, PATH, Range="bytes=1000-")
        assert status == 206 and rest == body[1000:]
        assert headers["Content-Range"] == f"bytes 1000-{len(body) - 1}/{len(body)}"
        status, _, again = ask(server, PATH, **{"Range": "bytes=1000-", "If-Range": '"other"'})
        assert status == 200 and again == body
        assert ask(server, PATH, Range=f"bytes={len(body)}-")[0] == 416


def test_a_query_answers_as_csv_or_json(archive):
    words = {"cmd": rows_query(SELECTIONS["galaxy4"], DR17), "format": "csv"}
    place = "/dr17/SkyServerWS/SearchTools/SqlSearch?"
    with SkyServer(archive) as server:
        text = ask(server, place + urlencode(words))[2].decode()
        assert text.startswith("#Table1\nspecobjid,bestobjid,")
        assert text.count("\n") == 2 + 3 and ",null," in text
        document = json.loads(ask(server, place + urlencode(words | {"format": "json"}))[2])
        assert document[0]["TableName"] == "Table1" and len(document[0]["Rows"]) == 3
        assert ask(server, place + urlencode({"cmd": "SELECT 1"}))[0] == 400
        assert ask(server, "/sas/dr17/nothing")[0] == 404
        assert ask(server, "/elsewhere")[0] == 404
        assert ask(server, "/" + "a" * 20_000)[0] == 414


def test_cutouts_are_served_as_the_services_do(archive):
    with SkyServer(archive) as server:
        base = len(server.url)
        grid = {"size": 24, "scale": 0.4}
        url = picture_url(DR17, 150.0, 20.0, base=server.url, **grid)[base:]
        status, headers, body = ask(server, url)
        assert status == 200 and headers["Content-Type"] == "image/jpeg"
        assert body == archive.picture(150.0, 20.0, 0.4, (24, 24))
        hips = hips_url(150.0, 20.0, "g", base=server.hips, **grid)[base:]
        status, headers, body = ask(server, hips)
        assert (status, headers["Content-Type"]) == (200, "application/fits")
        expected = archive.image("g", 150.0, 20.0, 0.4, (24, 24))
        got, wanted = (fits.getdata(io.BytesIO(data)) for data in (body, expected))
        np.testing.assert_allclose(got, wanted, rtol=1e-4)
        far = picture_url(DR17, 10.0, -20.0, base=server.url, **grid)[base:]
        assert ask(server, far)[0] == 404
        for wrong in (
            url.replace("24", "4096"), url.replace("ra=150.0000000", "ra=nan"), url[:-10],
            hips.replace("SDSS9%2Fg", "SDSS9%2Fq"), hips.replace("format=fits", "format=jpg"),
        ):  # fmt: skip
            assert ask(server, wrong)[0] == 400
    with SkyServer(archive, one_fault("html")) as server:
        assert b"<html>" in ask(server, url)[2]


@pytest.mark.parametrize(
    ("kind", "status"),
    [("429", 429), ("500", 500), ("503", 503), ("html", 200), ("redirect", 302)],
)
def test_faults_that_answer_at_once(archive, kind, status):
    with SkyServer(archive, one_fault(kind, retry_after=3)) as server:
        got, headers, body = ask(server, PATH)
        assert got == status and server.failed == {kind: 1}
        if kind in ("429", "503"):
            assert headers["Retry-After"] == "3"
        if kind == "html":
            assert headers["Content-Type"].startswith("text/html") and b"<html>" in body
        if kind == "redirect":
            assert headers["Location"] in ("/sas/moved", "http://archive.invalid/moved")


def test_faults_of_the_body(archive):
    whole = archive.file(PATH.removeprefix("/sas/"))
    with SkyServer(archive, one_fault("wrong_size")) as server:
        assert ask(server, PATH)[2] == whole[: len(whole) // 2]
    with SkyServer(archive, one_fault("checksum")) as server:
        body = ask(server, PATH)[2]
        assert len(body) == len(whole) and body != whole
    with SkyServer(archive, one_fault("cut")) as server, pytest.raises(http.client.IncompleteRead):
        ask(server, PATH)


def test_faults_of_time(archive):
    with SkyServer(archive, one_fault("slow", slow=0.3)) as server:
        start = time.monotonic()
        assert ask(server, PATH)[0] == 200
        assert time.monotonic() - start >= 0.3
    with SkyServer(archive, one_fault("hang", hang=30.0)) as server, pytest.raises(TimeoutError):
        ask(server, PATH, timeout=0.3)


def test_a_client_that_hangs_up_is_no_news(archive, capsys):
    with SkyServer(archive) as server:
        address = server._server.server_address[:2]
        for _ in range(3):
            client = socket.create_connection(address)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            client.recv(100)
            client.close()  # with a reset, as a killed process does
        time.sleep(0.2)
        assert ask(server, PATH)[0] == 200
    assert capsys.readouterr().err == ""


def test_faults_are_a_function_of_seed_address_and_count():
    faults = Faults(rate=0.3, seed=5)
    drawn = [faults.of(f"/{i}", 1) for i in range(4000)]
    assert drawn == [faults.of(f"/{i}", 1) for i in range(4000)]
    assert 0.26 < sum(kind is not None for kind in drawn) / 4000 < 0.34
    assert set(KINDS) == {kind for kind in drawn if kind}
    assert drawn != [faults.of(f"/{i}", 2) for i in range(4000)]
    assert drawn != [Faults(rate=0.3, seed=6).of(f"/{i}", 1) for i in range(4000)]
    assert Faults().of("/1", 1) is None
