"""One fetch as a user asks for it: which selection, from where, how politely."""

import functools
import os
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from trifid.errors import ConfigError
from trifid.fetch import counts
from trifid.fetch.catalogue import Catalogue
from trifid.fetch.cutouts import WithCutouts
from trifid.fetch.ledger import Ledger
from trifid.fetch.local import Folder, FolderFirst, Source
from trifid.fetch.manifest import NO_CUTOUTS
from trifid.fetch.polite import Politeness
from trifid.fetch.remote import Remote, Unavailable, check_address
from trifid.fetch.rows import Ask, Wanted
from trifid.fetch.run import (
    Choice,
    FetchSummary,
    Job,
    begin,
    fetch_catalogue,
    fetch_files,
    one_at_a_time,
    remove_pages,
)
from trifid.surveys.sdss_paths import HIPS, HIPS_SURVEY, SAS, SKYSERVER, query_url

Say = Callable[[str], None]


@dataclass(frozen=True)
class Places:
    """Where things are asked for.

    Attributes:
        files: Base address or folder of the files; None for the archive, after the folder that
            `SAS_BASE_DIR` names, where it does.
        service: Base address of the catalogue service and of its pictures.
        hips: Address of hips2fits.
    """

    files: str | None = None
    service: str = SKYSERVER
    hips: str = HIPS

    def label(self) -> str:
        """What stands in the folder's record."""
        return self.files or SAS


@dataclass(frozen=True)
class Fetch:
    """A fetch.

    Attributes:
        wanted: Rows of the catalogue.
        out: The folder.
        places: Where from.
        choice: What of each object.
        manners: How politely.
        count: Whether to ask for the counts cut by cut.
        record_places: Whether another place needs another folder; a server on this machine has
            another address each time.
    """

    wanted: Wanted
    out: Path
    places: Places = field(default_factory=Places)
    choice: Choice = field(default_factory=Choice)
    manners: Politeness = field(default_factory=Politeness)
    count: bool = True
    record_places: bool = True


def fetch(request: Fetch, say: Say) -> FetchSummary:
    """Fetches; run again after any stop, it goes on.

    Args:
        request: What.
        say: Told what is about to happen.

    Raises:
        ConfigError: If a place cannot be used, or a service does not give such cutouts.
        InputError: If the catalogue service does not answer.
        RunError: If the folder holds another fetch.
    """
    wanted, out, stop = request.wanted, request.out, threading.Event()
    request.choice.cutouts.check()
    with ExitStack() as stack:
        source = _source(request, stop, stack)
        stack.enter_context(one_at_a_time(out))
        begin(out, _about(request))
        stack.callback(stop.set)
        ask = _asking(request, stop, stack, say)
        catalogue = fetch_catalogue(wanted, ask, out, say)
        remove_pages(out)
        say(f"{len(catalogue)} objects of {wanted.selection.task}, {wanted.release.name}")
        if not (out / "cuts.csv").is_file():
            _count(request, ask, catalogue, say)
        ledger = stack.enter_context(Ledger(out))
        places, choice = request.places, request.choice
        addresses = functools.partial(
            choice.cutouts.addresses,
            release=wanted.release,
            service=places.service.rstrip("/"),
            hips=places.hips,
        )
        job = Job(catalogue, wanted.release, out, choice, ledger, addresses)
        if choice.cutouts != NO_CUTOUTS:
            source = _with_cutouts(request, ledger, source, stop, stack)
        return fetch_files(job, source, stop, say)


def _with_cutouts(
    request: Fetch, ledger: Ledger, archive: Source, stop: threading.Event, stack: ExitStack
) -> WithCutouts:
    places, cutouts = request.places, request.choice.cutouts
    pictures, hips = (
        stack.enter_context(Remote(address, request.manners, stop))
        for address in (places.service, places.hips)
    )
    return WithCutouts(archive, cutouts, ledger.address, pictures=pictures, hips=hips)


def _count(request: Fetch, ask: Ask, catalogue: Catalogue, say: Say) -> None:
    """Writes the table of cuts; a service that will not count is said and no reason to stop."""
    wanted = request.wanted
    listed: list[counts.Count] = []
    if request.count and not wanted.listed.rows:
        try:
            listed = counts.count_cuts(wanted, ask)
        except Unavailable as error:
            say(f"note: no counts cut by cut: {error}")
            return
    listed += counts.count_rows(catalogue, wanted)
    counts.write_counts(request.out / "cuts.csv", listed)


def _asking(request: Fetch, stop: threading.Event, stack: ExitStack, say: Say) -> Ask:
    """A function that sends SQL; the service is only opened when it is needed."""
    service = request.places.service
    check_address(service)
    opened: list[Remote] = []

    def ask(sql: str, accept: Callable[[str], object]) -> str:
        if not opened:
            opened.append(stack.enter_context(Remote(service, request.manners, stop, say)))
        url = query_url(request.wanted.release, service.rstrip("/"))
        return opened[0].query(url, {"cmd": sql, "format": "csv"}, accept)

    return ask


def _source(request: Fetch, stop: threading.Event, stack: ExitStack) -> Source:
    files = request.places.files
    if files is not None and "://" not in files:
        return Folder(Path(files))
    remote = stack.enter_context(Remote(files or SAS, request.manners, stop))
    own = os.environ.get("SAS_BASE_DIR")
    if files is None and own:
        try:
            return FolderFirst(Folder(Path(own)), remote)
        except ConfigError as error:
            raise ConfigError(f"SAS_BASE_DIR: {error}") from None
    return remote


def _about(request: Fetch) -> dict[str, object]:
    wanted = request.wanted
    about: dict[str, object] = {
        "fetch": wanted.selection.task,
        "release": wanted.release.name,
        "limit": wanted.limit,
        "listed": wanted.listed.digest() if wanted.listed.rows else "",
        "options": wanted.options.model_dump(mode="json"),
        "images": request.choice.images,
        "lite": request.choice.lite,
    }
    cutouts = request.choice.cutouts
    if cutouts.pictures is not None:
        about["pictures"] = vars(cutouts.pictures)
    if cutouts.hips is not None:
        about["hips"] = vars(cutouts.hips) | {"sky": HIPS_SURVEY, "interpolated": True}
    places = {"files": request.places.label(), "service": request.places.service}
    return about | (places if request.record_places else {"files": "simulated"})
