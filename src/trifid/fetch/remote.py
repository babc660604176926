"""Files and answers over HTTP: tried again with patience, resumed where they broke off, checked.

A file grows as `.NAME.part` beside its place; `.NAME.tag` keeps what the server calls this version
of it, so that the rest is only asked for while it is the same. It is renamed into place once size,
hash (where the server gives one) and form are right. Redirects are followed within the archive's
own hosts and never from https to http.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import monotonic, time
from types import ModuleType
from typing import Any, BinaryIO, Self
from urllib.parse import quote, urlencode, urljoin, urlsplit

from trifid.errors import ConfigError, InputError
from trifid.fetch import check
from trifid.fetch.polite import Host, Politeness, Stopped
from trifid.version import __version__

MAX_ANSWER = 2**26  # [byte] of a query's answer
_REDIRECTS = 3
_CHUNK = 2**16
_FAMILIES = (".sdss.org", ".cds.unistra.fr")  # hosts of one house may send to each other
_ASK_LATER = (408, 425, 429, 500, 502, 503, 504)


class Unavailable(Exception):  # noqa: N818  (carries why a file cannot be had)
    """A file or an answer that cannot be had; says why."""


class _TryAgain(Exception):  # noqa: N818  (never leaves here)
    def __init__(self, why: str, wait: float | None = None) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class _Answer:
    """An answer whose body is still to be read."""

    status: int
    headers: Mapping[str, str]
    pieces: Callable[[], Any]
    moved: bool


def httpx_module() -> ModuleType:
    """The library that speaks HTTP.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        import httpx
    except ImportError:
        raise ConfigError(
            "fetching needs httpx, which is not installed: pip install 'trifid[fetch]'"
        ) from None
    return httpx


