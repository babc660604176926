"""A local archive for tests and trials: serves a simulated survey over HTTP, with faults on demand.

    /sas/DR/...                                    files, whole or from a byte on, with their hash
    /DR/SkyServerWS/SearchTools/SqlSearch?cmd=SQL  rows as CSV or JSON, as SkyServer writes them
    /DR/SkyServerWS/ImgCutout/getjpeg?ra=...       a colour picture around a position
    /hips-image-services/hips2fits?hips=...        a FITS image in one band around a position

It listens on this machine alone. Which requests fail, and how, is a function of the seed, the
address and how often it was asked for, not of time or of the order of requests.
"""

import base64
import csv
import hashlib
import io
import json
import math
import re
import socket
import sys
import threading
from collections import Counter
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from trifid.errors import InputError
from trifid.simulate.sky_archive import Answer, SkyArchive
from trifid.surveys.sdss_paths import HIPS_SURVEY, MAX_PICTURE

FaultKind = Literal[
    "slow", "cut", "429", "500", "503", "wrong_size", "html", "redirect", "checksum", "hang"
]
KINDS: tuple[FaultKind, ...] = get_args(FaultKind)
_QUERY = re.compile(r"/dr\d\d/SkyServerWS/SearchTools/SqlSearch")
_PICTURE = re.compile(r"/dr\d\d/SkyServerWS/ImgCutout/getjpeg")
_HIPS = "/hips-image-services/hips2fits"
_BAND = re.compile(re.escape(HIPS_SURVEY) + "/([ugriz])")
_RANGE = re.compile(r"bytes=(\d+)-")
_PAGE = b"<!DOCTYPE html>\n<html><body>The archive is being maintained.</body></html>\n"
_MAX_ADDRESS = 16_384  # [byte]


@dataclass(frozen=True)
class Faults:
    """Which requests fail.

    Attributes:
        rate: Share of requests.
        seed: Of the choice.
        kinds: Of which to draw.
        slow: Seconds a slow answer takes.
        hang: Seconds a hanging connection is held without a word.
        retry_after: What answers 429 and 503 ask to wait [s].
    """

    rate: float = 0.0
    seed: int = 1
    kinds: tuple[FaultKind, ...] = KINDS
    slow: float = 0.2
    hang: float = 5.0
    retry_after: int = 0

    def of(self, address: str, count: int) -> FaultKind | None:
        """The fault of the n-th request for an address, or None."""
        if not (self.rate and self.kinds):
            return None
        digest = hashlib.sha256(f"{self.seed} {count} {address}".encode()).digest()
        if int.from_bytes(digest[:4], "big") / 2**32 >= self.rate:
            return None
        return self.kinds[int.from_bytes(digest[4:8], "big") % len(self.kinds)]