class Remote:
    """An archive behind an address.

    Args:
        base: Address of its files, such as https://data.sdss.org/sas.
        manners: How it is treated.
        stop: Set when the run ends; all waiting stops then.
        say: Told when a query has to be asked again.

    Raises:
        ConfigError: If the address cannot be used, or httpx is not installed.
    """

    def __init__(
        self,
        base: str,
        manners: Politeness,
        stop: threading.Event,
        say: Callable[[str], object] = lambda _: None,
    ) -> None:
        self._base = base.rstrip("/") + "/"
        self._manners = manners
        self._stop = stop
        self._say = say
        self._hosts: dict[str, Host] = {}
        self._lock = threading.Lock()
        self._last_query = 0.0
        parts = check_address(base)
        self._netloc = parts.netloc
        httpx = self._httpx = httpx_module()
        limits = httpx.Limits(max_connections=4 * manners.connections)
        times = httpx.Timeout(manners.read_timeout, connect=manners.connect_timeout, pool=None)
        local = parts.hostname in ("127.0.0.1", "localhost", "::1")
        self._client = httpx.Client(
            timeout=times,
            limits=limits,
            follow_redirects=False,
            trust_env=not local,
            headers={"User-Agent": f"trifid/{__version__}", "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def fetch(self, path: str, target: Path) -> None:
        """Brings a file to its place; what lies there half done is continued.

        Args:
            path: Below the base.
            target: Where it shall lie; its folder exists.

        Raises:
            Unavailable: If it cannot be had.
            Stopped: If the run ends meanwhile.
        """
        self.fetch_url(self._base + quote(path), target, lambda _: None)

    def fetch_url(self, url: str, target: Path, accept: Callable[[Path], None]) -> None:
        """Brings what an address gives to its place; what lies there half done is continued.

        Args:
            url: An address of this archive or service.
            target: Where it shall lie; its folder exists.
            accept: Raises InputError for a whole file that is not the one asked for.

        Raises:
            Unavailable: If it cannot be had.
            Stopped: If the run ends meanwhile.
        """
        part = target.with_name(f".{target.name}.part")
        tag = target.with_name(f".{target.name}.tag")

        def once() -> None:
            try:
                self._receive(url, part, tag, target.name)
                accept(part)
            except InputError as error:
                part.unlink(missing_ok=True)
                raise _TryAgain(str(error)) from None
            part.replace(target)
            tag.unlink(missing_ok=True)

        self._patiently(url, once)

    def size(self, path: str) -> int | None:
        """Bytes of a file, as far as the server says; one attempt."""
        url = self._base + quote(path)
        try:
            with self._host(url).connection():
                answer = self._client.head(url)
            return int(answer.headers.get("content-length", "")) if answer.is_success else None
        except (self._httpx.HTTPError, ValueError):
            return None

    def query(self, url: str, words: Mapping[str, str], accept: Callable[[str], object]) -> str:
        """The text a service answers.

        Args:
            url: Of the service.
            words: Of the query.
            accept: Raises InputError for an answer that is none; it is asked for again.

        Raises:
            Unavailable: If it does not answer.
            Stopped: If the run ends meanwhile.
        """
        address = f"{url}?{urlencode(words)}"
        found: list[str] = []

        def once() -> None:
            host = self._host(address)
            host.sleep(self._last_query + self._manners.query_pause - monotonic())
            self._last_query = monotonic()
            text = self._text(address).decode("utf-8", "replace")
            try:
                accept(text)
            except InputError as error:
                raise _TryAgain(str(error)) from None
            found[:] = [text]

        self._patiently(address, once, self._say)
        return found[0]

    def _patiently(
        self, url: str, once: Callable[[], None], say: Callable[[str], object] = lambda _: None
    ) -> None:
        """Tries until it succeeds, fails for good, or all attempts are used."""
        host, why, attempts = self._host(url), "", self._manners.attempts
        for attempt in range(attempts):
            if attempt:
                say(f"{urlsplit(url).netloc}: {why}; attempt {attempt + 1} of {attempts}")
                host.back_off(attempt - 1)
            try:
                return once()
            except _TryAgain as error:
                why = str(error)
                if error.wait is not None:
                    host.rest(error.wait)
            except (self._httpx.HTTPError, self._httpx.InvalidURL) as error:
                why = f"no connection or a broken one ({type(error).__name__})"
        raise Unavailable(f"{why}; given up after {attempts} attempts")

    def _receive(self, url: str, part: Path, tag: Path, name: str) -> None:
        """One attempt at a file: asks for what is missing, appends it, checks the whole."""
        most = check.most_bytes(name)
        known = tag.read_text(encoding="ascii", errors="replace") if tag.is_file() else ""
        held = part.stat().st_size if known and part.is_file() else 0
        asked = {"Range": f"bytes={held}-", "If-Range": known} if held else {}

        def take(answer: _Answer) -> None:
            if answer.status == 416:
                part.unlink(missing_ok=True)
                raise _TryAgain("nothing is left of it on the server")
            _refuse_pages(answer)
            start = held if answer.status == 206 else 0
            if start and not answer.headers.get("content-range", "").startswith(f"bytes {start}-"):
                part.unlink(missing_ok=True)
                raise _TryAgain("the server sent another part than it was asked for")
            expected = _length(answer)
            if start + (expected or 0) > most:
                raise Unavailable(f"{start + (expected or 0)} bytes; at most {most} are taken")
            tag.write_text(_version(answer), encoding="ascii", errors="replace")
            with part.open("ab" if start else "wb") as handle:
                self._copy(answer, handle, most - start)
            if not check.sha256_matches(part, check.digest_of(answer.headers)):
                raise InputError("its bytes do not have the hash that the server announces")
            check.check_form(part, name)

        self._ask(url, asked, take)

    def _text(self, url: str) -> bytes:
        held = bytearray()

        def take(answer: _Answer) -> None:
            _refuse_pages(answer)
            for piece in self._pieces(answer):
                held.extend(piece)
                if len(held) > MAX_ANSWER:
                    raise Unavailable(f"an answer of more than {MAX_ANSWER} bytes")
            if check.is_page(bytes(held[:200])):
                raise _TryAgain("a web page instead of an answer")
            wanted = check.digest_of(answer.headers)
            if wanted is not None and wanted != check.sha256_of(held):
                raise _TryAgain("its bytes do not have the hash that the server announces")

        self._ask(url, {}, take)
        return bytes(held)

    def _ask(self, url: str, headers: dict[str, str], take: Callable[[_Answer], None]) -> None:
        """Sends a request, follows redirects, sorts failures, and hands over a good answer."""
        for hop in range(_REDIRECTS + 1):
            host = self._host(url)
            with host.connection(), self._client.stream("GET", url, headers=headers) as response:
                if response.status_code in (301, 302, 303, 307, 308):
                    url = self._redirected(url, response.headers.get("location", ""))
                    continue
                answer = _Answer(
                    response.status_code, response.headers, response.iter_raw, moved=hop > 0
                )
                _refuse_failures(answer)
                return take(answer)
        raise _TryAgain(f"more than {_REDIRECTS} redirects")

    def _redirected(self, url: str, place: str) -> str:
        """Where a redirect leads, if that is still the archive."""
        try:
            target = urljoin(url, place)
            before, parts = urlsplit(url), urlsplit(target)
            host = parts.hostname or ""
        except ValueError:
            raise _TryAgain("a redirect to no address") from None
        safe = parts.scheme == "https" or parts.scheme == before.scheme == "http"
        same = parts.netloc in (before.netloc, self._netloc) or any(
            (before.hostname or "").endswith(family) and host.endswith(family)
            for family in _FAMILIES
        )
        if not (safe and same and parts.username is None):
            raise _TryAgain(f"a redirect to {host or 'nowhere'!r:.80}, which is not the archive")
        return target

    def _host(self, url: str) -> Host:
        name = urlsplit(url).netloc
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = Host(self._manners, self._stop)
            return self._hosts[name]

    def _pieces(self, answer: _Answer) -> Any:
        """The body piece by piece, for so long as one answer may take."""
        end = monotonic() + self._manners.total_timeout
        for piece in answer.pieces():
            yield piece
            if self._stop.is_set():
                raise Stopped
            if monotonic() > end:
                raise _TryAgain(f"not done in {self._manners.total_timeout:g} s")

    def _copy(self, answer: _Answer, handle: BinaryIO, most: int) -> None:
        count = 0
        for piece in self._pieces(answer):
            count += len(piece)
            if count > most:
                raise Unavailable(f"more than {most} bytes came; no more are taken")
            handle.write(piece)


def check_address(base: str) -> Any:
    """The parts of an http address without a name and password in it.

    Raises:
        ConfigError: If it is none.
    """
    try:
        parts = urlsplit(base)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        secret = parts.username is not None or parts.password is not None
        _ = parts.port
    except ValueError:
        raise ConfigError("the mirror is no address; expected https://HOST/PATH") from None
    if secret:
        raise ConfigError("the mirror's address holds a user name; expected https://HOST/PATH")
    if not good or parts.query or parts.fragment:
        raise ConfigError(f"mirror {base!r:.80}; expected a folder or https://HOST/PATH")
    return parts


def _refuse_failures(answer: _Answer) -> None:
    status = answer.status
    if status in (200, 206, 416):
        return
    if status in _ASK_LATER:
        raise _TryAgain(f"the server says {status}", _retry_after(answer.headers))
    if answer.moved:
        raise _TryAgain(f"a redirect that leads to {status}")
    if status in (404, 410):
        raise Unavailable(f"the archive has no such file ({status})")
    raise Unavailable(f"the server says {status}")


def _refuse_pages(answer: _Answer) -> None:
    if answer.headers.get("content-type", "").startswith(("text/html", "application/xhtml")):
        raise _TryAgain("a web page instead of an answer")


def _length(answer: _Answer) -> int | None:
    text = answer.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdigit() else None


def _version(answer: _Answer) -> str:
    """What the server calls this version of the file: a strong tag, or when it last changed."""
    tag = answer.headers.get("etag", "")
    return tag[:200] if tag.startswith('"') else answer.headers.get("last-modified", "")[:200]


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:6])
    try:
        return parsedate_to_datetime(text).timestamp() - time() if text else None
    except ValueError:
        return None