class SkyServer:
    """A server in threads of this process, to be used in a `with` statement.

    Args:
        archive: What it serves.
        faults: Which requests fail.
        digest: Whether answers carry the hash of the whole file (RFC 9530).
    """

    def __init__(
        self, archive: SkyArchive, faults: Faults | None = None, *, digest: bool = True
    ) -> None:
        self.archive = archive
        self.faults = faults or Faults()
        self.digest = digest
        self.requests: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.stopped = threading.Event()
        self._lock = threading.Lock()
        owner = self

        class Handler(_Handler):
            sky = owner

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The base of the services."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def hips(self) -> str:
        """The address of hips2fits."""
        return f"{self.url}{_HIPS}"

    @property
    def sas(self) -> str:
        """The base of the files."""
        return f"{self.url}/sas"

    def draw(self, address: str) -> FaultKind | None:
        """Counts a request and says how it fails."""
        with self._lock:
            self.requests[address] += 1
            fault = self.faults.of(address, self.requests[address])
            if fault is not None:
                self.failed[fault] += 1
        return fault


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of clients that hang up, which killed ones do."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    sky: SkyServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60.0  # [s] without a request on an open connection

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (named by the base)
        """Says nothing: requests are counted."""

    def do_HEAD(self) -> None:
        """Size and hash of a file."""
        self._answer(head=True)

    def do_GET(self) -> None:
        """A file, or the rows of a query."""
        self._answer(head=False)

    def _answer(self, *, head: bool) -> None:
        parts = urlsplit(self.path)
        if len(self.path) > _MAX_ADDRESS:
            return self._send(414, b"the address is too long", "text/plain")
        fault = None if head else self.sky.draw(self.path)
        if fault is not None and self._failed(fault):
            return None
        try:
            found = self._find(parts.path, parse_qs(parts.query))
        except (InputError, ValueError) as error:
            return self._send(400, str(error).encode(), "text/plain")
        if found is None:
            return self._send(404, b"no such file", "text/plain")
        return self._give(*found, fault, head=head)

    def _find(self, path: str, words: dict[str, list[str]]) -> tuple[bytes, str] | None:
        """The data at an address and their kind; None where there is nothing.

        Raises:
            InputError: For a query that is none.
            ValueError: For a cutout that cannot be made.
        """
        archive = self.sky.archive
        if path.startswith("/sas/"):
            return _of_kind(archive.file(unquote(path.removeprefix("/sas/"))), "application/fits")
        if _PICTURE.fullmatch(path):
            ra, dec, scale = (_number(words, name) for name in ("ra", "dec", "scale"))
            return _of_kind(archive.picture(ra, dec, scale, _shape(words)), "image/jpeg")
        if path == _HIPS:
            band = _BAND.fullmatch(words.get("hips", [""])[0])
            if band is None or words.get("format") != ["fits"]:
                raise ValueError(f"expected hips={HIPS_SURVEY}/BAND and format=fits")
            shape = _shape(words)
            scale = _number(words, "fov") * 3600.0 / max(shape)
            place = (_number(words, "ra"), _number(words, "dec"))
            return _of_kind(archive.image(band[1], *place, scale, shape), "application/fits")
        if _QUERY.fullmatch(path):
            answer = archive.query(words.get("cmd", [""])[0])
            if words.get("format", ["csv"]) == ["json"]:
                return as_json(answer).encode(), "application/json"
            return as_csv(answer).encode(), "text/plain"
        return None

    def _failed(self, fault: FaultKind) -> bool:
        """Fails at once; False for faults that show in the answer itself."""
        if fault == "slow":
            self.sky.stopped.wait(self.sky.faults.slow)
        elif fault == "hang":
            self.sky.stopped.wait(self.sky.faults.hang)
            self.close_connection = True
            return True
        elif fault in ("429", "500", "503"):
            wait = {} if fault == "500" else {"Retry-After": str(self.sky.faults.retry_after)}
            self._send(int(fault), b"not now", "text/plain", wait)
            return True
        elif fault == "html":
            self._send(200, _PAGE, "text/html; charset=utf-8")
            return True
        elif fault == "redirect":
            near = hashlib.sha256(self.path.encode()).digest()[0] % 2
            place = "/sas/moved" if near else "http://archive.invalid/moved"
            self._send(302, b"", "text/plain", {"Location": place})
            return True
        return False

    def _give(self, data: bytes, kind: str, fault: FaultKind | None, *, head: bool) -> None:
        """Answers with data, from a byte on where that is asked for."""
        whole = hashlib.sha256(data).digest()
        tag = f'"{whole.hex()[:16]}"'
        headers = {"ETag": tag, "Accept-Ranges": "bytes"}
        if self.sky.digest:
            headers["Repr-Digest"] = f"sha-256=:{base64.b64encode(whole).decode()}:"
        asked = _RANGE.fullmatch(self.headers.get("Range", ""))
        status, total = 200, len(data)
        if asked and self.headers.get("If-Range", tag) == tag:
            begin = int(asked[1])
            if begin >= total:
                return self._send(416, b"", kind, {"Content-Range": f"bytes */{total}"})
            status, data = 206, data[begin:]
            headers["Content-Range"] = f"bytes {begin}-{total - 1}/{total}"
        if fault == "checksum" and data:
            place = len(data) // 2
            data = data[:place] + bytes([data[place] ^ 0x5A]) + data[place + 1 :]
        if fault == "wrong_size":
            data = data[: len(data) // 2]
        cut = len(data) // 2 if fault == "cut" else None
        return self._send(status, data, kind, headers, head=head, cut=cut)

    def _send(
        self,
        status: int,
        data: bytes,
        kind: str,
        headers: dict[str, str] | None = None,
        *,
        head: bool = False,
        cut: int | None = None,
    ) -> None:
        """Sends an answer; with `cut` only so many bytes of it, then hangs up."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        try:
            self.end_headers()
            if not head:
                self.wfile.write(data[:cut])
            if cut is not None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
        except OSError:  # the reader has gone
            self.close_connection = True


def _of_kind(data: bytes | None, kind: str) -> tuple[bytes, str] | None:
    return None if data is None else (data, kind)


def _number(words: dict[str, list[str]], name: str) -> float:
    value = float(words.get(name, [""])[0])
    if not math.isfinite(value):
        raise ValueError(f"{name} is no number")
    return value


def _shape(words: dict[str, list[str]]) -> tuple[int, int]:
    height, width = (int(words.get(name, [""])[0]) for name in ("height", "width"))
    if not (1 <= height <= MAX_PICTURE and 1 <= width <= MAX_PICTURE):
        raise ValueError(f"{width} x {height} pixels; at most {MAX_PICTURE} on a side")
    return height, width


def as_csv(answer: Answer) -> str:
    """An answer in the service's CSV: a line above the names, `null` for what is missing."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(answer.columns)
    for row in answer.rows:
        writer.writerow(["null" if value is None else value for value in row])
    return "#Table1\n" + text.getvalue()


def as_json(answer: Answer) -> str:
    """An answer in the service's JSON."""
    rows = [dict(zip(answer.columns, row, strict=True)) for row in answer.rows]
    return json.dumps([{"TableName": "Table1", "Rows": rows}], allow_nan=False)
